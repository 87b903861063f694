"""Making accounts: by invitation and activation, or at once; closing and opening them."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.accounts import queries
from portal.accounts.errors import (
    AccountExists,
    AccountMerged,
    AccountNotFound,
    AccountSuspended,
    CodeUnusable,
)
from portal.accounts.model import Account, Invitation
from portal.accounts.service import second_factor
from portal.accounts.service.passwords import set_password
from portal.accounts.service.sessions import revoke_all
from portal.accounts.states import ACCOUNT_OF_MERGED, NEEDS_SECOND_FACTOR, AccountStatus
from portal.core import audit
from portal.core.actor import WORKER, Actor, ActorKind
from portal.core.crypto import Vault, keyed_digest
from portal.core.db import violated
from portal.core.errors import Conflict
from portal.core.ids import new_id

CODE_LIFETIME = timedelta(days=14)
MISSES_BEFORE_LOCK = 5
_ALPHABET = "23456789BCDFGHJKMNPQRSTVWXYZ"
_CODE_LENGTH = 12
_OPENABLE = frozenset({AccountStatus.INVITED, AccountStatus.ACTIVE})
# They are opened by what set them aside; closed meanwhile, they are closed afterwards.
_SET_ASIDE: dict[str, type[Conflict]] = {
    AccountStatus.SUSPENDED: AccountSuspended,
    AccountStatus.MERGED: AccountMerged,
}
_INVITED = text("SELECT careloop_invited_account(:kind, :person_id)")


@dataclass(frozen=True, slots=True)
class Invite:
    """Whom to invite. A birth date is asked for at activation where one is given."""

    kind: ActorKind
    person_id: UUID
    email: str
    name: str
    birth_date: date | None = None


@dataclass(frozen=True, slots=True)
class Activated:
    """An account that can be signed in to; what its second factor needs is shown once."""

    account: Account
    enrolment: second_factor.Enrolment | None
    recovery_codes: Sequence[str]


def invite(
    *, session: Session, actor: Actor, command: Invite, secret_key: str, now: datetime
) -> str:
    """Invite somebody; returns the activation code, which is kept nowhere. Inviting again voids
    nothing that was used, and makes a new code for an account that was never opened.

    Raises AccountExists, AccountMerged.
    """
    account_id = session.execute(
        _INVITED, {"kind": command.kind, "person_id": command.person_id}
    ).scalar()
    if account_id is None:
        account_id = _add(session, command, now)
    code = "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH))
    session.add(
        Invitation(
            id=new_id(),
            account_id=account_id,
            code_digest=code_digest(secret_key, code),
            birth_date=command.birth_date,
            created_at=now,
            expires_at=now + CODE_LIFETIME,
            misses=0,
        )
    )
    session.flush()
    patient_id = command.person_id if command.kind == ActorKind.PATIENT else None
    audit.record(
        session, actor, "invite", "account", patient_id=patient_id, resource_id=account_id, at=now
    )
    return "-".join(code[i : i + 4] for i in range(0, _CODE_LENGTH, 4))


def find_by_email(session: Session, email: str) -> Account | None:
    """The account that belongs to an address: for the workers; others find their own alone."""
    return queries.account_by_email(session, email)


def _add(session: Session, command: Invite, now: datetime) -> UUID:
    account = Account(
        id=new_id(),
        kind=command.kind,
        person_id=command.person_id,
        email=command.email.strip(),
        name=command.name,
        status=AccountStatus.INVITED,
        failed_sign_ins=0,
        created_at=now,
    )
    session.add(account)
    try:
        session.flush()
    except IntegrityError as error:
        merged = violated(error) == ACCOUNT_OF_MERGED
        raise (AccountMerged() if merged else AccountExists()) from None
    return account.id


def code_digest(secret_key: str, code: str) -> str:
    """How a code is kept: spaces, dashes and small letters are forgiven when it is typed."""
    return keyed_digest(secret_key, "invitation", "".join(c for c in code.upper() if c.isalnum()))


def activate(
    *,
    session: Session,
    code: str,
    birth_date: date | None,
    password_hash: str,
    vault: Vault,
    now: datetime,
) -> Activated | CodeUnusable:
    """Open an invited account, or give one that lost its second factor a new one, by the digest
    of its code.

    The error is returned, not raised: the miss that was counted must be committed.
    """
    invitation = queries.invitation(session, code)
    if (
        invitation is None
        or invitation.used_at is not None
        or invitation.expires_at <= now
        or invitation.misses >= MISSES_BEFORE_LOCK
    ):
        return CodeUnusable()
    if invitation.birth_date is not None and invitation.birth_date != birth_date:
        invitation.misses += 1
        return CodeUnusable()
    account = queries.account(session, invitation.account_id, lock=True)
    if account is None or account.status not in _OPENABLE:
        return CodeUnusable()
    invitation.used_at = now
    account.status = AccountStatus.ACTIVE
    set_password(session, account, password_hash, now)
    return _with_second_factor(session, account, vault, now)


def _with_second_factor(
    session: Session, account: Account, vault: Vault, now: datetime
) -> Activated:
    if account.kind not in NEEDS_SECOND_FACTOR:
        return Activated(account, None, ())
    enrolment = second_factor.begin(account, vault)
    account.totp_confirmed_at = now
    return Activated(account, enrolment, second_factor.new_recovery_codes(session, account))


def create_account(
    *,
    session: Session,
    actor: Actor,
    command: Invite,
    password_hash: str,
    vault: Vault,
    now: datetime,
) -> Activated:
    """An account that is active at once, for whoever runs this.

    Raises AccountExists, AccountMerged.
    """
    _add(session, command, now)
    account = queries.account_of(session, command.kind, command.person_id)
    if account is None:
        raise AccountNotFound()
    account.status = AccountStatus.ACTIVE
    set_password(session, account, password_hash, now)
    return _with_second_factor(session, account, vault, now)


def set_status(
    *, session: Session, actor: Actor, account_id: UUID, enabled: bool, now: datetime
) -> Account:
    """Close an account, signing it out everywhere at once, or open it again.

    Raises AccountNotFound, AccountSuspended for opening that of a patient who has died,
    AccountMerged for opening that of a record that was merged.
    """
    account = queries.account(session, account_id, lock=True)
    if account is None:
        raise AccountNotFound()
    if account.status in _SET_ASIDE:
        if enabled:
            raise _SET_ASIDE[account.status]()
        account.suspended_from = AccountStatus.DISABLED
    elif enabled:
        opened = account.password_hash is not None
        account.status = AccountStatus.ACTIVE if opened else AccountStatus.INVITED
    else:
        account.status = AccountStatus.DISABLED
        revoke_all(session, account.id, now)
    _audit(session, actor, account, "enable" if enabled else "disable", now)
    return account


def close_of_person(*, session: Session, kind: ActorKind, id_: UUID, now: datetime) -> None:
    """Close the account of somebody who has left, where there is one. For the workers; twice is
    the same as once."""
    account = queries.account_of(session, kind, id_)
    if account is not None and account.status != AccountStatus.DISABLED:
        set_status(session=session, actor=WORKER, account_id=account.id, enabled=False, now=now)


def reset_second_factor(
    *, session: Session, actor: Actor, account_id: UUID, secret_key: str, now: datetime
) -> str:
    """Void a lost second factor; returns an activation code by which a new one is set up.

    Raises AccountNotFound.
    """
    account = queries.account(session, account_id, lock=True)
    if account is None:
        raise AccountNotFound()
    account.totp_sealed = account.totp_confirmed_at = account.totp_last_step = None
    revoke_all(session, account.id, now)
    code = "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH))
    session.add(
        Invitation(
            id=new_id(),
            account_id=account.id,
            code_digest=code_digest(secret_key, code),
            created_at=now,
            expires_at=now + CODE_LIFETIME,
            misses=0,
        )
    )
    _audit(session, actor, account, "reset_second_factor", now)
    return "-".join(code[i : i + 4] for i in range(0, _CODE_LENGTH, 4))


def _audit(session: Session, actor: Actor, account: Account, action: str, now: datetime) -> None:
    patient_id: Any = account.person_id if account.kind == ActorKind.PATIENT else None
    audit.record(
        session, actor, action, "account", patient_id=patient_id, resource_id=account.id, at=now
    )
