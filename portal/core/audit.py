"""The audit trail: every read and write of a patient's data, append-only and sealed.

Use cases call record(); rows are gathered in the session and written by transaction() in the same
commit, in one statement. A worker seals closed batches into a chain of hashes: see audit_chain.py.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy.orm import Session

from portal.core.actor import NOBODY, Actor
from portal.core.clock import utcnow
from portal.core.ids import new_id
from portal.core.log import request_id

_GATHERED = "audit_rows"

INSERT = """
    INSERT INTO audit_entry (id, at, actor_kind, actor_id, credential_id, on_behalf_of, patient_id,
                             action, resource, resource_id, purpose, request_id)
    SELECT * FROM jsonb_to_recordset(CAST(:audit_rows AS jsonb)) AS r(
        id uuid, at timestamptz, actor_kind text, actor_id uuid, credential_id uuid,
        on_behalf_of uuid, patient_id uuid, action text, resource text, resource_id uuid,
        purpose text, request_id text)
"""


def record(
    session: Session,
    actor: Actor,
    action: str,
    resource: str,
    *,
    patient_id: UUID | None,
    resource_id: UUID | None = None,
    purpose: str | None = None,
    at: datetime | None = None,
) -> None:
    """Note that `actor` did `action` (read, create, approve, …) on a resource of a patient."""
    rows: list[dict[str, Any]] = session.info.setdefault(_GATHERED, [])
    rows.append(
        {
            "id": new_id(),
            "at": at or utcnow(),
            "actor_kind": actor.kind.value,
            "actor_id": actor.id,
            "credential_id": actor.credential_id,
            "on_behalf_of": None if actor.on_behalf_of == NOBODY else actor.on_behalf_of,
            "patient_id": patient_id,
            "action": action,
            "resource": resource,
            "resource_id": resource_id,
            "purpose": purpose or actor.purpose,
            "request_id": request_id(),
        }
    )


def take_gathered(session: Session) -> dict[str, str]:
    """What was recorded, as the parameters of INSERT; nothing when there was nothing."""
    rows = session.info.pop(_GATHERED, None)
    return {"audit_rows": orjson.dumps(rows).decode()} if rows else {}
