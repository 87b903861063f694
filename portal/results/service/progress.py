"""What a laboratory says of an order before there is a result."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import Actor
from portal.requisitions import service as requisitions
from portal.requisitions.states import RequisitionStatus
from portal.results.incoming import IncomingReport

# OBR-25 (HL7 table 0123): received; a specimen is there; the procedure is scheduled.
_STATUS = {
    "O": RequisitionStatus.ACCEPTED,
    "I": RequisitionStatus.IN_PROGRESS,
    "S": RequisitionStatus.SCHEDULED,
}


def note_progress(
    session: Session,
    actor: Actor,
    report: IncomingReport,
    requisition_id: UUID | None,
    now: datetime,
) -> None:
    """Move the requisition as far as the laboratory says it has come."""
    if requisition_id is None or report.progress not in _STATUS:
        return
    requisitions.report_progress(
        session=session,
        actor=actor,
        requisition_id=requisition_id,
        status=_STATUS[report.progress],
        now=now,
        occurred_at=report.issued_at,
        filler_number=report.filler_number or None,
    )
