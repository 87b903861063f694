"""The specialist's answer, and whose it is."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from portal.core.actor import ActorKind
from portal.directory.model import Practitioner
from tests.referrals.conftest import (
    cover,
    done,
    items,
    kept_promise,
    load,
    open_kinds,
    refer,
    step,
    told,
)
from tests.support.api import Caller
from tests.support.clinic import SmallClinic


def test_accepted_and_to_be_arranged(
    clinic: SmallClinic, specialist: Caller, clerk: Caller, accepted: str
) -> None:
    [item] = items(accepted)
    assert (item.kind, item.assignee_id) == ("referral_scheduling", None)
    assert told(clinic.patient.id) == ["referral_requested", "referral_accepted"]
    assert done(specialist.post(f"/referrals/{accepted}/accept"))["status"] == "accepted"
    assert len(done(specialist.get(f"/referrals/{accepted}"))["history"]) == 2
    assert [one["id"] for one in done(clerk.get("/referrals?to=me"))["items"]] == [accepted]
    kept_promise()


def test_declined_and_sent_to_somebody_else(
    clinic: SmallClinic,
    physician: Caller,
    patient: Caller,
    specialist: Caller,
    colleague: Caller,
    requested: str,
) -> None:
    note = "I no longer see new patients."
    step(specialist, requested, "decline", reason_code="no_capacity", note=note)
    assert open_kinds(requested) == ["referral_declined"]
    assert told(clinic.physician.id) == ["referral_returned"]
    seen = done(physician.get(f"/referrals/{requested}"))
    assert (seen["reason_code"], seen["messages"][0]["text"]) == ("no_capacity", note)
    theirs = done(patient.get(f"/referrals/{requested}"))
    assert (theirs["messages"], note in str(theirs)) == ([], False)
    kept_promise()
    to = {"specialist_id": str(clinic.colleague.id)}
    assert step(physician, requested, "send", to=to)["specialist"]["name"] == clinic.colleague.name
    assert open_kinds(requested) == ["referral_decision"]
    assert step(colleague, requested, "accept")["status"] == "accepted"
    assert specialist.get("/referrals?to=me").json["items"] == []
    kept_promise()


def test_asked_and_answered(
    clinic: SmallClinic,
    physician: Caller,
    patient: Caller,
    specialist: Caller,
    cardiologist: Practitioner,
    requested: str,
) -> None:
    step(specialist, requested, "ask", question="Is there an ECG?", visible_to_patient=True)
    [item] = items(requested)
    assert (item.kind, item.responsible_id) == ("referral_information", clinic.physician.id)
    late = specialist.post(f"/referrals/{requested}/accept")
    assert (late.status_code, late.json["code"]) == (409, "already_decided")
    step(physician, requested, "information", answer="It was normal.")
    assert told(cardiologist.id) == ["referral_answered"]
    assert [one["text"] for one in done(specialist.get(f"/referrals/{requested}"))["messages"]] == [
        "Is there an ECG?",
        "It was normal.",
    ]
    assert [one["text"] for one in done(patient.get(f"/referrals/{requested}"))["messages"]] == [
        "Is there an ECG?"
    ]
    again = physician.post(f"/referrals/{requested}/information", {"answer": "Once more."})
    assert (again.status_code, again.json["code"]) == (409, "nothing_asked")
    kept_promise()


@pytest.mark.parametrize("call", ["accept", "decline", "ask"])
def test_only_who_was_asked_decides(
    clinic: SmallClinic,
    physician: Caller,
    colleague: Caller,
    clerk: Caller,
    requested: str,
    call: str,
) -> None:
    body = {"decline": {"reason_code": "other"}, "ask": {"question": "Why?"}}.get(call, {})
    path = f"/referrals/{requested}/{call}"
    assert colleague.post(path, body).status_code == 404  # cares for somebody else
    for other in (physician, clerk):
        answer = other.post(path, body)
        assert (answer.status_code, answer.json["code"]) == (403, "referral_not_yours")
    assert load(requested).status == "requested"


def test_who_covers_decides(
    clinic: SmallClinic,
    physician: Caller,
    colleague: Caller,
    cardiologist: Practitioner,
) -> None:
    cover(cardiologist, clinic.colleague)
    referral = refer(physician, clinic, cardiologist)
    assert items(referral)[0].assignee_id == clinic.colleague.id
    assert step(colleague, referral, "accept")["status"] == "accepted"
    assert load(referral).accepted_by == clinic.colleague.id


def test_for_somebody_elsewhere_the_staff_record_it(
    clinic: SmallClinic, physician: Caller, clerk: Caller, specialist: Caller
) -> None:
    referral = refer(physician, clinic, None)
    for other in (physician, specialist):
        assert other.post(f"/referrals/{referral}/accept").status_code == 403
    step(clerk, referral, "ask", question="They want the last ECG.")
    step(physician, referral, "information", answer="Faxed.")
    assert step(clerk, referral, "accept")["status"] == "accepted"
    kept_promise()


def test_a_decline_after_the_patient_has_cancelled(
    clinic: SmallClinic, patient: Caller, specialist: Caller, requested: str
) -> None:
    step(patient, requested, "cancel", reason="I feel well again")
    answer = specialist.post(f"/referrals/{requested}/decline", {"reason_code": "other"})
    assert (answer.status_code, answer.json["code"]) == (409, "already_decided")
    assert (answer.json["decided_by"], answer.json["status_now"]) == ("the patient", "cancelled")
    assert open_kinds(requested) == []
    assert told(clinic.physician.id) == ["referral_withdrawn"]
    assert told(clinic.patient.id) == ["referral_requested"]
    kept_promise()


@pytest.mark.parametrize(
    ("call", "members", "pointer"),
    [
        ("decline", {}, "/reason_code"),
        ("decline", {"reason_code": "bored"}, "/reason_code"),
        ("ask", {"question": ""}, "/question"),
        ("ask", {"question": "x" * 2001}, "/question"),
        ("accept", {"extra": 1}, "/extra"),
    ],
)
def test_bodies_that_can_not_be_used(
    specialist: Caller, requested: str, call: str, members: dict[str, object], pointer: str
) -> None:
    answer = specialist.post(f"/referrals/{requested}/{call}", members)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]


def test_what_is_not_there_can_not_be_seen(
    clinic: SmallClinic, caller: Callable[..., Caller], specialist: Caller, requested: str
) -> None:
    assert specialist.post(f"/referrals/{uuid4()}/accept").json["code"] == "referral_not_found"
    stranger = caller(ActorKind.PATIENT, clinic.other_patient.id)
    assert stranger.get(f"/referrals/{requested}").status_code == 404
    assert stranger.post(f"/referrals/{requested}/cancel").status_code == 404
    assert stranger.get("/referrals").json["items"] == []
