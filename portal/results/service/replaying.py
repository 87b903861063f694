"""Taking a message in again that was set aside because it failed on our side."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.orm import Session

from portal.core.actor import Actor
from portal.core.db import lock
from portal.core.errors import PortalError
from portal.hl7v2.errors import MessageRefused
from portal.results.envelope import Source
from portal.results.intake_errors import CaseNotReplayable, StillFailing
from portal.results.intake_model import ReceivedMessage, ReconciliationCase
from portal.results.service.fhir_intake import open_fhir, take_fhir_again
from portal.results.service.hl7_intake import open_hl7, take_hl7_again
from portal.results.service.reconcile import close_case, open_case
from portal.results.states import CaseReason, CaseStatus, IntakeTransport

log = structlog.get_logger(__name__)


def replay(*, session: Session, actor: Actor, case_id: UUID, now: datetime) -> ReconciliationCase:
    """Take the message of a case in, as if it came now; reports that match nobody are cases of
    their own. `session` is the workers'.

    Raises CaseNotFound, CaseClosed, CaseNotReplayable, and StillFailing, naming what speaks
    against it where that is known.
    """
    case = open_case(session, case_id)
    if case.reason != CaseReason.NOT_TAKEN_IN:
        raise CaseNotReplayable()
    message = session.get_one(ReceivedMessage, case.message_id)
    try:
        _take(session, message, now)
    except MessageRefused as refusal:
        raise StillFailing(f"It can't be read: {refusal}") from refusal
    except PortalError as error:
        named = "; ".join(f"{one.pointer} {one.message}" for one in error.errors)
        raise StillFailing(f"It can't be read: {named or error.detail}") from error
    except Exception as error:
        log.error("replay_failed", resource=str(case_id), exc_info=error)
        raise StillFailing() from error
    close_case(session, actor, case, CaseStatus.TAKEN_IN, None, None, now)
    return case


def _take(session: Session, message: ReceivedMessage, now: datetime) -> None:
    """Raises MessageRefused, PortalError, and whatever went wrong before."""
    source, content = _source(message), bytes(message.content)
    opens: Callable[..., Any] = open_hl7
    takes: Callable[..., Sequence[Any]] = take_hl7_again
    if message.transport == IntakeTransport.FHIR:
        opens, takes = open_fhir, take_fhir_again
    opened = opens(content, source)
    lock(session, opened.locks)
    takes(session=session, opened=opened, message_id=message.id, now=now)


def _source(message: ReceivedMessage) -> Source:
    transport = IntakeTransport(message.transport)
    if message.laboratory_id is not None:
        return Source(transport, message.laboratory_id)
    application, _, facility = message.sender.partition("|")
    return Source(transport, None, application, facility)
