"""A referral's whole way: asked about, accepted, a missed appointment, the note, closed."""

from datetime import timedelta

from portal.directory.model import Practitioner
from tests.referrals.conftest import (  # noqa: F401
    appointment_passes,
    body,
    cardiologist,
    clerk,
    done,
    in_days,
    kept_promise,
    open_kinds,
    specialist,
    step,
    told,
)
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.work import drain
from workers import schedule


def test_from_the_request_to_the_end(
    clinic: SmallClinic,
    patient: Caller,
    physician: Caller,
    specialist: Caller,  # noqa: F811
    clerk: Caller,  # noqa: F811
    cardiologist: Practitioner,  # noqa: F811
) -> None:
    # The physician refers; the cardiologist finds it on the worklist, and asks first.
    made = done(physician.post("/referrals", body(clinic, cardiologist, urgency="urgent")))
    referral, path = made["id"], f"/referrals/{made['id']}"
    drain()
    [asked] = specialist.get("/worklist?kind=referral_decision").json["items"]
    assert (asked["subject_id"], asked["priority"]) == (referral, "urgent")
    assert asked["link"] == f"/api/v1{path}"
    step(specialist, referral, "ask", question="Was there an ECG?")
    assert open_kinds(referral) == ["referral_information"]
    assert told(clinic.physician.id) == ["referral_question"]
    step(physician, referral, "information", answer="Yes: normal.")
    seen = done(patient.get(path))
    assert (seen["status"], seen["with"]["name"]) == ("requested", cardiologist.name)
    assert seen["messages"] == []
    kept_promise()

    # Accepted; the staff arrange an appointment, which the patient misses.
    step(specialist, referral, "accept")
    [arrange] = clerk.get("/worklist?kind=referral_scheduling").json["items"]
    assert arrange["subject_id"] == referral
    step(clerk, referral, "appointment", starts_at=in_days(3), place="Harbor Heart Center")
    assert done(patient.get(path))["appointment"]["place"] == "Harbor Heart Center"
    appointment_passes(referral)
    assert schedule.watch_referrals() == 1
    drain()
    assert open_kinds(referral) == ["referral_attendance"]
    step(clerk, referral, "no-show", reason_code="transport")
    missed = done(patient.get(path))
    assert (missed["status"], missed["no_shows"], missed["appointment"]) == ("no_show", 1, None)
    assert "Call to arrange another" in missed["next_step"]
    assert open_kinds(referral) == ["referral_no_show"]
    kept_promise()

    # The second appointment is kept; the note comes back, and the physician closes the loop.
    step(clerk, referral, "appointment", starts_at=in_days(4), place="Harbor Heart Center")
    appointment_passes(referral, timedelta(hours=1))
    step(clerk, referral, "attended")
    assert open_kinds(referral) == ["referral_note_missing"]
    step(
        specialist,
        referral,
        "note",
        text="Stable angina.",
        recommendations="Start a beta blocker.",
        follow_up="referrer",
    )
    assert told(clinic.physician.id) == ["referral_question", "referral_reported"]
    assert open_kinds(referral) == ["referral_closing"]
    read = done(patient.get(path))
    assert [note["text"] for note in read["notes"]] == ["Stable angina."]
    closed = step(physician, referral, "close")
    assert (closed["status"], closed["with"]) == ("closed", None)
    assert open_kinds(referral) == []
    assert [one["status"] for one in closed["history"]] == [
        "requested",
        "needs_information",
        "requested",
        "accepted",
        "scheduled",
        "no_show",
        "scheduled",
        "attended",
        "report_received",
        "closed",
    ]
    assert told(clinic.patient.id) == [
        "referral_requested",
        "referral_accepted",
        "referral_scheduled",
        "referral_no_show",
        "referral_scheduled",
        "referral_noted",
    ]
    assert patient.get("/referrals?status=open").json["items"] == []
    kept_promise()
