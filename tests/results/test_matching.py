"""Every kind of case, in every state of its report: matched, discarded, and both at once."""

from collections.abc import Callable
from functools import partial
from itertools import cycle, product
from typing import Any
from uuid import UUID

import pytest

from portal.core.actor import OPERATOR, ActorKind
from portal.core.db import transaction
from portal.results.states import CaseReason
from tests.results.conftest import order
from tests.results.messages import obr, obx, oru, pid
from tests.results.test_intake import cases, code_of, reports, rows, take
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.races import at_once

# What the report on the chart says already (OBR-25), and what the one that waits says.
ON_CHART = ("", "P", "F", "C", "X")
WAITING = ("I", "P", "F", "C", "X")


@pytest.fixture
def staff(clinic: SmallClinic, caller: Callable[..., Caller]) -> Caller:
    return caller(ActorKind.STAFF, clinic.liaison_officer.id, "Lee")


class Mailbox:
    """A laboratory that sends one message after another."""

    def __init__(self) -> None:
        self.sent = 0

    def send(self, *segments: str, **header: Any) -> None:
        self.sent += 1
        assert code_of(take(oru(f"M{self.sent}", *segments, **header))) == ["AA"]

    def waiting(self, reason: str, placer: str, status: str, value: str = "4.2") -> UUID:
        """A case of this kind about a report that belongs to the order."""
        filler = f"F-{placer}"
        self.send(
            pid("MRN-0001", born="19800416"),
            obr(placer, filler, status),
            *(() if status == "I" else (obx("potassium", value, status=status),)),
        )
        case_id = UUID(str(cases()[-1].id))
        with transaction(OPERATOR) as session:
            session.connection().exec_driver_sql(
                "UPDATE reconciliation_case SET reason = %s WHERE id = %s", (reason, case_id)
            )
        return case_id


def confirmed(requisition_id: UUID) -> dict[str, Any]:
    reason = "The birth date was mistyped at the laboratory"
    return {
        "requisition_id": str(requisition_id),
        "confirmed": ["birth_date"],
        "reason": reason,
    }


@pytest.mark.parametrize("reason", list(CaseReason))
def test_a_case_of_every_kind_is_matched_in_every_state_of_its_report(
    clinic: SmallClinic, staff: Caller, reason: CaseReason
) -> None:
    """Alternately with the value that is there already, and with another."""
    laboratory = Mailbox()
    states = product(ON_CHART, WAITING)
    for (before, after), text in zip(states, cycle(("4.2", "4.9")), strict=False):
        requisition = order(clinic)
        placer = requisition.placer_number
        if before:
            laboratory.send(
                obr(placer, f"F-{placer}", before), obx("potassium", "4.2", status=before)
            )
        case_id = laboratory.waiting(reason, placer, after, text)
        answer = staff.post(f"/reconciliation/{case_id}/match", confirmed(requisition.id))
        if reason == CaseReason.NOT_TAKEN_IN:
            assert answer.status_code == 409, (before, after, answer.text)
            continue
        assert answer.status_code == 200, (before, after, answer.text)
        assert answer.json["status"] == "matched"
        again = staff.post(f"/reconciliation/{case_id}/discard", {"note": "Again"})
        assert (again.status_code, again.json["status_now"]) == (409, "matched")
    assert {report.patient_id for report in reports()} == {clinic.patient.id}
    # What a match could not apply waits for a decision: a case of its own.
    left = rows(
        "SELECT c.reason FROM work_item w JOIN reconciliation_case c ON c.id = w.subject_id "
        "WHERE w.kind = 'reconciliation' AND w.closed_at IS NULL"
    )
    assert {row.reason for row in left} <= {"out_of_order", "not_taken_in"}
    assert rows("SELECT 1 FROM received_message WHERE outcome IN ('refused', 'failed')") == []


@pytest.mark.parametrize("reason", list(CaseReason))
def test_of_matching_and_discarding_at_once_one_is_done(
    clinic: SmallClinic, caller: Callable[..., Caller], reason: CaseReason
) -> None:
    laboratory = Mailbox()
    first = caller(ActorKind.STAFF, clinic.liaison_officer.id)
    second = caller(ActorKind.STAFF, clinic.nurse.id)
    for before, after in (("", "F"), ("F", "F"), ("", "I")):
        requisition = order(clinic)
        placer = requisition.placer_number
        if before:
            laboratory.send(
                obr(placer, f"F-{placer}", before), obx("potassium", "4.2", status=before)
            )
        case_id = laboratory.waiting(reason, placer, after)
        path, body = f"/reconciliation/{case_id}", confirmed(requisition.id)
        answers = at_once(
            partial(first.post, f"{path}/match", body),
            partial(second.post, f"{path}/discard", {"note": "Nobody's"}),
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        [done] = [answer.json["status"] for answer in answers if answer.status_code == 200]
        [case] = rows(
            "SELECT status, closed_at FROM reconciliation_case WHERE id = :id", id=case_id
        )
        assert case.status == done
        [item] = rows("SELECT outcome FROM work_item WHERE subject_id = :id", id=case_id)
        assert item.outcome == done


def test_what_differs_from_the_record_is_named_and_has_to_be_confirmed(
    clinic: SmallClinic, staff: Caller
) -> None:
    """By name, birth date and sex it is somebody else's; the number is another patient's."""
    other = pid("MRN-0002", "Otherpatient^Kim", "19990101").replace("|F", "|M")
    Mailbox().send(other, obr("ORD-unknown"), obx("potassium", "4.2"))
    path = f"/reconciliation/{cases()[-1].id}/match"
    body: dict[str, Any] = {"patient_id": str(clinic.patient.id)}
    everything = ["birth_date", "family_name", "given_name", "record_number", "sex"]
    refused = staff.post(path, body)
    assert (refused.status_code, refused.json["code"]) == (409, "identity_differs")
    assert refused.json["differs"] == everything
    assert [one["pointer"] for one in refused.json["errors"]] == ["/confirmed"] * 5
    partly = {**body, "confirmed": everything[1:], "reason": "It is said to be theirs"}
    assert [one["message"] for one in staff.post(path, partly).json["errors"]] == [
        "birth_date: the report has another birth date."
    ]
    for half in ({"confirmed": everything}, {"reason": "It is said to be theirs"}):
        assert staff.post(path, {**body, **half}).status_code == 422
    assert reports() == []
    why = "The laboratory called: its labels were swapped"
    answer = staff.post(path, {**body, "confirmed": everything, "reason": why})
    assert (answer.status_code, answer.json["differences"]) == (200, everything)
    assert answer.json["confirmation"] == why
    [entry] = rows("SELECT * FROM audit_entry WHERE action = 'confirm_differences'")
    assert (entry.patient_id, entry.actor_id) == (clinic.patient.id, clinic.liaison_officer.id)


def test_what_does_not_differ_needs_no_confirmation(clinic: SmallClinic, staff: Caller) -> None:
    Mailbox().send(pid("X-1"), obr("ORD-unknown"), obx("potassium", "4.2"))
    body = {"patient_id": str(clinic.patient.id)}
    answer = staff.post(f"/reconciliation/{cases()[-1].id}/match", body)
    assert (answer.status_code, answer.json["differences"]) == (200, [])
