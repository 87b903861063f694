"""What comes back, when the patient sees it, and how the loop is closed."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from portal.core.actor import OPERATOR
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.directory.model import Practitioner
from portal.referrals import queries
from tests.referrals.conftest import (
    appointment_passes,
    done,
    in_days,
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
from tests.support.work import drain
from workers import schedule

NOTE: dict[str, Any] = {"text": "Stable angina.", "recommendations": "A beta blocker."}


def hold(days: float = 5) -> dict[str, Any]:
    reason = "The patient asked to hear it in person."
    return {"exception": "patient_request", "reason": reason, "until": in_days(days)}


def texts(reader: Caller, referral: str) -> list[str]:
    return [note["text"] for note in done(reader.get(f"/referrals/{referral}"))["notes"]]


def test_a_note_means_that_the_patient_was_seen(
    clinic: SmallClinic, physician: Caller, patient: Caller, specialist: Caller, scheduled: str
) -> None:
    seen = step(specialist, scheduled, "note", **NOTE)
    assert [one["status"] for one in seen["history"]][-2:] == ["attended", "report_received"]
    [item] = items(scheduled)
    assert (item.kind, item.responsible_id) == ("referral_closing", clinic.physician.id)
    assert told(clinic.physician.id) == ["referral_reported"]
    assert told(clinic.patient.id)[-1] == "referral_noted"
    assert texts(patient, scheduled) == ["Stable angina."]
    for reason in (None, "It never came"):  # it came meanwhile
        unread = physician.post(f"/referrals/{scheduled}/close", {"reason": reason})
        assert (unread.status_code, unread.json["code"]) == (409, "newer_note")
    assert step(physician, scheduled, "close", last_seen_note=1)["status"] == "closed"
    again = physician.post(f"/referrals/{scheduled}/close", {"last_seen_note": 1})
    assert (again.status_code, again.json["code"]) == (409, "referral_not_closable")
    kept_promise()


@pytest.mark.parametrize("who", ["colleague", "specialist"])
def test_who_cares_for_the_patient_now_closes_it(
    clinic: SmallClinic,
    colleague: Caller,
    cardiologist: Practitioner,
    specialist: Caller,
    nurse: Caller,
    scheduled: str,
    who: str,
) -> None:
    """The referrer's care ended: whoever is primary has the item, even who was referred to."""
    step(specialist, scheduled, "note", **NOTE)
    if who == "specialist":
        early = specialist.post(f"/referrals/{scheduled}/close", {"last_seen_note": 1})
        assert early.status_code == 403
    team = f"/patients/{clinic.patient.id}/care-team"
    assert nurse.delete(f"{team}/{clinic.physician.id}").status_code == 204
    now = clinic.colleague if who == "colleague" else cardiologist
    begins = nurse.post(team, {"practitioner_id": str(now.id), "role": "primary"})
    assert begins.status_code == 200, begins.text
    drain()
    [item] = items(scheduled)
    assert (item.kind, item.assignee_id) == ("referral_closing", now.id)
    closing = colleague if who == "colleague" else specialist
    assert step(closing, scheduled, "close", last_seen_note=1)["status"] == "closed"
    kept_promise()


def test_a_colleague_answers_without_a_visit(
    clinic: SmallClinic,
    physician: Caller,
    patient: Caller,
    specialist: Caller,
    cardiologist: Practitioner,
) -> None:
    question = refer(physician, clinic, cardiologist, kind="consultation", same_day=True)
    step(specialist, question, "accept")
    [item] = items(question)
    assert (item.kind, item.assignee_id) == ("referral_note_missing", cardiologist.id)
    assert done(patient.get(f"/referrals/{question}"))["with"]["kind"] == "specialist"
    kept_promise()
    step(specialist, question, "answer", text="No angiography is needed.")
    assert open_kinds(question) == ["referral_closing"]
    assert texts(patient, question) == ["No angiography is needed."]
    at_once = refer(physician, clinic, cardiologist, kind="consultation")
    assert step(specialist, at_once, "answer", text="Yes.")["status"] == "report_received"
    kept_promise()


def test_a_held_note_is_released_by_time(
    clinic: SmallClinic, physician: Caller, patient: Caller, specialist: Caller, scheduled: str
) -> None:
    step(specialist, scheduled, "note", **NOTE, hold=hold())
    assert texts(patient, scheduled) == []
    assert "referral_noted" not in told(clinic.patient.id)
    [note] = done(physician.get(f"/referrals/{scheduled}"))["notes"]
    assert note["hold"]["exception"] == "patient_request"
    assert schedule.watch_referrals() == 0
    kept_promise()
    with_hold_over(scheduled)
    assert schedule.watch_referrals() == 1
    drain()
    assert texts(patient, scheduled) == ["Stable angina."]
    assert done(patient.get(f"/referrals/{scheduled}"))["notes"][0]["hold"] is None
    assert told(clinic.patient.id)[-1] == "referral_noted"
    assert told(clinic.physician.id) == ["referral_reported"]
    kept_promise()


def with_hold_over(referral: str) -> None:
    from_now = utcnow() - timedelta(seconds=1)
    with transaction(OPERATOR) as session:
        for note in queries.notes(session, UUID(referral)):
            note.held_until = from_now


def test_a_held_note_is_released_by_a_person(
    patient: Caller, physician: Caller, specialist: Caller, scheduled: str
) -> None:
    none = physician.post(f"/referrals/{scheduled}/note/release")
    assert (none.status_code, none.json["code"]) == (409, "note_missing")
    step(specialist, scheduled, "note", **NOTE, hold=hold())
    step(physician, scheduled, "note/release")
    assert texts(patient, scheduled) == ["Stable angina."]
    again = physician.post(f"/referrals/{scheduled}/note/release")
    assert (again.status_code, again.json["code"]) == (409, "note_already_released")


@pytest.mark.parametrize("days", [-0.5, 31.0])
def test_a_hold_has_bounds(specialist: Caller, scheduled: str, days: float) -> None:
    answer = specialist.post(f"/referrals/{scheduled}/note", {**NOTE, "hold": hold(days)})
    assert (answer.status_code, answer.json["code"]) == (422, "note_hold_too_long")
    assert load(scheduled).status == "scheduled"


def test_a_note_that_changes_after_the_end_is_read_again(
    clinic: SmallClinic, physician: Caller, patient: Caller, specialist: Caller, scheduled: str
) -> None:
    step(specialist, scheduled, "note", **NOTE)
    step(physician, scheduled, "close", last_seen_note=1)
    changed = {"text": "Unstable angina.", "amendment": "The angiography came."}
    assert step(specialist, scheduled, "note", **changed)["status"] == "closed"
    assert open_kinds(scheduled) == ["referral_closing"]
    assert texts(patient, scheduled) == ["Stable angina.", "Unstable angina."]
    kept_promise()
    unread = physician.post(f"/referrals/{scheduled}/close", {"last_seen_note": 1})
    assert (unread.status_code, unread.json["newest_note"]) == (409, 2)
    assert open_kinds(scheduled) == ["referral_closing"]
    assert step(physician, scheduled, "close", last_seen_note=2)["status"] == "closed"
    assert open_kinds(scheduled) == []
    kept_promise()


def test_from_elsewhere_the_staff_write_it_down(
    clinic: SmallClinic, physician: Caller, clerk: Caller, patient: Caller
) -> None:
    referral = refer(physician, clinic, None)
    step(clerk, referral, "accept")
    refused = physician.post(f"/referrals/{referral}/note", NOTE)
    assert (refused.status_code, refused.json["code"]) == (403, "referral_not_yours")
    step(clerk, referral, "note", **NOTE, author_name="Dr. Jo Lund")
    [note] = done(patient.get(f"/referrals/{referral}"))["notes"]
    assert note["author"] == "Dr. Jo Lund"


@pytest.mark.parametrize("call", ["note", "answer"])
def test_no_note_before_its_time(
    physician: Caller, specialist: Caller, scheduled: str, call: str
) -> None:
    assert physician.post(f"/referrals/{scheduled}/note", NOTE).status_code == 403
    step(physician, scheduled, "cancel")
    answer = specialist.post(f"/referrals/{scheduled}/{call}", NOTE)
    assert (answer.status_code, answer.json["code"]) == (409, "note_not_expected")


@pytest.mark.parametrize("by", ["declined", "no_show", "attended"])
def test_closing_without_a_note_needs_a_reason(
    clinic: SmallClinic,
    physician: Caller,
    specialist: Caller,
    clerk: Caller,
    cardiologist: Practitioner,
    by: str,
) -> None:
    referral = refer(physician, clinic, cardiologist)
    if by == "declined":
        step(specialist, referral, "decline", reason_code="not_needed")
    else:
        step(specialist, referral, "accept")
        step(clerk, referral, "appointment", starts_at=in_days(1), place="x")
        appointment_passes(referral)
        step(clerk, referral, "no-show" if by == "no_show" else "attended")
    answer = physician.post(f"/referrals/{referral}/close")
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/reason")
    assert specialist.post(f"/referrals/{referral}/close", {"reason": "x"}).status_code == 403
    closed = step(physician, referral, "close", reason="No longer needed")
    assert (closed["status"], closed["history"][-1]["note"]) == ("closed", "No longer needed")
    assert open_kinds(referral) == []
    kept_promise()


def test_who_was_seen_does_not_cancel(
    patient: Caller, physician: Caller, clerk: Caller, scheduled: str
) -> None:
    appointment_passes(scheduled)
    step(clerk, scheduled, "attended")
    for who in (patient, physician):
        answer = who.post(f"/referrals/{scheduled}/cancel")
        assert (answer.status_code, answer.json["code"]) == (409, "referral_not_cancellable")


def test_only_the_patient_and_who_referred_cancel(
    clinic: SmallClinic, specialist: Caller, physician: Caller, scheduled: str
) -> None:
    assert specialist.post(f"/referrals/{scheduled}/cancel").status_code == 403
    step(physician, scheduled, "cancel", reason="Solved otherwise")
    assert told(clinic.patient.id)[-1] == "referral_cancelled"
    answer = physician.post(f"/referrals/{scheduled}/cancel")
    assert (answer.status_code, answer.json["status_now"]) == (409, "cancelled")
    kept_promise()
