"""What was prescribed before its ingredients were kept has them afterwards."""

from alembic import command
from sqlalchemy import text

from portal.config import Config
from tests.migrations.conftest import database_at

BEFORE, AFTER = "0019", "0020"
ROWS = """
INSERT INTO clinic (id, name, time_zone, phone)
    VALUES ({c}, 'Elm Street Clinic', 'America/New_York', '555-0100');
INSERT INTO pool (id, clinic_id, kind, name) VALUES ({c}, {c}, 'nurses', 'Nurses');
INSERT INTO practitioner (id, clinic_id, pool_id, name, specialty, active)
    VALUES ({a}, {c}, {c}, 'Dr. Ines Okafor', 'Family medicine', true);
INSERT INTO pharmacy (id, name, phone, line, city, state, postal_code, hours, time_zone, mail_order,
                      mails, active)
    VALUES ({c}, 'Corner Pharmacy', '555-0142', '1 High Street', 'Springfield', 'NY', '12345',
            'Mon-Fri 9-18', 'America/New_York', false, false, true);
INSERT INTO patient (id, mrn, given_name, family_name, birth_date, sex, time_zone, clinic_id,
                     created_at)
    VALUES ({b}, 'MRN-1', 'Avery', 'Testpatient', '1980-04-15', 'female', 'America/New_York', {c},
            now());
INSERT INTO prescription (id, refill_number, patient_id, prescriber_id, pharmacy_id, rxnorm_code,
                          drug_name, strength, form, directions, quantity, unit, days_supply,
                          refills_authorized, status, written_on, expires_on, created_at)
    SELECT gen_random_uuid(), 'NUMBER' || n, {b}, {a}, {c}, n, name, '10 mg', 'tablet', 'Daily.',
           30, '{{tbl}}', 30, 3, 'active', '2026-01-01', '2027-01-01', now()
    FROM unnest(ARRAY['Metformin hydrochloride ER', 'Lisinopril-Hydrochlorothiazide', 'Zestril',
                      'Lisinopril', 'Lisinopril', '?']) WITH ORDINALITY AS names(name, n);
"""
IDS = {one: f"'{one * 8}-0000-0000-0000-000000000000'" for one in "abc"}
READ = text("SELECT array_agg(ingredients::text ORDER BY refill_number) FROM prescription")
LISTS = [
    "{metformin}",
    "{hydrochlorothiazide,lisinopril}",
    "{lisinopril}",
    "{lisinopril}",
    "{lisinopril}",
    "{}",
]


def test_there_and_back(config: Config) -> None:
    with database_at(config, BEFORE) as (engine, settings):
        with engine.begin() as connection:
            connection.exec_driver_sql(ROWS.format(**IDS))
        for _ in range(2):
            command.upgrade(settings, AFTER)
            with engine.connect() as connection:
                assert connection.execute(READ).scalar_one() == LISTS
            command.downgrade(settings, BEFORE)
