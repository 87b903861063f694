"""Use cases of accounts and clients, a file each."""

from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from portal.accounts.model import AccessToken, PasswordReset, SignInSession, UsedAssertion
from portal.accounts.service import administration, clients, passwords, second_factor, sessions
from portal.accounts.service.administration import (
    CODE_LIFETIME,
    Invite,
    close_of_person,
    create_account,
    find_by_email,
    invite,
)
from portal.accounts.service.clients import CreateClient, create_client

__all__ = [
    "CODE_LIFETIME",
    "CreateClient",
    "Invite",
    "administration",
    "clients",
    "close_of_person",
    "create_account",
    "create_client",
    "find_by_email",
    "invite",
    "passwords",
    "purge_expired",
    "second_factor",
    "sessions",
]

# Ended sessions stay visible to whoever looks into an incident.
SESSIONS_KEPT_FOR = timedelta(days=30)


def purge_expired(*, session: Session, now: datetime) -> None:
    """Forget sessions, links, tokens and assertions that can't be used any more."""
    session.execute(delete(SignInSession).where(SignInSession.expires_at < now - SESSIONS_KEPT_FOR))
    for table in (PasswordReset, AccessToken, UsedAssertion):
        session.execute(delete(table).where(table.expires_at < now))
