"""Time-based one-time passwords (RFC 6238) and recovery codes."""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import pyotp
from sqlalchemy import CursorResult, delete, update
from sqlalchemy.orm import Session

from portal.accounts import queries
from portal.accounts.errors import AccountNotFound, CodeWrong, SecondFactorNeeded
from portal.accounts.model import Account, RecoveryCode
from portal.accounts.states import NEEDS_SECOND_FACTOR
from portal.core.actor import Actor
from portal.core.crypto import Vault, digest

STEP_SECONDS = 30
ISSUER = "Careloop"
RECOVERY_CODES = 10
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
_CODE_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What the authenticator app needs, shown once."""

    secret: str
    uri: str


def begin(account: Account, vault: Vault) -> Enrolment:
    """Give an account a new secret; it counts from the first code that is confirmed."""
    secret = pyotp.random_base32()
    account.totp_sealed = vault.seal(secret)
    account.totp_confirmed_at = None
    account.totp_last_step = None
    return Enrolment(
        secret, pyotp.TOTP(secret).provisioning_uri(name=account.email, issuer_name=ISSUER)
    )


def accept_code(session: Session, account: Account, code: str, vault: Vault, now: datetime) -> bool:
    """Whether a TOTP or recovery code is good; a good one is used up."""
    typed = code.replace(" ", "").replace("-", "").lower()
    if typed.isdecimal() and len(typed) == 6:
        return accept_totp(session, account, typed, vault, now)
    return _accept_recovery(session, account, typed, now)


def accept_totp(session: Session, account: Account, code: str, vault: Vault, now: datetime) -> bool:
    """Each step's code once, one step of clock drift either way (RFC 6238, 5.2)."""
    if account.totp_sealed is None:
        return False
    totp = pyotp.TOTP(vault.open(account.totp_sealed))
    present = int(now.timestamp()) // STEP_SECONDS
    for step in (present - 1, present, present + 1):
        if hmac.compare_digest(totp.at(step * STEP_SECONDS), code):
            return _use_step(session, account, step)
    return False


def _use_step(session: Session, account: Account, step: int) -> bool:
    if account.totp_last_step is not None and step <= account.totp_last_step:
        return False
    account.totp_last_step = step
    session.flush()
    return True


def _accept_recovery(session: Session, account: Account, code: str, now: datetime) -> bool:
    statement = (
        update(RecoveryCode)
        .where(
            RecoveryCode.account_id == account.id,
            RecoveryCode.digest == digest(code),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=now)
        .execution_options(synchronize_session=False)
    )
    return cast(CursorResult[Any], session.execute(statement)).rowcount == 1


def new_recovery_codes(session: Session, account: Account) -> Sequence[str]:
    """Ten single-use codes, shown once; the former ones are void."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account.id))
    codes = [
        "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH))
        for _ in range(RECOVERY_CODES)
    ]
    session.add_all(RecoveryCode(account_id=account.id, digest=digest(code)) for code in codes)
    session.flush()
    return ["-".join(code[i : i + 4] for i in range(0, _CODE_LENGTH, 4)) for code in codes]


def _mine(session: Session, actor: Actor) -> Account:
    account = queries.account(session, actor.credential_id, lock=True)
    if account is None:
        raise AccountNotFound()
    return account


def enrol(*, session: Session, actor: Actor, vault: Vault) -> Enrolment:
    """Begin to use an authenticator app. Raises SecondFactorNeeded for who must keep theirs."""
    account = _mine(session, actor)
    if account.kind in NEEDS_SECOND_FACTOR:
        raise SecondFactorNeeded("Ask an administrator for a new activation code instead.")
    return begin(account, vault)


def confirm(
    *, session: Session, actor: Actor, code: str, vault: Vault, now: datetime
) -> Sequence[str]:
    """Confirm the app with its first code; returns the recovery codes. Raises CodeWrong."""
    account = _mine(session, actor)
    if account.totp_confirmed_at is not None or not accept_totp(session, account, code, vault, now):
        raise CodeWrong()
    account.totp_confirmed_at = now
    return new_recovery_codes(session, account)


def remove(*, session: Session, actor: Actor, code: str, vault: Vault, now: datetime) -> None:
    """Do without an authenticator app. Raises CodeWrong, SecondFactorNeeded."""
    account = _mine(session, actor)
    if account.kind in NEEDS_SECOND_FACTOR:
        raise SecondFactorNeeded()
    if not accept_code(session, account, code, vault, now):
        raise CodeWrong()
    account.totp_sealed = account.totp_confirmed_at = account.totp_last_step = None


def renew_recovery_codes(
    *, session: Session, actor: Actor, code: str, vault: Vault, now: datetime
) -> Sequence[str]:
    """Ten new recovery codes, for a code of the app. Raises CodeWrong."""
    account = _mine(session, actor)
    if account.totp_confirmed_at is None or not accept_code(session, account, code, vault, now):
        raise CodeWrong()
    return new_recovery_codes(session, account)
