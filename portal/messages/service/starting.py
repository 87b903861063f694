"""New threads: a patient's, and the care team's to one patient or to many one by one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import Actor, ActorKind
from portal.core.errors import FieldError, Invalid, PatientDeceased, PortalError
from portal.core.ids import new_id
from portal.directory import service as directory
from portal.messages import composing_queries, queries, rules, statements
from portal.messages.errors import AboutUnusable, PoolUnusable, RecipientUnusable
from portal.messages.service import moves, warning
from portal.messages.service.confidential import keep_thread_confidential
from portal.messages.service.sent_drafts import SentDraft, forget_sent
from portal.messages.service.signing import signed
from portal.messages.states import AboutKind, MessageKind, Signature, ThreadStatus
from portal.patients.confidentiality import Confidential
from portal.patients.errors import PatientUnknown


@dataclass(frozen=True, slots=True)
class Recipient:
    """A practitioner, or a team: one of the two."""

    practitioner_id: UUID | None = None
    pool_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Addressed:
    """The team of a thread, and the practitioner of it whom the thread is with."""

    pool_id: UUID
    practitioner_id: UUID | None


@dataclass(frozen=True, slots=True)
class About:
    kind: AboutKind
    id: UUID


@dataclass(frozen=True, slots=True)
class StartThread:
    """A patient's new thread."""

    to: Recipient
    category: str
    subject: str
    body: str
    about: About | None = None
    acknowledged_red_flags: int | None = None
    attachments: tuple[UUID, ...] = ()
    draft: SentDraft | None = None


@dataclass(frozen=True, slots=True)
class WriteToPatients:
    """The care team's new threads, one for each patient; without a team the author's first."""

    patient_ids: tuple[UUID, ...]
    category: str
    subject: str
    body: str
    about: About | None = None
    pool_id: UUID | None = None
    signature: Signature = Signature.PERSON
    # An upload is one patient's, and so are a draft and what is kept from delegates: only where
    # the message is.
    attachments: tuple[UUID, ...] = ()
    confidential_reason: str | None = None
    draft: SentDraft | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """A thread with its first message."""

    thread_id: UUID
    message_id: UUID


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one patient's thread."""

    patient_id: UUID
    started: Started | None = None
    error: PortalError | None = None


def start_thread(*, session: Session, actor: Actor, command: StartThread, now: datetime) -> Started:
    """A patient writes to somebody who cares for them, or to a team.

    Raises RecipientUnusable, AboutUnusable, AttachmentUnusable, RedFlagsFound with the guidance,
    and what forget_sent() raises of its draft.
    """
    patient_id = actor.subject_id
    to = resolved(session, patient_id, command.to)
    check_about(session, command.about, patient_id)
    flagged = warning.acknowledged(
        session, actor, command.acknowledged_red_flags, command.subject, command.body
    )
    urgent = bool(flagged.codes)
    calendar = directory.calendar_of_pool(session, to.pool_id)
    row = {
        **_thread_row(patient_id, to, command),
        "status": ThreadStatus.AWAITING_CARE_TEAM,
        "urgent": urgent,
        "reply_due_at": rules.reply_due_at(calendar, urgent, now),
        "unread_by_team": 1,
    }
    statements.write_threads(session, actor, [row], now)
    message = moves.message_row(row["id"], patient_id, command.body, flagged=flagged)
    statements.write_messages(session, actor, [message], now)
    moves.attach(session, actor, message, command.attachments, now)
    moves.open_reply_item(session, row, actor=actor, now=now)
    forget_sent(session, actor, command.draft, patient_id=patient_id, thread_id=None)
    _remember(session, actor, row, message, now)
    return Started(row["id"], message["id"])


def resolved(session: Session, patient_id: UUID, to: Recipient) -> Addressed:
    """Whom a patient writes to, with the team to whom it belongs.

    Raises RecipientUnusable for somebody who does not care for the patient.
    """
    for row in queries.recipients(session, patient_id):
        if to.practitioner_id is None and row.practitioner_id is None and row.pool_id == to.pool_id:
            return Addressed(row.pool_id, None)
        if to.practitioner_id is not None and row.practitioner_id == to.practitioner_id:
            return Addressed(row.pool_id, row.practitioner_id)
    member = "pool_id" if to.practitioner_id is None else "practitioner_id"
    remedy = "Choose one of GET /api/v1/threads/recipients."
    raise RecipientUnusable(remedy, errors=[FieldError(f"/to/{member}", remedy)])


def check_about(session: Session, about: About | None, patient_id: UUID) -> None:
    """Raises AboutUnusable for what is not the patient's, or the actor may not see."""
    if about is not None and not queries.is_about(session, about.kind, about.id, patient_id):
        raise AboutUnusable(errors=[FieldError("/about/id", AboutUnusable.detail)])


def _thread_row(
    patient_id: UUID, to: Addressed, command: StartThread | WriteToPatients
) -> dict[str, Any]:
    about = command.about
    return {
        "id": new_id(),
        "history_id": new_id(),
        "patient_id": patient_id,
        "pool_id": to.pool_id,
        "practitioner_id": to.practitioner_id,
        "category": command.category,
        "subject": command.subject,
        "about_kind": about.kind if about else None,
        "about_id": about.id if about else None,
        "status": ThreadStatus.AWAITING_PATIENT,
        "urgent": False,
        "reply_due_at": None,
        "unread_by_patient": 0,
        "unread_by_team": 0,
    }


def write_to_patients(
    *, session: Session, actor: Actor, command: WriteToPatients, now: datetime
) -> list[Outcome]:
    """Write the same to several patients, a thread each; the outcomes in their order.

    A constant number of statements. Raises PoolUnusable for a team that is not the author's,
    AboutUnusable, AttachmentUnusable, Invalid for a reason that is not the author's to give.
    """
    _check_confidence(actor, command.confidential_reason)
    sender = _sender(session, actor, command.pool_id)
    seen = queries.seen_patients(session, command.patient_ids)
    check_about(session, command.about, command.patient_ids[0])  # a record is one patient's
    rows = {
        patient_id: {**_thread_row(patient_id, sender, command), "unread_by_patient": 1}
        for patient_id in command.patient_ids
        if seen.get(patient_id) is False
    }
    started = _write(session, actor, command, sender, list(rows.values()), now) if rows else {}
    return [
        Outcome(patient_id, started=started[patient_id])
        if patient_id in started
        else Outcome(patient_id, error=_refusal(seen.get(patient_id)))
        for patient_id in command.patient_ids
    ]


def _refusal(deceased: bool | None) -> PortalError:
    """Why somebody is not written to: they have died, or are no patient of the author's."""
    return PatientDeceased() if deceased else PatientUnknown()


def _check_confidence(actor: Actor, reason: str | None) -> None:
    if reason is not None and actor.kind is not ActorKind.PRACTITIONER:
        why = "Only practitioners keep something confidential."
        raise Invalid(errors=[FieldError("/confidential_reason", why)])


def _sender(session: Session, actor: Actor, pool_id: UUID | None) -> Addressed:
    """For which team somebody writes: the one named, else the first that is theirs."""
    practitioner_id = actor.id if actor.kind == ActorKind.PRACTITIONER else None
    if pool_id is not None and composing_queries.is_member(session, pool_id, actor.id):
        return Addressed(pool_id, practitioner_id)
    found: Any = queries.sender(session, actor.id) if pool_id is None else None
    if found is None:
        raise PoolUnusable(errors=[FieldError("/pool_id", PoolUnusable.detail)])
    return Addressed(found.pool_id, practitioner_id)


def _write(
    session: Session,
    actor: Actor,
    command: WriteToPatients,
    sender: Addressed,
    rows: Sequence[dict[str, Any]],
    now: datetime,
) -> dict[UUID, Started]:
    """The threads that were started, by their patients."""
    signature = signed(session, actor, sender.pool_id, command.signature)
    messages = [
        moves.message_row(
            row["id"],
            row["patient_id"],
            command.body,
            kind=MessageKind.MESSAGE,
            signature_kind=command.signature,
            signature=signature,
        )
        for row in rows
    ]
    statements.write_threads(session, actor, rows, now)
    statements.write_messages(session, actor, messages, now)
    if command.confidential_reason is not None:
        why = Confidential(True, command.confidential_reason)
        for row in rows:
            keep_thread_confidential(
                session=session, actor=actor, thread_id=row["id"], command=why, now=now
            )
    if command.draft is not None:
        [patient_id] = command.patient_ids
        forget_sent(session, actor, command.draft, patient_id=patient_id, thread_id=None)
    started = {}
    for row, message in zip(rows, messages, strict=True):
        moves.attach(session, actor, message, command.attachments, now)
        _remember(session, actor, row, message, now)
        started[row["patient_id"]] = Started(row["id"], message["id"])
    return started


def _remember(
    session: Session, actor: Actor, row: dict[str, Any], message: dict[str, Any], now: datetime
) -> None:
    moves.remember(
        session, actor, "create", patient_id=row["patient_id"], thread_id=row["id"], now=now
    )
    moves.remember_sent(session, actor, message, now)
