"""Letters: into the print queue, and what becomes of them."""

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.core import audit, outbox
from portal.core.actor import WORKER, Actor
from portal.core.ids import new_id
from portal.directory import service as directory
from portal.directory.model import PoolKind
from portal.notifications import letter_pdf, outreach_queries, rules
from portal.notifications.errors import LetterNotFound, MailingAddressMissing
from portal.notifications.letter_pdf import Envelope, LetterText
from portal.notifications.outreach_model import Letter, LetterHistory
from portal.notifications.outreach_states import LetterStatus
from portal.notifications.states import NotificationEvent
from portal.patients import service as patients
from portal.worklist import rules as due
from portal.worklist import service as worklist
from portal.worklist.states import Priority, WorkItemKind


def queue_letter(
    *,
    session: Session,
    patient_id: UUID,
    event: NotificationEvent,
    source_id: UUID,
    subject_id: UUID,
    text: LetterText,
    now: datetime,
) -> UUID:
    """Put a letter into the print queue of the patient's clinic, once for each `source_id`.

    For the workers. A record that was merged gets its survivor's letter. Raises PatientUnknown, and
    MailingAddressMissing where nothing can be sent to the patient.
    """
    there = outreach_queries.letter_of_source(session, source_id)
    if there is not None:
        return there
    patient = patients.hold_identity(session, patients.surviving(session, patient_id).id)
    addressee = rules.addressee(patient)
    if addressee is None:
        raise MailingAddressMissing()
    clinic = directory.get_clinic(session, patient.clinic_id)
    written_at = now.astimezone(ZoneInfo(clinic.time_zone))
    made = letter_pdf.render(text, Envelope(clinic.name, clinic.phone, addressee, written_at))
    letter = Letter(
        id=new_id(),
        patient_id=patient.id,
        clinic_id=clinic.id,
        event=event,
        source_id=source_id,
        subject_id=subject_id,
        status=LetterStatus.QUEUED,
        addressee=addressee,
        pages=made.pages,
        document=made.document,
        created_at=now,
    )
    session.add(letter)
    session.flush()
    _remember(session, letter, None, actor=WORKER, note=None, now=now)
    return letter.id


def move_letter(
    *,
    session: Session,
    actor: Actor,
    letter_id: UUID,
    status: LetterStatus,
    note: str | None,
    now: datetime,
) -> Letter:
    """Say what became of a letter; one that came back becomes the clinic's staff's work.

    Raises LetterNotFound, and IllegalTransition with `status_now` where the letter can't move there
    (any more).
    """
    letter = outreach_queries.letter_for_change(session, letter_id)
    if letter is None:
        raise LetterNotFound()
    before = LetterStatus(letter.status)
    letter.move_to(status, actor=actor, now=now)
    letter.note = note or letter.note
    session.flush()
    _remember(session, letter, before, actor=actor, note=note, now=now)
    outbox.emit(session, "letter.moved", now=now, letter_id=letter.id)
    if status == LetterStatus.RETURNED:
        outbox.emit(session, "letter.returned", now=now, letter_id=letter.id)
    return letter


_FOLLOW_CLINIC = text(
    """
    WITH theirs AS (
        UPDATE letter l SET clinic_id = p.clinic_id FROM patient p
        WHERE p.id = l.patient_id AND p.id = :patient_id AND l.status = 'queued'
          AND l.clinic_id <> p.clinic_id
        RETURNING l.id, l.clinic_id
    )
    UPDATE letter_history h SET clinic_id = t.clinic_id FROM theirs t WHERE h.letter_id = t.id
    """
)


def follow_clinic(session: Session, patient_id: UUID) -> None:
    """What waits to be printed is printed by the patient's clinic, which may be another now."""
    session.execute(_FOLLOW_CLINIC, {"patient_id": patient_id})


def cancel_letters_about(
    *, session: Session, actor: Actor, subject_id: UUID, note: str, now: datetime
) -> None:
    """Withdraw what waits to be printed about something that is no longer so. Nobody has to find
    another way of telling it."""
    for letter in outreach_queries.queued_about(session, subject_id):
        letter.move_to(LetterStatus.CANCELLED, actor=actor, now=now)
        letter.note = note
        session.flush()
        _remember(session, letter, LetterStatus.QUEUED, actor=actor, note=note, now=now)


def _remember(
    session: Session,
    letter: Letter,
    before: LetterStatus | None,
    *,
    actor: Actor,
    note: str | None,
    now: datetime,
) -> None:
    session.add(
        LetterHistory(
            id=new_id(),
            letter_id=letter.id,
            clinic_id=letter.clinic_id,
            from_status=before,
            to_status=letter.status,
            at=now,
            actor_kind=actor.kind,
            actor_id=actor.id,
            note=note,
        )
    )
    audit.record(
        session,
        actor,
        letter.status,
        "letter",
        patient_id=letter.patient_id,
        resource_id=letter.id,
        at=now,
    )


def follow_correction(*, session: Session, patient_id: UUID, now: datetime) -> None:
    """A patient's name was corrected: what waits to be printed under the former one becomes the
    staff's work. For the workers."""
    for letter in outreach_queries.queued_letters(session, patient_id):
        if letter.addressee[0] == patients.get_patient(session, patient_id).name:
            continue
        _open_item(session, letter, WorkItemKind.LETTER_OUTDATED, now)


def close_outdated(*, session: Session, letter_id: UUID, now: datetime) -> None:
    """Nothing more is to be done about a letter that has left the print queue."""
    letter = outreach_queries.get_letter(session, letter_id)
    if letter is not None and letter.status != LetterStatus.QUEUED:
        worklist.close_item(
            session=session,
            actor=WORKER,
            kind=WorkItemKind.LETTER_OUTDATED,
            subject_id=letter.id,
            outcome=letter.status,
            now=now,
        )


def find_another_way(*, session: Session, letter_id: UUID, now: datetime) -> None:
    """Have the clinic's staff look after a letter that came back. For the workers: whoever prints
    letters needn't be somebody who cares for the patient."""
    letter = outreach_queries.get_letter(session, letter_id)
    if letter is None or letter.status != LetterStatus.RETURNED:
        return
    _open_item(session, letter, WorkItemKind.LETTER_RETURNED, now)


def _open_item(session: Session, letter: Letter, kind: WorkItemKind, now: datetime) -> None:
    calendar = directory.calendar_of(session, letter.clinic_id)
    worklist.open_item(
        session=session,
        actor=WORKER,
        kind=kind,
        subject_id=letter.id,
        patient_id=letter.patient_id,
        responsible_id=None,
        pool_id=directory.pool_of(session, letter.clinic_id, PoolKind.CLINIC_STAFF),
        priority=Priority.ROUTINE,
        due_at=due.due_at(calendar, Priority.ROUTINE, now),
        now=now,
    )
