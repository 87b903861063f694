"""Keeping results from delegates."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import Actor
from portal.patients import confidentiality
from portal.patients.confidentiality import Confidential
from portal.requisitions import service as requisitions
from portal.results.model import DiagnosticReport
from portal.results.service import items


def keep_confidential(
    *, session: Session, actor: Actor, report_id: UUID, command: Confidential, now: datetime
) -> DiagnosticReport:
    """Keep a result from delegates, or open it to them again, with what it was ordered by: that
    names the same test, and any further result of it is kept too.

    Raises ResultNotFound.
    """
    report = items.lock(session, report_id)
    confidentiality.mark(
        session=session, actor=actor, rows=[report], resource="result", command=command, now=now
    )
    if report.requisition_id is not None:
        requisitions.keep_confidential(
            session=session,
            actor=actor,
            requisition_id=report.requisition_id,
            command=command,
            now=now,
        )
    return report
