"""Every SELECT of accounts."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.accounts.model import (
    Account,
    Client,
    ClientSecret,
    Invitation,
    PasswordReset,
    SignInSession,
)
from portal.accounts.states import AccountStatus


def account_by_email(session: Session, email: str) -> Account | None:
    """Whose an address is: one that was retired by a merge has none."""
    return session.scalars(
        select(Account).where(
            func.lower(Account.email) == email.strip().lower(),
            Account.status != AccountStatus.MERGED,
        )
    ).first()


def account(session: Session, account_id: UUID, *, lock: bool = False) -> Account | None:
    return session.get(Account, account_id, with_for_update=lock or None, populate_existing=True)


def account_of(session: Session, kind: str, person_id: UUID) -> Account | None:
    return session.scalars(
        select(Account).where(Account.kind == kind, Account.person_id == person_id)
    ).first()


def accounts(
    session: Session, *, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Account]:
    """Accounts, newest first."""
    query = select(Account).order_by(Account.created_at.desc(), Account.id.desc())
    if after:
        moment, id_ = after
        query = query.where(
            (Account.created_at < moment) | ((Account.created_at == moment) & (Account.id < id_))
        )
    return session.scalars(query.limit(limit + 1)).all()


def sessions(session: Session, account_id: UUID, now: datetime) -> Sequence[SignInSession]:
    """The sessions of an account that are still good, newest first."""
    return session.scalars(
        select(SignInSession)
        .where(
            SignInSession.account_id == account_id,
            SignInSession.revoked_at.is_(None),
            SignInSession.expires_at > now,
        )
        .order_by(SignInSession.created_at.desc())
    ).all()


def reset(session: Session, token_digest: bytes) -> PasswordReset | None:
    return session.get(PasswordReset, token_digest, with_for_update=True)


def invitation(session: Session, code_digest: str) -> Invitation | None:
    return session.scalars(
        select(Invitation).where(Invitation.code_digest == code_digest).with_for_update()
    ).first()


def client(session: Session, client_id: UUID) -> Client | None:
    return session.get(Client, client_id)


def clients(session: Session) -> Sequence[Client]:
    return session.scalars(
        select(Client).order_by(func.careloop_name_key(Client.name), Client.id)
    ).all()


def clients_of(session: Session, kind: str, organization_id: UUID) -> Sequence[Client]:
    """The clients of a pharmacy or laboratory."""
    return session.scalars(
        select(Client).where(Client.kind == kind, Client.organization_id == organization_id)
    ).all()


def secrets(session: Session, client_id: UUID, now: datetime) -> Sequence[ClientSecret]:
    """A client's secrets that are good now: two while one is being rotated."""
    return session.scalars(
        select(ClientSecret).where(
            ClientSecret.client_id == client_id,
            (ClientSecret.expires_at.is_(None)) | (ClientSecret.expires_at > now),
        )
    ).all()
