"""The outbox: what must happen outside the transaction is a row inside it.

Payloads hold ids and codes only, never what identifies or describes a patient. The relay
(workers/relay.py) hands rows to Celery; the row is the truth, and the broker may forget anything.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.core.clock import utcnow
from portal.core.ids import new_id
from portal.core.log import request_id

CHANNEL = "careloop_outbox"
_GATHERED = "outbox_rows"

INSERT = """
    INSERT INTO outbox_event (id, kind, payload, status, created_at, due_at, attempts, request_id)
    SELECT r.id, r.kind, r.payload, 'pending', r.created_at, r.due_at, 0, r.request_id
    FROM jsonb_to_recordset(CAST(:outbox_rows AS jsonb)) AS r(
        id uuid, kind text, payload jsonb, created_at timestamptz, due_at timestamptz,
        request_id text)
"""
NOTIFY = f"SELECT pg_notify('{CHANNEL}', '')"
_NOTIFY = text(NOTIFY)


def emit(
    session: Session,
    kind: str,
    *,
    now: datetime | None = None,
    due_at: datetime | None = None,
    **payload: UUID | str | int | None,
) -> UUID:
    """Leave an event for the workers, in this transaction. Returns its id."""
    event_id = new_id()
    moment = now or utcnow()
    rows: list[dict[str, Any]] = session.info.setdefault(_GATHERED, [])
    rows.append(
        {
            "id": event_id,
            "kind": kind,
            "payload": payload,
            "created_at": moment,
            "due_at": due_at or moment,
            "request_id": request_id(),
        }
    )
    return event_id


def attribute(session: Session, member: str, requests: Mapping[UUID, str]) -> None:
    """Where one transaction serves several requests: give each event emitted in it the request id
    of what its payload names."""
    for row in session.info.get(_GATHERED, ()):
        row["request_id"] = requests.get(row["payload"].get(member), row["request_id"])


def take_gathered(session: Session) -> dict[str, str]:
    """What was emitted, as the parameters of INSERT; nothing when there was nothing."""
    rows = session.info.pop(_GATHERED, None)
    return {"outbox_rows": orjson.dumps(rows).decode()} if rows else {}


def wake(session: Session) -> None:
    """Have the relay look at once, when this transaction commits."""
    session.execute(_NOTIFY)
