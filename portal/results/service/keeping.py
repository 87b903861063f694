"""Keeping messages as they came, whatever becomes of them, with what they were answered."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from portal.core.ids import new_id
from portal.results import intake_queries as queries
from portal.results import intake_statements as statements
from portal.results.envelope import Arrival, Envelope, Sender, Source
from portal.results.states import MessageOutcome

_UTC = ZoneInfo("UTC")


# The time zone that a sender had last. It is looked up with everything else of a message, which
# must have been read by then: a hint, and where it was wrong the message is read again.
_zones: dict[Source, ZoneInfo] = {}


def likely_zone(source: Source) -> ZoneInfo:
    """The zone of times without an offset, as far as it can be told without a look-up."""
    return _zones.get(source, _UTC)


def arrive(*, session: Session, source: Source, envelope: Envelope) -> Arrival:
    """What is known of a message that can't be understood."""
    return arrival_of(source, envelope, queries.arrive(session, source, envelope.control_id))


def arrival_of(source: Source, envelope: Envelope, row: Any) -> Arrival:
    """What is known of a message apart from what it says; `row` is what was looked up."""
    known = row.laboratory_id is not None
    named = f"{source.application}|{source.facility}"
    zone = ZoneInfo(row.time_zone) if known else _UTC
    if known:  # so that there are never more of them than laboratories
        _zones[source] = zone
    return Arrival(
        message_id=new_id(),
        sender=Sender(row.laboratory_id, row.name or source.facility or source.application, zone),
        sender_name=str(row.laboratory_id) if known else named,
        transport=source.transport,
        envelope=envelope,
        twin=row if row.outcome is not None else None,
    )


def kept(
    arrival: Arrival,
    outcome: MessageOutcome,
    answers: Sequence[bytes],
    *,
    now: datetime,
    problem: str | None = None,
) -> dict[str, Any]:
    """The row of a message, as statements.write() takes it."""
    envelope = arrival.envelope
    return {
        "transport": arrival.transport,
        "laboratory_id": arrival.sender.laboratory_id,
        "sender": arrival.sender_name,
        "control_id": envelope.control_id,
        "message_type": envelope.message_type,
        "digest": envelope.digest,
        "content": envelope.content,
        "received_at": now,
        "outcome": outcome,
        "answers": list(answers),
        "problem": problem,
    }


def keep(
    *,
    session: Session,
    arrival: Arrival,
    outcome: MessageOutcome,
    answers: Sequence[bytes],
    now: datetime,
    problem: str | None = None,
) -> None:
    """Keep a message that brings no reports, or was refused. Raises TakenMeanwhile."""
    row = kept(arrival, outcome, answers, now=now, problem=problem)
    statements.write(session, {}, message_id=arrival.message_id, message=row, now=now)
