"""Appointments of referrals: arranged, moved, called off, missed; and what the insurance allows."""

from datetime import timedelta
from typing import Any

import pytest

from portal.core.clock import local_day, utcnow
from tests.referrals.conftest import (
    appointment_passes,
    change,
    done,
    in_days,
    items,
    kept_promise,
    load,
    open_kinds,
    step,
    told,
)
from tests.support.api import Caller
from tests.support.clinic import ZONE, SmallClinic
from tests.support.work import drain
from workers import schedule


def day(days: int) -> str:
    return str(local_day(utcnow(), ZONE) + timedelta(days=days))


def allow(clerk: Caller, referral: str, **members: Any) -> Any:
    return step(clerk, referral, "authorization", authorization=members)


def test_an_appointment_is_arranged_moved_and_called_off(
    clinic: SmallClinic, clerk: Caller, patient: Caller, scheduled: str
) -> None:
    assert open_kinds(scheduled) == []
    seen = done(patient.get(f"/referrals/{scheduled}"))
    assert (seen["with"]["kind"], seen["with"]["name"]) == ("patient", "You")
    step(clerk, scheduled, "appointment", starts_at=in_days(9), place="Elsewhere")
    assert done(patient.get(f"/referrals/{scheduled}"))["appointment"]["place"] == "Elsewhere"
    off = step(clerk, scheduled, "appointment/cancel", reason="The specialist is ill")
    assert (off["status"], off["appointment"]) == ("accepted", None)
    assert open_kinds(scheduled) == ["referral_scheduling"]
    assert told(clinic.patient.id)[2:] == [
        "referral_scheduled",
        "referral_scheduled",
        "referral_appointment_off",
    ]
    again = clerk.post(f"/referrals/{scheduled}/appointment/cancel")
    assert (again.status_code, again.json["code"]) == (409, "not_scheduled")
    kept_promise()


@pytest.mark.parametrize(
    "starts_at",
    [in_days(-1), in_days(800), "2030-01-01T10:00:00"],
    ids=["past", "too far", "no zone"],
)
def test_times_that_can_not_be(clerk: Caller, accepted: str, starts_at: str) -> None:
    answer = clerk.post(
        f"/referrals/{accepted}/appointment", {"starts_at": starts_at, "place": "x"}
    )
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == ["/starts_at"]


def test_what_does_not_wait_for_an_appointment_gets_none(clerk: Caller, requested: str) -> None:
    times = {"starts_at": in_days(2), "place": "x"}
    answer = clerk.post(f"/referrals/{requested}/appointment", times)
    assert (answer.status_code, answer.json["code"]) == (409, "not_schedulable")


def test_an_appointment_to_come_can_not_be_missed(clerk: Caller, scheduled: str) -> None:
    answer = clerk.post(f"/referrals/{scheduled}/no-show", {})
    assert (answer.status_code, answer.json["code"]) == (409, "not_scheduled")
    assert load(scheduled).no_shows == 0


def test_after_too_many_missed_the_referrer_decides(
    clinic: SmallClinic, physician: Caller, clerk: Caller, patient: Caller, scheduled: str
) -> None:
    times = {"starts_at": in_days(3), "place": "Harbor"}
    appointment_passes(scheduled)
    step(clerk, scheduled, "no-show")
    assert items(scheduled)[0].responsible_id is None
    step(clerk, scheduled, "appointment", **times)
    appointment_passes(scheduled)
    step(clerk, scheduled, "no-show", reason_code="illness")
    [item] = items(scheduled)
    assert (item.kind, item.responsible_id) == ("referral_no_show", clinic.physician.id)
    assert told(clinic.physician.id) == ["referral_missed"]
    seen = done(patient.get(f"/referrals/{scheduled}"))
    assert (seen["with"]["kind"], seen["reason_code"]) == ("referrer", "illness")
    refused = clerk.post(f"/referrals/{scheduled}/appointment", times)
    assert (refused.status_code, refused.json["code"]) == (403, "referral_not_yours")
    kept_promise()
    assert step(physician, scheduled, "appointment", **times)["status"] == "scheduled"
    kept_promise()


def test_the_staff_are_asked_once_how_it_went(scheduled: str) -> None:
    appointment_passes(scheduled, timedelta(hours=20))
    assert schedule.watch_referrals() == 0
    appointment_passes(scheduled)
    assert schedule.watch_referrals() == 1
    assert schedule.watch_referrals() == 0
    assert open_kinds(scheduled) == ["referral_attendance"]
    drain()
    kept_promise()


def test_an_authorization_that_ends_before_the_appointment(
    clinic: SmallClinic, clerk: Caller, accepted: str
) -> None:
    allow(clerk, accepted, number="A-1", valid_until=day(10))
    assert schedule.watch_referrals() == 1
    assert schedule.watch_referrals() == 0
    drain()
    assert open_kinds(accepted) == ["referral_scheduling", "referral_authorization"]
    assert told(clinic.patient.id)[-1] == "referral_authorization"
    allow(clerk, accepted, number="A-1", valid_until=day(20))
    assert open_kinds(accepted) == ["referral_scheduling"]
    step(clerk, accepted, "appointment", starts_at=in_days(30), place="Harbor")
    assert open_kinds(accepted) == ["referral_authorization"]
    step(clerk, accepted, "appointment", starts_at=in_days(15), place="Harbor")
    assert open_kinds(accepted) == []
    assert schedule.watch_referrals() == 0
    kept_promise()


def test_what_is_not_seen_in_time_expires(
    clinic: SmallClinic, clerk: Caller, physician: Caller, accepted: str
) -> None:
    allow(clerk, accepted, valid_until=day(0))
    schedule.watch_referrals()
    change(accepted, expires_at=utcnow() - timedelta(seconds=1))
    assert schedule.watch_referrals() == 1
    drain()
    assert (load(accepted).status, open_kinds(accepted)) == ("expired", ["referral_expired"])
    assert told(clinic.patient.id)[-1] == "referral_expired"
    assert told(clinic.physician.id) == ["referral_lapsed"]
    refused = clerk.post(f"/referrals/{accepted}/authorization", {"authorization": {}})
    assert (refused.status_code, refused.json["code"]) == (409, "not_schedulable")
    kept_promise()


def test_an_appointment_within_the_authorization_keeps_it(clerk: Caller, scheduled: str) -> None:
    allow(clerk, scheduled, valid_until=day(7))
    change(scheduled, expires_at=utcnow() - timedelta(hours=1))
    appointment_passes(scheduled, timedelta(hours=2))
    assert schedule.watch_referrals() == 0
    assert load(scheduled).status == "scheduled"


def test_a_draft_that_nobody_sends_expires(
    clinic: SmallClinic, physician: Caller, requested: str
) -> None:
    draft = done(
        physician.post(
            "/referrals",
            {
                "patient_id": str(clinic.patient.id),
                "specialty": "Cardiology",
                "to": {"outside": {"name": "Dr. Feld"}},
                "reason": "?",
                "draft": True,
            },
        )
    )["id"]
    change(draft, expires_at=utcnow() - timedelta(seconds=1))
    assert schedule.watch_referrals() == 1
    drain()
    assert (load(draft).status, load(requested).status) == ("expired", "requested")
    assert told(clinic.patient.id) == ["referral_requested"]
    kept_promise()
