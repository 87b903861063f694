"""Keeping messages as they came, before they are understood, and what they were answered."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from portal.core.errors import Unavailable
from portal.core.ids import new_id
from portal.results import intake_queries as queries
from portal.results import intake_statements as statements
from portal.results.envelope import Envelope, Kept, Sender, Source
from portal.results.states import MessageOutcome

_UTC = ZoneInfo("UTC")


def keep(
    *,
    session: Session,
    source: Source,
    envelope: Envelope,
    now: datetime,
    outcome: MessageOutcome = MessageOutcome.RECEIVED,
    keys: Collection[str] = (),
) -> Kept:
    """Keep a message as it came, once nobody else takes in what has one of its `keys`. One that
    was taken before under its control id is the `twin`.

    Raises Unavailable where the twin went away meanwhile.
    """
    message_id = new_id()
    row = queries.keep(
        session,
        {
            "id": message_id,
            "transport": source.transport,
            "laboratory_id": source.laboratory_id,
            "application": source.application,
            "facility": source.facility,
            "control_id": envelope.control_id,
            "message_type": envelope.message_type,
            "digest": envelope.digest,
            "content": envelope.content,
            "outcome": outcome,
            "now": now,
        },
        keys,
    )
    known = row.laboratory_id is not None
    zone = ZoneInfo(row.time_zone) if known else _UTC
    sender = Sender(row.laboratory_id, row.name or source.facility or source.application, zone)
    if row.kept_id is not None or envelope.control_id is None:
        return Kept(message_id, sender)
    name = str(row.laboratory_id) if known else f"{source.application}|{source.facility}"
    twin = queries.twin(session, name, envelope.control_id)
    if twin is None:  # refused between our two looks: the sender's next try finds no twin
        raise Unavailable()
    return Kept(message_id, sender, twin)


def settle(
    *,
    session: Session,
    message_id: UUID,
    outcome: MessageOutcome,
    answers: Sequence[bytes],
    problem: str | None,
    now: datetime,
) -> None:
    """Note what became of a message that brings no reports, or was refused."""
    statements.write(
        session,
        {},
        message_id=message_id,
        outcome=outcome,
        answers=answers,
        problem=problem,
        now=now,
    )
