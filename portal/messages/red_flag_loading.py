"""A clinic's own set of red flags, from one document."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.actor import OPERATOR
from portal.messages import composing_queries
from portal.messages.composing_model import RedFlagSet
from portal.messages.errors import VersionInUse
from portal.messages.red_flags import shipped


def load_red_flags(session: Session, document: Mapping[str, Any], now: datetime) -> None:
    """Put a set in force. Raises VersionInUse: what warnings and messages name never changes."""
    latest = composing_queries.latest_red_flags(session) or {"version": shipped().version}
    if document["version"] <= latest["version"]:
        raise VersionInUse(f"The version must be above {latest['version']}, which is in force.")
    session.add(RedFlagSet(version=document["version"], content=dict(document), loaded_at=now))
    session.flush()
    audit.record(session, OPERATOR, "load", "red_flags", patient_id=None, at=now)
