"""Finding who belongs to the address to which access was offered: the workers' part of it."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.accounts import service as accounts
from portal.accounts.model import Account
from portal.accounts.service import Invite
from portal.accounts.states import AccountStatus
from portal.core.actor import PATIENT_SIDE, WORKER, ActorKind
from portal.core.ids import new_id
from portal.patients import deaths
from portal.patients import delegation_queries as queries
from portal.patients.delegation_model import Delegate, Delegation

_CLOSED = frozenset({AccountStatus.DISABLED, AccountStatus.SUSPENDED, AccountStatus.MERGED})


@dataclass(frozen=True, slots=True)
class Found:
    """Who was found for a delegation: a person to be told in the portal, or somebody to be written
    to, with the code that opens their new account until `code_until`. An address of somebody who
    works here has neither: they need another one."""

    delegation: Delegation
    email: str
    person_kind: ActorKind | None = None
    code: str | None = None
    code_until: datetime | None = None


def find_person(
    *, session: Session, delegation_id: UUID, secret_key: str, now: datetime
) -> Found | None:
    """Give a delegation its person, by the account that has the address or a new one. None where
    nobody is to be told any more. Again gives the same person, and a new code while one is needed.
    """
    delegation = queries.for_change(session, delegation_id)
    if delegation is None or delegation.status not in queries.OPEN:
        return None
    if deaths.is_deceased(session, delegation.patient_id):
        return None
    account = accounts.find_by_email(session, delegation.email)
    if account is None:
        return _with_new_account(session, delegation, secret_key, now)
    return _with_account(session, delegation, account, secret_key, now)


def _with_account(
    session: Session, delegation: Delegation, account: Account, secret_key: str, now: datetime
) -> Found | None:
    kind = ActorKind(account.kind)
    if kind not in PATIENT_SIDE:
        return Found(delegation, delegation.email)
    if account.person_id == delegation.patient_id or account.status in _CLOSED:
        return None
    delegation.delegate_id, delegation.delegate_kind = account.person_id, kind
    session.flush()
    found = Found(delegation, account.email, kind)
    if kind is ActorKind.DELEGATE and account.status == AccountStatus.INVITED:
        return _with_code(session, found, account.person_id, secret_key, now)
    return found


def _with_new_account(
    session: Session, delegation: Delegation, secret_key: str, now: datetime
) -> Found:
    person = Delegate(id=new_id(), name=delegation.delegate_name, created_at=now)
    session.add(person)
    session.flush()
    delegation.delegate_id, delegation.delegate_kind = person.id, ActorKind.DELEGATE
    found = Found(delegation, delegation.email, ActorKind.DELEGATE)
    return _with_code(session, found, person.id, secret_key, now)


def _with_code(
    session: Session, found: Found, person_id: UUID, secret_key: str, now: datetime
) -> Found:
    to = found.delegation
    command = Invite(ActorKind.DELEGATE, person_id, to.email, to.delegate_name)
    code = accounts.invite(
        session=session, actor=WORKER, command=command, secret_key=secret_key, now=now
    )
    return replace(found, code=code, code_until=now + accounts.CODE_LIFETIME)
