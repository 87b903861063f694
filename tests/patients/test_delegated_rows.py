"""What the database shows a delegate: every protected table without a WHERE, by category, period
and age."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import text

from portal.core import rls
from portal.core.actor import OPERATOR, Actor, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.directory.model import Clinic
from portal.patients.model import Patient
from tests.appointments.conftest import act, booked, in_days, open_slots
from tests.appointments.conftest import offer as offer_times
from tests.attachments.conftest import uploaded
from tests.messages.conftest import ALARMING, answer, started, to_physician, write
from tests.messages.story import CALL
from tests.patients.delegates import (
    EVERYTHING,
    acting,
    born_years_ago,
    give,
    new_person,
    reading_as,
    today,
)
from tests.referrals.conftest import body as referral_body
from tests.refills.conftest import TODAY, ask_one
from tests.requisitions.conftest import CT, offer
from tests.requisitions.conftest import order as order_tests
from tests.results.story import tell_of_critical
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, prescription, token_for
from tests.support.snapshot import ToldOnce
from tests.support.work import drain
from tests.visits.conftest import (
    WEIGHT,
    add_problem,
    measure,
    plan,
    released,
    step,
    value,
)

PROTECTED = sorted(name for name, access in rls.registry.tables.items() if access.row_security)
MEDICINES = {"prescription", "prescription_history", "dispense", "refill", "refill_history"}
RESULTS = {
    "requisition",
    "requisition_history",
    "standing_order",
    "diagnostic_report",
    "report_version",
    "observation",
    "report_attachment",
    "release_entry",
    "result_review",
    "follow_up",
}
REFERRALS = {"referral", "referral_history"}
APPOINTMENTS = {
    "requisition",
    "requisition_history",
    "appointment",
    "appointment_history",
    "appointment_offer",
    "appointment_offer_slot",
    "earlier_wish",
    *REFERRALS,
}
VISITS = {
    "visit",
    "visit_history",
    "visit_summary",
    "visit_instruction",
    "vital_sign",
    "problem",
    "problem_version",
    "consult_note",
    *REFERRALS,
}
MESSAGES = {
    "thread",
    "thread_history",
    "message",
    "message_read",
    "attachment",
    "advice_call",
    "advice_attempt",
    "care_team_member",  # to whom one can write
}
# Where the work of a request stands, and its hops.
WORK = {"work_item", "work_item_hop"}
# A delegate sees of themselves who they are, and what they were given by the patient.
OWN = {"delegate", "delegation"}


def rows(reader: Actor, table: str) -> list[dict[str, Any]]:
    """Every row that a table gives to an actor; of patients only what a delegate may look at."""
    columns = "id" if table == "patient" else "*"
    with transaction(OPERATOR) as session:
        may = session.execute(
            text("SELECT has_any_column_privilege(:role, :table, 'SELECT')"),
            {"role": reader.kind.database_role, "table": table},
        ).scalar()
    if not may:
        return []
    with reading_as(reader) as session:
        found = session.execute(text(f"SELECT {columns} FROM {table}"))
        return [dict(row._mapping) for row in found]


def shown(reader: Actor) -> set[str]:
    """The tables of which an actor sees a row."""
    return {table for table in PROTECTED if rows(reader, table)}


@pytest.fixture
def story(app: Flask, told_once: ToldOnce, caller: Callable[..., Caller]) -> SmallClinic:
    """Rows of every category about the first patient."""
    assert app.testing
    return told_once(lambda clinic: tell(clinic, caller))


def tell(clinic: SmallClinic, caller: Callable[..., Caller]) -> None:
    patient = caller(ActorKind.PATIENT, clinic.patient.id)
    physician = caller(ActorKind.PRACTITIONER, clinic.physician.id)
    nurse = caller(ActorKind.STAFF, clinic.nurse.id)
    radiology = caller(ActorKind.LABORATORY, clinic.radiology.id)
    dates: dict[str, Any] = {"written_on": TODAY, "expires_on": TODAY + timedelta(days=300)}
    long_ago: dict[str, Any] = {"last_filled_on": TODAY - timedelta(days=200)}
    ask_one(patient, prescription(clinic, refills_used=5, **dates, **long_ago).id)
    held = prescription(clinic, **dates, **long_ago)
    physician.post(f"/prescriptions/{held.id}/hold", {"reason": "waiting for a test"})
    tell_of_critical(clinic, patient, physician)
    order_tests(physician, clinic, standing={"count": 2, "interval_days": 30})
    [scan] = order_tests(physician, clinic, CT)
    drain()
    [slot] = offer(radiology, in_days(3, hour=15))
    booked = patient.post(f"/imaging/slots/{slot}/book", {"requisition_id": str(scan)})
    assert booked.status_code < 300, booked.text
    tell_of_visits(clinic, patient, physician, nurse)
    write_messages(clinic, patient, nurse)
    drain()


def write_messages(clinic: SmallClinic, patient: Caller, nurse: Caller) -> None:
    """An answered thread with a file, an internal note, a draft and a warning; a call that reached
    nobody yet."""
    thread_id = started(patient, to_physician(clinic, attachments=[str(uploaded(patient))]))
    answer(nurse, thread_id)
    note_file = str(uploaded(nurse, patient_id=clinic.patient.id))
    write(nurse, thread_id, "Ours.", kind="internal_note", attachments=[note_file])
    patient.post("/drafts", {"thread_id": str(thread_id), "body": "Thank"})
    patient.post("/messages/check", {"body": ALARMING})
    call = patient.post("/advice-calls", CALL).json
    nurse.post(f"/advice-calls/{call['id']}/outcome", {"outcome": "no_answer"})


def tell_of_visits(clinic: SmallClinic, patient: Caller, physician: Caller, nurse: Caller) -> None:
    """A held visit with all that belongs to one, a referral with its note, an offer, a wish."""
    visit = plan(physician, clinic, starts_at=None)
    step(physician, visit, "start")
    measure(physician, visit, value(WEIGHT, 70, "kg"))
    problem = add_problem(physician, clinic, visit_id=str(visit)).json["id"]
    due_on = (utcnow() + timedelta(days=30)).date().isoformat()
    task = {"kind": "other", "text": "Drink more water.", "due_on": due_on}
    released(physician, visit, task, problem_ids=[problem])
    made = physician.post("/referrals", referral_body(clinic, None)).json["id"]
    first, second = open_slots(physician, in_days(3), in_days(4))
    mine = booked(patient, first)
    assert act(patient, mine, "earlier").status_code == 200
    assert offer_times(physician, clinic, second).status_code == 201
    for call, members in (
        ("accept", {}),
        ("appointment", {"starts_at": in_days(5).isoformat(), "place": "Harbor Heart"}),
        ("attended", {}),
        ("note", {"text": "Stable angina.", "recommendations": "Rest."}),
    ):
        answer = nurse.post(f"/referrals/{made}/{call}", members)
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("category", "tables"),
    [
        ("medicines", MEDICINES | WORK),
        ("results", RESULTS),
        ("appointments", APPOINTMENTS | WORK),
        ("messages", MESSAGES | WORK),
        ("visits", VISITS),
    ],
)
def test_each_category_gives_its_tables_and_no_others(
    story: SmallClinic, category: str, tables: set[str]
) -> None:
    person = new_person()
    give(story.patient, person, categories=[category])
    assert shown(acting(person, story.patient)) == tables | OWN | {"patient"}


def test_all_categories_give_no_more_than_each(story: SmallClinic) -> None:
    person = new_person()
    give(story.patient, person)
    expected = MEDICINES | RESULTS | APPOINTMENTS | VISITS | MESSAGES | WORK | OWN | {"patient"}
    assert shown(acting(person, story.patient)) == expected


def test_a_delegate_sees_rows_of_the_patient_acted_for_alone(story: SmallClinic) -> None:
    person = new_person()
    give(story.patient, person)
    give(story.other_patient, person)
    prescription(story, patient_id=story.other_patient.id)
    for who in (story.patient, story.other_patient):
        for table in PROTECTED:
            for row in rows(acting(person, who), table):
                whose = row.get("patient_id", row["id"] if table == "patient" else None)
                if table not in OWN and whose is not None:
                    assert whose == who.id, (table, row)


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    "changes",
    [
        {"starts_on": today() + DAY},
        {"starts_on": today() - 5 * DAY, "ends_on": today() - DAY},
        {"status": "offered"},
        {"status": "declined"},
        {"status": "revoked"},
    ],
    ids=["before", "after", "offered", "declined", "revoked"],
)
def test_outside_the_period_and_without_agreement_nothing_is_shown(
    story: SmallClinic, changes: dict[str, Any]
) -> None:
    person = new_person()
    give(story.patient, person, **changes)
    assert shown(acting(person, story.patient)) == OWN


@pytest.mark.parametrize(
    "changes",
    [{"starts_on": today()}, {"starts_on": today() - DAY, "ends_on": today()}],
    ids=["from today", "until today"],
)
def test_the_first_and_the_last_day_are_included(
    story: SmallClinic, changes: dict[str, Any]
) -> None:
    person = new_person()
    give(story.patient, person, **changes)
    assert rows(acting(person, story.patient), "prescription")


def test_without_saying_for_whom_nothing_is_shown(story: SmallClinic) -> None:
    person = new_person()
    give(story.patient, person)
    nobody = Actor(ActorKind.DELEGATE, person)
    assert shown(nobody) == OWN


def test_an_address_is_no_delegates_business(story: SmallClinic) -> None:
    person = new_person()
    give(story.patient, person)
    hidden = ("mrn", "phone", "line", "city", "postal_code", "sex")
    for column in hidden:
        with transaction(OPERATOR) as session:
            allowed = session.execute(
                text(
                    "SELECT has_column_privilege('careloop_delegate', 'patient', :column, 'SELECT')"
                ),
                {"column": column},
            ).scalar()
        assert allowed is False, column


def categories(person: UUID, patient: Patient) -> set[str]:
    """What a person may have of a patient's record now, as every policy asks for it."""
    with transaction(OPERATOR) as session:
        found = session.execute(
            text("SELECT careloop_delegated_categories(:person, :patient, now())"),
            {"person": person, "patient": patient.id},
        ).scalar_one()
    return set(found)


def become(patient: Patient, **values: Any) -> None:
    with transaction(OPERATOR) as session:
        row = session.get_one(Patient, patient.id)
        for name, value in values.items():
            setattr(row, name, value)


LIMITED = set(EVERYTHING) - {"messages"}


@pytest.mark.parametrize(
    ("years", "days_later", "expected"),
    [
        (3, 0, set(EVERYTHING)),
        (12, 1, set(EVERYTHING)),
        (12, 0, LIMITED),
        (18, 1, LIMITED),
        (18, 0, set()),
        (40, 0, set()),
    ],
    ids=["3", "the day before 12", "12", "the day before 18", "18", "40"],
)
def test_parents_see_what_the_childs_age_leaves(
    clinic: SmallClinic, years: int, days_later: int, expected: set[str]
) -> None:
    person = new_person()
    give(clinic.patient, person, kind="parental", relationship="parent")
    become(clinic.patient, birth_date=born_years_ago(years, days_later=days_later))
    assert categories(person, clinic.patient) == expected


@pytest.mark.parametrize(
    ("zone", "expected"), [("Pacific/Kiritimati", set()), ("Pacific/Pago_Pago", LIMITED)]
)
def test_a_birthday_begins_with_the_clinics_day(
    clinic: SmallClinic, zone: str, expected: set[str]
) -> None:
    """Where the day begins first, this child is 18 already, and 17 where it begins last."""
    person = new_person()
    give(clinic.patient, person, kind="parental", relationship="parent", starts_on=TODAY - 9 * DAY)
    become(clinic.patient, birth_date=born_years_ago(18, zone="Pacific/Kiritimati"))
    with transaction(OPERATOR) as session:
        session.get_one(Clinic, clinic.clinic.id).time_zone = zone
    assert categories(person, clinic.patient) == expected


def test_a_clinic_sets_its_own_bounds(
    clinic: SmallClinic, caller: Callable[..., Caller], app: Any
) -> None:
    person = new_person()
    give(clinic.patient, person, kind="parental", relationship="parent")
    become(clinic.patient, birth_date=born_years_ago(13))
    administrator = Caller(app, token_for(ActorKind.ADMINISTRATOR, new_person()))
    path = f"/clinics/{clinic.clinic.id}/parental-access"
    assert administrator.get(path).json["full_until"] == 12
    bounds = {"full_until": 10, "limited_until": 14, "limited": ["appointments"]}
    assert administrator.put(path, bounds).json == bounds
    assert categories(person, clinic.patient) == {"appointments"}
    later = administrator.put(path, {**bounds, "limited_until": 13})
    assert later.status_code == 200
    assert categories(person, clinic.patient) == set()
    assert administrator.put(path, {**bounds, "limited_until": 9}).status_code == 422


def test_a_staff_may_leave_parents_less_than_the_age_does(clinic: SmallClinic) -> None:
    person = new_person()
    parental = {"kind": "parental", "relationship": "guardian"}
    give(clinic.patient, person, categories=["appointments"], **parental)
    become(clinic.patient, birth_date=born_years_ago(5))
    assert categories(person, clinic.patient) == {"appointments"}


def test_what_the_care_team_notes_for_itself_no_delegate_sees(story: SmallClinic) -> None:
    person = new_person()
    give(story.patient, person)
    delegate = acting(person, story.patient)
    assert {row["kind"] for row in rows(delegate, "message")} == {"message"}
    assert [row["uploader_kind"] for row in rows(delegate, "attachment")] == ["patient"]
