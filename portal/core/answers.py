"""The answer to a request with an Idempotency-Key, kept in the request's own transaction."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

_GATHERED = "kept_answer"

KEEP = """
    UPDATE idempotency_key SET status = :kept_status, body = :kept_body
    WHERE actor_id = :kept_actor_id AND key = :kept_key
"""


def keep(session: Session, *, actor_id: UUID, key: str, status: int, body: bytes) -> None:
    """Have the answer written when the transaction ends."""
    session.info[_GATHERED] = {
        "kept_actor_id": actor_id,
        "kept_key": key,
        "kept_status": status,
        "kept_body": body,
    }


def take_gathered(session: Session) -> dict[str, Any]:
    """The answer as the parameters of KEEP; nothing when there is none."""
    kept: dict[str, Any] = session.info.pop(_GATHERED, {})
    return kept
