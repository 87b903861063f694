"""A referral's whole way: authorised, accepted, a time offered and missed, another kept, the note,
closed by who referred."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from icalendar import Calendar

from portal.core.clock import local_day, utcnow
from portal.directory.model import Practitioner
from tests.appointments.conftest import began, booked, open_slots
from tests.appointments.conftest import in_days as at_ten
from tests.appointments.conftest import load as appointment
from tests.referrals.conftest import (  # noqa: F401
    body,
    cardiologist,
    change,
    clerk,
    done,
    kept_promise,
    specialist,
    step,
)
from tests.support.api import Caller
from tests.support.clinic import ZONE, SmallClinic
from tests.support.work import drain
from workers import schedule


@dataclass(slots=True)
class People:
    """Whom the story is about: each as a caller of the API."""

    patient: Caller
    physician: Caller
    specialist: Caller
    clerk: Caller


def worklist(who: Caller) -> list[tuple[str, str]]:
    """What somebody is asked to do: each kind with where it is read."""
    return [(one["kind"], one["link"]) for one in done(who.get("/worklist?mine=true"))["items"]]


def shared(who: Caller) -> list[tuple[str, str]]:
    """What somebody's team is asked to do."""
    return [(one["kind"], one["link"]) for one in done(who.get("/worklist"))["items"]]


def event_of(patient: Caller, appointment_id: str) -> Any:
    """The one event of an appointment's calendar file."""
    answer = patient.get(f"/appointments/{appointment_id}/calendar")
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/calendar")
    [event] = Calendar.from_ical(answer.data).walk("VEVENT")
    return event


def time_passes(referral: str, appointment_id: str) -> None:
    """The appointment began a while ago."""
    began(appointment_id)
    change(referral, appointment_at=appointment(appointment_id).starts_at)


def told(who: Caller) -> list[str]:
    """What somebody was told, in order."""
    return [one["event"] for one in reversed(done(who.get("/notifications"))["items"])]


def ask_and_accept(people: People, referral: str) -> None:
    """The cardiologist finds it on the worklist, and asks first; the insurance allows it."""
    here = f"/api/v1/referrals/{referral}"
    assert worklist(people.specialist) == [("referral_decision", here)]
    step(people.specialist, referral, "ask", question="Was there an ECG?")
    assert worklist(people.physician) == [("referral_information", here)]
    step(people.physician, referral, "information", answer="Yes: normal.")
    last = str(local_day(utcnow(), ZONE) + timedelta(days=40))
    allowed = {"number": "AUTH-5512", "valid_until": last, "visits_allowed": 1}
    step(people.clerk, referral, "authorization", authorization=allowed)
    step(people.specialist, referral, "accept")
    assert worklist(people.specialist) == []
    assert shared(people.clerk) == [("referral_scheduling", here)]
    kept_promise()


def choose(people: People, referral: str, slots: list[UUID]) -> str:
    """The staff offer times, of which the patient picks one: it is a visit from then on."""
    patient, about = people.patient, {"about": {"kind": "referral", "id": referral}}
    wanted = {**about, "slot_ids": [str(slot) for slot in slots]}
    done(people.clerk.post("/appointments/offers", wanted))
    drain()
    [offer] = done(patient.get("/appointments/offers"))["items"]
    assert [one["practitioner"]["name"] for one in offer["slots"]] == ["Dr. Rosa Amado"] * 3
    answer = {"slot_id": str(slots[1])}
    mine = str(done(patient.post(f"/appointments/offers/{offer['id']}/accept", answer))["id"])
    drain()
    assert shared(people.clerk) == []
    seen = done(patient.get(f"/referrals/{referral}"))
    assert seen["appointment"]["appointment_id"] == mine
    [coming] = done(patient.get("/visits"))["items"]
    assert (coming["status"], coming["practitioner"]["name"]) == ("planned", "Dr. Rosa Amado")
    kept_promise()
    return mine


def miss(people: People, referral: str, mine: str) -> None:
    """Nobody says what came of it, and the cardiologist is asked: the patient was not there."""
    time_passes(referral, mine)
    assert schedule.find_without_outcome() == 1
    drain()
    asked = [("appointment_outcome", f"/api/v1/appointments/{mine}")]
    assert worklist(people.specialist) == asked
    reason = {"reason": "No answer by phone"}
    done(people.specialist.post(f"/appointments/{mine}/no-show", reason))
    drain()
    assert worklist(people.specialist) == []
    assert shared(people.clerk) == [("referral_no_show", f"/api/v1/referrals/{referral}")]
    missed = done(people.patient.get(f"/referrals/{referral}"))
    assert (missed["status"], missed["no_shows"], missed["appointment"]) == ("no_show", 1, None)
    assert "Call to arrange another" in missed["next_step"]
    assert done(people.patient.get("/visits"))["items"] == []
    kept_promise()


def come(people: People, referral: str, slot: UUID) -> str:
    """They agree on another time by telephone; the cardiologist sees the patient then."""
    mine = booked(people.clerk, slot, about={"kind": "referral", "id": referral})
    drain()
    assert shared(people.clerk) == []
    time_passes(referral, mine)
    [visit] = done(people.specialist.get("/visits"))["items"]
    done(people.specialist.post(f"/visits/{visit['id']}/start"))
    drain()
    assert done(people.patient.get(f"/referrals/{referral}"))["status"] == "attended"
    assert worklist(people.specialist) == [
        ("referral_note_missing", f"/api/v1/referrals/{referral}")
    ]
    done(people.specialist.post(f"/visits/{visit['id']}/finish"))
    kept_promise()
    return mine


def report_and_close(people: People, referral: str) -> Any:
    """The note comes back, the patient reads it, and the physician closes the loop."""
    note = {"text": "Stable angina.", "recommendations": "Start a beta blocker."}
    step(people.specialist, referral, "note", follow_up="referrer", **note)
    assert worklist(people.specialist) == []
    assert worklist(people.physician) == [("referral_closing", f"/api/v1/referrals/{referral}")]
    read = done(people.patient.get(f"/referrals/{referral}"))
    assert [one["text"] for one in read["notes"]] == ["Stable angina."]
    closed = step(people.physician, referral, "close", last_seen_note=1)
    assert (worklist(people.physician), shared(people.clerk)) == ([], [])
    kept_promise()
    return closed


def test_from_the_request_to_the_end(
    clinic: SmallClinic,
    patient: Caller,
    physician: Caller,
    specialist: Caller,  # noqa: F811
    clerk: Caller,  # noqa: F811
    cardiologist: Practitioner,  # noqa: F811
) -> None:
    people = People(patient, physician, specialist, clerk)
    made = done(physician.post("/referrals", body(clinic, cardiologist, urgency="urgent")))
    drain()
    referral = str(made["id"])
    ask_and_accept(people, referral)
    slots = open_slots(specialist, at_ten(3), at_ten(5), at_ten(8))
    first = choose(people, referral, slots)
    event = event_of(patient, first)
    assert (event.decoded("dtstart"), event["status"]) == (at_ten(5), "CONFIRMED")
    assert "Cardio" not in event.to_ical().decode()
    miss(people, referral, first)
    second = come(people, referral, slots[2])
    assert event_of(patient, second)["uid"] != event["uid"]
    closed = report_and_close(people, referral)
    assert (closed["status"], closed["with"]) == ("closed", None)
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
    assert told(patient) == [
        "referral_requested",
        "referral_accepted",
        "appointment_offered",
        "appointment_booked",
        "referral_no_show",
        "appointment_booked",
        "referral_noted",
    ]
    heard = [event for event in told(physician) if event.startswith("referral")]
    assert heard == ["referral_question", "referral_reported"]
    assert done(patient.get("/referrals?status=open"))["items"] == []
