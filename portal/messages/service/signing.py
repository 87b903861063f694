"""How the care team signs what it writes."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import Actor
from portal.messages import queries
from portal.messages.states import Signature


def signed(session: Session, actor: Actor, pool_id: UUID, signature: Signature) -> str:
    """The signature under a message: the team's, with the author's name where they sign it."""
    team: Any = queries.team(session, pool_id)
    of_team = f"{team.pool_name}, {team.clinic_name}"
    if signature == Signature.TEAM:
        return of_team
    author: Any = queries.sender(session, actor.id)
    if author is None:
        return f"{actor.name}, {of_team}"
    titled = f"{author.name}, {author.title}" if author.title else author.name
    return f"{titled}; {of_team}"
