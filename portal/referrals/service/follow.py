"""What the workers do after a move, and after a note: tell people, and have the note read."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import WORKER, ActorKind
from portal.notifications import service as notifications
from portal.notifications.states import NotificationEvent
from portal.referrals import queries, rules
from portal.referrals.model import Referral, ReferralHistory
from portal.referrals.service import items
from portal.referrals.states import NoteRelease, ReferralStatus, TimeReason
from portal.worklist.states import WorkItemKind

S = ReferralStatus
E = NotificationEvent

TOLD_AS_APPOINTMENT = frozenset(TimeReason)
_FOR_PATIENT = {
    S.ACCEPTED: E.REFERRAL_ACCEPTED,
    S.DECLINED: E.REFERRAL_DECLINED,
    S.SCHEDULED: E.REFERRAL_SCHEDULED,
    S.NO_SHOW: E.REFERRAL_NO_SHOW,
    S.CANCELLED: E.REFERRAL_CANCELLED,
    S.EXPIRED: E.REFERRAL_EXPIRED,
}
_FOR_REFERRER = {
    S.DECLINED: E.REFERRAL_RETURNED,
    S.NEEDS_INFORMATION: E.REFERRAL_QUESTION,
    S.CANCELLED: E.REFERRAL_WITHDRAWN,
    S.EXPIRED: E.REFERRAL_LAPSED,
}


def follow_move(*, session: Session, referral_id: UUID, history_id: UUID, now: datetime) -> None:
    """Tell those whom one step concerns. Doing it twice has the effect of doing it once."""
    referral = queries.get(session, referral_id)
    step = queries.step(session, history_id)
    if referral is None or step is None:
        return
    for kind, person_id, event in _telling(referral, step):
        if event == E.REFERRAL_SCHEDULED and referral.status != S.SCHEDULED:
            continue  # it was called off, or is over, before anybody was told
        if person_id is not None and person_id != step.actor_id:
            _tell(session, referral, kind, person_id, event, step.id, now)


def _telling(
    referral: Referral, step: ReferralHistory
) -> Iterator[tuple[ActorKind, UUID | None, NotificationEvent]]:
    """Whom to tell of a step, and what it is called; who made it need not be told."""
    if (told := event_for_patient(referral, step)) is not None:
        yield ActorKind.PATIENT, referral.patient_id, told
    if (heard := event_for_referrer(referral, step)) is not None:
        yield ActorKind.PRACTITIONER, referral.referrer_id, heard
    if (asked := event_for_specialist(referral, step)) is not None:
        yield ActorKind.PRACTITIONER, referral.specialist_id, asked


def event_for_patient(referral: Referral, step: ReferralHistory) -> NotificationEvent | None:
    """What a step is called when the patient is told of it; None when they need not be."""
    before, after = step.from_status, ReferralStatus(step.to_status)
    if referral.requested_at is None or step.reason_code in TOLD_AS_APPOINTMENT:
        return None
    if after == S.REQUESTED:
        return None if before == S.NEEDS_INFORMATION else E.REFERRAL_REQUESTED
    if after == S.ACCEPTED and before == S.SCHEDULED:
        return E.REFERRAL_APPOINTMENT_OFF
    if after == S.CLOSED and before in (S.DECLINED, S.NO_SHOW):
        return E.REFERRAL_CANCELLED
    return _FOR_PATIENT.get(after)


def event_for_referrer(referral: Referral, step: ReferralHistory) -> NotificationEvent | None:
    """What a step is called when who referred is told of it."""
    after = ReferralStatus(step.to_status)
    if after == S.NO_SHOW and rules.back_to_referrer(referral.no_shows):
        return E.REFERRAL_MISSED
    return _FOR_REFERRER.get(after)


def event_for_specialist(referral: Referral, step: ReferralHistory) -> NotificationEvent | None:
    """What a step is called when the specialist is told of it; a new referral is an item on
    their worklist."""
    after = ReferralStatus(step.to_status)
    if after == S.REQUESTED and step.from_status == S.NEEDS_INFORMATION:
        return E.REFERRAL_ANSWERED
    withdrawn = after == S.CANCELLED and referral.requested_at is not None
    return E.REFERRAL_WITHDRAWN if withdrawn and step.from_status != S.DECLINED else None


def follow_note(*, session: Session, note_id: UUID, now: datetime) -> None:
    """A version of a note was written or released: who referred reads it, the patient is told of
    what they can see. Doing it twice has the effect of doing it once."""
    note = queries.note(session, note_id)
    referral = queries.for_change(session, note.referral_id) if note else None
    if note is None or referral is None:
        return
    _tell(
        session,
        referral,
        ActorKind.PRACTITIONER,
        referral.referrer_id,
        E.REFERRAL_REPORTED,
        note.id,
        now,
    )
    if note.release_status == NoteRelease.RELEASED:
        _tell(
            session,
            referral,
            ActorKind.PATIENT,
            referral.patient_id,
            E.REFERRAL_NOTED,
            note.id,
            now,
        )
    closing = WorkItemKind.REFERRAL_CLOSING
    changed = referral.closed_at is not None and note.written_at > referral.closed_at
    if changed and not queries.had_item(session, referral.id, closing, note.written_at):
        items.open_item(session, referral, closing, WORKER, now)


def tell_patient(
    session: Session, referral: Referral, event: NotificationEvent, source_id: UUID, now: datetime
) -> None:
    """Tell the patient of something, once for each `source_id`."""
    _tell(session, referral, ActorKind.PATIENT, referral.patient_id, event, source_id, now)


def _tell(
    session: Session,
    referral: Referral,
    kind: ActorKind,
    person_id: UUID,
    event: NotificationEvent,
    source_id: UUID,
    now: datetime,
) -> None:
    notifications.notify(
        session=session,
        recipient_kind=kind,
        recipient_ids=[person_id],
        event=event,
        source_id=source_id,
        subject_id=referral.id,
        patient_id=referral.patient_id,
        data={},
        until=referral.appointment_at if event == E.REFERRAL_SCHEDULED else None,
        now=now,
    )
