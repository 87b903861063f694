"""Scale data: consistent, refused where it would clash, and the same for the same seed."""

from collections import Counter
from datetime import date, timedelta

import psycopg
import pytest
from flask import Flask
from sqlalchemy import text

from portal.config import Config
from portal.core.actor import OPERATOR
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.loops import check
from portal.demo.seed.cli import owner_dsn
from portal.demo.seed.loading import NotEmpty, SeedUsed, load
from portal.demo.seed.patients import Chunks
from portal.demo.seed.plan import Plan, Table, label, row_id
from portal.models import metadata
from portal.prescriptions.rules import RefillAction, eligibility
from portal.refills.views import facts_of

TODAY = utcnow().date()
N = 120
TABLES = [
    "clinic",
    "clinic_hours",
    "pool",
    "practitioner",
    "staff_member",
    "pool_member",
    "pharmacy",
    "patient",
    "care_team_member",
    "prescription",
    "dispense",
    "refill",
    "refill_history",
    "work_item",
    "work_item_hop",
    "laboratory",
    "diagnostic_report",
    "report_version",
    "observation",
]


def plan(**changes: int) -> Plan:
    return Plan(**{"patients": N, "seed": 7, "as_of": TODAY, "reports": 3 * N + 5, **changes})  # type: ignore[arg-type]


@pytest.fixture
def dsn(app: Flask, config: Config) -> str:
    assert app.extensions
    return owner_dsn(config)


def checksums(dsn: str) -> dict[str, str | None]:
    """One digest a table, whatever the order in which rows were written."""
    with psycopg.connect(dsn) as connection:
        found = {}
        for table in TABLES:
            row = connection.execute(
                f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t"
            ).fetchone()
            found[table] = row[0] if row else None
        return found


def empty(dsn: str) -> None:
    names = ", ".join(f'"{name}"' for name in metadata.tables)
    with psycopg.connect(dsn) as connection:
        connection.execute(f"TRUNCATE {names} CASCADE".encode())


def test_the_same_seed_gives_the_same_rows(dsn: str) -> None:
    load(dsn, plan(), processes=1)
    first = checksums(dsn)
    assert None not in first.values()
    empty(dsn)
    load(dsn, plan(), processes=2)
    assert checksums(dsn) == first


def test_a_chunk_does_not_depend_on_those_before_it() -> None:
    big = Plan(2_500, 3, date(2026, 1, 5))
    alone = Chunks(big).rows(2)
    after_others = Chunks(big)
    after_others.rows(0)
    assert after_others.rows(2) == alone
    assert Chunks(Plan(2_500, 4, date(2026, 1, 5))).rows(2) != alone


def test_every_promise_holds(dsn: str) -> None:
    load(dsn, plan())
    with transaction(OPERATOR) as session:
        assert check(session, now=utcnow()) == []
        counts = {
            table: session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
            for table in TABLES
        }
    assert counts["patient"] == N
    assert counts["prescription"] == N * 10
    assert N * 9 < counts["dispense"] <= N * 10
    assert counts["refill"] > 0
    assert counts["work_item"] == counts["work_item_hop"] > 0


def test_every_kind_of_prescription_is_there(dsn: str) -> None:
    load(dsn, plan())
    with transaction(OPERATOR) as session:
        rows = session.execute(
            text(
                "SELECT p.*, r.id AS open_refill_id FROM prescription p LEFT JOIN refill r "
                "ON r.prescription_id = p.id AND r.closed_at IS NULL"
            )
        ).all()
    answers = [eligibility(facts_of(row), TODAY) for row in rows]
    actions = Counter(answer.action for answer in answers)
    assert actions[RefillAction.REFILL] > 0.35 * len(rows)
    assert actions[RefillAction.WAIT] > 0.2 * len(rows)
    assert actions[RefillAction.RENEW] > 0.1 * len(rows)
    assert actions[RefillAction.CONTACT_PRESCRIBER] > 0.05 * len(rows)
    for row in rows:
        assert row.written_on <= TODAY
        assert row.last_filled_on is None or row.written_on <= row.last_filled_on <= TODAY


def test_a_database_with_patients_is_left_alone_unless_told(dsn: str) -> None:
    load(dsn, plan(patients=5), processes=1)
    with pytest.raises(NotEmpty):
        load(dsn, plan(patients=5, seed=8), processes=1)
    with pytest.raises(SeedUsed):
        load(dsn, plan(patients=5), append=True, processes=1)
    load(dsn, plan(patients=5, seed=8), append=True, processes=1)


def test_ids_and_labels_never_repeat() -> None:
    tails = [plan(seed=seed).tail for seed in (1, 2)]
    ids = {row_id(tail, table, n) for tail in tails for table in Table for n in range(2_000)}
    assert len(ids) == 2 * len(Table) * 2_000
    first = plan().first_label
    labels = {label(first, n) for n in range(50_000)}
    assert len(labels) == 50_000
    assert all(len(text) == 10 for text in labels)


def test_due_times_lie_ahead() -> None:
    ahead = (TODAY + timedelta(days=2)).isoformat()
    lines = Chunks(plan()).rows(0)["work_item"]
    assert all(line.split("\t")[9] >= ahead for line in lines)
