"""The gate: before anybody is signed in, the anonymous role acts for one account or client, which
an address, a link, a code or a client id names, and the database shows it that one alone."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text

from portal.core.actor import ANONYMOUS, NOBODY, Actor
from portal.core.crypto import digest
from portal.core.db import read_once

_BY_EMAIL = text("SELECT careloop_account_by_email(:value)")
_BY_RESET = text("SELECT careloop_account_by_reset(:value)")
_BY_INVITATION = text("SELECT careloop_account_by_invitation(:value)")


def gatekeeper(credential_id: UUID | None) -> Actor:
    """Nobody yet, dealing with this account or client."""
    return replace(ANONYMOUS, credential_id=credential_id or NOBODY)


def for_email(email: str) -> Actor:
    """For the account with this address, if there is one."""
    return _for(_BY_EMAIL, email.strip().lower())


def for_reset_token(token: str) -> Actor:
    """For the account whose password this link resets."""
    return _for(_BY_RESET, digest(token))


def for_invitation(code_digest: str) -> Actor:
    """For the account that this code opens."""
    return _for(_BY_INVITATION, code_digest)


def _for(statement: TextClause, value: Any) -> Actor:
    row = read_once(statement, {"value": value})
    return gatekeeper(row[0] if row else None)
