"""Imaging's appointments become appointments like all others, and go back, with nothing lost."""

from collections.abc import Iterator
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Engine, text

from portal.config import Config
from tests.migrations.conftest import database_at

BEFORE, AFTER = "0006", "0007"
# Ids by what they are of: c clinic, b patient, d practitioner, e laboratory, f requisition, a slot.
ROWS = """
INSERT INTO clinic (id, name, time_zone, phone)
    VALUES ({c}, 'Elm Street Clinic', 'America/New_York', '555-0100');
INSERT INTO pool (id, clinic_id, kind, name) VALUES ({c}, {c}, 'nurses', 'Nurses');
INSERT INTO practitioner (id, clinic_id, pool_id, name, specialty)
    VALUES ({d}, {c}, {c}, 'Dr. Ines Okafor', 'Family medicine');
INSERT INTO patient (id, mrn, given_name, family_name, birth_date, sex, time_zone, clinic_id,
                     created_at)
    VALUES ({b}, 'MRN-1', 'Avery', 'Testpatient', '1980-04-15', 'female', 'America/New_York', {c},
            now());
INSERT INTO laboratory (id, kind, name, phone, line, city, state, postal_code, hours, time_zone,
                        application, facility, transport)
    VALUES ({e}, 'radiology', 'Elm Street Radiology', '555-0177', '3 Mill Street', 'Springfield',
            'NY', '12345', 'Mon-Fri', 'America/New_York', 'RADIS', 'ELM', 'feed');
INSERT INTO catalog_test (code, kind, name, modality, duration_minutes)
    VALUES ('24627-2', 'imaging', 'CT Chest', 'CT', 30);
INSERT INTO requisition (id, placer_number, group_number, patient_id, orderer_id, laboratory_id,
                         kind, test_code, test_name, status, priority, diagnoses, not_before,
                         ordered_at, status_at, collect_by, expected_by)
    VALUES ({f}, 'ORD-1', 'ORD-1', {b}, {d}, {e}, 'imaging', '24627-2', 'CT Chest', 'scheduled',
            'routine', '[]', '2026-01-02', now(), now(), now(), now());
INSERT INTO imaging_slot (id, laboratory_id, modality, room, starts_at, ends_at)
    SELECT ('a000000' || n || '-0000-0000-0000-000000000000')::uuid, {e}, 'CT', 'CT 1',
           now() + n * interval '1 day', now() + n * interval '1 day 30 minutes'
    FROM generate_series(1, 5) n;
"""
APPOINTMENT = text(
    """
    INSERT INTO imaging_appointment (id, slot_id, requisition_id, patient_id, laboratory_id, status,
                                     booked_at, booked_by_kind, booked_by, ended_at, ended_by,
                                     reason)
    SELECT gen_random_uuid(), s.id, r.id, r.patient_id, s.laboratory_id, :status,
           now() - interval '1 day', 'patient', r.patient_id,
           CASE WHEN :status <> 'booked' THEN now() END,
           CASE WHEN :status <> 'booked' THEN r.patient_id END, :reason
    FROM imaging_slot s, requisition r WHERE s.id = CAST(:slot_id AS uuid)
    """
)


def slot_id(number: int) -> str:
    return f"a000000{number}-0000-0000-0000-000000000000"


@pytest.fixture
def moving(config: Config) -> Iterator[tuple[Engine, Any]]:
    """A database of its own, as the version before left it."""
    ids = {one: f"'{one * 8}-0000-0000-0000-000000000000'" for one in "bcdef"}
    with database_at(config, BEFORE) as (there, settings):
        write(there, ids)
        yield there, settings


def write(there: Engine, ids: dict[str, str]) -> None:
    with there.begin() as connection:
        connection.exec_driver_sql(ROWS.format(**ids))
        for number, (status, reason) in enumerate(
            [
                ("booked", None),
                ("cancelled", "changed"),
                ("cancelled", "I am away"),
                ("cancelled", "rejected"),
                ("no_show", None),
            ],
            start=1,
        ):
            values = {"status": status, "reason": reason, "slot_id": slot_id(number)}
            connection.execute(APPOINTMENT, values)


def read(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def test_there_and_back(moving: tuple[Engine, Any]) -> None:
    engine, settings = moving
    old = "SELECT * FROM imaging_appointment ORDER BY id"
    slots = "SELECT * FROM imaging_slot ORDER BY id"
    before = read(engine, old), read(engine, slots)
    command.upgrade(settings, AFTER)
    found = read(
        engine,
        "SELECT status, reason_code, reason, minutes, service_type, calendar_uid = id, "
        "next_reminder_at IS NOT NULL, to_char(not_before, 'YYYY-MM-DD') "
        "FROM appointment ORDER BY starts_at",
    )
    shared = (30, "CT", True)
    assert found == [
        ("booked", None, None, *shared, True, "2026-01-02"),
        ("cancelled", "changed", None, *shared, False, "2026-01-02"),
        ("cancelled", "called_off", "I am away", *shared, False, "2026-01-02"),
        ("cancelled", "not_needed", "rejected", *shared, False, "2026-01-02"),
        ("no_show", None, None, *shared, False, "2026-01-02"),
    ]
    assert read(engine, "SELECT count(*) FROM slot WHERE resource = laboratory_id || ' CT 1'") == [
        (5,)
    ]
    steps = read(
        engine, "SELECT to_status, actor_kind, count(*) FROM appointment_history GROUP BY 1, 2"
    )
    assert sorted(steps) == [
        ("booked", "patient", 5),
        ("cancelled", "patient", 3),
        ("no_show", "patient", 1),
    ]
    command.downgrade(settings, BEFORE)
    assert (read(engine, old), read(engine, slots)) == before
    command.upgrade(settings, AFTER)
    assert len(read(engine, "SELECT id FROM appointment")) == len(before[0])


VISIT = """
    INSERT INTO visit (id, patient_id, practitioner_id, clinic_id, appointment_id, kind, status,
                       reason, starts_at, status_at, created_at)
    SELECT gen_random_uuid(), p.id, d.id, p.clinic_id, gen_random_uuid(), 'office', 'planned',
           'Cough', now(), now(), now()
    FROM patient p, practitioner d
"""


def test_what_was_booked_as_nothing_known(moving: tuple[Engine, Any]) -> None:
    engine, settings = moving
    with engine.begin() as connection:
        connection.exec_driver_sql(VISIT)
    command.upgrade(settings, "0010")
    assert read(engine, "SELECT appointment_id, status FROM visit") == [(None, "planned")]
    command.downgrade(settings, "0009")
    command.upgrade(settings, "0010")
