"""Who sees which rows, asked of the database without any WHERE."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import ProgrammingError

from portal.config import Config
from portal.core import rls
from portal.core.actor import NOBODY, OPERATOR, WORKER, Actor, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.ids import new_id
from portal.directory.model import Clinic, Pool, PoolMember, StaffMember
from portal.models import metadata
from portal.notifications import service as notifications
from portal.notifications.service import LetterText
from portal.notifications.states import NotificationEvent
from portal.results.intake import take_hl7
from tests.appointments.conftest import act, booked, in_days, open_slots
from tests.appointments.conftest import offer as offer_times
from tests.attachments.conftest import attach_as, patient_of, uploaded
from tests.messages.conftest import ALARMING, answer, opened, started, to_physician, write
from tests.messages.story import CALL
from tests.patients.delegates import reading_as
from tests.patients.records import record
from tests.prescriptions.orders import confirming, order
from tests.referrals.conftest import refer, step
from tests.refills.conftest import ask_one, event_of, post_all
from tests.requisitions.conftest import CT, offer
from tests.requisitions.conftest import order as order_tests
from tests.results.messages import obr, obx, oru, pid
from tests.results.story import tell_of_critical
from tests.results.test_intake import MLLP
from tests.support.api import Caller
from tests.support.clinic import (
    ZONE,
    SmallClinic,
    actor,
    add,
    care_team,
    practitioner,
    prescription,
)
from tests.support.clinic import patient as new_patient
from tests.support.snapshot import ToldOnce
from tests.support.work import drain
from tests.visits.conftest import add_problem, measure, plan, pressure, released
from tests.visits.conftest import step as move_visit

from tests.refills.conftest import TODAY  # isort: skip

PROTECTED = sorted(name for name, access in rls.registry.tables.items() if access.row_security)
# No patient is in these: places, people at work, the workers' ids, digests of numbers tried.
OPEN = {
    "clinic",
    "clinic_hours",
    "clinic_closure",
    "pool",
    "pool_member",
    "practitioner",
    "staff_member",
    "pharmacy",
    "laboratory",
    "catalog_test",
    "slot",
    "laboratory_connection",
    "coverage",
    "outbox_event",
    "parental_access",
    "access_after_death",
    "departure",
    "departure_left",
    "audit_seal",
    "phone_miss",
    "red_flag_set",
}


def read_all(reader: Actor, table: str) -> list[dict[str, Any]]:
    """Every row that a table gives to an actor; none where it may not look at all."""
    # A delegate without access would be turned away before a policy is asked.
    reading = reading_as if reader.kind is ActorKind.DELEGATE else transaction
    try:
        with reading(reader) as session:
            return [dict(row._mapping) for row in session.execute(text(f"SELECT * FROM {table}"))]
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", "") != "42501":
            raise
        return []


@pytest.fixture
def story(app: Flask, told_once: ToldOnce, caller: Callable[..., Caller]) -> SmallClinic:
    """Rows about the first patient in as many tables as the API reaches."""
    assert app.testing
    return told_once(lambda clinic: tell(clinic, caller))


def tell(clinic: SmallClinic, caller: Callable[..., Caller]) -> None:
    patient = caller(ActorKind.PATIENT, clinic.patient.id)
    pharmacy = caller(ActorKind.PHARMACY, clinic.pharmacy.id)
    physician = caller(ActorKind.PRACTITIONER, clinic.physician.id)
    fresh: dict[str, Any] = {"last_filled_on": TODAY.replace(year=TODAY.year - 1)}
    dates = {"written_on": TODAY, "expires_on": TODAY.replace(year=TODAY.year + 1), **fresh}
    sent = ask_one(patient, prescription(clinic, **dates).id)
    ask_one(patient, prescription(clinic, refills_used=5, **dates).id)
    drain()
    pharmacy.post(f"/pharmacy/orders/{sent}/acknowledge")
    pharmacy.put("/pharmacy/webhook", {"url": "http://127.0.0.1:9/"})
    post_all(pharmacy, event_of(sent, "ready_for_pickup"), event_of(sent, "delivered"))
    post_all(pharmacy, event_of(sent, "picked_up"))
    rx = prescription(clinic, refills_used=5, **dates)
    physician.post(f"/prescriptions/{rx.id}/hold", {"reason": "waiting for a test"})
    physician.post(f"/prescriptions/{rx.id}/resume")
    physician.post("/prescriptions", order(clinic, rx.drug_name, **confirming(rx.id)))
    body = {"event_id": "renew", "refill_number": rx.refill_number}
    pharmacy.post("/pharmacy/renewal-requests", body)
    physician.post(
        "/patients/break-glass",
        {"mrn": clinic.patient.mrn, "birth_date": "1980-04-15", "reason": "to fill a table"},
    )
    patient.patch("/me/preferences", {"results": {"by": "letter"}})
    add(*record(clinic, clinic.patient.id))
    queue_letter(clinic)
    robin = {"email": "robin@example.org", "name": "Robin", "relationship": "spouse"}
    patient.post("/delegations", {**robin, "categories": ["medicines", "visits"]})
    physician.post(f"/prescriptions/{rx.id}/confidential", {"reason": "asked for in confidence"})
    drain()
    tell_of_critical(clinic, patient, physician)
    order_tests(physician, clinic, standing={"count": 2, "interval_days": 30})
    at_radiology = caller(ActorKind.LABORATORY, clinic.radiology.id)
    [scan] = order_tests(physician, clinic, CT)
    drain()
    [time] = offer(at_radiology, in_days(3, hour=15))
    patient.post(f"/imaging/slots/{time}/book", {"requisition_id": str(scan)})
    attach_as(patient_of(clinic), clinic, uploaded(patient))
    uploaded(physician, patient_id=clinic.patient.id)
    nurse = caller(ActorKind.STAFF, clinic.nurse.id)
    write_messages(clinic, patient, nurse)
    refer_and_answer(clinic, physician, caller)
    tell_of_appointments(clinic, patient, physician)
    take_hl7(oru("M1", pid("MRN-9999"), obr(), obx("potassium", "4.2")), MLLP)
    take_hl7(oru("M2", obr(), obx("potassium", "4.2")), MLLP)
    match_by_mistake(clinic, nurse)
    drain()
    be_seen(clinic, physician)
    ask_for_correction(clinic, patient, nurse)
    drain()
    merge_by_mistake(clinic, physician, nurse)


def merge_by_mistake(clinic: SmallClinic, physician: Caller, nurse: Caller) -> None:
    """Another patient's record, merged into the first patient's, and two again."""
    other = new_patient(clinic.clinic, clinic.pharmacy, "Avery", 3)
    add(other, care_team(other, clinic.physician))
    merging = {"into_id": str(clinic.patient.id), "reason": "The same name and birth date"}
    assert nurse.post(f"/patients/{other.id}/merge", merging).status_code == 200
    order_tests(physician, clinic)
    drain()
    undone = nurse.post(f"/patients/{other.id}/merge/undo", {"reason": "They are twin sisters"})
    assert undone.status_code == 200, undone.text
    drain()


def match_by_mistake(clinic: SmallClinic, nurse: Caller) -> None:
    """A result on the wrong chart, and off it again."""
    take_hl7(oru("M3", pid("MRN-9998"), obr("", "LAB-3"), obx("potassium", "4.3")), MLLP)
    case_id = nurse.get("/reconciliation").json["items"][-1]["id"]
    matched = nurse.post(f"/reconciliation/{case_id}/match", {"patient_id": str(clinic.patient.id)})
    assert matched.status_code == 200, matched.text
    drain()
    body = {"reason": "It was the neighbour's tube"}
    assert nurse.post(f"/reconciliation/{case_id}/unmatch", body).status_code == 200


def ask_for_correction(clinic: SmallClinic, patient: Caller, nurse: Caller) -> None:
    """One that is made, and a request for another, which is the front desk's."""
    front_desk(clinic.clinic)
    why = {"sex": "unknown", "reason": "asked for by the patient"}
    assert nurse.post(f"/patients/{clinic.patient.id}/corrections", why).status_code == 200
    asked = {"fields": ["mrn"], "text": "This is not my number."}
    assert patient.post("/patients/me/correction-requests", asked).status_code == 201


def front_desk(clinic: Clinic) -> Actor:
    """A clerk of a clinic's staff, who cares for nobody."""
    with transaction(OPERATOR) as session:
        mine = (Pool.clinic_id == clinic.id, Pool.kind == "clinic_staff")
        pool_id = session.scalars(select(Pool.id).where(*mine)).one_or_none()
    if pool_id is None:
        pool_id = new_id()
        add(Pool(id=pool_id, clinic_id=clinic.id, kind="clinic_staff", name="Front desk"))
    clerk = StaffMember(id=new_id(), clinic_id=clinic.id, name="Maya Goldberg", title="Front desk")
    add(clerk, PoolMember(pool_id=pool_id, member_id=clerk.id, member_kind="staff"))
    return actor(ActorKind.STAFF, clerk.id)


# Who a patient is and how to reach them, when they come, and what waits at the front desk.
AT_THE_FRONT_DESK = {
    "patient_death",
    "patient",
    "care_team_member",
    "patient_correction",
    "correction_request",
    "patient_merge",
    "merge_finding",
    "merge_left",
    "appointment",
    "appointment_history",
    "appointment_offer",
    "letter",
    "letter_history",
    "work_item",
    "work_item_hop",
    # What is the clinic's, and nobody's yet; and how pharmacies' connections are.
    "received_message",
    "reconciliation_case",
    "pharmacy_feed",
}


def test_the_front_desk_sees_who_its_clinics_patients_are(story: SmallClinic) -> None:
    """And nothing clinical; that of another clinic sees none of them."""
    here = front_desk(story.clinic)
    seen = {table for table in PROTECTED if read_all(here, table)}
    assert {"patient", "care_team_member", "patient_correction", "correction_request"} <= seen
    assert seen <= AT_THE_FRONT_DESK
    elsewhere = Clinic(id=new_id(), name="Oak Clinic", time_zone=ZONE, phone="555-0111")
    add(elsewhere)
    there = front_desk(elsewhere)
    assert {table for table in PROTECTED if read_all(there, table)} <= {"pharmacy_feed"}


def write_messages(clinic: SmallClinic, patient: Caller, nurse: Caller) -> None:
    """A thread with drafts, receipts and a warning, and a call of the advice line."""
    thread_id = started(patient, to_physician(clinic))
    drain()
    answer(nurse, thread_id)
    opened(patient, thread_id)
    write(nurse, thread_id, "Watch this.", kind="internal_note")
    draft = {"thread_id": str(thread_id), "body": "Thank", "attachments": [str(uploaded(patient))]}
    assert patient.post("/drafts", draft).status_code == 201
    nurse.post(
        "/quick-replies", {"pool_id": str(clinic.nurses.id), "title": "Hours", "body": "7 to 16"}
    )
    patient.post("/messages/check", {"body": ALARMING})
    call = patient.post("/advice-calls", CALL).json
    # Taken before it is routed: the whole team would have been told, and may look.
    [item] = nurse.get("/worklist?kind=advice_call").json["items"]
    mine = {"assignee_id": str(clinic.nurse.id), "reason": "I call"}
    nurse.post(f"/worklist/{item['id']}/reassign", mine)
    nurse.post(f"/worklist/{item['id']}/claim")
    nurse.post(f"/advice-calls/{call['id']}/outcome", {"outcome": "no_answer"})


def be_seen(clinic: SmallClinic, physician: Caller) -> None:
    """A visit with all that may come of it."""
    visit = plan(physician, clinic, starts_at=None)
    move_visit(physician, visit, "start")
    measure(physician, visit, pressure())
    add_problem(physician, clinic, visit_id=str(visit))
    released(physician, visit, {"kind": "other", "text": "Rest."})


def refer_and_answer(clinic: SmallClinic, physician: Caller, caller: Callable[..., Caller]) -> None:
    """A referral to somebody outside both care teams, with a question, and a note."""
    asked = practitioner(clinic.clinic, clinic.liaison, "Dr. Rosa Amado")
    add(asked)
    specialist = caller(ActorKind.PRACTITIONER, asked.id)
    referral = refer(physician, clinic, asked, pool_id=str(clinic.nurses.id))
    for call, body in (("ask", {"question": "Why?"}), ("answer", {"text": "All is well."})):
        step(specialist, referral, call, **body)
        if call == "ask":
            step(physician, referral, "information", answer="Chest pain.")


def tell_of_appointments(clinic: SmallClinic, patient: Caller, physician: Caller) -> None:
    """One that waits for an earlier time, and an offer of another."""
    mine, held = open_slots(physician, in_days(3), in_days(4))
    act(patient, booked(patient, mine), "earlier")
    offer_times(physician, clinic, held)


def queue_letter(clinic: SmallClinic) -> None:
    with transaction(WORKER) as session:
        notifications.queue_letter(
            session=session,
            patient_id=clinic.patient.id,
            event=NotificationEvent.RESULT_AVAILABLE,
            source_id=uuid4(),
            subject_id=uuid4(),
            text=LetterText("A new result", ["There is a new result for you."]),
            now=utcnow(),
        )


def insiders(clinic: SmallClinic) -> dict[str, Actor]:
    return {
        "patient": actor(ActorKind.PATIENT, clinic.patient.id),
        "practitioner": actor(ActorKind.PRACTITIONER, clinic.physician.id),
        "staff": actor(ActorKind.STAFF, clinic.nurse.id),
        "pharmacy": actor(ActorKind.PHARMACY, clinic.pharmacy.id),
    }


def outsiders(clinic: SmallClinic) -> dict[str, Actor]:
    """One of each kind to whom nothing of the first patient belongs."""
    return {
        "patient": actor(ActorKind.PATIENT, clinic.other_patient.id),
        "practitioner": actor(ActorKind.PRACTITIONER, clinic.colleague.id),
        "stranger": actor(ActorKind.PRACTITIONER, uuid4()),
        "staff": actor(ActorKind.STAFF, uuid4()),
        "pharmacy": actor(ActorKind.PHARMACY, clinic.other_pharmacy.id),
        "laboratory": actor(ActorKind.LABORATORY, uuid4()),
        "delegate": replace(actor(ActorKind.DELEGATE, uuid4()), on_behalf_of=clinic.patient.id),
        "phone": actor(ActorKind.PHONE, NOBODY),
        "administrator": actor(ActorKind.ADMINISTRATOR, uuid4()),
        "anonymous": actor(ActorKind.ANONYMOUS, NOBODY),
    }


def ids_of_first_patient(clinic: SmallClinic) -> set[UUID]:
    """The patient's id, and those of every row that names it."""
    operator = OPERATOR
    found = {clinic.patient.id}
    for table in PROTECTED:
        for row in read_all(operator, table):
            if row.get("patient_id") == clinic.patient.id and "id" in row:
                found.add(row["id"])
    return found


def test_every_table_declares_who_may_do_what() -> None:
    assert set(rls.registry.tables) == set(metadata.tables)
    assert set(rls.registry.tables) - set(PROTECTED) == OPEN


def _names_a_patient(table: Any) -> bool:
    return table.name == "patient" or "patient_id" in table.columns


def test_every_table_that_names_a_patient_has_forced_row_security(config: Config) -> None:
    engine = create_engine(config.owner_database_url)
    query = text(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relrowsecurity "
        "AND relforcerowsecurity"
    )
    with engine.connect() as connection:
        forced = set(connection.execute(query).scalars())
    engine.dispose()
    named = {name for name, table in metadata.tables.items() if _names_a_patient(table)}
    assert named <= forced
    assert set(PROTECTED) <= forced


def test_the_story_fills_the_tables(story: SmallClinic) -> None:
    """What is empty proves nothing: only these may be."""
    empty = {table for table in PROTECTED if not read_all(OPERATOR, table)}
    assert empty <= {
        "invitation",
        "password_reset",
        "recovery_code",
        "client_secret",
        "used_assertion",
        "notification_preference",
        "webhook_attempt",
    }, empty
    assert story.patient.name


@pytest.mark.parametrize(
    "who",
    [
        "patient",
        "practitioner",
        "stranger",
        "staff",
        "pharmacy",
        "laboratory",
        "delegate",
        "phone",
        "administrator",
        "anonymous",
    ],
)
def test_nobody_sees_a_row_of_somebody_elses_patient(story: SmallClinic, who: str) -> None:
    outsider, foreign = outsiders(story)[who], ids_of_first_patient(story)
    theirs_to_administer = {"account", "sign_in_session"} if who == "administrator" else set()
    for table in set(PROTECTED) - theirs_to_administer:
        for row in read_all(outsider, table):
            seen = {value for value in row.values() if isinstance(value, UUID)}
            assert not seen & foreign, (who, table, row)


@pytest.mark.parametrize("who", ["patient", "practitioner", "staff", "pharmacy"])
def test_those_whom_it_concerns_see_the_refill(story: SmallClinic, who: str) -> None:
    insider = insiders(story)[who]
    for table in ("patient", "prescription", "refill", "refill_history"):
        assert read_all(insider, table), (who, table)


def test_a_patient_sees_their_own_rows_alone(story: SmallClinic) -> None:
    me = insiders(story)["patient"]
    for table in PROTECTED:
        for row in read_all(me, table):
            assert row.get("patient_id", story.patient.id) == story.patient.id, (table, row)


def test_a_patient_sees_no_internal_note_whatever_they_ask(story: SmallClinic) -> None:
    seen = {row["kind"] for row in read_all(insiders(story)["patient"], "message")}
    assert seen == {"message"}
    assert {row["kind"] for row in read_all(OPERATOR, "message")} > seen


def test_the_application_itself_sees_nothing(config: Config, story: SmallClinic) -> None:
    assert story.patient.name
    engine = create_engine(config.database_url)
    for table in metadata.tables:
        with engine.connect() as connection, pytest.raises(ProgrammingError) as refused:
            connection.execute(text(f"SELECT * FROM {table}"))
        assert getattr(refused.value.orig, "sqlstate", "") == "42501"
    engine.dispose()


def test_the_audit_trail_is_append_only(config: Config) -> None:
    engine = create_engine(config.owner_database_url)
    query = text(
        "SELECT grantee, privilege_type FROM information_schema.role_table_grants "
        "WHERE table_name IN ('audit_entry', 'audit_seal') "
        "AND privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE') AND grantee LIKE 'careloop%' "
        "AND grantee <> :owner"
    )
    with engine.connect() as connection:
        assert connection.execute(query, {"owner": rls.OWNER_ROLE}).all() == []
    engine.dispose()
