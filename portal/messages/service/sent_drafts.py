"""A draft that is sent goes with it; every other one stays."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import Actor
from portal.core.errors import FieldError, Invalid
from portal.core.versions import check_version
from portal.messages import draft_queries
from portal.messages.errors import DraftNotFound


@dataclass(frozen=True, slots=True)
class SentDraft:
    """Which draft a message is, in the version that its author has before them."""

    id: UUID
    version: int


def forget_sent(
    session: Session,
    actor: Actor,
    sent: SentDraft | None,
    *,
    patient_id: UUID,
    thread_id: UUID | None,
) -> None:
    """Forget the draft that is being sent, and none where the message names none.

    Raises DraftNotFound where it was sent or thrown away already, in another window perhaps;
    PreconditionFailed where it was changed since; Invalid for a draft of something else.
    """
    if sent is None:
        return
    draft = draft_queries.for_change(session, actor.id, sent.id)
    if draft is None:
        raise DraftNotFound()
    if (draft.thread_id, draft.patient_id) != (thread_id, patient_id):
        why = "This draft is for another thread or patient."
        raise Invalid(errors=[FieldError("/draft/id", why)])
    check_version(sent.version, draft.version)
    session.delete(draft)
    session.flush()
