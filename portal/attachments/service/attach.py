"""Making uploads part of something: of a message, of a visit. For the slices above."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from portal.attachments import queries
from portal.attachments.errors import AttachmentUnusable
from portal.attachments.model import Attachment
from portal.attachments.states import ATTACHABLE, AttachedTo
from portal.attachments.views import attachment_view
from portal.core import audit
from portal.core.actor import Actor
from portal.core.errors import FieldError

_GONE = "One of these was used or deleted just now."


def attach(
    *,
    session: Session,
    actor: Actor,
    patient_id: UUID,
    ids: Sequence[UUID],
    to_kind: AttachedTo,
    to_id: UUID,
    limit: int,
    now: datetime,
    shared: bool = True,
    pointer: str = "/attachments",
) -> None:
    """Make uploads of the actor's part of something in a patient's record, in this order.

    From now on whoever cares for the patient sees them, and where `shared` the patient too. Each
    has to be the actor's own, for this patient, and not used yet; at most `limit`. One that still
    waits to be scanned may be attached, and is handed out once it is clean.

    Raises AttachmentUnusable naming each that can't be, under `pointer`.
    """
    if not ids:
        return
    if len(ids) > limit:
        raise AttachmentUnusable(errors=[FieldError(pointer, f"At most {limit} files.")])
    found = queries.own_uploads(session, actor, ids)
    problems = list(_problems(ids, found, patient_id, pointer))
    if problems:
        raise AttachmentUnusable(errors=problems)
    marked = queries.mark_attached(
        session, ids, to_kind=to_kind, to_id=to_id, shared=shared, now=now
    )
    if marked < len(ids):
        raise AttachmentUnusable(errors=[FieldError(pointer, _GONE)])
    for id_ in ids:
        audit.record(
            session,
            actor,
            "attach",
            "attachment",
            patient_id=patient_id,
            resource_id=id_,
            at=now,
        )


def check_unused(
    *,
    session: Session,
    actor: Actor,
    patient_id: UUID,
    ids: Sequence[UUID],
    limit: int,
    pointer: str = "/attachments",
) -> None:
    """That uploads can be part of something later, and none is deleted or used until the
    transaction ends. Raises AttachmentUnusable as attach() does."""
    if len(ids) > limit:
        raise AttachmentUnusable(errors=[FieldError(pointer, f"At most {limit} files.")])
    found = queries.own_uploads(session, actor, ids) if ids else {}
    if problems := list(_problems(ids, found, patient_id, pointer)):
        raise AttachmentUnusable(errors=problems)
    if len(queries.hold_unused(session, ids)) < len(ids):
        raise AttachmentUnusable(errors=[FieldError(pointer, _GONE)])


def unused(session: Session, ids: Collection[UUID]) -> dict[UUID, dict[str, Any]]:
    """Those of the actor's uploads that are part of nothing yet, as JSON."""
    return {row.id: attachment_view(row) for row in queries.unused(session, ids)}


def _problems(
    ids: Sequence[UUID], found: Mapping[UUID, Attachment], patient_id: UUID, pointer: str
) -> Iterator[FieldError]:
    for number, id_ in enumerate(ids):
        problem = _problem(found.get(id_), patient_id)
        if id_ in ids[:number]:
            problem = "This file is named twice."
        if problem is not None:
            yield FieldError(f"{pointer}/{number}", problem)


def _problem(upload: Attachment | None, patient_id: UUID) -> str | None:
    if upload is None:
        return "There is no such upload of yours: send the file with POST /attachments first."
    if upload.patient_id != patient_id:
        return "This was uploaded for another patient's record."
    if upload.attached_at is not None:
        return "This was sent already: upload the file again to send it again."
    if upload.status not in ATTACHABLE:
        return "This did not pass the check for viruses: send another file."
    return None


def of(session: Session, to_kind: AttachedTo, to_ids: Collection[UUID]) -> dict[UUID, list[Any]]:
    """What the actor may see of what is part of each of these, as JSON; one statement for any
    number. Whoever asks audits what it is part of."""
    found: dict[UUID, list[Any]] = defaultdict(list)
    for row in queries.attached_to(session, to_kind, to_ids):
        found[row.to_id].append(attachment_view(row))
    return dict(found)
