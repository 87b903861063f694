"""What becomes of a patient's orders of tests when they have died."""

from datetime import datetime

from sqlalchemy.orm import Session

from portal.core.actor import WORKER
from portal.patients import deaths
from portal.patients.deaths import PatientDeath
from portal.requisitions import queries
from portal.requisitions.model import Requisition, StandingOrder
from portal.requisitions.service import moves
from portal.requisitions.states import UNCOLLECTED, RequisitionStatus, StandingStatus
from portal.worklist import service as worklist
from portal.worklist.states import WorkItemKind

S = RequisitionStatus
_POINTLESS = (
    WorkItemKind.REQUISITION_UNCOLLECTED,
    WorkItemKind.REQUISITION_REJECTED,
    WorkItemKind.REQUISITION_EXPIRED,
)


def close_for_deceased(*, session: Session, death: PatientDeath, now: datetime) -> None:
    """Cancel what was not collected, and end standing orders. What was collected goes on: its
    result is the orderer's. Twice is the same as once."""
    for order_id in deaths.open_ids(
        session, StandingOrder, death.patient_id, [StandingStatus.ACTIVE]
    ):
        order = queries.standing_for_change(session, order_id)
        if order is not None and order.status == StandingStatus.ACTIVE:
            order.move_to(StandingStatus.CANCELLED, actor=WORKER, now=now)
            deaths.note_step(session, death, "standing_order", order_id, "active", now)
    for requisition_id in deaths.open_ids(
        session, Requisition, death.patient_id, {S.DRAFT, *UNCOLLECTED}
    ):
        requisition = moves.lock(session, requisition_id)
        before = S(requisition.status)
        if before in {S.DRAFT, *UNCOLLECTED}:
            moves.move(
                session,
                requisition,
                S.CANCELLED,
                actor=WORKER,
                now=now,
                reason_code=deaths.PATIENT_DIED,
            )
            deaths.note_step(session, death, "requisition", requisition_id, before, now)
    worklist.cancel_for_deceased(session=session, death=death, kinds=_POINTLESS, now=now)
