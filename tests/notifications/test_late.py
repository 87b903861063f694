"""Workers that are late: what is told is true when it is told, or nobody is told."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from portal.core.actor import OPERATOR
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.ids import new_id
from portal.notifications import service
from portal.notifications.model import Notification
from portal.notifications.rules import COMING
from portal.notifications.states import DeliveryStatus, NotificationEvent
from portal.notifications.texts import words_of
from tests.appointments.conftest import act, booked, in_days, offer, open_slots
from tests.notifications.conftest import Mailbox, deliveries, ledger
from tests.referrals import conftest as referrals
from tests.refills.conftest import Make, ask_one, event_of, post_all
from tests.requisitions.conftest import order
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.clock import put_clock
from tests.support.work import drain
from tests.visits import conftest as visits
from tests.workers.conftest import events
from workers.runner import run_events
from workers.tasks import accounts, delegations
from workers.tasks.notifications import TEXT

E = NotificationEvent
AFTER_IT_ALL = timedelta(days=45)


@dataclass(frozen=True)
class People:
    """Who takes part in what is told."""

    clinic: SmallClinic
    patient: Caller
    physician: Caller
    colleague: Caller


@pytest.fixture
def people(clinic: SmallClinic, patient: Caller, physician: Caller, colleague: Caller) -> People:
    return People(clinic, patient, physician, colleague)


def told() -> list[str]:
    """What the patient was told of, in order."""
    query = select(Notification.event).where(Notification.recipient_kind == "patient")
    with transaction(OPERATOR) as session:
        return list(session.scalars(query.order_by(Notification.created_at, Notification.id)))


def book(people: People) -> str:
    [slot] = open_slots(people.physician, in_days(3))
    return booked(people.patient, slot)


def offer_a_time(people: People) -> str:
    [slot] = open_slots(people.physician, in_days(3))
    answer = offer(people.physician, people.clinic, slot)
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


def offer_an_earlier_time(people: People) -> str:
    """The workers find the time in time, and are late with telling of it."""
    [far] = open_slots(people.physician, in_days(20))
    act(people.patient, booked(people.patient, far), "earlier")
    drain()
    open_slots(people.physician, in_days(5))
    run_events("slot.freed", [one.id for one in events("slot.freed")])
    return str(people.patient.get("/appointments/offers").json["items"][0]["id"])


def arrange(people: People) -> str:
    made = people.physician.post(
        "/referrals", referrals.body(people.clinic, people.clinic.colleague)
    )
    referral = str(referrals.done(made)["id"])
    referrals.step(people.colleague, referral, "accept")
    there = {"starts_at": referrals.in_days(5), "place": "Harbor Heart"}
    referrals.done(people.colleague.post(f"/referrals/{referral}/appointment", there))
    return referral


def change_a_visit(people: People) -> UUID:
    visit = visits.plan(people.physician, people.clinic)
    drain()
    people.physician.patch(f"/visits/{visit}", {"starts_at": visits.in_days(4)})
    return visit


LEAVE: dict[NotificationEvent, Callable[[People], object]] = {
    E.APPOINTMENT_BOOKED: book,
    E.APPOINTMENT_OFFERED: offer_a_time,
    E.APPOINTMENT_EARLIER: offer_an_earlier_time,
    E.REFERRAL_SCHEDULED: arrange,
    E.REQUISITION_PLACED: lambda people: order(people.physician, people.clinic, priority="stat"),
    E.VISIT_PLANNED: lambda people: visits.plan(people.physician, people.clinic),
    E.VISIT_CHANGED: change_a_visit,
}
# Ticks tell of these, which find at each time what is to come (tests of appointments and
# requisitions).
BY_TICKS = {
    E.APPOINTMENT_IN_TWO_DAYS,
    E.APPOINTMENT_COMING,
    E.APPOINTMENT_IN_TWO_HOURS,
    E.REQUISITION_UNCOLLECTED,
}


def test_every_text_of_something_to_come_is_tried() -> None:
    assert LEAVE.keys() | BY_TICKS == COMING


@pytest.mark.parametrize("event", LEAVE, ids=str)
def test_told_in_time(people: People, event: NotificationEvent) -> None:
    LEAVE[event](people)
    drain()
    assert event in told()


@pytest.mark.parametrize("event", LEAVE, ids=str)
def test_what_is_over_is_not_told_as_coming(
    people: People,
    mailbox: Mailbox,
    event: NotificationEvent,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    LEAVE[event](people)
    late = utcnow() + AFTER_IT_ALL
    put_clock(monkeypatch, late)
    drain(until=late)
    assert event not in told(), mailbox.messages


def cancel_booked(people: People) -> None:
    act(people.patient, book(people), "cancel")


def decline_offer(people: People) -> None:
    people.patient.post(f"/appointments/offers/{offer_a_time(people)}/decline", {})


def call_off(people: People) -> None:
    path = f"/referrals/{arrange(people)}/appointment/cancel"
    referrals.done(people.colleague.post(path, {"reason": "Ill"}))


def cancel_order(people: People) -> None:
    for id_ in order(people.physician, people.clinic):
        answer = people.physician.post(f"/requisitions/{id_}/cancel", {"reason": "Not needed"})
        assert answer.status_code == 200, answer.text


def cancel_visit(people: People) -> None:
    visits.step(people.physician, change_a_visit(people), "cancel", reason="Not needed")


OFF: dict[NotificationEvent, Callable[[People], None]] = {
    E.APPOINTMENT_BOOKED: cancel_booked,
    E.APPOINTMENT_OFFERED: decline_offer,
    E.REFERRAL_SCHEDULED: call_off,
    E.REQUISITION_PLACED: cancel_order,
    E.VISIT_CHANGED: cancel_visit,
}


@pytest.mark.parametrize("event", OFF, ids=str)
def test_what_is_off_already_is_not_told_as_coming(
    people: People, event: NotificationEvent
) -> None:
    OFF[event](people)
    drain()
    assert event not in told()


def test_a_refill_that_was_picked_up_is_not_said_to_be_ready(
    patient: Caller, pharmacy: Caller, refillable: Make
) -> None:
    asked = ask_one(patient, refillable().id)
    drain()
    steps = ("with_pharmacy", "preparing", "ready_for_pickup", "picked_up")
    post_all(pharmacy, *(event_of(asked, step) for step in steps))
    drain()
    assert told() == ["refill_sent", "refill_picked_up"]


@pytest.mark.parametrize("event", sorted(COMING), ids=str)
def test_whoever_tells_of_something_to_come_says_until_when(
    clinic: SmallClinic, event: NotificationEvent
) -> None:
    with pytest.raises(ValueError, match="until when"):
        tell(clinic, event, None)


def tell(clinic: SmallClinic, event: NotificationEvent, until: datetime | None) -> None:
    with transaction(OPERATOR) as session:
        service.tell_patient(
            session,
            clinic.patient.id,
            event,
            source_id=new_id(),
            subject_id=new_id(),
            until=until,
            now=utcnow(),
        )


@pytest.mark.parametrize("event", sorted(COMING), ids=str)
def test_a_late_mail_of_what_is_over_is_not_sent(
    clinic: SmallClinic,
    patient: Caller,
    mailbox: Mailbox,
    event: NotificationEvent,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tell(clinic, event, utcnow() + timedelta(hours=1))
    late = utcnow() + timedelta(hours=2)
    put_clock(monkeypatch, late)
    drain(until=late)
    [delivery] = deliveries(event)
    assert (delivery.status, mailbox.messages) == (DeliveryStatus.SUPPRESSED, [])
    assert ledger(delivery) == [(1, "too_late", None)]


def test_a_mail_of_what_was_read_is_not_sent(
    clinic: SmallClinic, patient: Caller, mailbox: Mailbox
) -> None:
    tell(clinic, E.RESULT_AVAILABLE, None)
    patient.post("/notifications/read-all")
    drain()
    [delivery] = deliveries(E.RESULT_AVAILABLE)
    assert (delivery.status, mailbox.messages) == (DeliveryStatus.SUPPRESSED, [])
    assert ledger(delivery) == [(1, "already_read", None)]


_RELATIVE = re.compile(
    r"\b(in (a|an|one|two|three|\d+) (minute|hour|day|week|month)s?|tomorrow|today|tonight|"
    r"yesterday|soon|shortly|ago|within|for a while)\b",
    re.IGNORECASE,
)


@pytest.mark.parametrize("mail", [accounts.TEXT, delegations.WITH_CODE, delegations.AT_WORK, TEXT])
def test_no_mail_depends_on_when_it_is_read(mail: str) -> None:
    assert not _RELATIVE.search(mail)


@pytest.mark.parametrize("event", list(NotificationEvent))
def test_no_text_depends_on_when_it_is_read(event: NotificationEvent) -> None:
    """Workers may be late by an hour, a day or a week, and a notification is read at any time."""
    title, said = words_of(event, {"when": " on Friday, March 6, 2026, 11:00 EST"})
    assert not _RELATIVE.search(f"{title} {said}")
    assert "{" not in words_of(event, {})[1]
