"""A referral's patient may be seen at a time of ours: what one has to be, and how it follows.

The staff book a time or offer several, and the appointment is the truth from then on; what is
arranged elsewhere is written down by hand (arrange.py). What comes last stands.
"""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.appointments import service as appointments
from portal.appointments import subjects
from portal.appointments.model import Appointment
from portal.appointments.rules import About, Needs
from portal.appointments.states import AboutKind, AppointmentStatus
from portal.core.actor import WORKER, Actor
from portal.referrals import queries, rules
from portal.referrals.errors import NotSchedulable, TimeElsewhere
from portal.referrals.model import Referral
from portal.referrals.service import arrange, items, moves
from portal.referrals.service.arrange import Arrange
from portal.referrals.states import NoShowReason, ReferralStatus, TimeReason
from portal.worklist import service as worklist
from portal.worklist.states import WorkItemKind

S = ReferralStatus
# While it waits for an appointment, whose work that is.
WAITING: Mapping[ReferralStatus, WorkItemKind] = {
    S.ACCEPTED: WorkItemKind.REFERRAL_SCHEDULING,
    S.NO_SHOW: WorkItemKind.REFERRAL_NO_SHOW,
}


class Referrals:
    """Referrals as what appointments are about."""

    def lock(self, session: Session, about_id: UUID, booking: subjects.Booking | None) -> Needs:
        """Raises ReferralNotFound; to be booked NotSchedulable, TimeElsewhere, NotYours."""
        referral = moves.lock(session, about_id)
        if booking is not None:
            _check_free(referral)
            arrange.check_bookable(session, referral, booking.by, booking.now)
        return Needs(
            referral.patient_id,
            not_before=referral.valid_from,
            practitioner_ids=_with_whom(referral),
        )

    def placed(
        self,
        *,
        session: Session,
        actor: Actor,
        appointment: Appointment,
        instead: Appointment | None,
        now: datetime,
    ) -> None:
        """It is scheduled, or at another time than before."""
        where = appointments.place_of(session, appointment)
        arrange.arrange(
            session,
            _of(session, appointment),
            Arrange(appointment.starts_at, where, appointment.id),
            actor=actor,
            now=now,
            reason_code=TimeReason.BOOKED,
        )

    def ended(
        self, *, session: Session, actor: Actor, appointment: Appointment, now: datetime
    ) -> None:
        """Kept, the patient was seen; missed or called off, it waits for another one."""
        referral = _of(session, appointment)
        if referral.status != S.SCHEDULED or referral.appointment_id != appointment.id:
            return
        if appointment.status == AppointmentStatus.ATTENDED:
            moves.move(session, referral, S.ATTENDED, actor=actor, now=now)
            return
        note = appointment.reason
        if appointment.status == AppointmentStatus.NO_SHOW:
            reason = NoShowReason.UNKNOWN
            arrange.miss(session, referral, reason, actor=actor, now=now, note=note)
            return
        why = TimeReason(appointment.reason_code or TimeReason.CALLED_OFF)
        moves.move(session, referral, S.ACCEPTED, actor=actor, now=now, reason_code=why, note=note)
        arrange.place(referral, None)


def _check_free(referral: Referral) -> None:
    """Raises TimeElsewhere, and NotSchedulable where a time is booked already."""
    if referral.specialist_id is None:
        raise TimeElsewhere()
    if referral.status == S.SCHEDULED and referral.appointment_id is not None:
        raise NotSchedulable(
            "An appointment is booked already: change that one.",
            status_now=referral.status,
            appointment_id=referral.appointment_id,
        )


def _with_whom(referral: Referral) -> frozenset[UUID]:
    """The specialist, and who accepted the patient in their place."""
    return frozenset(id_ for id_ in (referral.specialist_id, referral.accepted_by) if id_)


def _of(session: Session, appointment: Appointment) -> Referral:
    """The referral of an appointment, which is locked already."""
    if appointment.about_id is None:
        raise NotSchedulable()
    return moves.lock(session, appointment.about_id)


subjects.register(AboutKind.REFERRAL, Referrals())


def _elsewhere(
    session: Session, patient_id: UUID, starts_at: datetime, ends_at: datetime
) -> list[appointments.Other]:
    """What was arranged at other places, whose end nobody knows."""
    found = queries.arranged_elsewhere(
        session, patient_id, starts_at - rules.TAKEN_TO_LAST, ends_at
    )
    return [
        appointments.Other(
            "referral", row.id, row.appointment_at, None, row.place, f"/api/v1/referrals/{row.id}"
        )
        for row in found
    ]


appointments.tell_elsewhere(_elsewhere)


def follow_offer(*, session: Session, offer_id: UUID, now: datetime) -> None:
    """While a patient chooses among the times that they were offered, the staff wait; what nobody
    took is due anew. Twice is the same as once."""
    offer = appointments.get_offer(session, offer_id)
    if offer is None or offer.about_kind != AboutKind.REFERRAL or offer.about_id is None:
        return
    referral = queries.for_change(session, offer.about_id)
    if referral is None or referral.status not in WAITING or offer.replaces_id is not None:
        return
    waiting = WAITING[ReferralStatus(referral.status)]
    due_at = queries.offered_until(session, referral.id)
    if due_at is None:
        due_at = items.due_at(session, referral, waiting, offer.ended_at or now)
    if referral.expected_by != due_at:
        referral.expected_by = due_at
        worklist.put_off(session=session, kind=waiting, subject_id=referral.id, due_at=due_at)
        session.flush()


def free_times(*, session: Session, referral_id: UUID, now: datetime) -> None:
    """Take back what was offered for a referral that waits for no appointment any more, and what
    is still booked for it: its time may have become confidential while a delegate cancelled it.

    For the workers, before they lock the referral: whoever accepts an offer locks that first.
    """
    about = About(AboutKind.REFERRAL, referral_id)
    referral = queries.get(session, referral_id)
    if referral is None:
        return
    if referral.status not in WAITING:
        appointments.withdraw_offers_about(session=session, about=about, now=now)
    if referral.status != S.SCHEDULED and appointments.is_booked(session, about):
        referral = moves.lock(session, referral_id)
        status = ReferralStatus(referral.status)
        if status != S.SCHEDULED:
            moves.free_time(session, referral, status, actor=WORKER, now=now)
