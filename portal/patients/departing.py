"""Care teams and choices of places from which somebody or something has left. For the workers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal.core import audit, outbox
from portal.core.actor import WORKER
from portal.core.clock import local_day
from portal.directory.departure_model import Departure, DepartureKind
from portal.patients.model import CareRole, CareTeamMember
from portal.patients.service import add_member, get_patient

_CHOSEN = {
    DepartureKind.PHARMACY: "preferred_pharmacy_id",
    DepartureKind.LABORATORY: "preferred_laboratory_id",
}


@dataclass(frozen=True, slots=True)
class Left:
    """How many care teams were left, and which patients have no primary practitioner now."""

    count: int
    without_primary: Sequence[UUID]


def leave_care_teams(*, session: Session, departure: Departure, now: datetime, limit: int) -> Left:
    """End the care by who left; who takes over begins in the same role."""
    members = session.scalars(
        select(CareTeamMember)
        .where(CareTeamMember.member_id == departure.subject_id, CareTeamMember.ended_on.is_(None))
        .order_by(CareTeamMember.patient_id)
        .limit(limit)
        .with_for_update()
    ).all()
    alone = [
        member.patient_id
        for member in members
        if not _replace(session, member, departure, now) and member.role == CareRole.PRIMARY
    ]
    return Left(len(members), alone)


def _replace(session: Session, member: CareTeamMember, departure: Departure, now: datetime) -> bool:
    patient = get_patient(session, member.patient_id)
    member.ended_on = local_day(now, patient.time_zone)
    session.flush()
    to = departure.successor_id
    if to is not None:
        there = session.get(CareTeamMember, (patient.id, to), with_for_update=True)
        if there is None:
            add_member(session, patient, to, member.role, now)
        elif there.ended_on is not None or member.role == CareRole.PRIMARY:
            there.role, there.ended_on = member.role, None
            session.flush()
    audit.record(
        session,
        WORKER,
        "end_care_team_member",
        "patient",
        patient_id=patient.id,
        resource_id=patient.id,
        at=now,
    )
    outbox.emit(
        session,
        "patient.care_team_changed",
        now=now,
        patient_id=patient.id,
        member_id=member.member_id,
    )
    return to is not None


def forget_choice(*, session: Session, departure: Departure, now: datetime, limit: int) -> int:
    """Who preferred a place that has closed prefers what takes over, or nothing any more."""
    column = _CHOSEN[DepartureKind(departure.kind)]
    statement = text(
        f"UPDATE patient SET {column} = :to, version = version + 1 "  # noqa: S608 - names of ours
        f"WHERE id IN (SELECT id FROM patient WHERE {column} = :id LIMIT :limit) RETURNING id"
    )
    values = {"id": departure.subject_id, "to": departure.successor_id, "limit": limit}
    rows = session.execute(statement, values).all()
    for row in rows:
        audit.record(
            session, WORKER, "update", "patient", patient_id=row.id, resource_id=row.id, at=now
        )
    return len(rows)
