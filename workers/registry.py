"""Which code handles which kind of outbox event."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.log import bind_request_id


@dataclass(frozen=True, slots=True)
class Event:
    """One outbox row, as its handler gets it. `attempts` counts the tries before this one."""

    id: UUID
    kind: str
    payload: dict[str, Any]
    attempts: int
    created_at: datetime
    request_id: str

    def uuid(self, name: str) -> UUID:
        """A member of the payload that is an id."""
        return UUID(self.payload[name])


class Handler(Protocol):
    """Work in the database alone, done in the transaction that marks the events as done."""

    def __call__(self, *, session: Session, events: Sequence[Event], now: datetime) -> None: ...


Prepared = TypeVar("Prepared")
Outcome = TypeVar("Outcome")


class Deliverer(Protocol, Generic[Prepared, Outcome]):
    """Work that reaches outside: prepared and recorded in transactions, sent in none."""

    def prepare(self, *, session: Session, event: Event, now: datetime) -> Prepared | None:
        """What to send; None when it is no longer wanted."""

    def send(self, prepared: Prepared) -> Outcome:
        """Send it. Raises TransportError when it is worth another try."""

    def record(
        self,
        *,
        session: Session,
        event: Event,
        prepared: Prepared,
        outcome: Outcome,
        now: datetime,
    ) -> None:
        """Keep what came of it."""

    def record_failure(
        self,
        *,
        session: Session,
        event: Event,
        prepared: Prepared,
        error: str,
        final: bool,
        now: datetime,
    ) -> None:
        """Keep the failed try; after the final one make it somebody's work."""


HANDLERS: dict[str, Handler] = {}
DELIVERERS: dict[str, Deliverer[Any, Any]] = {}

OneEvent = TypeVar("OneEvent", bound=Callable[..., None])


def handles_all(kind: str) -> Callable[[Handler], Handler]:
    """Register a handler that takes a whole batch of events of one kind."""

    def register(handler: Handler) -> Handler:
        HANDLERS[kind] = handler
        return handler

    return register


def handles(kind: str) -> Callable[[OneEvent], OneEvent]:
    """Register a handler that takes `session`, `event` and `now`."""

    def register(handler: OneEvent) -> OneEvent:
        def each(*, session: Session, events: Sequence[Event], now: datetime) -> None:
            for event in events:
                bind_request_id(event.request_id)
                handler(session=session, event=event, now=now)

        HANDLERS[kind] = each
        return handler

    return register


def delivers(kind: str, deliverer: Deliverer[Any, Any]) -> None:
    """Register what reaches outside."""
    DELIVERERS[kind] = deliverer
