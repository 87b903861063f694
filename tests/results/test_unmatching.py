"""A wrong match is undone in every state of its report: nothing of it stays on the chart."""

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from portal.core.actor import ActorKind
from tests.patients.delegates import acting_for
from tests.results.conftest import items, load, order, told, wish
from tests.results.messages import obr, obx, oru, pid
from tests.results.test_intake import cases, code_of, reports, rows, take
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, add, care_team
from tests.support.clinic import patient as new_patient
from tests.support.work import drain

WHY = "The laboratory called: the tube was another patient's"
BORN = {"confirmed": ["birth_date"], "reason": "It is said to be theirs"}
SECRET = "6.8"
_TOLD_DELEGATES = "SELECT event FROM notification WHERE recipient_kind = 'delegate'"


@pytest.fixture
def staff(clinic: SmallClinic, caller: Callable[..., Caller]) -> Caller:
    return caller(ActorKind.STAFF, clinic.liaison_officer.id, "Lee")


def good(answer: Any) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json


def send(control_id: str, *segments: str) -> None:
    assert code_of(take(oru(control_id, *segments))) == ["AA"]


def matched(clinic: SmallClinic, staff: Caller, **body: Any) -> tuple[UUID, UUID]:
    """Somebody else's critical potassium, matched to the first patient: the case, the report."""
    whose = pid("X-1", born="19800416")
    send("M1", whose, obr("", "LAB-1"), obx("potassium", SECRET, "HH"))
    case_id = cases()[-1].id
    body = body or {"patient_id": str(clinic.patient.id)}
    good(staff.post(f"/reconciliation/{case_id}/match", {**body, **BORN}))
    drain()
    return case_id, reports()[0].id


def unmatch(staff: Caller, case_id: UUID) -> Any:
    answer = staff.post(f"/reconciliation/{case_id}/unmatch", {"reason": WHY})
    drain()
    return answer


def nothing(_clinic: SmallClinic, _report: UUID, **_who: Caller) -> None:
    """As it was matched: released at once, its alert open."""


def seen(_clinic: SmallClinic, report: UUID, *, patient: Caller, physician: Caller) -> None:
    good(patient.get(f"/results/{report}"))
    good(physician.get(f"/results/{report}"))


def acknowledged(_clinic: SmallClinic, report: UUID, *, physician: Caller, **_who: Caller) -> None:
    good(physician.post(f"/results/{report}/acknowledge", {"read_back": f"Potassium {SECRET}"}))


def reviewed(clinic: SmallClinic, report: UUID, *, physician: Caller, **who: Caller) -> None:
    acknowledged(clinic, report, physician=physician)
    body = {"version": 1, "comment": f"{SECRET} is high", "follow_up": {"kind": "visit"}}
    good(physician.post(f"/results/{report}/review", body))
    drain()
    seen(clinic, report, physician=physician, **who)


def corrected(clinic: SmallClinic, report: UUID, **who: Caller) -> None:
    """A later version came by itself, since the report was there."""
    seen(clinic, report, **who)
    send("M2", obr("", "LAB-1", "C"), obx("potassium", "6.9", "HH", "C"))
    drain()


def cancelled(_clinic: SmallClinic, _report: UUID, **_who: Caller) -> None:
    send("M2", obr("", "LAB-1", "X"))
    drain()


STATES = [nothing, seen, acknowledged, reviewed, corrected, cancelled]


@pytest.mark.parametrize("state", STATES)
def test_nothing_of_it_stays_in_any_state_of_the_report(
    clinic: SmallClinic,
    staff: Caller,
    patient: Caller,
    physician: Caller,
    state: Callable[..., None],
) -> None:
    case_id, report = matched(clinic, staff)
    state(clinic, report, patient=patient, physician=physician)
    assert unmatch(staff, case_id).json["status"] == "open"
    for who in (patient, physician):
        answer = who.get(f"/results/{report}")
        view = good(answer)
        assert (view["status"], view["observations"]) == ("entered_in_error", [])
        assert [entry["action"] for entry in view["ledger"]] == ["released", "withdrawn"]
        # As a value; a time may have 56.8 seconds.
        assert not re.search(r"(?<![0-9:])6\.[89](?![0-9])", answer.text)
        assert (
            good(who.get(f"/results/trends?code=2823-3&patient_id={clinic.patient.id}"))["points"]
            == []
        )
        assert who.get(f"/results/{report}/versions/1").status_code == 404
    brought = {"M1", "M2"} if state in (corrected, cancelled) else {"M1"}
    waiting = rows(
        "SELECT m.control_id FROM reconciliation_case c JOIN received_message m "
        "ON m.id = c.message_id WHERE c.status = 'open' AND m.outcome = 'reconciling'"
    )
    assert {row.control_id for row in waiting} == brought
    kinds = sorted(item.kind for item in items())
    assert kinds == ["privacy_incident", *["reconciliation"] * len(brought)]
    assert rows("SELECT 1 FROM audit_entry WHERE action = 'unmatched'") != []
    assert rows("SELECT 1 FROM release_entry WHERE action = 'withdrawn' AND reason = :why", why=WHY)


def test_who_saw_it_is_told_and_the_clinic_assesses_it(
    clinic: SmallClinic,
    staff: Caller,
    patient: Caller,
    physician: Caller,
    caller: Callable[..., Caller],
) -> None:
    case_id, report = matched(clinic, staff)
    reviewed(clinic, report, patient=patient, physician=physician)
    unmatch(staff, case_id)
    for person in (clinic.patient, clinic.physician):
        assert told(person.id).count("result_corrected") == 1
    [item] = items(kind="privacy_incident")
    path = f"/reconciliation/{item.subject_id}/incidents"
    [incident] = good(staff.get(path))["items"]
    assert (incident["patient_id"], incident["result_id"]) == (str(clinic.patient.id), str(report))
    assert (incident["reason"], incident["was_released"]) == (WHY, True)
    assert {one["kind"] for one in incident["seen_by"]} == {"patient", "practitioner"}
    assert [one["kind"] for one in incident["follow_ups"]] == ["visit"]
    assert incident["outcome"] is None
    assert physician.get(path).status_code == 403
    outcome = {"outcome": "Low probability of compromise; the patient deleted it"}
    nurse = caller(ActorKind.STAFF, clinic.nurse.id)
    good(nurse.post(f"/worklist/{item.id}/complete", outcome, headers={"If-Match": "*"}))
    assert good(staff.get(path))["items"][0]["outcome"] == outcome["outcome"]


def test_a_delegate_who_saw_it_is_told_too(
    clinic: SmallClinic, staff: Caller, caller: Callable[..., Caller]
) -> None:
    case_id, report = matched(clinic, staff)
    delegate = acting_for(clinic.patient, caller, "results")
    good(delegate.get(f"/results/{report}"))
    unmatch(staff, case_id)
    [item] = items(kind="privacy_incident")
    [incident] = good(staff.get(f"/reconciliation/{item.subject_id}/incidents"))["items"]
    assert [one["kind"] for one in incident["seen_by"]] == ["delegate"]
    assert "result_corrected" in [row.event for row in rows(_TOLD_DELEGATES)]
    assert good(delegate.get(f"/results/{report}"))["observations"] == []


def test_also_after_the_record_was_merged(
    clinic: SmallClinic, staff: Caller, nurse: Caller, caller: Callable[..., Caller]
) -> None:
    case_id, report = matched(clinic, staff)
    twin = new_patient(clinic.clinic, clinic.pharmacy, "Avery", 3)
    add(twin, care_team(twin, clinic.physician))
    into = {"into_id": str(twin.id), "reason": "Registered twice at the front desk"}
    assert nurse.post(f"/patients/{clinic.patient.id}/merge", into).status_code == 200
    drain()
    assert unmatch(staff, case_id).json["status"] == "open"
    standing = caller(ActorKind.PATIENT, twin.id)
    view = good(standing.get(f"/results/{report}"))
    assert (view["status"], view["observations"]) == ("entered_in_error", [])


def test_who_never_saw_it_is_told_nothing(clinic: SmallClinic, staff: Caller) -> None:
    case_id, _report = matched(clinic, staff)
    unmatch(staff, case_id)
    assert "result_corrected" not in told(clinic.patient.id)


@pytest.mark.parametrize("way", ["letter", "phone"])
def test_what_was_still_to_be_told_is_not_told(
    clinic: SmallClinic, staff: Caller, way: str
) -> None:
    wish(clinic, by=way)
    case_id, _report = matched(clinic, staff)
    unmatch(staff, case_id)
    left = rows(
        "SELECT document AS said FROM letter WHERE status = 'queued' AND event = 'result_available'"
        " UNION ALL SELECT convert_to(script::text, 'UTF8') FROM phone_call WHERE status = 'open'"
    )
    assert not any(SECRET.encode() in bytes(row.said) for row in left)


def test_what_was_deferred_is_never_released(clinic: SmallClinic, staff: Caller) -> None:
    wish(clinic, when="after_comment")
    case_id, report = matched(clinic, staff)
    unmatch(staff, case_id)
    assert (load(report).release_status, load(report).release_due_at) == ("pending", None)


def test_matched_again_it_goes_to_whose_it_is(clinic: SmallClinic, staff: Caller) -> None:
    case_id, report = matched(clinic, staff)
    unmatch(staff, case_id)
    everything = ["birth_date", "family_name", "given_name"]
    body = {
        "patient_id": str(clinic.other_patient.id),
        "confirmed": everything,
        "reason": "The laboratory said whose it is",
    }
    again = good(staff.post(f"/reconciliation/{case_id}/match", body))
    drain()
    assert again["result_id"] != str(report)
    found = load(UUID(again["result_id"]))
    assert (found.patient_id, found.abnormality) == (clinic.other_patient.id, "critical")


def test_the_order_waits_for_its_own_result_again(clinic: SmallClinic, staff: Caller) -> None:
    requisition = order(clinic)
    case_id, report = matched(clinic, staff, requisition_id=str(requisition.id))
    [before] = rows("SELECT status FROM requisition")
    unmatch(staff, case_id)
    [after] = rows("SELECT status, closed_at, filler_number FROM requisition")
    assert (before.status, after.status) == ("resulted", "in_progress")
    assert (after.closed_at, after.filler_number) == (None, None)
    send("M9", obr(requisition.placer_number, "LAB-9"), obx("potassium", "4.1"))
    drain()
    own = [one for one in reports() if one.id != report]
    assert [(one.requisition_id, one.abnormality) for one in own] == [(requisition.id, "normal")]
    assert rows("SELECT status FROM requisition")[0].status == "resulted"


def test_what_the_chart_said_before_stands_again(
    clinic: SmallClinic, staff: Caller, patient: Caller
) -> None:
    """The first version was the patient's own, the second was matched by mistake."""
    requisition = order(clinic)
    send("M0", obr(requisition.placer_number, "LAB-1"), obx("potassium", "4.1"))
    drain()
    whose = pid("X-1", born="19800416")
    send("M1", whose, obr(requisition.placer_number, "LAB-1", "C"), obx("potassium", SECRET, "HH"))
    case_id = cases()[-1].id
    body = {"requisition_id": str(requisition.id), **BORN}
    good(staff.post(f"/reconciliation/{case_id}/match", body))
    drain()
    [report] = reports()
    assert report.abnormality == "critical"
    unmatch(staff, case_id)
    view = good(patient.get(f"/results/{report.id}"))
    assert [one["value"] for one in view["observations"]] == ["4.1"]
    assert (view["status"], view["abnormality"]) == ("corrected", "normal")
    assert SECRET not in str(view)
    assert sorted(item.kind for item in items()) == [
        "privacy_incident",
        "reconciliation",
        "result_review",
    ]


def test_only_what_was_matched_is_unmatched_and_with_a_reason(
    clinic: SmallClinic, staff: Caller
) -> None:
    case_id, _report = matched(clinic, staff)
    path = f"/reconciliation/{case_id}/unmatch"
    assert staff.post(path, {"reason": "short"}).status_code == 422
    assert unmatch(staff, case_id).status_code == 200
    again = staff.post(path, {"reason": WHY})
    assert (again.status_code, again.json["status_now"]) == (409, "open")
