"""Trying an update again that was kept aside, against where the refill stands now."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Row
from sqlalchemy.orm import Session

from portal.core import outbox
from portal.core.actor import Actor
from portal.core.errors import Conflict, NotFound
from portal.refills import pharmacy_queries as queries
from portal.refills.pharmacy_model import UpdateOutcome
from portal.refills.service.status_updates import Answer, Received, apply_fresh

REPLAYABLE = frozenset(
    {UpdateOutcome.LATE, UpdateOutcome.QUARANTINED, UpdateOutcome.NOT_FOUND, UpdateOutcome.INVALID}
)


class UpdateNotFound(NotFound):
    code = "update_not_found"
    detail = "There is no such update."


class NotReplayable(Conflict):
    code = "not_replayable"


class NotWithdrawable(Conflict):
    code = "not_withdrawable"


def replay(
    *,
    session: Session,
    actor: Actor,
    event_id: str,
    read: Callable[[dict[str, Any]], Received],
    now: datetime,
) -> Answer:
    """Decide again about one of the pharmacy's updates. `read` makes a Received of its content.

    Raises UpdateNotFound, and NotReplayable for one that was applied.
    """
    row = queries.update(session, actor.id, event_id)
    if row is None:
        raise UpdateNotFound()
    if row.outcome not in REPLAYABLE:
        raise NotReplayable(f"This update was {row.outcome}: there is nothing to do again.")
    received = read(orjson.loads(row.content))
    if received.update is None:
        return Answer(event_id, UpdateOutcome.INVALID, problem=received.problem)
    answer = apply_fresh(session=session, actor=actor, item=received, now=now)
    _settled(session, row, now)
    return answer


def withdraw(*, session: Session, actor: Actor, event_id: str, now: datetime) -> Answer:
    """A pharmacy takes back an update that was kept aside; twice is the same as once.

    Raises UpdateNotFound, and NotWithdrawable for one that was applied.
    """
    row = queries.update(session, actor.id, event_id)
    if row is None:
        raise UpdateNotFound()
    answer = Answer(event_id, UpdateOutcome.WITHDRAWN, row.refill_status)
    if row.outcome == UpdateOutcome.WITHDRAWN:
        return answer
    if row.outcome not in REPLAYABLE:
        raise NotWithdrawable(f"This update was {row.outcome}: correct it by another one.")
    queries.withdraw_update(session, actor.id, event_id)
    _settled(session, row, now)
    return answer


def _settled(session: Session, row: Row[Any], now: datetime) -> None:
    """Somebody may be asking about it, and need not any more."""
    if row.refill_id is not None and row.outcome == UpdateOutcome.QUARANTINED:
        outbox.emit(session, "pharmacy_update.settled", now=now, refill_id=row.refill_id)
