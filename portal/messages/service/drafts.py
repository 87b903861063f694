"""Drafts: what somebody has written and not sent. Each is a thing of its own, with its version."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from portal.attachments import service as attachments
from portal.attachments.errors import AttachmentUnusable
from portal.core import audit
from portal.core.actor import PATIENT_SIDE, Actor, ActorKind
from portal.core.errors import FieldError, Invalid
from portal.core.ids import new_id
from portal.core.versions import check_version
from portal.messages import draft_queries, queries, rules
from portal.messages.draft_model import Draft
from portal.messages.errors import DraftNotFound, ThreadNotFound, TooManyDrafts
from portal.messages.service.starting import About, Addressed, Recipient, check_about, resolved
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
    attachments: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Kept:
    """A draft with its files, as JSON."""

    draft: Draft
    files: Sequence[dict[str, Any]]


def add_draft(*, session: Session, actor: Actor, command: SaveDraft, now: datetime) -> Kept:
    """Keep a new draft beside the others.

    Raises ThreadNotFound, PatientUnknown, RecipientUnusable, AttachmentUnusable, TooManyDrafts; for
    delegates AboutUnusable.
    """
    patient_id = _whose(session, actor, command)
    if draft_queries.count(session, actor.id) >= rules.MOST_DRAFTS:
        raise TooManyDrafts()
    draft = Draft(
        id=new_id(),
        author_kind=actor.kind.value,
        author_id=actor.id,
        patient_id=patient_id,
        thread_id=command.thread_id,
        version=1,
    )
    _write(session, actor, draft, command, now)
    session.add(draft)
    session.flush()
    return _kept(session, actor, draft, command, now)


def change_draft(
    *,
    session: Session,
    actor: Actor,
    draft_id: UUID,
    command: SaveDraft,
    expected: int | None,
    now: datetime,
) -> Kept:
    """Write a draft anew, over the version that was read.

    Raises DraftNotFound, PreconditionFailed where it was changed since, Invalid for another thread
    or patient, and what add_draft() raises.
    """
    draft = _locked(session, actor, draft_id)
    check_version(expected, draft.version)
    _check_same(draft, command)
    _write(session, actor, draft, command, now)
    draft.version += 1
    session.flush()
    return _kept(session, actor, draft, command, now)


def _locked(session: Session, actor: Actor, draft_id: UUID) -> Draft:
    draft = draft_queries.for_change(session, actor.id, draft_id)
    if draft is None:
        raise DraftNotFound()
    return draft


def _check_same(draft: Draft, command: SaveDraft) -> None:
    """Raises Invalid."""
    for name in ("thread_id", "patient_id"):
        if getattr(command, name) not in (None, getattr(draft, name)):
            why = "A draft stays with what it is for: keep another one by POST /api/v1/drafts."
            raise Invalid(errors=[FieldError(f"/{name}", why)])


def _write(session: Session, actor: Actor, draft: Draft, command: SaveDraft, now: datetime) -> None:
    to = _addressed(session, actor, draft, command)
    if actor.kind is ActorKind.DELEGATE:  # what is kept from them is out of sight in drafts too
        check_about(session, command.about, draft.patient_id)
    draft.pool_id = to.pool_id if to else None
    draft.practitioner_id = to.practitioner_id if to else None
    draft.category = command.category
    draft.subject = command.subject
    draft.about_kind = command.about.kind if command.about else None
    draft.about_id = command.about.id if command.about else None
    draft.body = command.body
    draft.updated_at = now


def _addressed(
    session: Session, actor: Actor, draft: Draft, command: SaveDraft
) -> Addressed | None:
    if command.to is None or draft.thread_id is not None or actor.kind not in PATIENT_SIDE:
        return None
    return resolved(session, draft.patient_id, command.to)


def _kept(session: Session, actor: Actor, draft: Draft, command: SaveDraft, now: datetime) -> Kept:
    """The draft with its files, which nobody sweeps away while it has them."""
    attachments.check_unused(
        session=session,
        actor=actor,
        patient_id=draft.patient_id,
        ids=command.attachments,
        limit=rules.MOST_FILES,
    )
    held = draft_queries.put_files(session, draft.id, command.attachments)
    elsewhere = [
        FieldError(f"/attachments/{number}", "Another draft holds this upload.")
        for number, id_ in enumerate(command.attachments)
        if id_ not in held
    ]
    if elsewhere:
        raise AttachmentUnusable(errors=elsewhere)
    _audit(session, actor, "save", draft, now)
    return Kept(draft, _files(session, [draft.id]).get(draft.id, ()))


def _files(session: Session, draft_ids: Sequence[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    named = draft_queries.files_of(session, draft_ids)
    views = attachments.unused(session, [row.attachment_id for row in named])
    found: dict[UUID, list[dict[str, Any]]] = {}
    for row in named:
        if row.attachment_id in views:
            found.setdefault(row.draft_id, []).append(views[row.attachment_id])
    return found


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


def read_drafts(
    *,
    session: Session,
    actor: Actor,
    thread_id: UUID | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
    now: datetime,
) -> list[Kept]:
    """One's own drafts, the last changed first, one more than `limit`."""
    found = draft_queries.drafts(session, actor.id, thread_id, after=after, limit=limit)
    files = _files(session, [draft.id for draft in found])
    for patient_id in sorted({draft.patient_id for draft in found[:limit]}):
        audit.record(session, actor, "read", "draft", patient_id=patient_id, at=now)
    return [Kept(draft, files.get(draft.id, ())) for draft in found]


def read_draft(*, session: Session, actor: Actor, draft_id: UUID, now: datetime) -> Kept:
    """One of one's own drafts. Raises DraftNotFound."""
    draft = draft_queries.draft(session, actor.id, draft_id)
    if draft is None:
        raise DraftNotFound()
    _audit(session, actor, "read", draft, now)
    return Kept(draft, _files(session, [draft.id]).get(draft.id, ()))


def discard_draft(
    *, session: Session, actor: Actor, draft_id: UUID, expected: int | None, now: datetime
) -> None:
    """Throw a draft away. Raises DraftNotFound, PreconditionFailed where it was changed since."""
    draft = _locked(session, actor, draft_id)
    check_version(expected, draft.version)
    _audit(session, actor, "delete", draft, now)
    session.delete(draft)
    session.flush()


def _audit(session: Session, actor: Actor, action: str, draft: Draft, now: datetime) -> None:
    audit.record(
        session,
        actor,
        action,
        "draft",
        patient_id=draft.patient_id,
        resource_id=draft.id,
        at=now,
    )
