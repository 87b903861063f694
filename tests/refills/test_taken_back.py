"""Orders that are taken back from a pharmacy: stops, holds, cancels, changes of pharmacy."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from portal.core import loops
from portal.core.actor import OPERATOR, WORKER, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.notifications.model import Notification
from portal.prescriptions.model import Dispense, Prescription
from portal.prescriptions.states import PrescriptionStatus
from portal.refills import service
from portal.refills.states import HOLDABLE, OPEN, RefillStatus
from portal.worklist.model import WorkItem
from tests.patients.delegates import give, new_person
from tests.refills.conftest import Make, ask_one, load, post_one, refill
from tests.refills.story import Story
from tests.refills.test_orders import pull
from tests.support import clinic as builders
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.work import drain

S = RefillStatus
# How a pharmacy comes to each status that an order may be taken back from.
WAYS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "with_pharmacy": [],
    "preparing": [("preparing", {})],
    "on_hold": [("on_hold", {"reason_code": "insurance"})],
    "partially_ready": [("partially_ready", {"quantity": 10})],
    "ready_for_pickup": [("ready_for_pickup", {})],
    "shipped": [("shipped", {"carrier": "USPS"})],
    "rest_owed": [("ready_for_pickup", {}), ("picked_up", {"quantity": 10})],
}
FETCHED = ["sending", *WAYS]


def at(status: str, patient: Caller, pharmacy: Caller, rx: UUID) -> UUID:
    """A refill that the pharmacy has seen and brought to a status."""
    delivery = "mail" if status == "shipped" else "pickup"
    answer = patient.post(
        "/refills", {"items": [{"prescription_id": str(rx), "delivery": delivery}]}
    )
    id_ = UUID(answer.json["items"][0]["refill"]["id"])
    drain()
    assert [order["refill_id"] for order in pull(pharmacy)["items"]] == [str(id_)]
    if status != "sending":
        pharmacy.post(f"/pharmacy/orders/{id_}/acknowledge")
        for step, details in WAYS[status]:
            assert post_one(pharmacy, id_, step, **details) == "applied"
    drain()
    assert refill(id_).status == status
    return id_


def change(physician: Caller, rx: UUID, verb: str) -> None:
    answer = physician.post(f"/prescriptions/{rx}/{verb}", {"reason": "Blood pressure too low"})
    assert answer.status_code == 200, answer.text


def items(kind: str) -> list[WorkItem]:
    with transaction(OPERATOR) as session:
        found = select(WorkItem).where(WorkItem.kind == kind).order_by(WorkItem.id)
        return list(session.scalars(found))


def open_items(kind: str) -> list[WorkItem]:
    return [item for item in items(kind) if item.status in ("open", "claimed")]


def told(recipient_id: UUID) -> list[str]:
    with transaction(OPERATOR) as session:
        found = select(Notification.event).where(Notification.recipient_id == recipient_id)
        return list(session.scalars(found.order_by(Notification.id)))


def broken() -> list[str]:
    """What `portal loops check` says in half an hour, but that no mail server is there."""
    later = utcnow() + timedelta(minutes=30)
    with transaction(OPERATOR) as session:
        found = [violation.rule for violation in loops.check(session, now=later)]
    return [rule for rule in found if not rule.startswith("an event waits")]


def answer(pharmacy: Caller, refill_id: UUID, said: str, **more: Any) -> Any:
    return pharmacy.post(f"/pharmacy/orders/{refill_id}/cancellation", {"answer": said, **more})


def hand_over_the_rest(pharmacy: Caller, refill_id: UUID, status: str) -> str:
    """The pharmacy hands over all that it has of an order that was at this status, and the workers
    follow; how."""
    handed_over = "delivered" if status == "shipped" else "picked_up"
    owed = 20 if status == "rest_owed" else 30
    assert post_one(pharmacy, refill_id, handed_over, quantity=owed) == "applied"
    drain()
    return handed_over


def test_the_walk_is_over_every_status_at_a_pharmacy() -> None:
    waiting = {S.AWAITING_PRESCRIBER, S.HELD}
    assert set(FETCHED) == set(OPEN) - waiting


@pytest.mark.parametrize("status", FETCHED)
def test_a_stop_reaches_the_pharmacy_wherever_the_order_stands(
    clinic: SmallClinic,
    patient: Caller,
    physician: Caller,
    pharmacy: Caller,
    refillable: Make,
    status: str,
) -> None:
    rx = refillable()
    id_ = at(status, patient, pharmacy, rx.id)
    change(physician, rx.id, "stop")
    drain()
    assert [(o["kind"], o.get("patient")) for o in pull(pharmacy)["items"]] == [("cancel", None)]
    seen = patient.get(f"/refills/{id_}").json
    assert (seen["status"], seen["reason_code"]) == ("cancelled", "prescription_stopped")
    assert "do not pick it up" in seen["next_step"]
    assert seen["cancellation"]["answer"] is None
    [question] = open_items("pharmacy_cancellation")
    assert (question.subject_id, question.priority) == (id_, "stat")
    assert question.pool_id == clinic.liaison.id
    before = told(clinic.patient.id)
    assert "prescription_stopped" in before
    assert post_one(pharmacy, id_, "ready_for_pickup") == "quarantined"
    drain()
    assert told(clinic.patient.id) == before, "what was stopped is not announced"
    assert open_items("quarantined_update") == [], "somebody asks the pharmacy already"
    for _ in range(2):
        said = answer(pharmacy, id_, "cancelled", note="Put back")
        assert (said.status_code, said.json["answer"]) == (200, "cancelled"), said.text
    drain()
    assert open_items("pharmacy_cancellation") == []
    assert broken() == []


@pytest.mark.parametrize("status", FETCHED)
def test_what_was_handed_over_after_a_stop_is_the_prescribers(
    clinic: SmallClinic,
    patient: Caller,
    physician: Caller,
    pharmacy: Caller,
    refillable: Make,
    status: str,
) -> None:
    rx = refillable()
    id_ = at(status, patient, pharmacy, rx.id)
    change(physician, rx.id, "stop")
    drain()
    handed_over = hand_over_the_rest(pharmacy, id_, status)
    assert refill(id_).status == handed_over
    assert refill(id_).cancel_answer == "already_handed_over"
    [alarm] = open_items("dispensed_after_stop")
    assert (alarm.responsible_id, alarm.priority) == (clinic.physician.id, "stat")
    assert open_items("pharmacy_cancellation") == []
    row: Prescription = load(Prescription, rx.id)
    assert row.refills_used == 2, "it is used: the patient has it"
    with transaction(OPERATOR) as session:
        got = session.scalars(select(Dispense.quantity).where(Dispense.refill_id == id_)).all()
    assert sum(got) == 30
    assert answer(pharmacy, id_, "already_handed_over").status_code == 200
    assert answer(pharmacy, id_, "cancelled").json["code"] == "cancellation_answered"
    assert broken() == []


@pytest.mark.parametrize("status", FETCHED)
def test_what_was_handed_over_during_a_hold_is_the_prescribers(
    clinic: SmallClinic,
    patient: Caller,
    physician: Caller,
    pharmacy: Caller,
    refillable: Make,
    status: str,
) -> None:
    """Also what was prepared already, which a hold does not take back."""
    rx = refillable()
    id_ = at(status, patient, pharmacy, rx.id)
    change(physician, rx.id, "hold")
    drain()
    hand_over_the_rest(pharmacy, id_, status)
    [alarm] = open_items("dispensed_after_stop")
    assert alarm.responsible_id == clinic.physician.id
    assert broken() == []


def test_what_was_handed_over_between_two_holds_was_right(
    patient: Caller, physician: Caller, pharmacy: Caller, refillable: Make
) -> None:
    """The workers come when the second one has begun."""
    rx = refillable()
    id_ = at("ready_for_pickup", patient, pharmacy, rx.id)
    change(physician, rx.id, "hold")
    drain()
    change(physician, rx.id, "resume")
    drain()
    assert post_one(pharmacy, id_, "picked_up", quantity=30) == "applied"
    change(physician, rx.id, "hold")
    drain()
    assert open_items("dispensed_after_stop") == []
    assert broken() == []


def test_collected_between_the_stop_and_the_workers(
    clinic: SmallClinic, patient: Caller, physician: Caller, pharmacy: Caller, refillable: Make
) -> None:
    rx = refillable()
    id_ = at("preparing", patient, pharmacy, rx.id)
    change(physician, rx.id, "stop")
    assert post_one(pharmacy, id_, "ready_for_pickup") == "applied"
    assert post_one(pharmacy, id_, "picked_up") == "applied"
    drain()
    assert "refill_ready_for_pickup" not in told(clinic.patient.id)
    assert [item.subject_id for item in open_items("dispensed_after_stop")] == [id_]


@pytest.mark.parametrize("status", FETCHED)
def test_a_hold_stops_what_is_not_prepared_and_its_end_sends_it_again(
    clinic: SmallClinic,
    patient: Caller,
    physician: Caller,
    pharmacy: Caller,
    refillable: Make,
    status: str,
) -> None:
    rx = refillable()
    id_ = at(status, patient, pharmacy, rx.id)
    change(physician, rx.id, "hold")
    drain()
    assert "prescription_on_hold" in told(clinic.patient.id)
    if S(status) not in HOLDABLE:
        assert refill(id_).status == status
        assert pull(pharmacy)["items"] == [] or status == "sending"
        return
    assert [order["kind"] for order in pull(pharmacy)["items"]] == ["cancel"]
    held = patient.get(f"/refills/{id_}").json
    assert (held["status"], held["with"]["kind"]) == ("held", "prescriber")
    assert [item.subject_id for item in open_items("pharmacy_cancellation")] == [id_]
    assert answer(pharmacy, id_, "cancelled").json["status"] == "held"
    change(physician, rx.id, "resume")
    drain()
    assert "prescription_resumed" in told(clinic.patient.id)
    assert pull(pharmacy)["items"][-1]["patient"]["birth_date"] == "1980-04-15"
    assert refill(id_).status == "sending"
    assert open_items("pharmacy_cancellation") == []
    assert pharmacy.post(f"/pharmacy/orders/{id_}/acknowledge").json["status"] == "with_pharmacy"
    assert broken() == []


def test_a_stop_a_hold_and_its_end_are_told_without_a_refill_too(
    clinic: SmallClinic, physician: Caller, refillable: Make
) -> None:
    helper = new_person()
    give(clinic.patient, helper)
    rx = refillable()
    for verb in ("hold", "resume", "stop"):
        change(physician, rx.id, verb)
        drain()
    expected = ["prescription_on_hold", "prescription_resumed", "prescription_stopped"]
    assert told(clinic.patient.id) == expected
    assert [event for event in told(helper) if event.startswith("prescription_")] == expected


def test_a_first_fill_that_was_held_back_is_sent_at_the_holds_end(
    physician: Caller, pharmacy: Caller, refillable: Make
) -> None:
    rx = refillable(last_filled_on=None, refills_used=0)
    change(physician, rx.id, "hold")
    change(physician, rx.id, "resume")
    drain()
    [order] = pull(pharmacy)["items"]
    assert order["refill_kind"] == "first_fill"


def test_the_patients_cancel_and_another_pharmacy_ask_as_well(
    clinic: SmallClinic, patient: Caller, pharmacy: Caller, refillable: Make
) -> None:
    cancelled = at("with_pharmacy", patient, pharmacy, refillable().id)
    patient.post(f"/refills/{cancelled}/cancel")
    drain()
    assert [item.subject_id for item in open_items("pharmacy_cancellation")] == [cancelled]
    answer(pharmacy, cancelled, "cancelled")
    pharmacy.post(f"/pharmacy/orders/{cancelled}/acknowledge")
    moved = at("sending", patient, pharmacy, refillable().id)
    elsewhere = {"pharmacy_id": str(clinic.other_pharmacy.id)}
    goes_on = patient.post(f"/refills/{moved}/pharmacy", elsewhere).json
    assert goes_on["replaces_id"] == str(moved), "the first one has seen whose it is"
    drain()
    assert [item.subject_id for item in open_items("pharmacy_cancellation")] == [moved]
    said = answer(pharmacy, moved, "already_handed_over", quantity=30)
    assert (said.status_code, said.json["status"]) == (200, "picked_up")
    drain()
    assert [item.subject_id for item in open_items("dispensed_after_stop")] == [moved]
    assert open_items("pharmacy_cancellation") == []


def test_somebody_who_called_the_pharmacy_writes_down_what_it_says(
    clinic: SmallClinic,
    caller: Callable[..., Caller],
    patient: Caller,
    physician: Caller,
    pharmacy: Caller,
    refillable: Make,
) -> None:
    rx = refillable()
    id_ = at("ready_for_pickup", patient, pharmacy, rx.id)
    liaison = caller(ActorKind.STAFF, clinic.liaison_officer.id)
    path = f"/refills/{id_}/cancellation"
    assert liaison.post(path, {"answer": "cancelled"}).status_code == 404
    change(physician, rx.id, "stop")
    drain()
    [question] = open_items("pharmacy_cancellation")
    done = liaison.post(
        f"/worklist/{question.id}/complete", {"outcome": "called"}, headers={"If-Match": "*"}
    )
    assert done.status_code == 409, "it closes with the answer alone"
    far = {"handed_over_at": "2020-01-01T10:00:00Z"}
    refused = liaison.post(path, {"answer": "already_handed_over", **far})
    assert refused.json["errors"][0]["pointer"] == "/handed_over_at"
    said = liaison.post(path, {"answer": "already_handed_over", "quantity": 10})
    assert (said.status_code, said.json["status"]) == (200, "partially_dispensed"), said.text
    drain()
    assert open_items("pharmacy_cancellation") == []
    assert [item.subject_id for item in open_items("dispensed_after_stop")] == [id_]
    last = patient.get(f"/refills/{id_}").json["history"][-1]
    assert last["by"]["kind"] == "staff"


def test_what_was_not_taken_back_is_not_to_be_answered(
    pharmacy: Caller, acknowledged: UUID
) -> None:
    said = answer(pharmacy, acknowledged, "cancelled")
    assert (said.status_code, said.json["code"]) == (409, "nothing_to_cancel")


def test_no_question_is_left_to_nobody(
    patient: Caller, physician: Caller, pharmacy: Caller, refillable: Make
) -> None:
    rx = refillable()
    at("preparing", patient, pharmacy, rx.id)
    change(physician, rx.id, "stop")
    drain()
    closing = text(
        "UPDATE work_item SET status = 'done', closed_at = now(), outcome = 'x' "
        "WHERE kind = 'pharmacy_cancellation'"
    )
    with pytest.raises(IntegrityError), transaction(OPERATOR) as session:
        session.execute(closing)


@pytest.mark.parametrize("verb", ["cancel", "stop", "hold", "pharmacy"])
@pytest.mark.parametrize("drained", [True, False])
def test_an_order_taken_back_before_it_was_fetched_says_nothing_of_the_patient(
    clinic: SmallClinic,
    patient: Caller,
    physician: Caller,
    pharmacy: Caller,
    refillable: Make,
    verb: str,
    drained: bool,
) -> None:
    rx = refillable()
    id_ = ask_one(patient, rx.id)
    drain()
    if verb == "cancel":
        patient.post(f"/refills/{id_}/cancel")
    elif verb == "pharmacy":
        elsewhere = {"pharmacy_id": str(clinic.other_pharmacy.id)}
        patient.post(f"/refills/{id_}/pharmacy", elsewhere)
    else:
        change(physician, rx.id, verb)
    if drained:
        drain()
    for query in ("", "?limit=1"):
        page = pull(pharmacy, query)
        assert all("patient" not in order for order in page["items"]), page
        assert [order["kind"] for order in page["items"]] == ["cancel"] * drained
    assert open_items("pharmacy_cancellation") == [], "nothing is to be asked"
    drain()
    for _ in range(2):
        said = pharmacy.post(f"/pharmacy/orders/{id_}/acknowledge")
        assert (said.status_code, said.json["status"]) == (200, "withdrawn")
    assert broken() == []


def test_a_hold_that_goes_on_and_on_is_its_prescribers(
    clinic: SmallClinic, patient: Caller, physician: Caller, pharmacy: Caller, refillable: Make
) -> None:
    rx = refillable()
    at("preparing", patient, pharmacy, rx.id)
    change(physician, rx.id, "hold")
    drain()
    later = utcnow() + timedelta(days=15)
    with transaction(WORKER) as session:
        assert service.find_overdue(session=session, now=later, limit=10) == 1
    [item] = open_items("refill_overdue")
    assert item.responsible_id == clinic.physician.id
    assert "refill_late" not in told(clinic.patient.id)


@pytest.mark.parametrize("left", [0, 1])
def test_a_replacement_gives_back_no_fill_that_was_handed_over(
    clinic: SmallClinic, left: int
) -> None:
    story = Story(clinic, refills=1 + left)
    story.follow()
    first = story.refills()[-1].id
    assert story.acknowledge(0, first) == "with_pharmacy"
    assert story.report(0, first, "ready_for_pickup") == "applied"
    assert story.report(0, first, "picked_up") == "applied"
    story.allow_early(1)
    assert story.ask("patient") == "done"
    story.follow()
    old = story.refills()[-1].id
    assert story.acknowledge(0, old) == "with_pharmacy"
    assert story.change_pharmacy("patient", old, 1) == "done"
    story.follow()
    assert story.report(0, old, "picked_up") == "applied"
    assert (story.row().refills_used, story.row().refills_beyond) == (1 + left, 1 - left)
    new = story.refills()[-1].id
    assert story.acknowledge(1, new) == "with_pharmacy"
    if not left:
        assert story.change_pharmacy("patient", new, 0) == "refill_not_allowed"
    assert story.report(1, new, "not_dispensed") == "applied"
    assert (story.row().refills_used, story.row().refills_beyond) == (1, 0)
    assert story.answer().refills_remaining == left
    assert story.broken() == []


@pytest.mark.parametrize("status", ["on_hold", "stopped", "active"])
def test_a_patient_who_is_sent_to_nobody_is_listed(clinic: SmallClinic, status: str) -> None:
    """The prescriber has left, and nobody else cares for the patient."""
    rule = "a patient is told to ask a prescriber who has left, and nobody else cares for them"
    story = Story(clinic, schedule=2, refills=0)
    if status != "active":
        assert story.set_status(PrescriptionStatus(status)) == "done"
    story.follow()
    first = story.refills()[-1:]
    if status == "active":
        assert story.acknowledge(0, first[0].id) == "with_pharmacy"
        assert story.report(0, first[0].id, "ready_for_pickup") == "applied"
        assert story.report(0, first[0].id, "picked_up") == "applied"
    assert story.answer().action == "contact_prescriber"
    assert story.broken() == []
    with transaction(OPERATOR) as session:
        left = {"id": clinic.physician.id}
        session.execute(text("UPDATE practitioner SET active = false WHERE id = :id"), left)
    assert story.broken() == [rule]
    builders.add(builders.care_team(story.patient, clinic.colleague, role="specialist"))
    assert story.broken() == []
