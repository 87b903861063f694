"""The SELECTs of letters, calls and wishes. Whose rows come back is decided by the database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.directory.model import Practitioner, StaffMember
from portal.notifications.outreach_model import (
    CallAttempt,
    ContactPreference,
    Letter,
    LetterHistory,
    PhoneCall,
)
from portal.notifications.outreach_states import (
    CallStatus,
    ContactChannel,
    LetterStatus,
    ReleaseWish,
)
from portal.patients.model import Patient

_STEP: list[Any] = [*LetterHistory.__table__.c, StaffMember.name.label("actor_name")]
_ATTEMPT: list[Any] = [
    *CallAttempt.__table__.c,
    func.coalesce(Practitioner.name, StaffMember.name).label("caller_name"),
]


def contact(session: Session, person_id: UUID) -> ContactPreference | None:
    return session.get(ContactPreference, person_id, populate_existing=True)


def put_contact(
    session: Session, person_id: UUID, results_by: ContactChannel, results_when: ReleaseWish
) -> None:
    """Write somebody's wishes over those they had."""
    wishes = {"results_by": results_by, "results_when": results_when}
    statement = insert(ContactPreference).values(person_id=person_id, **wishes)
    session.execute(statement.on_conflict_do_update(index_elements=["person_id"], set_=wishes))


def letter_of_source(session: Session, source_id: UUID) -> UUID | None:
    return session.scalar(select(Letter.id).where(Letter.source_id == source_id))


def queued_letters(session: Session, patient_id: UUID) -> Sequence[Letter]:
    """The letters to a patient that wait to be printed."""
    return session.scalars(
        select(Letter)
        .where(Letter.patient_id == patient_id, Letter.status == LetterStatus.QUEUED)
        .order_by(Letter.id)
    ).all()


def call_of_source(session: Session, source_id: UUID) -> UUID | None:
    return session.scalar(select(PhoneCall.id).where(PhoneCall.source_id == source_id))


def letters(
    session: Session,
    *,
    status: str | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[Letter]:
    """The actor's clinic's letters without their documents, oldest first, one more than `limit`."""
    query = select(Letter).order_by(Letter.created_at, Letter.id)
    if status is not None:
        query = query.where(Letter.status == status)
    if after is not None:
        query = query.where(tuple_(Letter.created_at, Letter.id) > after)
    return session.scalars(query.limit(limit + 1)).all()


def get_letter(session: Session, letter_id: UUID) -> Letter | None:
    return session.get(Letter, letter_id)


def document(session: Session, letter_id: UUID) -> Row[UUID, bytes] | None:
    """Whose letter it is, and its PDF."""
    query = select(Letter.patient_id, Letter.document).where(Letter.id == letter_id)
    return session.execute(query).first()


def letter_for_change(session: Session, letter_id: UUID) -> Letter | None:
    """A letter, locked until the transaction ends."""
    return session.get(Letter, letter_id, with_for_update=True, populate_existing=True)


def queued_about(session: Session, subject_id: UUID) -> Sequence[Letter]:
    """The letters about something that wait to be printed, locked."""
    return session.scalars(
        select(Letter)
        .where(Letter.subject_id == subject_id, Letter.status == LetterStatus.QUEUED)
        .order_by(Letter.id)
        .with_for_update()
    ).all()


def open_calls_about(session: Session, subject_id: UUID) -> Sequence[PhoneCall]:
    """The calls about something that are still to be made, locked."""
    return session.scalars(
        select(PhoneCall)
        .where(PhoneCall.subject_id == subject_id, PhoneCall.status == CallStatus.OPEN)
        .order_by(PhoneCall.id)
        .with_for_update()
    ).all()


def letter_history(session: Session, letter_id: UUID) -> Sequence[Row[Any]]:
    """Every step of a letter with the name of who made it, in order."""
    query = (
        select(*_STEP)
        .outerjoin(StaffMember, StaffMember.id == LetterHistory.actor_id)
        .where(LetterHistory.letter_id == letter_id)
        .order_by(LetterHistory.at, LetterHistory.id)
    )
    return session.execute(query).all()


def call(session: Session, call_id: UUID) -> tuple[PhoneCall, Patient] | None:
    """A call and who is to be called."""
    query = select(PhoneCall, Patient).join(Patient, Patient.id == PhoneCall.patient_id)
    row = session.execute(query.where(PhoneCall.id == call_id)).first()
    return None if row is None else (row[0], row[1])


def call_for_change(session: Session, call_id: UUID) -> PhoneCall | None:
    """A call, locked until the transaction ends."""
    return session.get(PhoneCall, call_id, with_for_update=True, populate_existing=True)


def attempts(session: Session, call_id: UUID) -> Sequence[Row[Any]]:
    """Every attempt of a call with the name of who made it, in order."""
    query = (
        select(*_ATTEMPT)
        .outerjoin(Practitioner, Practitioner.id == CallAttempt.caller_id)
        .outerjoin(StaffMember, StaffMember.id == CallAttempt.caller_id)
        .where(CallAttempt.call_id == call_id)
        .order_by(CallAttempt.number)
    )
    return session.execute(query).all()
