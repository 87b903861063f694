"""Keeping what was ordered from delegates."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.appointments import service as appointments
from portal.core.actor import Actor
from portal.patients import confidentiality
from portal.patients.confidentiality import Confidential
from portal.requisitions import queries
from portal.requisitions.model import Requisition
from portal.requisitions.service import moves


def keep_confidential(
    *,
    session: Session,
    actor: Actor,
    requisition_id: UUID,
    command: Confidential,
    now: datetime,
) -> Requisition:
    """Keep a requisition from delegates, or open it to them again, with all of its standing order
    and its appointments. What is reported for it is seen by delegates only where it is.

    Raises RequisitionNotFound.
    """
    seen = session.get(Requisition, requisition_id)
    rows: Sequence[Requisition] = ()
    if seen is not None and seen.standing_order_id is not None:
        rows = queries.of_standing_for_change(session, seen.standing_order_id)
    requisition = moves.lock(session, requisition_id)
    rows = rows or [requisition]
    confidentiality.mark(
        session=session, actor=actor, rows=rows, resource="requisition", command=command, now=now
    )
    appointments.keep_confidential(
        session=session, actor=actor, ids=[row.id for row in rows], command=command, now=now
    )
    return requisition
