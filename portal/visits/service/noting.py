"""What happens elsewhere marks what was to be done after a visit. Twice is once."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import WORKER
from portal.patients import confidentiality
from portal.prescriptions import service as prescriptions
from portal.requisitions import service as requisitions
from portal.requisitions.states import RequisitionStatus
from portal.visits import instruction_queries, rules
from portal.visits.instruction_queries import PatientWrote
from portal.visits.model import Visit
from portal.visits.service import moves
from portal.visits.service.instructions import close, withdraw
from portal.visits.states import InstructionKind
from portal.visits.summary_model import VisitInstruction

K = InstructionKind


@dataclass(frozen=True, slots=True)
class ReferralStands:
    """Where a referral is: the patient was `seen` or the answer came, it was `given_up` before; and
    from which visits it was made."""

    id: UUID
    patient_id: UUID
    visit_ids: Collection[UUID]
    seen: bool
    given_up: bool


def note_done(*, session: Session, kind: InstructionKind, target_id: UUID, now: datetime) -> int:
    """Something happened that instructions of this kind wait for; returns how many were closed.

    For the workers, after an event about the target: a prescription, requisition, referral, visit
    or thread. Twice is the same as once.
    """
    return _close_all(session, kind, [target_id], now)


def note_withdrawn(
    *, session: Session, kind: InstructionKind, target_id: UUID, now: datetime
) -> int:
    """What instructions of this kind wait for was withdrawn by whoever asked for it; returns how
    many went with it."""
    waiting = instruction_queries.waiting_for(session, kind, [target_id])
    for instruction in waiting:
        withdraw(session, instruction, actor=WORKER, now=now)
    session.flush()
    return len(waiting)


def note_refill(*, session: Session, refill_id: UUID, now: datetime) -> int:
    """A refill was moved: what was to be filled by it is done once it was handed over."""
    filled = prescriptions.dispensed_by(session, refill_id)
    return _close_all(session, InstructionKind.FILL, filled, now)


def note_requisition(*, session: Session, requisition_id: UUID, now: datetime) -> int:
    """A requisition was moved: its test is done once there is a result, and not wanted any more
    once it was cancelled."""
    status = requisitions.get_requisition(session, requisition_id).status
    if status == RequisitionStatus.RESULTED:
        return note_done(
            session=session, kind=InstructionKind.TEST, target_id=requisition_id, now=now
        )
    if status == RequisitionStatus.CANCELLED:
        return note_withdrawn(
            session=session, kind=InstructionKind.TEST, target_id=requisition_id, now=now
        )
    return 0


def note_visit(session: Session, visit: Visit, now: datetime) -> int:
    """A visit was held: what asked for it, or for any with the same practitioner, is done."""
    waiting = instruction_queries.waiting_for_visit(session, visit)
    return _close_each(session, _that_keep(session, visit.id, waiting), now)


def referrals_waited_for(session: Session, visit_id: UUID) -> Sequence[UUID]:
    """The referrals that a visit's open instructions name."""
    return instruction_queries.waited_for(session, visit_id, K.REFERRAL)


def note_referral(*, session: Session, referral: ReferralStands, now: datetime) -> int:
    """A referral was sent or went on: done is what asked for it once the patient was seen or the
    answer came, and not wanted any more what was given up. Returns how many were closed.

    The first instruction of its visit that asks for a referral and names none waits for this one
    from then on.
    """
    _name(session, referral, now)
    if referral.seen:
        return note_done(session=session, kind=K.REFERRAL, target_id=referral.id, now=now)
    if referral.given_up:
        return note_withdrawn(session=session, kind=K.REFERRAL, target_id=referral.id, now=now)
    return 0


def _name(session: Session, referral: ReferralStands, now: datetime) -> None:
    if not referral.visit_ids or referral.given_up:
        return
    if instruction_queries.is_named(session, referral.id):
        return
    unnamed = instruction_queries.unnamed_referrals(
        session, referral.patient_id, referral.visit_ids
    )
    kept = confidentiality.is_kept(session, [referral.id])
    for instruction in unnamed:
        if kept and not confidentiality.is_kept(session, [instruction.visit_id]):
            continue  # who may see the visit would learn of the referral
        instruction.target_id = referral.id
        moves.record(
            session,
            WORKER,
            "update",
            "visit_instruction",
            instruction.patient_id,
            instruction.id,
            now,
        )
        break
    session.flush()


def note_message(*, session: Session, message: PatientWrote, now: datetime) -> int:
    """A patient wrote: what asked them to is done. Returns how many were closed."""
    waiting = instruction_queries.waiting_for_message(session, message)
    return _close_each(session, _that_keep(session, message.thread_id, waiting), now)


def _that_keep(
    session: Session, done_by_id: UUID, waiting: Sequence[VisitInstruction]
) -> Sequence[VisitInstruction]:
    """Of what something kept from delegates would fulfil, that by which they don't learn of it:
    what names it, and what belongs to a visit that is kept too."""
    if not confidentiality.is_kept(session, [done_by_id]):
        return waiting
    return [
        one
        for one in waiting
        if one.target_id == done_by_id or confidentiality.is_kept(session, [one.visit_id])
    ]


def _close_all(
    session: Session, kind: InstructionKind, target_ids: Collection[UUID], now: datetime
) -> int:
    if not target_ids:
        return 0
    return _close_each(session, instruction_queries.waiting_for(session, kind, target_ids), now)


def _close_each(session: Session, waiting: Sequence[VisitInstruction], now: datetime) -> int:
    for instruction in waiting:
        done_by = rules.DONE_BY[InstructionKind(instruction.kind)]
        close(session, instruction, actor=WORKER, done_by=done_by, now=now)
    session.flush()
    return len(waiting)
