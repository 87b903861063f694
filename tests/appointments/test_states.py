"""Every pair of statuses against the design's table, for every kind of mover."""

from itertools import product

import pytest

from portal.appointments.model import Appointment
from portal.appointments.offer_model import AppointmentOffer, EarlierWish
from portal.appointments.states import (
    APPOINTMENT,
    OFFER,
    WAITING,
    AppointmentStatus,
    CancellationReason,
    OfferStatus,
    WaitingStatus,
)
from portal.core.actor import ActorKind
from portal.core.ids import new_id
from portal.core.states import IllegalTransition
from tests.support.clinic import NOW, actor

# Written out a second time on purpose: status -> who may move there from the first one. d
# practitioner, s staff, p patient, e who acts for them, l laboratory, w worker.
LETTERS = {
    "p": ActorKind.PATIENT,
    "e": ActorKind.DELEGATE,
    "d": ActorKind.PRACTITIONER,
    "s": ActorKind.STAFF,
    "l": ActorKind.LABORATORY,
    "w": ActorKind.WORKER,
}
APPOINTMENTS = {"cancelled": "pedslw", "attended": "dslw", "no_show": "dslw"}
OFFERS = {"accepted": "pe", "declined": "pe", "expired": "w", "withdrawn": "dsw"}
WAITS = {"found": "pew", "left": "pe", "ended": "w"}


def movers(allowed: dict[str, str], first: str, before: str, after: str) -> set[ActorKind]:
    return {LETTERS[letter] for letter in allowed.get(after, "")} if before == first else set()


@pytest.mark.parametrize(("before", "after"), list(product(AppointmentStatus, repeat=2)), ids=str)
def test_appointments(before: AppointmentStatus, after: AppointmentStatus) -> None:
    allowed = movers(APPOINTMENTS, "booked", before, after)
    for kind in ActorKind:
        row = Appointment(id=new_id(), status=before, patient_id=new_id(), next_reminder_at=NOW)
        if kind in allowed:
            step = row.move_to(
                after, actor=actor(kind, new_id()), now=NOW, reason_code=CancellationReason.CHANGED
            )
            assert (step.from_status, step.to_status, step.reason_code) == (
                before,
                after,
                "changed",
            )
            assert (row.status, row.ended_at, row.next_reminder_at) == (after, NOW, None)
        else:
            with pytest.raises(IllegalTransition):
                row.move_to(after, actor=actor(kind, new_id()), now=NOW)
            assert (row.status, row.next_reminder_at) == (before, NOW)
    assert APPOINTMENT.ends == set(AppointmentStatus) - {AppointmentStatus.BOOKED}


@pytest.mark.parametrize(("before", "after"), list(product(OfferStatus, repeat=2)), ids=str)
def test_offers(before: OfferStatus, after: OfferStatus) -> None:
    allowed = movers(OFFERS, "open", before, after)
    for kind in ActorKind:
        row = AppointmentOffer(id=new_id(), status=before)
        if kind in allowed:
            row.move_to(after, actor=actor(kind, new_id()), now=NOW)
            assert (row.status, row.ended_at) == (after, NOW)
        else:
            with pytest.raises(IllegalTransition):
                row.move_to(after, actor=actor(kind, new_id()), now=NOW)
    assert OFFER.ends == set(OfferStatus) - {OfferStatus.OPEN}


@pytest.mark.parametrize(("before", "after"), list(product(WaitingStatus, repeat=2)), ids=str)
def test_waits_for_earlier_times(before: WaitingStatus, after: WaitingStatus) -> None:
    allowed = movers(WAITS, "waiting", before, after)
    for kind in ActorKind:
        row = EarlierWish(id=new_id(), status=before)
        if kind in allowed:
            row.move_to(after, actor=actor(kind, new_id()), now=NOW)
            assert (row.status, row.ended_at) == (after, NOW)
        else:
            with pytest.raises(IllegalTransition):
                row.move_to(after, actor=actor(kind, new_id()), now=NOW)
    assert WAITING.ends == set(WaitingStatus) - {WaitingStatus.WAITING}
