"""The edge of the intake: one transaction a message, whatever it came by.

It runs as the workers do: a message names patients by numbers, whom no laboratory may look up.
The audit trail has the laboratory as the actor.
"""

from collections.abc import Callable
from typing import TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError

from portal.core.actor import WORKER
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.errors import PortalError, Unavailable
from portal.results.envelope import Source
from portal.results.intake_errors import TakenMeanwhile
from portal.results.service.failing import failure_locks
from portal.results.service.fhir_intake import (
    OpenedBundle,
    Taken,
    fail_fhir,
    open_fhir,
    receive_fhir,
)
from portal.results.service.hl7_intake import (
    Answered,
    Opened,
    fail_hl7,
    open_hl7,
    receive_hl7,
    refuse_for_now,
    refuse_long,
)

T = TypeVar("T")
log = structlog.get_logger(__name__)

# Of a message, by whatever way it comes.
LARGEST_MESSAGE = 20_000_000


def take_hl7(raw: bytes, source: Source) -> Answered:
    """Take a message in and commit; then its answers may be sent. Whatever goes wrong on our side
    is answered so that the sender tries again, a few times; then it is somebody's case."""
    try:
        opened = open_hl7(raw, source)
        answered = _unless_beside(lambda: _take_hl7(opened))
    except Exception as error:
        log.error("message_failed", exc_info=error)
        return _failed(raw, source)
    log.info("message", outcome=answered.outcome.value, kind=source.transport.value)
    return answered


def take_fhir(raw: bytes, source: Source) -> Taken:
    """Take a bundle in and commit. Raises what speaks against it, once it is kept, and Unavailable
    for what goes wrong on our side."""
    opened = open_fhir(raw, source)
    try:
        taken = _unless_beside(lambda: _take_fhir(opened))
    except Exception as error:
        log.error("message_failed", exc_info=error)
        taken = _failed_fhir(opened)
    if taken.error is not None:
        raise taken.error
    return taken


def _take_hl7(opened: Opened) -> Answered:
    with transaction(WORKER, locks=opened.locks) as session:
        return receive_hl7(session=session, opened=opened, now=utcnow())


def _take_fhir(opened: OpenedBundle) -> Taken:
    with transaction(WORKER, locks=opened.locks) as session:
        return receive_fhir(session=session, opened=opened, now=utcnow())


def _unless_beside(take: Callable[[], T]) -> T:
    """Once more where the same message came beside: it is there then, and answered as before."""
    try:
        return take()
    except TakenMeanwhile:
        return take()


def refuse_too_long(start: bytes, source: Source, limit: int) -> Answered:
    """Refuse a message of more than `limit` bytes; what was read of it is kept."""
    try:
        with transaction(WORKER) as session:
            return refuse_long(
                session=session, source=source, start=start, limit=limit, now=utcnow()
            )
    except SQLAlchemyError:
        return refuse_for_now(start, utcnow())


def _failed(raw: bytes, source: Source) -> Answered:
    try:
        with transaction(WORKER, locks=failure_locks(raw)) as session:
            return fail_hl7(session=session, source=source, raw=raw, now=utcnow())
    except (SQLAlchemyError, PortalError) as error:
        log.error("message_not_kept", exc_info=error)
        return refuse_for_now(raw, utcnow())


def _failed_fhir(opened: OpenedBundle) -> Taken:
    try:
        with transaction(WORKER, locks=failure_locks(opened.envelope.content)) as session:
            return fail_fhir(session=session, opened=opened, now=utcnow())
    except SQLAlchemyError as error:
        log.error("message_not_kept", exc_info=error)
        return Taken(error=Unavailable("Not taken in: send it again."))
