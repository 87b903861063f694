"""Every task twice: what a crash or the broker repeats has the effect of doing it once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from portal.appointments.offer_model import AppointmentOffer
from portal.core.actor import OPERATOR, WORKER, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.ids import new_id
from portal.models import metadata
from portal.notifications import service as notifications
from portal.notifications.outreach_states import LetterStatus
from portal.notifications.service import LetterText
from portal.notifications.states import NotificationEvent
from portal.patients import merging
from tests.appointments.conftest import (
    act,
    began,
    booked,
    change,
    in_days,
    load,
    open_slots,
    rows,
)
from tests.appointments.conftest import offer as offer_times
from tests.attachments.story import leave_an_upload, leave_attachment_events
from tests.messages.story import leave_message_events, want_a_digest
from tests.patients.delegates import give, new_person, today
from tests.referrals.story import leave_a_draft, leave_referral_events
from tests.refills.conftest import Make, ask_one, post_one
from tests.requisitions.conftest import order as order_tests
from tests.results.conftest import received, set_report, wish
from tests.results.story import leave_events
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, staff_actor
from tests.visits.conftest import in_days as days_from_now
from tests.visits.conftest import plan, released, step
from tests.workers.conftest import events, set_event
from workers import schedule, tasks
from workers.registry import DELIVERERS, HANDLERS
from workers.runner import run_events

assert tasks.__all__, "importing the tasks registers every handler"
EVERYTHING = text(
    " UNION ALL ".join(
        f"SELECT '{table}' AS name, t::text AS value FROM {table} t"
        for table in sorted(metadata.tables.keys() - {"outbox_event"})
    )
    + " UNION ALL SELECT 'outbox_event', count(*)::text FROM outbox_event"
)


def everything() -> list[tuple[str, str]]:
    """Every row of every table but the outbox, and how many events that has."""
    with transaction(OPERATOR) as session:
        return sorted((row.name, row.value) for row in session.execute(EVERYTHING))


def run_all_twice() -> set[str]:
    """Run every event, put each back as if its end had been lost, run it again; returns the kinds.

    Events reaching outside are only put back where sending again is not what must happen.
    """
    seen: set[str] = set()
    while pending := [event for event in events() if event.status == "pending"]:
        for event in pending:
            seen.add(event.kind)
            if event.kind in DELIVERERS:
                set_event(event.id, status="done")
                continue
            run_events(event.kind, [event.id])
            once = everything()
            set_event(event.id, status="published")
            run_events(event.kind, [event.id])
            assert everything() == once, event.kind
    return seen


@pytest.fixture
def order(pharmacy: Caller, patient: Caller, refillable: Make) -> UUID:
    """A refill that the pharmacy has acknowledged."""
    refill_id = ask_one(patient, refillable().id)
    run_all_twice()
    assert pharmacy.post(f"/pharmacy/orders/{refill_id}/acknowledge").status_code == 200
    return refill_id


def new_prescription(clinic: SmallClinic) -> dict[str, Any]:
    return {
        "patient_id": str(clinic.patient.id),
        "drug": {
            "rxnorm_code": "860975",
            "name": "Metformin",
            "strength": "500 mg",
            "form": "tablet",
        },
        "directions": "One tablet twice a day.",
        "quantity": 60,
        "unit": "{tbl}",
        "days_supply": 30,
        "refills_authorized": 3,
    }


def laboratory_order(clinic: SmallClinic, physician: Caller) -> UUID:
    """A test that is ordered, to be repeated a month later."""
    standing = {"count": 3, "interval_days": 30}
    [first] = order_tests(physician, clinic, standing=standing)
    return first


def covered(clinic: SmallClinic) -> dict[str, Any]:
    now = utcnow()
    return {
        "covering_id": str(clinic.colleague.id),
        "starts_at": now.isoformat(),
        "ends_at": (now + timedelta(days=2)).isoformat(),
        "reason": "Leave",
    }


def emergency(clinic: SmallClinic) -> dict[str, Any]:
    somebody = clinic.other_patient
    return {
        "mrn": somebody.mrn,
        "birth_date": somebody.birth_date.isoformat(),
        "reason": "Unconscious in the waiting room",
    }


def letter_comes_back(clinic: SmallClinic) -> set[str]:
    """A letter to the patient was printed and comes back."""
    clerk, now = staff_actor(clinic.nurse), utcnow()
    with transaction(WORKER) as session:
        letter_id = notifications.queue_letter(
            session=session,
            patient_id=clinic.patient.id,
            event=NotificationEvent.RESULT_AVAILABLE,
            source_id=new_id(),
            subject_id=new_id(),
            text=LetterText("A new result", ["There is a new result for you."]),
            now=now,
        )
    for status in (LetterStatus.PRINTED, LetterStatus.RETURNED):
        with transaction(clerk) as session:
            notifications.move_letter(
                session=session,
                actor=clerk,
                letter_id=letter_id,
                status=status,
                note=None,
                now=now,
            )
    return run_all_twice()


def patient_is_seen(clinic: SmallClinic, physician: Caller) -> set[str]:
    """A visit of the patient's from its plan to the summary."""
    visit = plan(physician, clinic)
    step(physician, visit, "start")
    released(physician, visit, {"kind": "visit", "text": "Come again."})
    step(physician, visit, "finish")
    return run_all_twice()


def times_are_withdrawn(clinic: SmallClinic, patient: Caller, physician: Caller) -> set[str]:
    """A booked time is withdrawn, others are offered; one who waits is offered an earlier one."""
    first, far, *_others = open_slots(physician, *(in_days(day) for day in (3, 20, 21, 22)))
    mine = booked(patient, first)
    act(patient, booked(patient, far), "earlier")
    physician.post(f"/slots/{first}/withdraw")
    seen = run_all_twice()
    open_slots(physician, in_days(9))
    seen |= run_all_twice()
    for offer in patient.get("/appointments/offers").json["items"]:
        patient.post(f"/appointments/offers/{offer['id']}/decline", {})
    assert patient.get(f"/appointments/{mine}").json["status"] == "cancelled"
    return seen | run_all_twice()


def appointments_of_the_past(clinic: SmallClinic, patient: Caller, physician: Caller) -> None:
    """One of which nobody said what came, one to be reminded of, and an offer that is over."""
    over, soon, held = open_slots(physician, in_days(3), in_days(4), in_days(5))
    began(booked(patient, over), 30)
    change(load(booked(patient, soon)), next_reminder_at=utcnow() - timedelta(minutes=1))
    offer = offer_times(physician, clinic, held).json
    [row] = rows(AppointmentOffer, id=UUID(offer["id"]))
    change(row, expires_at=utcnow() - timedelta(minutes=1))


def patient_is_corrected(clinic: SmallClinic, patient: Caller, nurse: Caller) -> set[str]:
    """The patient asks for it, with orders at the laboratory and the pharmacy."""
    asked = {"fields": ["given_name"], "text": "My name is Ava."}
    request = patient.post("/patients/me/correction-requests", asked).json["id"]
    seen = run_all_twice()
    change = {"given_name": "Ava", "reason": "The passport says so", "request_id": request}
    answer = nurse.post(f"/patients/{clinic.patient.id}/corrections", change)
    assert answer.status_code == 200, answer.text
    return seen | run_all_twice()


def patient_is_merged(clinic: SmallClinic) -> set[str]:
    """The patient's record turns out to be a duplicate of the other patient's."""
    nurse = staff_actor(clinic.nurse)
    with transaction(nurse) as session:
        merging.merge_patients(
            session=session,
            actor=nurse,
            patient_id=clinic.patient.id,
            into_id=clinic.other_patient.id,
            reason="Registered twice",
            now=utcnow(),
        )
    return run_all_twice()


def merge_is_undone(clinic: SmallClinic, nurse: Caller, colleague: Caller) -> set[str]:
    """They are two patients, for one of whom something was ordered meanwhile."""
    order_tests(colleague, clinic, patient_id=str(clinic.other_patient.id))
    path = f"/patients/{clinic.patient.id}/merge/undo"
    merge = nurse.post(path, {"reason": "They are two people"}).json
    seen = run_all_twice()
    [left, *_] = nurse.get(f"/merges/{merge['id']}").json["left"]
    body = {"belongs_to": str(clinic.patient.id)}
    assert nurse.post(f"/merges/{merge['id']}/left/{left['id']}", body).status_code == 200
    return seen | run_all_twice()


def patient_dies(clinic: SmallClinic, nurse: Caller) -> set[str]:
    """The patient is said to have died, and has not."""
    path = f"/patients/{clinic.patient.id}/death"
    body = {"died_on": today().isoformat(), "source": "family", "reason": "A call."}
    assert nurse.post(path, body).status_code == 201
    seen = run_all_twice()
    assert nurse.post(f"{path}/revoke", {"reason": "Another patient."}).status_code == 200
    return seen | run_all_twice()


def pharmacy_closes(clinic: SmallClinic, caller: Callable[..., Caller]) -> set[str]:
    """A pharmacy closes for good."""
    administrator = caller(ActorKind.ADMINISTRATOR, clinic.nurse.id)
    body = {"kind": "pharmacy", "subject_id": str(clinic.pharmacy.id), "reason": "Closes."}
    assert administrator.post("/departures", body).status_code == 201
    return run_all_twice()


def test_every_kind_of_task_twice(
    clinic: SmallClinic,
    patient: Caller,
    physician: Caller,
    colleague: Caller,
    nurse: Caller,
    pharmacy: Caller,
    refillable: Make,
    order: UUID,
    caller: Callable[..., Caller],
) -> None:
    quarantined = post_one(pharmacy, order, "delivered")
    waiting = ask_one(patient, refillable(refills_used=5).id)
    stopped = refillable(refills_used=5)
    ask_one(patient, stopped.id)
    answers = [
        physician.post("/prescriptions", new_prescription(clinic)),
        physician.post("/coverage", covered(clinic)),
        physician.post("/patients/break-glass", emergency(clinic)),
        physician.post(f"/prescriptions/{stopped.id}/stop", {"reason": "Cough"}),
    ]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 200]
    laboratory_order(clinic, physician)
    given = give(clinic.patient, new_person())
    assert nurse.post(f"/delegations/{given.id}/revoke").status_code == 200
    seen = run_all_twice()
    mistaken = pharmacy.get("/pharmacy/updates?outcome=quarantined").json["items"][0]["event_id"]
    assert pharmacy.post(f"/pharmacy/updates/{mistaken}/withdraw").status_code == 200
    denied = physician.post(
        f"/refills/{waiting}/decision", {"decision": "deny", "reason_code": "visit_needed"}
    )
    assert (quarantined, denied.status_code) == ("quarantined", 200)
    seen |= run_all_twice()
    leave_events(clinic, physician, nurse)
    seen |= run_all_twice()
    leave_message_events(clinic, patient, nurse)
    leave_attachment_events(patient)
    seen |= run_all_twice()
    seen |= letter_comes_back(clinic)
    seen |= patient_is_seen(clinic, physician)
    leave_referral_events(clinic, patient, physician, colleague, run_all_twice)
    seen |= run_all_twice()
    seen |= times_are_withdrawn(clinic, patient, physician)
    seen |= patient_is_corrected(clinic, patient, nurse)
    seen |= pharmacy_closes(clinic, caller)
    seen |= patient_dies(clinic, nurse)
    seen |= patient_is_merged(clinic)
    seen |= merge_is_undone(clinic, nurse, colleague)
    assert seen >= HANDLERS.keys()


def leave_results_alone(clinic: SmallClinic) -> None:
    """Three results of long ago: one deferred, one not seen, one reviewed and never told."""
    now = utcnow()
    long_ago = now - timedelta(days=30)
    wish(clinic, when="after_comment")
    set_report(received(clinic), release_due_at=now - timedelta(minutes=1))
    wish(clinic)
    set_report(received(clinic), released_at=long_ago)
    set_report(received(clinic), reviewed_at=long_ago, communicated_at=None)


def leave_visits_alone(clinic: SmallClinic, physician: Caller) -> None:
    """Two visits: one without a summary, one whose summary asks for something."""
    for _ in range(2):
        visit = plan(physician, clinic, starts_at=None)
        step(physician, visit, "start")
    released(physician, visit, {"kind": "other", "text": "Rest.", "due_on": days_from_now(1)[:10]})


@pytest.mark.parametrize("tick", schedule.TICKS.values(), ids=schedule.TICKS.keys())
def test_every_tick_twice(
    tick: Callable[[], int],
    clinic: SmallClinic,
    patient: Caller,
    physician: Caller,
    nurse: Caller,
    refillable: Make,
    order: UUID,
) -> None:
    waiting = ask_one(patient, refillable(refills_used=5).id)
    leave_results_alone(clinic)
    want_a_digest(clinic, patient, nurse)
    leave_an_upload(patient)
    collected = order_tests(physician, clinic)[0]
    assert physician.post(f"/requisitions/{collected}/collected").status_code == 200
    laboratory_order(clinic, physician)
    leave_visits_alone(clinic, physician)
    leave_a_draft(clinic, physician)
    appointments_of_the_past(clinic, patient, physician)
    past = {"past": utcnow() - timedelta(days=1), "id": waiting}
    with transaction(OPERATOR) as session:
        session.execute(text("UPDATE work_item SET due_at = :past"), past)
        session.execute(text("UPDATE refill SET expected_by = :past"), past)
        session.execute(text("UPDATE idempotency_key SET expires_at = :past"), past)
        session.execute(
            text("UPDATE requisition SET expected_by = :past, expires_at = :past"), past
        )
        session.execute(
            text("UPDATE visit SET summary_due_at = :past WHERE summary_due_at IS NOT NULL"), past
        )
        session.execute(text("UPDATE visit_instruction SET due_at = :past"), past)
        session.execute(text("UPDATE standing_order SET next_on = CAST(:past AS date)"), past)
    assert tick() > 0
    once = everything()
    assert tick() == 0
    assert everything() == once


def test_only_what_was_done_long_ago_is_forgotten(patient: Caller, refillable: Make) -> None:
    ask_one(patient, refillable().id)
    [recent, *_rest] = events()
    set_event(recent.id, status="done", done_at=utcnow())
    schedule.purge()
    assert recent.id in [event.id for event in events()]
    set_event(recent.id, done_at=utcnow() - schedule.DONE_KEPT_FOR - timedelta(minutes=1))
    assert schedule.purge() == 1
    assert recent.id not in [event.id for event in events()]
