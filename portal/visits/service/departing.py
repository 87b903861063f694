"""Visits planned with a practitioner who has left. For the workers."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.core.actor import WORKER
from portal.directory import service as directory
from portal.directory.departure_model import Departure, DepartureLeft
from portal.visits.model import Visit
from portal.visits.service import moves
from portal.visits.states import VisitStatus
from portal.worklist import departing


def hand_over_visits(*, session: Session, departure: Departure, now: datetime, limit: int) -> int:
    """To who takes over; without anybody they are the team's to arrange. One that is an appointment
    goes where that goes. Returns how many were looked at."""
    to = departure.successor_id
    listed = select(DepartureLeft.subject_id).where(DepartureLeft.departure_id == departure.id)
    query = select(Visit).where(
        Visit.practitioner_id == departure.subject_id,
        Visit.status == VisitStatus.PLANNED,
        Visit.id.not_in(listed),
    )
    if to is None:
        query = query.where(Visit.appointment_id.is_(None))
    found = session.scalars(query.order_by(Visit.id).limit(limit).with_for_update()).all()
    team = directory.get_practitioner(session, departure.subject_id).pool_id
    for visit in found:
        if to is not None:
            visit.practitioner_id = to
            visit.version += 1
            moves.record(session, WORKER, "hand_over", "visit", visit.patient_id, visit.id, now)
            continue
        departing.leave_to_person(
            session=session,
            departure=departure,
            resource="visit",
            subject_id=visit.id,
            patient_id=visit.patient_id,
            pool_id=team,
            why="practitioner_left",
            now=now,
        )
    session.flush()
    return len(found)
