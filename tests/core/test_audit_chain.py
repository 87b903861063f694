"""The audit trail: append-only for the application, and sealed against its owner."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import ProgrammingError

from portal.config import Config
from portal.core import audit, audit_chain
from portal.core.actor import OPERATOR, WORKER, ActorKind
from portal.core.audit_chain import Verdict
from portal.core.cli import audit as command
from portal.core.clock import utcnow
from portal.core.db import db, transaction
from portal.core.ids import new_id
from tests.support.clinic import SmallClinic, actor, patient_actor

pytestmark = pytest.mark.usefixtures("app")

Owner = Callable[..., None]


def record(count: int = 1, patient_id: UUID | None = None) -> None:
    """Audit rows, each in a transaction of its own."""
    for _ in range(count):
        with transaction(OPERATOR) as session:
            audit.record(session, OPERATOR, "read", "patient", patient_id=patient_id)


def seal() -> int:
    with transaction(WORKER) as session:
        return audit_chain.seal(session, now=utcnow())


def verify() -> Verdict:
    with transaction(OPERATOR) as session:
        return audit_chain.verify(session)


def ids() -> list[UUID]:
    with transaction(OPERATOR) as session:
        return list(session.scalars(text("SELECT id FROM audit_entry ORDER BY xact, id")))


@pytest.fixture
def owner(config: Config) -> Iterator[Owner]:
    """Runs a statement as the database's superuser, whom no grant can stop."""
    engine = create_engine(config.owner_database_url)

    def run(statement: str, **values: Any) -> None:
        with engine.begin() as connection:
            assert connection.execute(text(statement), values).rowcount > 0

    yield run
    engine.dispose()


@pytest.fixture
def sealed() -> list[UUID]:
    """Rows under three seals."""
    for count in (2, 3, 2):
        record(count)
        assert seal() == count
    return ids()


def test_an_empty_trail_is_whole() -> None:
    assert seal() == 0
    assert verify() == Verdict(0, 0, audit_chain.GENESIS.hex(), None)


def test_what_was_sealed_is_whole(sealed: list[UUID]) -> None:
    verdict = verify()
    assert (verdict.seals, verdict.entries, verdict.problem) == (3, len(sealed), None)
    assert seal() == 0, "nothing is left"


def test_each_seal_moves_the_head_of_the_chain(sealed: list[UUID]) -> None:
    assert sealed
    heads = {verify().head}
    for _ in range(2):
        record()
        seal()
        heads.add(verify().head)
    assert len(heads) == 3


def test_a_long_trail_is_sealed_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_chain, "BATCH", 3)
    record(7)
    assert [seal() for _ in range(4)] == [3, 3, 1, 0]
    assert (verify().entries, verify().problem) == (7, None)


@pytest.mark.parametrize("number", [0, 3, 6])
@pytest.mark.parametrize(
    "change",
    [
        "actor_id = gen_random_uuid()",
        "action = 'nothing'",
        "patient_id = gen_random_uuid()",
        "at = at + interval '1 microsecond'",
        "purpose = ''",
        "request_id = request_id || 'x'",
    ],
)
def test_an_altered_row_is_named(
    sealed: list[UUID], owner: Owner, number: int, change: str
) -> None:
    owner(f"UPDATE audit_entry SET {change} WHERE id = :id", id=sealed[number])
    problem = verify().problem
    assert problem is not None
    assert str(sealed[number]) in problem
    assert problem.endswith("was altered")


@pytest.mark.parametrize("number", [0, 3, 6])
def test_a_removed_row_is_named(sealed: list[UUID], owner: Owner, number: int) -> None:
    owner("DELETE FROM audit_entry WHERE id = :id", id=sealed[number])
    problem = verify().problem
    assert problem is not None
    assert str(sealed[number]) in problem
    assert problem.endswith("was removed")


def test_a_row_that_was_slipped_in_is_named(sealed: list[UUID], owner: Owner) -> None:
    slipped = new_id()
    owner(
        "INSERT INTO audit_entry (id, at, actor_kind, actor_id, credential_id, action, resource, "
        "purpose, request_id, xact) SELECT :new, at, actor_kind, actor_id, credential_id, action, "
        "resource, purpose, request_id, xact FROM audit_entry WHERE id = :id",
        new=slipped,
        id=sealed[0],
    )
    assert verify().problem == f"row {slipped} was slipped into seal number 1"


@pytest.mark.parametrize("number", [1, 2])
def test_a_removed_seal_is_noticed_at_the_next(
    sealed: list[UUID], owner: Owner, number: int
) -> None:
    assert sealed
    owner("DELETE FROM audit_seal WHERE number = :number", number=number)
    expected = f"the seal before number {number + 1} was removed or altered"
    assert verify().problem == expected


def test_a_removed_last_seal_moves_the_head_back(sealed: list[UUID], owner: Owner) -> None:
    before = verify()
    owner("DELETE FROM audit_seal WHERE number = 3")
    after = verify()
    assert (after.problem, after.seals, len(sealed)) == (None, 2, before.entries)
    assert after.head != before.head, "whoever kept the head elsewhere sees it"


@pytest.mark.parametrize(
    "change",
    [
        "hash = sha256('forged')",
        "entry_digests[1] = sha256('forged')",
        "entry_ids[1] = gen_random_uuid()",
        "to_xact = (to_xact::text::bigint + 1)::text::xid8",
    ],
)
def test_an_altered_seal_is_named(sealed: list[UUID], owner: Owner, change: str) -> None:
    assert sealed
    owner(f"UPDATE audit_seal SET {change} WHERE number = 2")
    assert verify().problem == "seal number 2 was altered"


def test_a_row_and_its_digest_altered_together_are_noticed(
    sealed: list[UUID], owner: Owner
) -> None:
    owner("UPDATE audit_entry SET action = 'nothing' WHERE id = :id", id=sealed[0])
    owner(
        f"UPDATE audit_seal SET entry_digests[1] = "
        f"(SELECT {audit_chain._DIGEST} FROM audit_entry WHERE id = :id) WHERE number = 1",
        id=sealed[0],
    )
    assert verify().problem == "seal number 1 was altered"


@contextmanager
def unfinished() -> Iterator[Connection]:
    """A transaction that wrote an audit row and has not ended."""
    with db.engine.connect() as connection:
        connection.execution_options(isolation_level="READ COMMITTED")
        connection.execute(text("SELECT set_config('role', 'careloop_operator', true)"))
        connection.execute(
            text(
                "INSERT INTO audit_entry (id, at, actor_kind, actor_id, credential_id, action, "
                "resource, purpose, request_id) VALUES (:id, now(), 'operator', :id, :id, 'read', "
                "'patient', '', '')"
            ),
            {"id": new_id()},
        )
        yield connection


def test_what_is_still_being_written_is_sealed_later_and_not_passed_over() -> None:
    record()
    with unfinished() as connection:
        record(2)
        assert seal() == 1, "what came after the unfinished one waits with it"
        assert seal() == 0
        connection.commit()
    assert seal() == 3
    assert (verify().entries, verify().problem) == (4, None)


@pytest.mark.parametrize("kind", ActorKind)
@pytest.mark.parametrize("verb", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {}"])
def test_no_role_of_the_application_can_alter_the_trail(kind: ActorKind, verb: str) -> None:
    for table, column in (("audit_entry", "action"), ("audit_seal", "hash")):
        statement = text(verb.format(table, column, column))
        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            transaction(actor(kind, new_id())) as session,
        ):
            session.execute(statement)


def test_a_patient_sees_who_looked_at_their_own_record_alone(clinic: SmallClinic) -> None:
    record(2, clinic.patient.id)
    record(1, clinic.other_patient.id)
    with transaction(patient_actor(clinic.patient)) as session:
        seen = session.scalars(text("SELECT patient_id FROM audit_entry")).all()
    assert seen == [clinic.patient.id] * 2


def test_the_months_ahead_are_made_once() -> None:
    far = utcnow().replace(year=utcnow().year + 30, month=3, day=31)
    months = text("SELECT count(*) FROM pg_class WHERE relname LIKE :name AND relkind = 'r'")
    with transaction(WORKER) as session:
        for _ in range(2):
            audit_chain.ensure_months(session, far)
        made = session.execute(months, {"name": f"audit_entry_{far.year}%"}).scalar_one()
        session.rollback()
    assert made == audit_chain.MONTHS_AHEAD


def test_the_command_names_what_was_tampered_with(
    app: Flask, sealed: list[UUID], owner: Owner
) -> None:
    record()
    runner = app.test_cli_runner()
    assert "1 rows sealed" in runner.invoke(command, ["seal"]).output
    whole = runner.invoke(command, ["verify"])
    assert (whole.exit_code, "8 rows under 4 seals" in whole.output) == (0, True), whole.output
    owner("DELETE FROM audit_entry WHERE id = :id", id=sealed[2])
    broken = runner.invoke(command, ["verify"])
    assert broken.exit_code == 1
    assert str(sealed[2]) in broken.output
