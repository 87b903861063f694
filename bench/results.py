"""Results: taking messages in, and reading lists and trends at both scales."""

import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median

import psycopg

from bench.client import Load, drive, http
from bench.laboratory import Order, inserting_rate, message, parsing_rate, sending_rate
from bench.measures import APP, Side
from bench.recording import Recorder
from bench.report import Report
from bench.stage import Stage
from portal.demo.seed.plan import Table, row_id

CONNECTIONS = (1, 8)
CORES = os.cpu_count() or 1
REPORTS_EACH = 40
TRENDED = "2823-3"

# What a reader's list and trend are made of: the same number of results at every scale.
_EQUAL = (
    "DELETE FROM observation WHERE patient_id = ANY(%(ids)s)",
    "DELETE FROM report_version WHERE patient_id = ANY(%(ids)s)",
    "DELETE FROM diagnostic_report WHERE patient_id = ANY(%(ids)s)",
    """
    INSERT INTO diagnostic_report (id, patient_id, laboratory_id, performer_name, responsible_id,
        placer_number, filler_number, code, code_system, name, category, status, abnormality,
        version_number, current_version_id, collected_at, reported_at, received_at, release_status,
        released_at, reviewed_at, reviewed_version, communicated_at, seen_at)
    SELECT uuidv7(), p.id, %(laboratory)s, 'Bench', c.member_id, '', 'B-' || n || '-' || p.mrn,
           '24323-8', 'LN', 'Comprehensive metabolic 2000 panel', 'CH', 'final', 'normal', 1,
           uuidv7(), at.time, at.time, at.time, 'released', at.time, at.time, 1, at.time, at.time
    FROM patient p
    JOIN care_team_member c ON c.patient_id = p.id AND c.role = 'primary'
    CROSS JOIN generate_series(1, %(reports)s) n
    CROSS JOIN LATERAL (SELECT now() - n * interval '45 days' AS time) at
    WHERE p.id = ANY(%(ids)s)
    """,
    """
    INSERT INTO report_version (id, report_id, patient_id, number, status, abnormality, issued_at,
                                received_at, digest, changes)
    SELECT current_version_id, id, patient_id, 1, 'final', 'normal', reported_at, reported_at, '',
           '[]'
    FROM diagnostic_report WHERE patient_id = ANY(%(ids)s)
    """,
    """
    INSERT INTO observation (version_id, position, report_id, patient_id, code, code_system, name,
        sub_id, kind, number, comparator, value_text, unit, reference_low, reference_high,
        reference_text, flags, abnormality, status, observed_at)
    SELECT r.current_version_id, n, r.id, r.patient_id,
           (ARRAY['2951-2', '2823-3', '2345-7', '2160-0', '17861-6'])[n], 'LN', 'Analyte ' || n,
           '', 'quantity', 4.2, '', '4.2', 'mmol/L', 3.5, 5.1, '3.5-5.1', '{}', 'normal', 'final',
           r.reported_at
    FROM diagnostic_report r CROSS JOIN generate_series(1, 5) n
    WHERE r.patient_id = ANY(%(ids)s)
    """,
)
_ORDERS = """
    INSERT INTO requisition (id, placer_number, group_number, patient_id, orderer_id,
        laboratory_id, kind, test_code, test_name, status, priority, diagnoses, ordered_at,
        status_at, collect_by, expected_by)
    SELECT uuidv7(), %(mark)s || n, 'BENCH', p.id, c.member_id, %(laboratory)s, 'laboratory',
           '24323-8', 'Comprehensive metabolic 2000 panel', 'sent', 'routine', '[]', now(), now(),
           now() + interval '30 days', now() + interval '30 days'
    FROM generate_series(1, %(count)s) n
    JOIN unnest(%(ids)s::uuid[]) WITH ORDINALITY AS i(id, place) ON i.place = n %% %(people)s + 1
    JOIN patient p ON p.id = i.id
    JOIN care_team_member c ON c.patient_id = p.id AND c.role = 'primary'
    RETURNING id, placer_number, patient_id
"""
_TEST = (
    "INSERT INTO catalog_test (code, kind, name) VALUES "
    "('24323-8', 'laboratory', 'Comprehensive metabolic 2000 panel') ON CONFLICT DO NOTHING"
)
_PATIENTS = (
    "SELECT p.id, p.mrn, p.family_name || '^' || p.given_name, to_char(p.birth_date, 'YYYYMMDD') "
    "FROM patient p WHERE p.id = ANY(%s)"
)


def equalize(side: Side) -> None:
    """Give each reader the same number of results, over five years."""
    values = {"ids": _readers(side), "laboratory": _laboratory(side), "reports": REPORTS_EACH}
    with psycopg.connect(side.stage.dsn, autocommit=True) as connection:
        for statement in _EQUAL:
            connection.execute(statement.encode(), values)
        connection.execute("VACUUM ANALYZE diagnostic_report, report_version, observation")


def _readers(side: Side) -> list[uuid.UUID]:
    reading = set(side.supplies.readers)
    tokens = side.supplies.tokens
    return [id_ for id_, own in tokens.items() if reading & set(own)]


def _laboratory(side: Side) -> str:
    return row_id(side.supplies.plan.tail, Table.LABORATORY, 0)


def _order(side: Side, count: int, mark: str) -> list[Order]:
    """What a laboratory has to report."""
    people = list(side.supplies.tokens)
    with psycopg.connect(side.stage.dsn) as connection:
        connection.execute(_TEST)
        known = {row[0]: row[1:] for row in connection.execute(_PATIENTS, [people])}
        placed = connection.execute(
            _ORDERS,
            {
                "mark": mark,
                "count": count,
                "ids": people,
                "people": len(people),
                "laboratory": _laboratory(side),
            },
        ).fetchall()
    return [
        Order(id_, placer, patient, message(placer, placer, known[patient]))
        for id_, placer, patient in placed
    ]


@contextmanager
def _listening(stage: Stage) -> Iterator[int]:
    port = stage.listen()
    try:
        yield port
    finally:
        stage.running.pop("mllp").stop()


def measure_intake(sides: Sequence[Side], rounds: int, count: int, report: Report) -> None:
    """ORU messages to committed results, by one connection and by eight, beside the floors."""
    for connections in CONNECTIONS:
        shares = []
        for side in sides:
            rates = _intake_rates(side, connections, rounds, count)
            shares.append(rates)
        name = "one connection" if connections == 1 else f"{connections} connections"
        report.rates(f"floor: parsing by python-hl7, {name}", [r[0] for r in shares])
        report.rates(f"floor: the inserts by hand, {name}", [r[1] for r in shares])
        report.rates(f"(e) ORU messages, {name}", [r[2] for r in shares], scales=True)
        report.shares(
            "    share of the slower floor", [r[2] / min(r[0], r[1]) for r in shares], 0.5
        )


def _intake_rates(
    side: Side, connections: int, rounds: int, count: int
) -> tuple[float, float, float]:
    parsed, inserted, taken = [], [], []
    responsible = row_id(side.supplies.plan.tail, Table.PRACTITIONER, 0)
    place = (side.stage.app_dsn, _laboratory(side), responsible)
    with _listening(side.stage) as port:
        sending_rate(port, _messages(_order(side, 200, f"WARM{connections}-")), connections)
        for number in range(rounds):
            by_hand = _order(side, count, f"H{connections}-{number}-")
            messages = _messages(_order(side, count, f"B{connections}-{number}-"))
            _analyze(side.stage)
            parsed.append(parsing_rate(messages, min(connections, CORES)))
            inserted.append(inserting_rate(place, by_hand, connections))
            taken.append(sending_rate(port, messages, connections))
    return median(parsed), median(inserted), median(taken)


def _analyze(stage: Stage) -> None:
    """What autovacuum does within a minute: plans that were made for empty tables go."""
    with psycopg.connect(stage.dsn, autocommit=True) as connection:
        connection.execute("ANALYZE")


def _messages(orders: Sequence[Order]) -> list[bytes]:
    return [order.message for order in orders]


def list_results(side: Side, count: int) -> Load:
    """(f): a patient's latest 20."""
    return _read(side, count, "/api/v1/results?limit=20")


def trend(side: Side, count: int) -> Load:
    """(g): five years of one analyte."""
    return _read(side, count, f"/api/v1/results/trends?code={TRENDED}")


def _read(side: Side, count: int, path: str) -> Load:
    tokens = side.supplies.readers
    requests = [http("GET", path, tokens[number % len(tokens)]) for number in range(count)]
    return drive(side.stage.port(APP), requests).expect(200)


def count_statements(side: Side) -> dict[str, list[int]]:
    """Statements of (f) and (g), for a patient with many results and one with fewer."""
    recorder = Recorder(side.stage)
    few = side.supplies.refillable[0].token
    paths = {"list": "/api/v1/results?limit=100", "trend": f"/api/v1/results/trends?code={TRENDED}"}
    return {
        name: [recorder.count(path, token) for token in (side.supplies.readers[0], few)]
        for name, path in paths.items()
    }


Measure = Callable[[Side, int], Load]
READS: Sequence[tuple[str, Measure]] = (
    ("(f) results of a patient, latest 20", list_results),
    ("(g) trend of an analyte, 5 years", trend),
)
