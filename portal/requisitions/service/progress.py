"""Steps that are reported: by the clinic, by a laboratory's feed, by its messages."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import Actor
from portal.core.errors import FieldError, Invalid
from portal.requisitions import rules
from portal.requisitions.errors import NotCollectable, ReportImpossible, RequisitionNotFound
from portal.requisitions.model import Requisition
from portal.requisitions.rules import ReportOutcome
from portal.requisitions.service import moves
from portal.requisitions.states import (
    REQUISITION,
    RequisitionKind,
    RequisitionStatus,
)

S = RequisitionStatus


def get_requisition(session: Session, id_: UUID) -> Requisition:
    """For the other slices, which audit what they do. Raises RequisitionNotFound."""
    found = session.get(Requisition, id_)
    if found is None:
        raise RequisitionNotFound()
    return found


def report_progress(
    *,
    session: Session,
    actor: Actor,
    requisition_id: UUID,
    status: RequisitionStatus,
    now: datetime,
    occurred_at: datetime | None = None,
    filler_number: str | None = None,
    reason_code: str | None = None,
    reason: str | None = None,
) -> bool:
    """Move a requisition ahead, where the table allows it; False, and no error, where not.

    A later step is never overwritten by an earlier one. Raises RequisitionNotFound.
    """
    requisition = moves.lock(session, requisition_id)
    outcome = advance(
        session,
        requisition,
        status,
        actor=actor,
        now=now,
        occurred_at=occurred_at,
        filler_number=filler_number,
        reason_code=reason_code,
        reason=reason,
    )
    return outcome == ReportOutcome.APPLIED


def reopen(
    *,
    session: Session,
    actor: Actor,
    requisition_id: UUID,
    filler_number: str,
    reason: str,
    now: datetime,
) -> None:
    """What came for an order was another patient's: it waits for its own. `filler_number` is the
    laboratory's number of what came. Raises RequisitionNotFound."""
    requisition = moves.lock(session, requisition_id)
    moves.reopen(
        session, requisition, actor=actor, now=now, reason=reason, filler_number=filler_number
    )
    session.flush()


def advance(
    session: Session,
    requisition: Requisition,
    status: RequisitionStatus,
    *,
    actor: Actor,
    now: datetime,
    occurred_at: datetime | None = None,
    filler_number: str | None = None,
    reason_code: str | None = None,
    reason: str | None = None,
) -> ReportOutcome:
    """Apply a step that was reported of a locked requisition, or say why not.

    A late one still tells what was not known: the laboratory's number, when it was collected.
    """
    before = RequisitionStatus(requisition.status)
    outcome = rules.judge_report(before, status)
    if outcome == ReportOutcome.IMPOSSIBLE:
        return outcome
    _learn(requisition, status, filler_number, occurred_at or now)
    if outcome == ReportOutcome.APPLIED:
        if not REQUISITION.allows(before, status, actor.kind):
            return ReportOutcome.IMPOSSIBLE
        requisition.occurred_at = occurred_at or now
        moves.move(
            session,
            requisition,
            status,
            actor=actor,
            now=now,
            reason_code=reason_code,
            reason=reason,
        )
    session.flush()
    return outcome


def _learn(
    requisition: Requisition,
    status: RequisitionStatus,
    filler_number: str | None,
    occurred_at: datetime,
) -> None:
    if filler_number is not None and requisition.filler_number is None:
        requisition.filler_number = filler_number
    if status == S.COLLECTED and requisition.collected_at is None:
        requisition.collected_at = occurred_at


def report_status(
    *,
    session: Session,
    actor: Actor,
    requisition_id: UUID,
    status: RequisitionStatus,
    occurred_at: datetime,
    filler_number: str | None,
    reason_code: str | None,
    reason: str | None,
    now: datetime,
) -> tuple[ReportOutcome, RequisitionStatus]:
    """What a laboratory reports of an order of its own; the outcome, and where it stands now.

    Raises RequisitionNotFound, ReportImpossible, Invalid for a time still to come.
    """
    check_past("/occurred_at", occurred_at, now)
    requisition = moves.lock(session, requisition_id)
    outcome = advance(
        session,
        requisition,
        status,
        actor=actor,
        now=now,
        occurred_at=occurred_at,
        filler_number=filler_number,
        reason_code=reason_code,
        reason=reason,
    )
    status_now = RequisitionStatus(requisition.status)
    if outcome == ReportOutcome.IMPOSSIBLE:
        raise ReportImpossible(
            f"This order is {status_now.value}: it can't become {status.value}.",
            status_now=status_now,
        )
    return outcome, status_now


def check_past(pointer: str, moment: datetime, now: datetime) -> None:
    """Raises Invalid for a time that is more than the clocks' difference ahead."""
    if rules.is_future(moment, now):
        raise Invalid(errors=[FieldError(pointer, "This time is still to come.")])


def collect(
    *,
    session: Session,
    actor: Actor,
    requisition_id: UUID,
    collected_at: datetime | None,
    now: datetime,
) -> Requisition:
    """The specimen was taken at the clinic.

    Raises RequisitionNotFound, NotCollectable, Invalid for a time still to come.
    """
    requisition = moves.lock(session, requisition_id)
    taken_at = collected_at or now
    check_past("/collected_at", taken_at, now)
    before = RequisitionStatus(requisition.status)
    if requisition.kind != RequisitionKind.LABORATORY:
        raise NotCollectable("Imaging has no specimen.", status_now=before)
    if not REQUISITION.allows(before, S.COLLECTED, actor.kind):
        raise NotCollectable(status_now=before)
    requisition.collected_at = taken_at
    moves.move(session, requisition, S.COLLECTED, actor=actor, now=now)
    session.flush()
    return requisition
