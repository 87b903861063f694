"""What the measurements use up: patients, signed-in sessions, and prescriptions to be refilled."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import psycopg

from bench.stage import Stage
from portal.core.crypto import digest, new_token
from portal.demo.seed.loading import load
from portal.demo.seed.plan import Plan, Table, row_id
from portal.demo.seed.results import EACH

PHARMACIES = 4
UPDATES = 500
READERS = 20
LIST_LENGTH = 20
PEOPLE = 80
SESSIONS_EACH = 5
WARM_UP = 10
FEWEST_PATIENTS = PEOPLE + READERS

# One ordinary prescription, many times over. %(used)s of %(authorized)s refills are used up.
_PRESCRIPTIONS = """
    INSERT INTO prescription (id, refill_number, patient_id, prescriber_id, pharmacy_id,
        rxnorm_code, drug_name, strength, form, directions, quantity, unit, days_supply,
        refills_authorized, refills_used, first_fill_used, status, written_on, expires_on,
        last_filled_on, created_at)
    SELECT uuidv7(), %(mark)s || lpad(n::text, 7, '0'), patients.id, c.member_id,
           patients.preferred_pharmacy_id, '314076', 'Lisinopril', '10 mg', 'tablet',
           'Take one tablet by mouth every day.', 30, '{tbl}', 30, 5, %(used)s, 1, 'active',
           current_date - 100, current_date + 200, current_date - 29, now()
    FROM generate_series(0, %(count)s - 1) n
    JOIN unnest(%(patients)s::uuid[]) WITH ORDINALITY AS p(id, place)
      ON p.place = n %% %(people)s + 1
    JOIN patient patients ON patients.id = p.id
    JOIN care_team_member c ON c.patient_id = p.id AND c.role = 'primary'
    ORDER BY n
    RETURNING id, patient_id
"""
_HELD = """
    INSERT INTO refill (id, prescription_id, patient_id, prescriber_id, pharmacy_id, kind, channel,
        status, delivery, reserved, requested_at, status_at, expected_by)
    SELECT uuidv7(), p.id, p.patient_id, p.prescriber_id, p.pharmacy_id, 'refill', 'portal',
           'sending', 'pickup', true, now() - interval '1 day', now() - interval '1 day',
           now() + interval '1 day'
    FROM prescription p WHERE p.id = ANY(%(ids)s)
    RETURNING id
"""
_ORDERED = """
    INSERT INTO pharmacy_order (id, pharmacy_id, refill_id, kind, created_at)
    SELECT uuidv7(), pharmacy_id, id, 'fill', now() FROM refill WHERE id = ANY(%(refills)s)
"""
_ACCOUNT = (
    "INSERT INTO account (id, kind, person_id, email, name, status, created_at) "
    "VALUES (%s, %s, %s, %s, 'Bench', 'active', now())"
)
_SESSION = (
    "INSERT INTO sign_in_session (id, account_id, token_digest, created_at, expires_at, "
    "user_agent, address) VALUES (uuidv7(), %s, %s, now(), now() + interval '1 day', 'bench', '')"
)
_CLIENT = (
    "INSERT INTO client (id, kind, organization_id, name, status, created_at) "
    "VALUES (%s, 'pharmacy', %s, 'Bench', 'active', now())"
)
_ACCESS = (
    "INSERT INTO access_token (id, client_id, token_digest, created_at, expires_at) "
    "VALUES (uuidv7(), %s, %s, now(), now() + interval '1 day')"
)
_PUT_BACK = (
    "TRUNCATE outbox_event, idempotency_key",
    "DELETE FROM refill_history USING refill r WHERE r.id = refill_id "
    "AND r.prescription_id = ANY(%(ids)s)",
    "DELETE FROM refill WHERE prescription_id = ANY(%(ids)s)",
    "UPDATE prescription SET refills_used = 1 WHERE id = ANY(%(ids)s) AND refills_used <> 1",
    "VACUUM prescription, refill, refill_history",
)
_HOLD_AGAIN = (
    "TRUNCATE outbox_event, pharmacy_update",
    "DELETE FROM dispense WHERE refill_id = ANY(%(ids)s)",
    "UPDATE refill SET status = 'sending', occurred_at = NULL, closed_at = NULL, "
    "expected_by = now() + interval '1 day' WHERE id = ANY(%(ids)s)",
    "UPDATE pharmacy_order SET acknowledged_at = NULL WHERE refill_id = ANY(%(ids)s)",
    "VACUUM prescription, refill, dispense, pharmacy_order",
)


@dataclass(frozen=True, slots=True)
class Prescription:
    id: uuid.UUID
    patient_id: uuid.UUID
    token: str


@dataclass(slots=True)
class Supplies:
    """What one stage has for the measurements."""

    plan: Plan
    refillable: Sequence[Prescription] = ()
    renewable: Sequence[Prescription] = ()
    readers: Sequence[str] = ()
    batches: Sequence[tuple[str, list[uuid.UUID]]] = ()
    tokens: dict[uuid.UUID, list[str]] = field(default_factory=dict)

    def token(self, patient_id: uuid.UUID, number: int) -> str:
        tokens = self.tokens[patient_id]
        return tokens[number % len(tokens)]


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much is measured: more takes longer and says more."""

    rounds: int = 5
    requests: int = 1_000
    probes: int = 200
    burst: int = 10_000
    messages: int = 2_000
    letter_rounds: int = 21
    letters: int = 120


def prepare(stage: Stage, patients: int, observations: int, amounts: Amounts) -> Supplies:
    """Seed the stage and lay everything ready."""
    today = datetime.now(UTC).date()
    plan = Plan(patients=patients, seed=1, as_of=today, reports=observations // EACH)
    load(stage.dsn, plan)
    supplies = Supplies(plan)
    # Every tenth patient may have a pharmacy that only mails.
    people = [patient_at(plan, n) for n in range(PEOPLE) if n % 10 != 9]
    reading = [patient_at(plan, n) for n in range(plan.patients - READERS, plan.patients)]
    with psycopg.connect(stage.dsn) as connection:
        for patient_id in (*people, *reading):
            supplies.tokens[patient_id] = sign_in(connection, patient_id)
        supplies.refillable = _write(connection, supplies, "R", people, amounts.requests, 1)
        renewable = amounts.burst + amounts.probes + WARM_UP
        supplies.renewable = _write(connection, supplies, "W", people, renewable, 5)
        _write(connection, supplies, "L", reading, READERS * (LIST_LENGTH - 10), 1)
        supplies.readers = [token for id_ in reading for token in supplies.tokens[id_]]
        supplies.batches = _hold(connection, supplies, people)
    with psycopg.connect(stage.dsn, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
    return supplies


def patient_at(plan: Plan, number: int) -> uuid.UUID:
    """The id of a seeded patient."""
    return uuid.UUID(row_id(plan.tail, Table.PATIENT, number))


def sign_in(
    connection: psycopg.Connection,
    person_id: uuid.UUID,
    kind: str = "patient",
    sessions: int = SESSIONS_EACH,
) -> list[str]:
    """An account for somebody; the tokens of its sessions."""
    account_id = uuid.uuid4()
    connection.execute(_ACCOUNT, [account_id, kind, person_id, f"{person_id}@bench.example"])
    tokens = [new_token() for _ in range(sessions)]
    for token in tokens:
        connection.execute(_SESSION, [account_id, digest(token)])
    return tokens


def _write(
    connection: psycopg.Connection,
    supplies: Supplies,
    mark: str,
    patients: Sequence[uuid.UUID],
    count: int,
    used: int,
) -> list[Prescription]:
    rows = connection.execute(
        _PRESCRIPTIONS,
        {
            "mark": f"BENCH{mark}",
            "patients": list(patients),
            "people": len(patients),
            "count": count,
            "used": used,
        },
    ).fetchall()
    return [
        Prescription(id_, patient_id, supplies.token(patient_id, number))
        for number, (id_, patient_id) in enumerate(rows)
    ]


def _hold(
    connection: psycopg.Connection, supplies: Supplies, patients: Sequence[uuid.UUID]
) -> list[tuple[str, list[uuid.UUID]]]:
    """Refills that four pharmacies have, and a token for each of the pharmacies."""
    count = PHARMACIES * UPDATES
    made = _write(connection, supplies, "U", patients, count, 2)
    pharmacies = [
        uuid.UUID(row_id(supplies.plan.tail, Table.PHARMACY, number))
        for number in range(min(PHARMACIES, supplies.plan.pharmacies))
    ]
    batches = []
    for number in range(PHARMACIES):
        ids = [one.id for one in made[number * UPDATES : (number + 1) * UPDATES]]
        pharmacy_id = pharmacies[number % len(pharmacies)]
        connection.execute(
            "UPDATE prescription SET pharmacy_id = %s WHERE id = ANY(%s)", [pharmacy_id, ids]
        )
        refills = [row[0] for row in connection.execute(_HELD, {"ids": ids})]
        connection.execute(_ORDERED, {"refills": refills})
        client_id, token = uuid.uuid4(), f"client_{new_token()}"
        connection.execute(_CLIENT, [client_id, pharmacy_id])
        connection.execute(_ACCESS, [client_id, digest(token)])
        batches.append((token, refills))
    return batches


def put_back(stage: Stage, used: Sequence[Prescription]) -> None:
    """Undo requests, so that the next measurement finds what this one found."""
    _run(stage, _PUT_BACK, [one.id for one in used])


def hold_again(stage: Stage, refill_ids: Sequence[uuid.UUID]) -> None:
    """Undo what pharmacies reported."""
    _run(stage, _HOLD_AGAIN, refill_ids)


def _run(stage: Stage, statements: Sequence[str], ids: Sequence[uuid.UUID]) -> None:
    with psycopg.connect(stage.dsn, autocommit=True) as connection:
        for statement in statements:
            values = {"ids": list(ids)} if "%(ids)s" in statement else None
            connection.execute(statement.encode(), values)
