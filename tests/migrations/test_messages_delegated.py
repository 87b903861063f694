"""Requests for a call that patients made before others could, are theirs afterwards."""

from alembic import command
from sqlalchemy import text

from portal.config import Config
from tests.migrations.conftest import database_at

BEFORE, AFTER = "0010", "0011"
ROWS = """
INSERT INTO clinic (id, name, time_zone, phone)
    VALUES ({c}, 'Elm Street Clinic', 'America/New_York', '555-0100');
INSERT INTO pool (id, clinic_id, kind, name) VALUES ({c}, {c}, 'nurses', 'Nurses');
INSERT INTO patient (id, mrn, given_name, family_name, birth_date, sex, time_zone, clinic_id,
                     created_at)
    VALUES ({b}, 'MRN-1', 'Avery', 'Testpatient', '1980-04-15', 'female', 'America/New_York', {c},
            now());
INSERT INTO advice_call (id, patient_id, pool_id, reason, callback_number, urgency, status,
                         requested_at, due_at)
    VALUES ({a}, {b}, {c}, 'A fever', '+1 518 555 0101', 'urgent', 'waiting', now(), now());
"""
IDS = {one: f"'{one * 8}-0000-0000-0000-000000000000'" for one in "abc"}


def test_there_and_back(config: Config) -> None:
    asked = text("SELECT requester_kind, requester_id = patient_id, confidential FROM advice_call")
    with database_at(config, BEFORE) as (engine, settings):
        with engine.begin() as connection:
            connection.exec_driver_sql(ROWS.format(**IDS))
        command.upgrade(settings, AFTER)
        with engine.connect() as connection:
            assert connection.execute(asked).all() == [("patient", True, False)]
        command.downgrade(settings, BEFORE)
        command.upgrade(settings, AFTER)
        with engine.connect() as connection:
            assert connection.execute(asked).all() == [("patient", True, False)]
