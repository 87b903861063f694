"""Several at once about one referral: one is first, and the other is told who was."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from portal.core.actor import OPERATOR, WORKER
from portal.core.clock import utcnow
from portal.core.db import transaction, violated
from portal.directory.model import Practitioner
from portal.referrals import queries, service
from tests.referrals.conftest import (
    change,
    cover,
    in_days,
    kept_promise,
    load,
    open_kinds,
    refer,
    told,
)
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.races import at_once
from tests.support.work import drain
from workers import schedule


@pytest.mark.parametrize("_attempt", range(5))
def test_one_accepts_while_the_other_declines(
    clinic: SmallClinic,
    physician: Caller,
    specialist: Caller,
    colleague: Caller,
    cardiologist: Practitioner,
    _attempt: int,
) -> None:
    cover(cardiologist, clinic.colleague)
    requested = refer(physician, clinic, cardiologist)
    path = f"/referrals/{requested}"
    answers = at_once(
        lambda: specialist.post(f"{path}/accept"),
        lambda: colleague.post(f"{path}/decline", {"reason_code": "other"}),
    )
    [first] = [answer for answer in answers if answer.status_code == 200]
    [second] = [answer for answer in answers if answer.status_code != 200]
    assert (second.status_code, second.json["code"]) == (409, "already_decided")
    became = first.json["status"]
    names = {"accepted": cardiologist.name, "declined": clinic.colleague.name}
    assert second.json["decided_by"] == names[became]
    drain()
    assert load(requested).status == became
    expected = {"accepted": "referral_scheduling", "declined": "referral_declined"}[became]
    assert open_kinds(requested) == [expected]
    assert told(clinic.patient.id) == ["referral_requested", f"referral_{became}"]
    kept_promise()


@pytest.mark.parametrize("_attempt", range(3))
def test_the_patient_cancels_while_it_is_arranged(
    clinic: SmallClinic, patient: Caller, clerk: Caller, accepted: str, _attempt: int
) -> None:
    path = f"/referrals/{accepted}"
    times = {"starts_at": in_days(2), "place": "Harbor"}
    cancelled, arranged = at_once(
        lambda: patient.post(f"{path}/cancel"),
        lambda: clerk.post(f"{path}/appointment", times),
    )
    assert cancelled.status_code == 200
    assert arranged.status_code in (200, 409)
    drain()
    assert (load(accepted).status, open_kinds(accepted)) == ("cancelled", [])
    kept_promise()


def test_two_versions_of_a_note_at_once(app: Flask, specialist: Caller, accepted: str) -> None:
    callers = [Caller(app, specialist.token) for _ in range(4)]

    def write(caller: Caller) -> Any:
        return caller.post(f"/referrals/{accepted}/note", {"text": "Stable."})

    answers = at_once(*(lambda caller=caller: write(caller) for caller in callers))
    assert {answer.status_code for answer in answers} == {200}
    numbers = [note["number"] for note in callers[0].get(f"/referrals/{accepted}").json["notes"]]
    assert numbers == [1, 2, 3, 4]
    kept_promise()


def test_two_ticks_expire_it_once(clinic: SmallClinic, accepted: str) -> None:
    change(accepted, expires_at=utcnow() - timedelta(seconds=1), warned_at=utcnow())
    assert sum(at_once(*[schedule.watch_referrals] * 3)) == 1
    drain()
    assert open_kinds(accepted) == ["referral_expired"]
    assert told(clinic.physician.id) == ["referral_lapsed"]


def test_following_a_step_twice_tells_once(clinic: SmallClinic, accepted: str) -> None:
    with transaction(WORKER) as session:
        steps = [step.id for step in queries.history(session, UUID(accepted))]
        for history_id in steps * 2:
            service.follow_move(
                session=session, referral_id=UUID(accepted), history_id=history_id, now=utcnow()
            )
    drain()
    assert told(clinic.patient.id) == ["referral_requested", "referral_accepted"]


@pytest.mark.parametrize("status", ["done", "cancelled"])
def test_no_commit_leaves_a_referral_to_nobody(requested: str, status: str) -> None:
    closing = text(
        "UPDATE work_item SET status = :status, closed_at = now() WHERE subject_id = :id"
    )
    with pytest.raises(IntegrityError) as refused, transaction(OPERATOR) as session:
        session.execute(closing, {"status": status, "id": requested})
    assert violated(refused.value) == "referral_has_owner"
    moving = text("UPDATE referral SET status = 'accepted' WHERE id = :id")
    with pytest.raises(IntegrityError), transaction(OPERATOR) as session:
        session.execute(moving, {"id": requested})
    assert (load(requested).status, open_kinds(requested)) == ("requested", ["referral_decision"])
