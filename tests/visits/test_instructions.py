"""What is to be done after a visit: followed until it is, by what happens or by hand."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from portal.core.actor import WORKER, ActorKind
from portal.core.clock import utcnow
from portal.requisitions import service as requisitions
from portal.requisitions.states import RequisitionStatus
from portal.visits import service
from tests.refills.conftest import TODAY, ask_one, event_of, post_all
from tests.requisitions.conftest import order
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, prescription
from tests.support.work import drain
from tests.visits.conftest import (
    ago,
    as_worker,
    in_days,
    instruction,
    items,
    plan,
    pointers,
    released,
    set_row,
    step,
    told,
    write,
    written,
)


def task(kind: str, target: Any = None, **changes: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "text": "As we agreed.",
        "target_id": None if target is None else str(target),
        **changes,
    }


def refillable(clinic: SmallClinic, **changes: Any) -> UUID:
    """A prescription that may be filled again today."""
    row = prescription(
        clinic,
        **{
            "last_filled_on": TODAY - timedelta(days=40),
            "written_on": TODAY - timedelta(days=100),
            "expires_on": TODAY + timedelta(days=200),
            **changes,
        },
    )
    return row.id


def hand_over(pharmacy: Caller, refill: UUID) -> None:
    """The pharmacy gives the medicine to the patient."""
    drain()
    assert pharmacy.post(f"/pharmacy/orders/{refill}/acknowledge").status_code == 200
    for status in ("ready_for_pickup", "picked_up"):
        post_all(pharmacy, event_of(refill, status))
    drain()


@pytest.fixture
def pharmacy(clinic: SmallClinic, caller: Callable[..., Caller]) -> Caller:
    return caller(ActorKind.PHARMACY, clinic.pharmacy.id)


def shown(patient: Caller, visit: UUID) -> tuple[str, str | None]:
    """What the summary says of its one instruction."""
    [one] = patient.get(f"/visits/{visit}/summary").json["instructions"]
    return one["status"], one["done_by"]


def test_a_fill_is_done_once_the_pharmacy_handed_it_over(
    physician: Caller, patient: Caller, pharmacy: Caller, clinic: SmallClinic, held: UUID
) -> None:
    rx = refillable(clinic)
    released(physician, held, task("fill", rx))
    refill = ask_one(patient, rx)
    drain()
    assert shown(patient, held) == ("open", None)
    hand_over(pharmacy, refill)
    assert shown(patient, held) == ("done", "dispensed")
    listed = patient.get("/instructions?status=done").json["items"]
    assert listed[0]["closed_by"]["kind"] == "worker"


def test_a_fill_that_was_renewed_on_the_way(
    physician: Caller, patient: Caller, pharmacy: Caller, clinic: SmallClinic, held: UUID
) -> None:
    rx = refillable(clinic, refills_used=5)
    released(physician, held, task("fill", rx))
    refill = ask_one(patient, rx)
    answer = physician.post(f"/refills/{refill}/decision", {"decision": "approve"})
    assert answer.status_code == 200, answer.text
    hand_over(pharmacy, refill)
    assert shown(patient, held) == ("done", "dispensed")


def test_what_was_handed_over_before_the_summary_came_is_done(
    physician: Caller, patient: Caller, pharmacy: Caller, clinic: SmallClinic, held: UUID
) -> None:
    rx = refillable(clinic)
    hand_over(pharmacy, ask_one(patient, rx))
    released(physician, held, task("fill", rx))
    assert shown(patient, held) == ("open", None)
    drain()
    assert shown(patient, held) == ("done", "dispensed")


def test_what_was_handed_over_long_before_the_visit_is_not(
    physician: Caller, patient: Caller, clinic: SmallClinic, held: UUID
) -> None:
    released(physician, held, task("fill", refillable(clinic)))
    drain()
    assert shown(patient, held) == ("open", None)


def test_a_stopped_prescription_is_not_to_be_filled(
    physician: Caller, patient: Caller, clinic: SmallClinic, held: UUID
) -> None:
    rx = refillable(clinic)
    released(physician, held, task("fill", rx))
    physician.post(f"/prescriptions/{rx}/stop", {"reason": "Cough"})
    drain()
    assert shown(patient, held) == ("cancelled", None)


def report(requisition: UUID, status: RequisitionStatus) -> None:
    as_worker(
        requisitions.report_progress,
        actor=WORKER,
        requisition_id=requisition,
        status=status,
        now=utcnow(),
    )
    drain()


def test_a_test_is_done_once_there_is_a_result(
    physician: Caller, patient: Caller, clinic: SmallClinic, held: UUID
) -> None:
    [test] = order(physician, clinic)
    released(physician, held, task("test", test))
    drain()
    report(test, RequisitionStatus.COLLECTED)
    assert shown(patient, held) == ("open", None)
    report(test, RequisitionStatus.RESULTED)
    assert shown(patient, held) == ("done", "resulted")


def test_a_test_that_had_a_result_before_and_one_that_was_called_off(
    physician: Caller, patient: Caller, clinic: SmallClinic, held: UUID
) -> None:
    [first], [second] = order(physician, clinic), order(physician, clinic)
    report(first, RequisitionStatus.RESULTED)
    made = released(physician, held, task("test", first), task("test", second))
    drain()
    physician.post(f"/requisitions/{second}/cancel", {"reason": "Not needed"})
    drain()
    seen = patient.get(f"/visits/{held}").json["instructions"]
    assert [one["status"] for one in seen] == ["done", "cancelled"]
    assert [one["id"] for one in seen] == [one["id"] for one in made["instructions"]]


def test_coming_again_is_done_by_the_next_visit_with_the_same_practitioner(
    physician: Caller, nurse: Caller, patient: Caller, clinic: SmallClinic, held: UUID
) -> None:
    released(physician, held, task("visit"))
    drain()
    other = plan(nurse, clinic, practitioner_id=str(clinic.colleague.id), starts_at=None)
    hold(nurse, other)
    assert shown(patient, held) == ("open", None)
    hold(nurse, plan(nurse, clinic, starts_at=None))
    assert shown(patient, held) == ("done", "visited")


def test_a_confidential_visit_does_only_what_another_one_asked_for(
    physician: Caller, patient: Caller, clinic: SmallClinic, held: UUID
) -> None:
    """Who acts for the patient sees the first visit, and would learn that there was a second."""
    released(physician, held, task("visit"))
    keep = "Asked not to tell at home"
    first = plan(physician, clinic, starts_at=None, confidential_reason=keep)
    hold(physician, first)
    assert shown(patient, held) == ("open", None)
    released(physician, first, task("visit"))
    hold(physician, plan(physician, clinic, starts_at=None, confidential_reason=keep))
    assert (shown(patient, held), shown(patient, first)) == (("open", None), ("done", "visited"))


def hold(who: Caller, visit: UUID) -> None:
    step(who, visit, "start")
    step(who, visit, "finish")
    drain()


def test_a_named_visit_is_done_by_that_one(
    physician: Caller, nurse: Caller, patient: Caller, clinic: SmallClinic, held: UUID
) -> None:
    wanted = plan(nurse, clinic, practitioner_id=str(clinic.colleague.id))
    released(physician, held, task("visit", wanted))
    hold(physician, plan(physician, clinic, starts_at=None))
    assert shown(patient, held) == ("open", None)
    hold(nurse, wanted)
    assert shown(patient, held) == ("done", "visited")


def test_a_named_visit_that_was_over_before_the_summary_came(
    physician: Caller, nurse: Caller, patient: Caller, clinic: SmallClinic, held: UUID
) -> None:
    wanted = plan(nurse, clinic, practitioner_id=str(clinic.colleague.id), starts_at=None)
    hold(nurse, wanted)
    released(physician, held, task("visit", wanted))
    drain()
    assert shown(patient, held) == ("done", "visited")


@pytest.mark.parametrize("kind", ["fill", "test", "visit", "referral", "message"])
def test_what_names_nothing_of_the_patients_is_refused(
    physician: Caller, held: UUID, kind: str
) -> None:
    answer = write(physician, held, written(task(kind, uuid4())))
    assert (answer.status_code, pointers(answer)) == (422, ["/instructions/0/target_id"])


def done(who: Caller, visit: UUID) -> Any:
    return who.post(f"/visits/{visit}/instructions/{instruction(visit).id}/done")


def test_by_hand(physician: Caller, nurse: Caller, patient: Caller, held: UUID) -> None:
    released(physician, held, task("other"))
    answer = done(patient, held)
    assert (answer.status_code, answer.json["done_by"]) == (200, "by_hand")
    assert answer.json["closed_by"]["kind"] == "patient"
    again = done(nurse, held)
    assert (again.status_code, again.json["status_now"]) == (409, "done")
    assert physician.get(f"/visits/{held}").json["instructions"][0]["status"] == "done"


def test_the_patient_does_not_say_what_the_portal_will_know(
    physician: Caller, nurse: Caller, patient: Caller, clinic: SmallClinic, held: UUID
) -> None:
    released(physician, held, task("fill", refillable(clinic)))
    refused = done(patient, held)
    assert (refused.status_code, refused.json["code"]) == (409, "instruction_followed")
    assert done(nurse, held).status_code == 200


def test_an_instruction_of_another_visit_or_patient(
    physician: Caller,
    colleague: Caller,
    caller: Callable[..., Caller],
    clinic: SmallClinic,
    held: UUID,
) -> None:
    released(physician, held, task("other"))
    id_ = instruction(held).id
    assert physician.post(f"/visits/{uuid4()}/instructions/{id_}/done").status_code == 404
    other = caller(ActorKind.PATIENT, clinic.other_patient.id)
    for who in (other, colleague):
        assert done(who, held).status_code == 404
        assert who.get(f"/instructions/{id_}").status_code == 404


def overdue(visit: UUID, since: datetime) -> None:
    """Let the day of a visit's one instruction have passed."""
    row = instruction(visit)
    set_row("visit_instruction", row.id, due_on=since.date(), due_at=since)


def test_an_overdue_instruction_is_the_practitioners_and_the_patient_is_told(
    physician: Caller, patient: Caller, clinic: SmallClinic, held: UUID
) -> None:
    made = released(physician, held, task("other", due_on=in_days(1)[:10]))
    drain()
    find = {"now": utcnow(), "limit": 10}
    assert as_worker(service.find_overdue_instructions, **find) == 0
    overdue(held, ago(hours=1))
    find["now"] = utcnow()
    assert [as_worker(service.find_overdue_instructions, **find) for _ in range(2)] == [1, 0]
    drain()
    [item] = items("visit_instruction_overdue")
    assert (item.assignee_id, item.subject_id) == (clinic.physician.id, instruction(held).id)
    assert told()[-1] == "visit_instruction_overdue"
    listed = physician.get("/worklist").json["items"]
    [mine] = [one for one in listed if one["kind"] == "visit_instruction_overdue"]
    read = physician.request("GET", mine["link"])
    assert (read.status_code, read.json["late"]) == (200, True)
    assert read.json["id"] == made["instructions"][0]["id"]
    assert done(patient, held).status_code == 200
    assert items("visit_instruction_overdue")[0].status == "done"


def test_what_is_put_off_is_found_again(physician: Caller, held: UUID) -> None:
    first = released(physician, held, task("other", due_on=in_days(1)[:10]))
    overdue(held, ago(hours=2))
    as_worker(service.find_overdue_instructions, now=utcnow(), limit=10)
    drain()
    [item] = items("visit_instruction_overdue")
    set_row("work_item", item.id, status="done", closed_at=ago(hours=1), created_at=ago(hours=2))
    assert as_worker(service.find_overdue_instructions, now=utcnow(), limit=10) == 0
    overdue(held, ago(minutes=1))
    assert as_worker(service.find_overdue_instructions, now=utcnow(), limit=10) == 1
    assert first["number"] == 1


def test_the_day_ends_where_the_patient_lives(
    physician: Caller, clinic: SmallClinic, held: UUID
) -> None:
    set_row("patient", clinic.patient.id, time_zone="Pacific/Auckland")
    year = utcnow().year + 1
    released(physician, held, task("other", due_on=f"{year}-07-01"))
    assert instruction(held).due_at == datetime(year, 7, 1, 12, tzinfo=UTC)
