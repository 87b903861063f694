"""Choosing a new password, with the old one or by a link."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from portal.accounts import queries
from portal.accounts.errors import CodeUnusable
from portal.accounts.model import Account, PasswordReset
from portal.accounts.service.sessions import revoke_all
from portal.accounts.states import AccountStatus
from portal.core import outbox
from portal.core.actor import Actor
from portal.core.crypto import digest, new_token

LINK_LIFETIME = timedelta(minutes=30)


def request_reset(*, session: Session, email: str, now: datetime) -> None:
    """Have a link sent, where there is an active account. The caller can't tell the difference."""
    account = queries.account_by_email(session, email)
    if account is not None and account.status == AccountStatus.ACTIVE:
        outbox.emit(session, "account.password_reset", now=now, account_id=account.id)


@dataclass(frozen=True, slots=True)
class ResetLink:
    """What a link to choose a new password has in it, and until when it works."""

    token: str
    expires_at: datetime


def new_reset_link(session: Session, account: Account, now: datetime) -> ResetLink:
    """A link, made when the mail is: its token is kept as a digest, and in the mail."""
    link = ResetLink(new_token(), now + LINK_LIFETIME)
    session.add(
        PasswordReset(
            token_digest=digest(link.token),
            account_id=account.id,
            created_at=now,
            expires_at=link.expires_at,
        )
    )
    session.flush()
    return link


def set_by_link(*, session: Session, token: str, password_hash: str, now: datetime) -> None:
    """Set a password by a link, once; signs out everywhere. Raises CodeUnusable."""
    reset = queries.reset(session, digest(token))
    if reset is None or reset.used_at is not None or reset.expires_at <= now:
        raise CodeUnusable()
    account = queries.account(session, reset.account_id, lock=True)
    if account is None or account.status != AccountStatus.ACTIVE:
        raise CodeUnusable()
    reset.used_at = now
    set_password(session, account, password_hash, now)


def set_password(session: Session, account: Account, password_hash: str, now: datetime) -> None:
    """Set a password, lift a lock, and sign out everywhere."""
    account.password_hash = password_hash
    account.password_changed_at = now
    account.failed_sign_ins = 0
    account.locked_until = None
    revoke_all(session, account.id, now)


def change_password(*, session: Session, actor: Actor, password_hash: str, now: datetime) -> None:
    """Set the actor's own password; the old one was checked before."""
    account = queries.account(session, actor.credential_id, lock=True)
    if account is None:
        raise CodeUnusable()
    set_password(session, account, password_hash, now)
