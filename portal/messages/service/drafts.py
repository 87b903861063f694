"""Drafts: what somebody has written and not sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.actor import PATIENT_SIDE, Actor, ActorKind
from portal.core.errors import FieldError, Invalid
from portal.core.ids import new_id
from portal.messages import composing_queries, queries
from portal.messages.composing_model import Draft
from portal.messages.errors import DraftNotFound, ThreadNotFound
from portal.messages.service.starting import About, Recipient, check_about, resolved
from portal.patients import service as patients


@dataclass(frozen=True, slots=True)
class SaveDraft:
    """A draft for a thread, or for a new one: of the patient themselves, or to a patient."""

    body: str
    thread_id: UUID | None = None
    patient_id: UUID | None = None
    to: Recipient | None = None
    category: str | None = None
    subject: str = ""
    about: About | None = None


def save_draft(*, session: Session, actor: Actor, command: SaveDraft, now: datetime) -> Draft:
    """Keep a draft in place of the one before; returns the one that is kept.

    Raises ThreadNotFound, PatientUnknown, RecipientUnusable; for delegates AboutUnusable.
    """
    patient_id = _whose(session, actor, command)
    to = None
    if command.to is not None and command.thread_id is None and actor.kind in PATIENT_SIDE:
        to = resolved(session, patient_id, command.to)
    if actor.kind is ActorKind.DELEGATE:  # what is kept from them is out of sight in drafts too
        check_about(session, command.about, patient_id)
        composing_queries.forget_hidden_draft(session, command.thread_id or patient_id)
    draft_id = composing_queries.put_draft(
        session,
        {
            "id": new_id(),
            "author_kind": actor.kind.value,
            "author_id": actor.id,
            "patient_id": patient_id,
            "thread_id": command.thread_id,
            "target_id": command.thread_id or patient_id,
            "pool_id": to.pool_id if to else None,
            "practitioner_id": to.practitioner_id if to else None,
            "category": command.category,
            "subject": command.subject,
            "about_kind": command.about.kind if command.about else None,
            "about_id": command.about.id if command.about else None,
            "body": command.body,
            "updated_at": now,
        },
    )
    _audit(session, actor, "save", patient_id, draft_id, now)
    return session.get_one(Draft, draft_id, populate_existing=True)


def _whose(session: Session, actor: Actor, command: SaveDraft) -> UUID:
    if command.thread_id is not None:
        thread = queries.thread(session, command.thread_id, actor.kind)
        if thread is None:
            raise ThreadNotFound()
        return UUID(str(thread.patient_id))
    if actor.kind in PATIENT_SIDE:
        return actor.subject_id
    if command.patient_id is None:
        raise Invalid(errors=[FieldError("/patient_id", "Say to whom, or name the thread_id.")])
    return patients.get_patient(session, command.patient_id).id


def read_drafts(*, session: Session, actor: Actor, now: datetime) -> Sequence[Draft]:
    """One's own drafts, the last changed first."""
    found = composing_queries.drafts(session, actor.id)
    for patient_id in {draft.patient_id for draft in found}:
        audit.record(session, actor, "read", "draft", patient_id=patient_id, at=now)
    return found


def discard_draft(*, session: Session, actor: Actor, draft_id: UUID, now: datetime) -> None:
    """Throw a draft away. Raises DraftNotFound."""
    draft = composing_queries.delete_draft(session, actor.id, draft_id)
    if draft is None:
        raise DraftNotFound()
    _audit(session, actor, "delete", draft.patient_id, draft_id, now)


def _audit(
    session: Session, actor: Actor, action: str, patient_id: UUID, id_: UUID, now: datetime
) -> None:
    audit.record(session, actor, action, "draft", patient_id=patient_id, resource_id=id_, at=now)
