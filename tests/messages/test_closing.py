"""Closing with a reason and reopening, by both sides, each move against its table."""

from itertools import product
from uuid import UUID

import pytest

from portal.core.actor import ActorKind
from portal.core.ids import new_id
from portal.core.states import IllegalTransition
from portal.messages.model import Thread
from portal.messages.states import FINAL_REASONS, CloseReason, ThreadStatus
from tests.messages.conftest import (
    answer,
    broken,
    close,
    items,
    messages,
    new_thread,
    open_items,
    opened,
    started,
    thread,
    told,
    write,
)
from tests.support.api import Caller
from tests.support.clinic import NOW, SmallClinic, actor
from tests.support.work import drain

# Written out a second time on purpose: status -> (next -> who).
DESIGN = {
    "awaiting_care_team": {"awaiting_patient": "ds", "closed": "pedsw"},
    "awaiting_patient": {"awaiting_care_team": "pe", "closed": "pedsw"},
    "closed": {"awaiting_care_team": "pe", "awaiting_patient": "ds"},
}
LETTERS = {
    "p": ActorKind.PATIENT,
    "e": ActorKind.DELEGATE,
    "d": ActorKind.PRACTITIONER,
    "s": ActorKind.STAFF,
    "w": ActorKind.WORKER,
}


@pytest.mark.parametrize(("before", "after"), list(product(ThreadStatus, ThreadStatus)), ids=str)
def test_every_pair_for_every_mover(before: ThreadStatus, after: ThreadStatus) -> None:
    movers = {LETTERS[letter] for letter in DESIGN.get(before, {}).get(after, "")}
    for kind in ActorKind:
        row = Thread(id=new_id(), patient_id=new_id(), status=before)
        mover = actor(kind, new_id())
        if kind in movers:
            step = row.move_to(after, actor=mover, now=NOW)
            assert (step.from_status, step.to_status, row.status) == (before, after, after)
        else:
            with pytest.raises(IllegalTransition):
                row.move_to(after, actor=mover, now=NOW)
            assert row.status == before


def test_the_team_closes_what_needs_no_answer(
    clinic: SmallClinic, patient: Caller, nurse: Caller, asked: UUID
) -> None:
    closed = close(nurse, asked, "handled_elsewhere")
    assert closed.status_code == 200, closed.text
    assert (closed.json["status"], opened(nurse, asked)["with"]) == ("closed", None)
    assert [item.outcome for item in items(asked)] == ["closed: handled_elsewhere"]
    assert opened(patient, asked)["closed_reason"] == "handled_elsewhere"
    drain()
    assert told(clinic.patient.id) == ["thread_closed"]
    again = close(nurse, asked, "answered")
    assert (again.status_code, again.json["closed_reason"]) == (409, "handled_elsewhere")
    assert broken() == []


def test_the_patient_closes_and_nobody_tells_them(
    clinic: SmallClinic, patient: Caller, asked: UUID
) -> None:
    refused = close(patient, asked, "misuse")
    assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, "/reason")
    assert close(patient, asked, "withdrawn").status_code == 200
    assert open_items(asked) == []
    drain()
    assert told(clinic.patient.id) == []


def test_a_message_reopens_where_the_reason_allows(
    patient: Caller, nurse: Caller, asked: UUID
) -> None:
    answer(nurse, asked)
    close(nurse, asked, "answered")
    assert write(patient, asked, "One more thing.").status_code == 201
    assert (thread(asked).status, thread(asked).closed_reason) == ("awaiting_care_team", None)
    assert len(open_items(asked)) == 1


@pytest.mark.parametrize("reason", sorted(FINAL_REASONS))
def test_what_is_closed_for_good_is_a_clear_conflict(
    patient: Caller, nurse: Caller, asked: UUID, reason: CloseReason
) -> None:
    close(nurse, asked, reason)
    for refused in (write(patient, asked, "But why?"), patient.post(f"/threads/{asked}/reopen")):
        assert (refused.status_code, refused.json["code"]) == (409, "thread_closed")
        assert refused.json["closed_reason"] == reason
    assert len(messages(asked)) == 1
    assert nurse.post(f"/threads/{asked}/reopen").json["status"] == "awaiting_patient"


def test_a_patient_who_reopens_waits_for_an_answer(
    patient: Caller, nurse: Caller, asked: UUID
) -> None:
    assert patient.post(f"/threads/{asked}/reopen").json["code"] == "thread_not_closed"
    close(patient, asked, "answered")
    reopened = patient.post(f"/threads/{asked}/reopen")
    assert (reopened.status_code, reopened.json["status"]) == (200, "awaiting_care_team")
    assert len(open_items(asked)) == 1
    assert answer(nurse, asked).json["status"] == "awaiting_patient"
    drain()
    assert broken() == []


def test_nobody_closes_over_what_they_have_not_seen(
    patient: Caller, nurse: Caller, asked: UUID
) -> None:
    tag = nurse.get(f"/threads/{asked}").headers["ETag"]
    write(patient, asked, "It got worse.")
    stale = close(nurse, asked, "no_reply_needed", headers={"If-Match": tag})
    assert (stale.status_code, stale.json["code"]) == (412, "precondition_failed")
    fresh = nurse.get(f"/threads/{asked}").headers["ETag"]
    assert close(nurse, asked, "answered", headers={"If-Match": fresh}).status_code == 200


def test_an_item_is_not_closed_by_hand(nurse: Caller, asked: UUID) -> None:
    drain()
    [item] = nurse.get("/worklist?kind=thread_reply").json["items"]
    refused = nurse.post(
        f"/worklist/{item['id']}/complete", {"outcome": "done"}, headers={"If-Match": "*"}
    )
    assert (refused.status_code, refused.json["code"]) == (409, "not_closed_by_hand")


def test_it_is_handed_over_within_the_team(
    clinic: SmallClinic, nurse: Caller, physician: Caller, asked: UUID
) -> None:
    drain()
    [item] = nurse.get("/worklist?kind=thread_reply").json["items"]
    assert nurse.post(f"/worklist/{item['id']}/claim").status_code == 200
    assert opened(nurse, asked)["with"]["name"] == "Nora Bell"
    body = {"assignee_id": str(clinic.physician.id), "reason": "A question for the doctor"}
    assert nurse.post(f"/worklist/{item['id']}/reassign", body).status_code == 200
    assert opened(physician, asked)["with"]["name"] == "Dr. Ines Okafor"
    assert answer(physician, asked).status_code == 201


def test_whoever_closes_says_what_they_have_read(
    clinic: SmallClinic, patient: Caller, nurse: Caller, asked: UUID
) -> None:
    seen = opened(nurse, asked)["messages"][0]["id"]
    other = opened(nurse, started(patient, new_thread(clinic)))["messages"][0]["id"]
    path = f"/threads/{asked}/close"
    for body in ({"reason": "answered"}, {"reason": "answered", "last_seen_message_id": other}):
        refused = nurse.post(path, body)
        assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (
            422,
            "/last_seen_message_id",
        )
    assert nurse.post(path, {"reason": "answered", "last_seen_message_id": seen}).status_code == 200


@pytest.mark.parametrize("closer", ["nurse", "patient", "delegate"])
def test_a_message_that_came_in_between_is_not_closed_with_the_thread(
    clinic: SmallClinic,
    patient: Caller,
    nurse: Caller,
    other_nurse: Caller,
    maria: Caller,
    asked: UUID,
    closer: str,
) -> None:
    """Each side's, a colleague's and a delegate's; an internal note stands in nobody's way."""
    who = {"nurse": nurse, "patient": patient, "delegate": maria}[closer]
    seen = opened(who, asked)["messages"][0]["id"]
    body = {"reason": "answered", "last_seen_message_id": seen}
    others = {
        "nurse": lambda: write(patient, asked, "And the other tablets?"),
        "patient": lambda: write(maria, asked, "She has a fever."),
        "delegate": lambda: answer(other_nurse, asked, "Come in today."),
    }
    assert others[closer]().status_code == 201
    write(nurse, asked, "Among us.", kind="internal_note")
    refused = who.post(f"/threads/{asked}/close", body)
    assert (refused.status_code, refused.json["code"]) == (409, "newer_messages")
    [newer] = refused.json["messages"]
    assert newer["body"] == messages(asked)[1].body
    assert thread(asked).status != "closed"
    drain()
    assert broken() == []
    again = who.post(f"/threads/{asked}/close", {**body, "last_seen_message_id": newer["id"]})
    assert again.status_code == 200, again.text
