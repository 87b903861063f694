"""Finding who belongs to the address to which access was offered: the workers' part of it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.accounts import service as accounts
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
    to, with the code that opens their new account. An address of somebody who works here has
    neither: they need another one."""

    delegation: Delegation
    email: str
    person_kind: ActorKind | None = None
    code: str | None = None


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
    kind = ActorKind(account.kind)
    if kind not in PATIENT_SIDE:
        return Found(delegation, delegation.email)
    if account.person_id == delegation.patient_id or account.status in _CLOSED:
        return None
    delegation.delegate_id, delegation.delegate_kind = account.person_id, kind
    session.flush()
    code = None
    if kind is ActorKind.DELEGATE and account.status == AccountStatus.INVITED:
        code = _code(session, delegation, account.person_id, secret_key, now)
    return Found(delegation, account.email, kind, code)


def _with_new_account(
    session: Session, delegation: Delegation, secret_key: str, now: datetime
) -> Found:
    person = Delegate(id=new_id(), name=delegation.delegate_name, created_at=now)
    session.add(person)
    session.flush()
    delegation.delegate_id, delegation.delegate_kind = person.id, ActorKind.DELEGATE
    code = _code(session, delegation, person.id, secret_key, now)
    return Found(delegation, delegation.email, ActorKind.DELEGATE, code)


def _code(
    session: Session, delegation: Delegation, person_id: UUID, secret_key: str, now: datetime
) -> str:
    command = Invite(ActorKind.DELEGATE, person_id, delegation.email, delegation.delegate_name)
    return accounts.invite(
        session=session, actor=WORKER, command=command, secret_key=secret_key, now=now
    )
