"""The specialist's answer: accept, decline, or ask first; and what the referrer gives."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import Actor
from portal.core.ids import new_id
from portal.referrals.errors import NothingAsked
from portal.referrals.model import Referral
from portal.referrals.note_model import ReferralMessage
from portal.referrals.service import moves, roles
from portal.referrals.states import REFERRAL, DeclineReason, MessageKind, ReferralStatus
from portal.worklist.states import WorkItemKind

S = ReferralStatus
_DECISION = WorkItemKind.REFERRAL_DECISION


def accept(*, session: Session, actor: Actor, referral_id: UUID, now: datetime) -> Referral:
    """Take the patient, or the question. Accepting again what one has accepted changes nothing.

    Raises ReferralNotFound, AlreadyDecided naming who was first and when, NotYours.
    """
    referral = moves.lock(session, referral_id)
    if referral.status == S.ACCEPTED and referral.accepted_by == actor.id:
        return referral
    _check_waiting(session, actor, referral, S.ACCEPTED, now)
    referral.accepted_by = actor.id
    moves.move(session, referral, S.ACCEPTED, actor=actor, now=now)
    return referral


def decline(
    *,
    session: Session,
    actor: Actor,
    referral_id: UUID,
    reason: DeclineReason,
    note: str | None,
    now: datetime,
) -> Referral:
    """Decline, with a reason; the note is for the referrer alone.

    Raises ReferralNotFound, AlreadyDecided naming who was first and when, NotYours.
    """
    referral = moves.lock(session, referral_id)
    _check_waiting(session, actor, referral, S.DECLINED, now)
    if note is not None:
        write_message(session, actor, referral, MessageKind.DECLINE, note, visible=False, now=now)
    moves.move(session, referral, S.DECLINED, actor=actor, now=now, reason_code=reason)
    return referral


def ask(
    *,
    session: Session,
    actor: Actor,
    referral_id: UUID,
    question: str,
    visible_to_patient: bool,
    now: datetime,
) -> Referral:
    """Ask the referrer for information before deciding.

    Raises ReferralNotFound, AlreadyDecided naming who was first and when, NotYours.
    """
    referral = moves.lock(session, referral_id)
    _check_waiting(session, actor, referral, S.NEEDS_INFORMATION, now)
    write_message(
        session,
        actor,
        referral,
        MessageKind.QUESTION,
        question,
        visible=visible_to_patient,
        now=now,
    )
    moves.move(session, referral, S.NEEDS_INFORMATION, actor=actor, now=now)
    return referral


def give_information(
    *,
    session: Session,
    actor: Actor,
    referral_id: UUID,
    answer: str,
    visible_to_patient: bool,
    now: datetime,
) -> Referral:
    """Answer the specialist's question; the decision waits for them again.

    Raises ReferralNotFound, NothingAsked, NotYours.
    """
    referral = moves.lock(session, referral_id)
    if referral.status != S.NEEDS_INFORMATION:
        raise NothingAsked(status_now=referral.status)
    roles.check_referrer(session, actor, referral, WorkItemKind.REFERRAL_INFORMATION, now)
    write_message(
        session, actor, referral, MessageKind.ANSWER, answer, visible=visible_to_patient, now=now
    )
    moves.move(session, referral, S.REQUESTED, actor=actor, now=now)
    return referral


def _check_waiting(
    session: Session, actor: Actor, referral: Referral, after: ReferralStatus, now: datetime
) -> None:
    roles.check_specialist(session, actor, referral, _DECISION, now)
    if not REFERRAL.allows(ReferralStatus(referral.status), after, actor.kind):
        raise moves.already_decided(session, referral)


def write_message(
    session: Session,
    actor: Actor,
    referral: Referral,
    kind: MessageKind,
    text: str,
    *,
    visible: bool,
    now: datetime,
) -> None:
    """Keep what one colleague writes to the other."""
    session.add(
        ReferralMessage(
            id=new_id(),
            referral_id=referral.id,
            patient_id=referral.patient_id,
            kind=kind,
            text=text,
            visible_to_patient=visible,
            author_kind=actor.kind,
            author_id=actor.id,
            created_at=now,
        )
    )
