"""Keeping messages as they came, whatever becomes of them, with what they were answered."""

from collections.abc import Collection, Sequence
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


def arrive(
    *, session: Session, source: Source, envelope: Envelope, keys: Collection[str] = ()
) -> Arrival:
    """What is known of a message before it is understood, once nobody else takes in what has one
    of its `keys`."""
    row = queries.arrive(session, source, envelope.control_id, keys)
    known = row.laboratory_id is not None
    named = f"{source.application}|{source.facility}"
    return Arrival(
        message_id=new_id(),
        sender=Sender(
            row.laboratory_id,
            row.name or source.facility or source.application,
            ZoneInfo(row.time_zone) if known else _UTC,
        ),
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
