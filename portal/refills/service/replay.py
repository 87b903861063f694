"""Trying an update again that was kept aside, against where the refill stands now."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy.orm import Session

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
    return apply_fresh(session=session, actor=actor, item=received, now=now)
