"""What a stop, a hold or its end means for what is under way at a pharmacy."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import WORKER
from portal.notifications import service as notifications
from portal.notifications.states import NotificationEvent
from portal.prescriptions.model import Prescription, PrescriptionHistory
from portal.prescriptions.states import PrescriptionStatus
from portal.refills import queries, rules
from portal.refills.model import Refill
from portal.refills.service import moves
from portal.refills.service.follow import open_first_fill
from portal.refills.states import HOLDABLE, RefillStatus

_TOLD = {
    PrescriptionStatus.STOPPED: NotificationEvent.PRESCRIPTION_STOPPED,
    PrescriptionStatus.ON_HOLD: NotificationEvent.PRESCRIPTION_ON_HOLD,
    PrescriptionStatus.ACTIVE: NotificationEvent.PRESCRIPTION_RESUMED,
}


def follow_prescription(
    *, session: Session, prescription_id: UUID, history_id: UUID, now: datetime
) -> None:
    """A prescription was stopped, put on hold or resumed: tell the patient, and bring its open
    refill to where the prescription stands now, so that steps that overtake each other end in the
    same place. Doing it twice has the effect of doing it once."""
    step = session.get(PrescriptionHistory, history_id)
    prescription = session.get(Prescription, prescription_id)
    if step is None or prescription is None:
        return
    _tell(session, step, now)
    refill = queries.open_refill_of(session, prescription_id, lock=False)
    if refill is not None:
        _bring(session, moves.lock(session, refill.id), now)
    elif prescription.status == PrescriptionStatus.ACTIVE and prescription.last_filled_on is None:
        # It was put on hold before its first fill was sent.
        open_first_fill(session=session, prescription_id=prescription_id, now=now)


def _tell(session: Session, step: PrescriptionHistory, now: datetime) -> None:
    event = _TOLD.get(PrescriptionStatus(step.to_status))
    if event is not None:
        notifications.tell_patient(
            session,
            step.patient_id,
            event,
            source_id=step.id,
            subject_id=step.prescription_id,
            now=now,
        )


def _bring(session: Session, locked: moves.Locked, now: datetime) -> None:
    refill, status = locked.refill, RefillStatus(locked.refill.status)
    if refill.closed_at is not None:
        return
    match locked.prescription.status:
        case PrescriptionStatus.STOPPED:
            moves.move(
                session,
                locked,
                RefillStatus.CANCELLED,
                actor=WORKER,
                now=now,
                reason_code=rules.STOPPED,
            )
            moves.close_decision(session, WORKER, refill, "cancelled", now)
        case PrescriptionStatus.ON_HOLD if status in HOLDABLE:
            moves.move(
                session, locked, RefillStatus.HELD, actor=WORKER, now=now, reason_code=rules.HELD
            )
        case PrescriptionStatus.ACTIVE if status == RefillStatus.HELD:
            _send_again(session, locked, now)


def _send_again(session: Session, locked: moves.Locked, now: datetime) -> None:
    """The pharmacy gets the order anew; whether it had left the first one is no question any
    more."""
    refill: Refill = locked.refill
    refill.fetched_at = refill.cancel_asked_at = None
    refill.cancel_answer = refill.cancel_answered_at = None
    moves.move(
        session,
        locked,
        RefillStatus.SENDING,
        actor=WORKER,
        now=now,
        reason_code=rules.RESUMED,
    )
