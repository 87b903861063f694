"""Keeping threads and requests for a call from delegates."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import Actor
from portal.messages import advice_queries
from portal.messages.errors import AdviceCallNotFound
from portal.messages.service import moves
from portal.patients import confidentiality
from portal.patients.confidentiality import Confidential


def keep_thread_confidential(
    *, session: Session, actor: Actor, thread_id: UUID, command: Confidential, now: datetime
) -> None:
    """Keep a thread from delegates with all that is in it, or open it to them again: unless it is
    about something that is kept itself.

    Raises ThreadNotFound.
    """
    thread = moves.lock(session, thread_id)
    confidentiality.mark(
        session=session, actor=actor, rows=[thread], resource="thread", command=command, now=now
    )


def keep_call_confidential(
    *, session: Session, actor: Actor, call_id: UUID, command: Confidential, now: datetime
) -> None:
    """Keep a request for a nurse's call from delegates, or open it to them again.

    Raises AdviceCallNotFound.
    """
    call = advice_queries.call_for_change(session, call_id)
    if call is None:
        raise AdviceCallNotFound()
    confidentiality.mark(
        session=session, actor=actor, rows=[call], resource="advice_call", command=command, now=now
    )
