"""Orders whose orderer has left, and orders at a laboratory that has closed. For the workers."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.core.actor import WORKER
from portal.directory import service as directory
from portal.directory.departure_model import Departure, DepartureLeft
from portal.patients import service as patients
from portal.requisitions.model import Requisition, RequisitionHistory, StandingOrder
from portal.requisitions.service import moves
from portal.requisitions.service.change_laboratory import change_laboratory
from portal.requisitions.states import (
    REQUISITION,
    UNCOLLECTED,
    RequisitionStatus,
    StandingStatus,
)
from portal.worklist import departing

S = RequisitionStatus
_OPEN = tuple(REQUISITION.every - REQUISITION.ends)
_CAN_MOVE = {S.DRAFT, *UNCOLLECTED} - {S.SCHEDULED}


def hand_over_orders(*, session: Session, departure: Departure, now: datetime, limit: int) -> int:
    """Open orders of a practitioner who has left, and their standing orders: to who takes over, or
    to the patient's primary practitioner. Returns how many were looked at."""
    standing = _standing(session, departure, limit)
    for order in standing:
        to = departure.successor_id or patients.primary_of(session, order.patient_id)
        if to is None:
            _leave(session, departure, "standing_order", order, order.orderer_id, now)
        else:
            order.orderer_id = to
    found = _left_over(session, departure, Requisition.orderer_id, limit)
    for requisition in found:
        to = departure.successor_id or patients.primary_of(session, requisition.patient_id)
        if to is None:
            _leave(session, departure, "requisition", requisition, requisition.orderer_id, now)
            continue
        requisition.orderer_id = to
        step = RequisitionHistory.of(requisition, S(requisition.status), actor=WORKER, now=now)
        step.reason_code = "orderer_left"
        moves.remember(session, requisition, step, actor=WORKER, action="hand_over", now=now)
    session.flush()
    return len(standing) + len(found)


def send_elsewhere(*, session: Session, departure: Departure, now: datetime, limit: int) -> int:
    """Open orders at a laboratory that has closed: to the one that takes over, where nothing was
    taken yet; the others are their orderers' to look after. Returns how many were looked at."""
    found = _left_over(session, departure, Requisition.laboratory_id, limit)
    for requisition in found:
        status = S(requisition.status)
        if departure.successor_id is not None and status in _CAN_MOVE:
            change_laboratory(
                session=session,
                actor=WORKER,
                requisition_id=requisition.id,
                laboratory_id=departure.successor_id,
                now=now,
            )
        else:
            _leave(session, departure, "requisition", requisition, requisition.orderer_id, now)
    session.flush()
    return len(found)


def _standing(session: Session, departure: Departure, limit: int) -> Sequence[StandingOrder]:
    return session.scalars(
        select(StandingOrder)
        .where(
            StandingOrder.orderer_id == departure.subject_id,
            StandingOrder.status == StandingStatus.ACTIVE,
            StandingOrder.id.not_in(_listed(departure)),
        )
        .order_by(StandingOrder.id)
        .limit(limit)
        .with_for_update()
    ).all()


def _left_over(
    session: Session, departure: Departure, column: Any, limit: int
) -> Sequence[Requisition]:
    """Open requisitions with who or what left, which nobody was asked about; locked."""
    return session.scalars(
        select(Requisition)
        .where(
            column == departure.subject_id,
            Requisition.status.in_(_OPEN),
            Requisition.id.not_in(_listed(departure)),
        )
        .order_by(Requisition.id)
        .limit(limit)
        .with_for_update()
    ).all()


def _listed(departure: Departure) -> Any:
    return select(DepartureLeft.subject_id).where(DepartureLeft.departure_id == departure.id)


def _leave(
    session: Session,
    departure: Departure,
    resource: str,
    row: Requisition | StandingOrder,
    orderer_id: UUID,
    now: datetime,
) -> None:
    orderer = directory.get_practitioner(session, orderer_id)
    departing.leave_to_person(
        session=session,
        departure=departure,
        resource=resource,
        subject_id=row.id,
        patient_id=row.patient_id,
        pool_id=orderer.pool_id,
        responsible_id=orderer.id if orderer.active else None,
        why=f"{departure.kind}_left",
        now=now,
    )
