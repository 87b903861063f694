"""Signing in and out."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CursorResult, update
from sqlalchemy.orm import Session

from portal.accounts import queries
from portal.accounts.errors import (
    BadCredentials,
    CodeRequired,
    CodeWrong,
    SecondFactorMissing,
    SessionNotFound,
)
from portal.accounts.model import Account, SignInSession
from portal.accounts.service import second_factor
from portal.accounts.states import NEEDS_SECOND_FACTOR, AccountStatus
from portal.core import audit
from portal.core.actor import ANONYMOUS, Actor, ActorKind
from portal.core.crypto import Vault, digest, new_token
from portal.core.errors import PortalError
from portal.core.ids import new_id

TRIES_BEFORE_LOCK = 5
FIRST_LOCK = timedelta(minutes=1)
LONGEST_LOCK = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Device:
    """Where somebody signs in from, for the list of sessions."""

    user_agent: str
    address: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session and its token, which is kept nowhere."""

    token: str
    session: SignInSession
    account: Account


def usable_hash(account: Account | None, now: datetime) -> str | None:
    """The hash to compare with; None where nobody may get in whatever the password."""
    if account is None or account.status != AccountStatus.ACTIVE:
        return None
    if account.locked_until is not None and account.locked_until > now:
        return None
    return account.password_hash


def finish_sign_in(
    *,
    session: Session,
    account_id: UUID,
    password_matches: bool,
    code: str | None,
    vault: Vault,
    device: Device,
    lifetime: timedelta,
    now: datetime,
) -> SignedIn | PortalError:
    """Count a miss, or check the second factor and open a session.

    The error is returned, not raised: the miss that was counted must be committed.
    """
    account = queries.account(session, account_id, lock=True)
    if account is None or usable_hash(account, now) is None:
        return BadCredentials()
    if not password_matches:
        return _missed(session, account, BadCredentials(), now)
    if refusal := _second_factor_refusal(session, account, code, vault, now):
        return refusal
    account.failed_sign_ins = 0
    account.locked_until = None
    _audit(session, account, "sign_in", now)
    return open_session(session, account, device, lifetime, now)


def _second_factor_refusal(
    session: Session, account: Account, code: str | None, vault: Vault, now: datetime
) -> PortalError | None:
    if account.totp_confirmed_at is None:
        return SecondFactorMissing() if account.kind in NEEDS_SECOND_FACTOR else None
    if not code:
        return CodeRequired()
    if not second_factor.accept_code(session, account, code, vault, now):
        return _missed(session, account, CodeWrong(), now)
    return None


def open_session(
    session: Session, account: Account, device: Device, lifetime: timedelta, now: datetime
) -> SignedIn:
    """A new session with a new token."""
    token = new_token()
    opened = SignInSession(
        id=new_id(),
        account_id=account.id,
        token_digest=digest(token),
        created_at=now,
        expires_at=now + lifetime,
        user_agent=device.user_agent[:300],
        address=device.address,
    )
    session.add(opened)
    session.flush()
    return SignedIn(token, opened, account)


def _missed(session: Session, account: Account, error: PortalError, now: datetime) -> PortalError:
    account.failed_sign_ins += 1
    over = account.failed_sign_ins - TRIES_BEFORE_LOCK
    if over >= 0:
        account.locked_until = now + min(LONGEST_LOCK, FIRST_LOCK * 2 ** min(over, 10))
    _audit(session, account, "sign_in_failed", now)
    return error


def _audit(session: Session, account: Account, action: str, now: datetime) -> None:
    audit.record(
        session,
        ANONYMOUS,
        action,
        "account",
        patient_id=account.person_id if account.kind == ActorKind.PATIENT else None,
        resource_id=account.id,
        at=now,
    )


def revoke_session(*, session: Session, actor: Actor, session_id: UUID, now: datetime) -> None:
    """Sign out one of the actor's sessions. Raises SessionNotFound."""
    if _revoke(session, now, SignInSession.id == session_id) == 0:
        raise SessionNotFound()


def revoke_others(*, session: Session, actor: Actor, now: datetime) -> None:
    """Sign out everywhere but here."""
    _revoke(
        session,
        now,
        SignInSession.account_id == actor.credential_id,
        SignInSession.id != actor.session_id,
    )


def revoke_all(session: Session, account_id: UUID, now: datetime) -> None:
    """Sign an account out everywhere: its password changed or it was disabled."""
    _revoke(session, now, SignInSession.account_id == account_id)


def _revoke(session: Session, now: datetime, *which: Any) -> int:
    statement = (
        update(SignInSession)
        .where(SignInSession.revoked_at.is_(None), *which)
        .values(revoked_at=now)
        .execution_options(synchronize_session=False)
    )
    return cast(CursorResult[Any], session.execute(statement)).rowcount
