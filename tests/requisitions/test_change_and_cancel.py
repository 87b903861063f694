"""Cancelling, going elsewhere, and specimens that are taken at the clinic."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from portal.core.clock import utcnow
from portal.requisitions.model import StandingOrder
from tests.requisitions.conftest import (
    CT,
    change,
    in_days,
    load,
    messages,
    offer,
    order,
    pointers,
    rows,
    sent,
    statuses,
    told,
)
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.work import drain

WHY = {"reason": "Done elsewhere"}
TAKEN = ("collected", "in_progress")
OVER = ("resulted", "rejected", "cancelled", "expired")


def put(requisition_id: UUID, status: str) -> None:
    """Bring a requisition to a status as others would have."""
    ended = status in OVER
    change(
        load(requisition_id),
        status=status,
        closed_at=utcnow() if ended else None,
        expected_by=None if ended else load(requisition_id).collect_by,
    )


def test_cancelled_before_it_was_sent_there_is_only_the_word_to_leave_it(
    clinic: SmallClinic, physician: Caller, ordered: UUID
) -> None:
    answer = physician.post(f"/requisitions/{ordered}/cancel", WHY)
    assert (answer.status_code, answer.json["status"]) == (200, "cancelled"), answer.text
    assert answer.json["reason"] == WHY["reason"]
    assert answer.json["with"] is None
    drain()
    assert sent(ordered) == [], "it was never sent: there is nothing to leave"
    assert told() == ["requisition_cancelled"], "what is off was never to come"


def test_cancelled_afterwards_the_laboratory_is_told_once(
    clinic: SmallClinic, physician: Caller, ordered: UUID
) -> None:
    drain()
    physician.post(f"/requisitions/{ordered}/cancel", WHY)
    drain()
    assert [kind for _, kind, _ in sent(ordered)] == ["new", "cancel"]
    again = physician.post(f"/requisitions/{ordered}/cancel", WHY)
    assert (again.status_code, again.json["code"]) == (409, "not_cancellable")
    drain()
    assert len(messages(ordered)) == 2


@pytest.mark.parametrize("status", [*TAKEN, *OVER])
def test_what_was_taken_or_has_ended_is_not_cancelled(
    physician: Caller, ordered: UUID, status: str
) -> None:
    put(ordered, status)
    answer = physician.post(f"/requisitions/{ordered}/cancel", WHY)
    assert (answer.status_code, answer.json["code"]) == (409, "not_cancellable")
    assert answer.json["status_now"] == status


def test_cancelling_says_why(physician: Caller, ordered: UUID) -> None:
    long = {"reason": "x" * 301}
    assert pointers(physician.post(f"/requisitions/{ordered}/cancel", long)) == ["/reason"]
    assert physician.post(f"/requisitions/{uuid4()}/cancel", WHY).status_code == 404


def test_a_patient_cancels_nothing(patient: Caller, ordered: UUID) -> None:
    assert patient.post(f"/requisitions/{ordered}/cancel", WHY).status_code == 403


def test_a_standing_order_ends_on_its_own_or_with_the_requisition(
    clinic: SmallClinic, physician: Caller
) -> None:
    standing = {"count": 4, "interval_days": 90}
    [first] = order(physician, clinic, standing=standing)
    physician.post(f"/requisitions/{first}/cancel", WHY)
    assert [one.status for one in rows(StandingOrder)] == ["active"], "only this one was cancelled"
    answer = physician.post(f"/requisitions/{first}/cancel", {**WHY, "standing": True})
    assert (answer.status_code, answer.json["standing"]["status"]) == (200, "cancelled")
    answer = physician.post(f"/requisitions/{first}/cancel", {**WHY, "standing": True})
    assert answer.status_code == 409, "nothing is left to end"


def test_the_patient_chooses_another_laboratory(
    clinic: SmallClinic,
    patient: Caller,
    laboratory: Caller,
    other_laboratory: Caller,
    ordered: UUID,
) -> None:
    drain()
    laboratory.post(f"/lab/orders/{ordered}/acknowledge", {"filler_number": "A-1"})
    there = {"laboratory_id": str(clinic.other_laboratory.id)}
    answer = patient.post(f"/requisitions/{ordered}/laboratory", there)
    assert answer.status_code == 200, answer.text
    assert answer.json["laboratory"]["name"] == clinic.other_laboratory.name
    assert (answer.json["status"], answer.json["filler_number"]) == ("placed", None)
    assert statuses(answer.json) == ["placed", "accepted", "placed"]
    drain()
    here, elsewhere = clinic.laboratory.id, clinic.other_laboratory.id
    assert sent(ordered) == [
        (here, "new", "accepted"),
        (here, "cancel", "queued"),
        (elsewhere, "new", "queued"),
    ]
    assert laboratory.post(f"/lab/orders/{ordered}/acknowledge").json["status"] == "withdrawn"
    answer = other_laboratory.post(f"/lab/orders/{ordered}/acknowledge")
    assert answer.json["status"] == "accepted"
    assert told() == ["requisition_placed"], "who chose it need not be told"


def test_there_and_back_again_each_laboratory_knows_where_it_stands(
    clinic: SmallClinic, patient: Caller, ordered: UUID
) -> None:
    here, elsewhere = clinic.laboratory.id, clinic.other_laboratory.id
    drain()
    for place in (elsewhere, here):
        patient.post(f"/requisitions/{ordered}/laboratory", {"laboratory_id": str(place)})
        drain()
    assert {place: kind for place, kind, _ in sent(ordered)} == {
        here: "new",
        elsewhere: "cancel",
    }
    count = len(messages(ordered))
    same = patient.post(f"/requisitions/{ordered}/laboratory", {"laboratory_id": str(here)})
    assert same.status_code == 200
    drain()
    assert len(messages(ordered)) == count


def test_a_place_that_cannot_do_it_is_refused(
    clinic: SmallClinic, nurse: Caller, patient: Caller, ordered: UUID
) -> None:
    for place in (clinic.radiology.id, uuid4()):
        wrong = {"laboratory_id": str(place)}
        answer = nurse.post(f"/requisitions/{ordered}/laboratory", wrong)
        assert (answer.status_code, pointers(answer)) == (422, ["/laboratory_id"])
    there = {"laboratory_id": str(clinic.other_laboratory.id)}
    assert nurse.post(f"/requisitions/{ordered}/laboratory", there).status_code == 200
    for status in (*TAKEN, *OVER):
        put(ordered, status)
        answer = patient.post(f"/requisitions/{ordered}/laboratory", there)
        assert (answer.status_code, answer.json["code"]) == (409, "laboratory_not_changeable")


def test_with_an_appointment_the_place_is_changed_by_changing_that(
    clinic: SmallClinic, physician: Caller, patient: Caller, radiology: Caller
) -> None:
    [scan] = order(physician, clinic, CT)
    [slot] = offer(radiology, in_days(3))
    patient.post(f"/imaging/slots/{slot}/book", {"requisition_id": str(scan)})
    there = {"laboratory_id": str(clinic.radiology.id)}
    assert patient.post(f"/requisitions/{scan}/laboratory", there).status_code == 409
    physician.post(f"/requisitions/{scan}/cancel", WHY)
    shown = patient.get(f"/requisitions/{scan}").json
    assert (shown["status"], shown["appointment"]) == ("cancelled", None)
    [other] = order(physician, clinic, CT)
    again = patient.post(f"/imaging/slots/{slot}/book", {"requisition_id": str(other)})
    assert again.status_code == 200, "the time is free again"


def test_a_specimen_is_taken_at_the_clinic(nurse: Caller, patient: Caller, ordered: UUID) -> None:
    at = utcnow() - timedelta(minutes=20)
    answer = nurse.post(f"/requisitions/{ordered}/collected", {"collected_at": at.isoformat()})
    assert (answer.status_code, answer.json["status"]) == (200, "collected"), answer.text
    row = load(ordered)
    assert row.collected_at == at
    assert row.expected_by == at + timedelta(hours=48), "the catalogue's turnaround"
    again = nurse.post(f"/requisitions/{ordered}/collected")
    assert (again.status_code, again.json["code"]) == (409, "not_collectable")
    seen = patient.get(f"/requisitions/{ordered}").json
    assert (seen["with"]["kind"], seen["next_step"][:12]) == ("laboratory", "You need do ")


def test_what_is_still_to_come_was_not_collected(
    clinic: SmallClinic, physician: Caller, nurse: Caller, patient: Caller, ordered: UUID
) -> None:
    at = {"collected_at": (utcnow() + timedelta(minutes=6)).isoformat()}
    answer = nurse.post(f"/requisitions/{ordered}/collected", at)
    assert pointers(answer) == ["/collected_at"]
    assert patient.post(f"/requisitions/{ordered}/collected").status_code == 403
    [scan] = order(physician, clinic, CT)
    assert nurse.post(f"/requisitions/{scan}/collected").status_code == 409
    [draft] = order(physician, clinic, draft=True)
    assert nurse.post(f"/requisitions/{draft}/collected").status_code == 409
