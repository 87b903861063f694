"""Who wins: real threads against the real database."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from uuid import UUID

from portal.appointments import service
from portal.appointments.model import Appointment, Slot
from portal.appointments.offer_model import AppointmentOffer
from portal.core.actor import WORKER, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from tests.appointments.conftest import (
    act,
    book,
    booked,
    change,
    in_days,
    new_slot,
    offer,
    open_slots,
    rows,
)
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, add, patient
from tests.support.races import at_once
from tests.support.work import drain

MANY = 100


def test_of_a_hundred_who_book_one_time_one_has_it(
    clinic: SmallClinic, caller: Callable[..., Caller], slot: UUID
) -> None:
    people = [patient(clinic.clinic, clinic.pharmacy, "Casey", 100 + n) for n in range(MANY)]
    add(*people)
    callers = [caller(ActorKind.PATIENT, one.id) for one in people]
    answers = at_once(*(partial(book, one, slot) for one in callers))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: MANY - 1}
    assert {one.json["code"] for one in answers if one.status_code == 409} == {"slot_taken"}
    assert len(rows(Appointment)) == 1


def test_booked_or_withdrawn_but_never_both(patient: Caller, physician: Caller) -> None:
    for slot_id in open_slots(physician, *(in_days(day) for day in range(2, 10))):
        withdraw = partial(physician.post, f"/slots/{slot_id}/withdraw")
        answers = at_once(partial(book, patient, slot_id), withdraw)
        assert {answer.status_code for answer in answers} <= {200, 201, 409}
        [there] = rows(Slot, id=slot_id)
        held = [one for one in rows(Appointment, slot_id=slot_id) if one.status == "booked"]
        assert not (there.withdrawn_at and held)
        assert there.withdrawn_at or held


def test_a_change_and_a_withdrawal_leave_one_appointment(
    patient: Caller, physician: Caller
) -> None:
    slots = open_slots(physician, *(in_days(day) for day in range(2, 12)))
    for before, after in zip(slots[::2], slots[1::2], strict=True):
        mine = booked(patient, before)
        moving = partial(act, patient, mine, "change", slot_id=str(after))
        answers = at_once(moving, partial(physician.post, f"/slots/{before}/withdraw"))
        assert {answer.status_code for answer in answers} <= {200, 409}
        for one in rows(Appointment, status="booked"):
            assert one.slot_id == after
            act(patient, one.id, "cancel")


def test_taken_or_expired_but_never_both(
    clinic: SmallClinic, patient: Caller, physician: Caller
) -> None:
    def expire() -> int:
        with transaction(WORKER) as session:
            # The worker's clock is ahead of ours by more than the offer has left.
            late = utcnow() + timedelta(days=4)
            return service.expire_offers(session=session, now=late, limit=10)

    outcomes = Counter[str]()
    for slot_id in open_slots(physician, *(in_days(day) for day in range(6, 16))):
        offered = offer(physician, clinic, slot_id).json["id"]
        where = f"/appointments/offers/{offered}/accept"
        accept = partial(patient.post, where, {"slot_id": str(slot_id)})
        answer, ended = at_once(accept, expire)
        [row] = rows(AppointmentOffer, id=UUID(offered))
        assert (answer.status_code == 200) == (row.status == "accepted") == (ended == 0)
        assert len(rows(Appointment, slot_id=slot_id)) == (row.status == "accepted")
        outcomes[row.status] += 1
    assert set(outcomes) <= {"accepted", "expired"}


def test_two_offers_hold_no_time_twice(
    clinic: SmallClinic, physician: Caller, nurse: Caller
) -> None:
    for slot_id in open_slots(physician, *(in_days(day) for day in range(2, 8))):
        calls = [partial(offer, who, clinic, slot_id) for who in (physician, nurse) * 2]
        answers = at_once(*calls)
        assert Counter(answer.status_code for answer in answers) == {201: 1, 422: 3}


def test_one_freed_time_is_offered_to_one(
    patient: Caller,
    other_patient: Caller,
    physician: Caller,
) -> None:
    slots = open_slots(physician, in_days(20), in_days(21))
    for who, slot_id in zip((patient, other_patient), slots, strict=True):
        act(who, booked(who, slot_id), "earlier")
    drain()
    [freed] = open_slots(physician, in_days(5))

    def give() -> int:
        with transaction(WORKER) as session:
            found = service.offer_freed(session=session, slot_id=freed, now=utcnow())
        return found is not None

    assert sum(at_once(*[give] * 6)) == 1


def test_the_same_times_opened_at_once_stand_once(physician: Caller, nurse: Caller) -> None:
    body = {"slots": [new_slot(in_days(3))]}
    answers = at_once(*(partial(physician.post, "/slots", body) for _ in range(6)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 422: 5}
    assert len(rows(Slot)) == 1


def test_reminders_by_two_workers_are_sent_once(appointment: str) -> None:
    [row] = rows(Appointment)
    change(row, next_reminder_at=utcnow() - timedelta(minutes=1), starts_at=in_days(1))

    def remind() -> int:
        with transaction(WORKER) as session:
            return service.remind(session=session, now=utcnow(), limit=10)

    assert sum(at_once(*[remind] * 4)) == 1
    assert str(row.id) == appointment
