"""The edge of signing in: hashing takes a while, so it stands between two short transactions."""

from datetime import datetime, timedelta

from portal.accounts import gate, passwords, queries
from portal.accounts.errors import BadCredentials
from portal.accounts.service import sessions
from portal.accounts.service.sessions import Device, SignedIn
from portal.config import Config
from portal.core.actor import Actor
from portal.core.crypto import Vault
from portal.core.db import transaction
from portal.core.errors import PortalError


def sign_in(
    *,
    config: Config,
    vault: Vault,
    email: str,
    password: str,
    code: str | None,
    device: Device,
    now: datetime,
) -> SignedIn:
    """Open a session.

    Raises BadCredentials for everything that gives away nothing, CodeRequired and CodeWrong only
    after the right password.
    """
    keeper = gate.for_email(email)
    with transaction(keeper) as session:
        hashed = sessions.usable_hash(queries.account(session, keeper.credential_id), now)
    matches = passwords.matches(hashed, password)
    with transaction(keeper) as session:
        outcome = sessions.finish_sign_in(
            session=session,
            account_id=keeper.credential_id,
            password_matches=matches,
            code=code,
            vault=vault,
            device=device,
            lifetime=timedelta(hours=config.session_hours),
            now=now,
        )
    if isinstance(outcome, PortalError):
        raise outcome
    if hashed is not None and passwords.is_outdated(hashed):
        rehashed = passwords.hash_password(password)
        with transaction(keeper) as session:
            again = queries.account(session, outcome.account.id, lock=True)
            if again is not None and again.password_hash == hashed:
                again.password_hash = rehashed
    return outcome


def check_own_password(actor: Actor, password: str) -> str:
    """The actor's e-mail address, for the right password. Raises BadCredentials."""
    with transaction(actor) as session:
        account = queries.account(session, actor.credential_id)
        hashed = account.password_hash if account else None
        email = account.email if account else ""
    if not passwords.matches(hashed, password):
        raise BadCredentials("The current password is not right.")
    return email
