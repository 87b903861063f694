"""Telling people of access that they were given, that was answered, or that has ended."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.config import Config
from portal.core.actor import ActorKind
from portal.core.clock import spoken_time
from portal.core.web import extension
from portal.notifications import service as notifications
from portal.notifications.gateway import Mail
from portal.notifications.states import NotificationEvent
from portal.patients import inviting
from portal.patients.delegation_model import Delegation, DelegationHistory
from portal.patients.delegation_states import DelegationKind, DelegationStatus
from workers.code_mail import CodeMail
from workers.registry import Event, delivers, handles

E = NotificationEvent

SUBJECT = "You are asked to act for somebody in Careloop"
WITH_CODE = """Hello,

somebody wants you to have access to a health record in Careloop. For their privacy this message
does not say who.

Open your account with this code: {code}
{base_url}

The code works until {until}.

If you don't know what this is about, do nothing.
"""
AT_WORK = """Hello,

somebody wants you to have access to a health record in Careloop. Your address belongs to the
account by which you work here, which can't be used for that: ask them to take another address of
yours.

{base_url}
"""


class InvitationByMail(CodeMail):
    """delegation.offered {delegation_id}: in the portal for who has an account, else by mail."""

    def prepare(self, *, session: Session, event: Event, now: datetime) -> Mail | None:
        config: Config = extension("config")
        found = inviting.find_person(
            session=session,
            delegation_id=event.uuid("delegation_id"),
            secret_key=config.secret_key,
            now=now,
        )
        if found is None:
            return None
        if found.person_kind is not None:
            offered = found.delegation.kind == DelegationKind.GRANTED
            told = E.DELEGATION_OFFERED if offered else E.DELEGATION_GIVEN
            _tell_delegate(session, found.delegation, told, found.delegation.id, now)
        if found.person_kind is not None and found.code is None:
            return None
        text = (AT_WORK if found.code_until is None else WITH_CODE).format(
            code=found.code,
            base_url=config.base_url,
            until=found.code_until and spoken_time(found.code_until, "UTC"),
        )
        return Mail(found.email, SUBJECT, text, str(event.id))


delivers("delegation.offered", InvitationByMail())


@handles("delegation.moved")
def tell_of_move(*, session: Session, event: Event, now: datetime) -> None:
    """delegation.moved {history_id}: the other side is told of an answer or an end."""
    step = session.get_one(DelegationHistory, event.uuid("history_id"))
    delegation = session.get_one(Delegation, step.delegation_id)
    ended = step.to_status == DelegationStatus.REVOKED
    by_delegate = step.actor_kind == ActorKind.DELEGATE
    if ended and not by_delegate:
        _tell_delegate(session, delegation, E.DELEGATION_ENDED, step.id, now)
    if by_delegate or step.actor_kind != ActorKind.PATIENT:
        told = E.DELEGATION_ENDED if ended else E.DELEGATION_ANSWERED
        _tell(session, ActorKind.PATIENT, delegation.patient_id, told, step.id, delegation, now)


def _tell_delegate(
    session: Session,
    delegation: Delegation,
    event: NotificationEvent,
    source_id: UUID,
    now: datetime,
) -> None:
    if delegation.delegate_id is not None and delegation.delegate_kind is not None:
        kind = ActorKind(delegation.delegate_kind)
        _tell(session, kind, delegation.delegate_id, event, source_id, delegation, now)


def _tell(
    session: Session,
    kind: ActorKind,
    person_id: UUID,
    event: NotificationEvent,
    source_id: UUID,
    delegation: Delegation,
    now: datetime,
) -> None:
    notifications.notify(
        session=session,
        recipient_kind=kind,
        recipient_ids=[person_id],
        event=event,
        source_id=source_id,
        subject_id=delegation.id,
        patient_id=None,
        data={},
        now=now,
    )
