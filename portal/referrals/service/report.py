"""What comes back: the consult note or the answer, its later versions, and its release."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core import outbox
from portal.core.actor import Actor
from portal.core.errors import FieldError
from portal.core.ids import new_id
from portal.referrals import queries, rules
from portal.referrals.errors import (
    NoteAlreadyReleased,
    NoteHoldTooLong,
    NoteMissing,
    NoteNotExpected,
)
from portal.referrals.model import Referral
from portal.referrals.note_model import ConsultNote
from portal.referrals.service import moves, roles
from portal.referrals.states import (
    REPORTED,
    NoteFollowUp,
    NoteHoldException,
    NoteRelease,
    NoteReleaseRule,
    ReferralStatus,
)
from portal.worklist.states import WorkItemKind

S = ReferralStatus
_SEEN_NOW = frozenset({S.ACCEPTED, S.SCHEDULED})
_ANSWERABLE = frozenset({S.REQUESTED, S.ACCEPTED})


@dataclass(frozen=True, slots=True)
class NoteHold:
    """Why and until when a note is kept from the patient."""

    exception: NoteHoldException
    reason: str
    until: datetime


@dataclass(frozen=True, slots=True)
class WriteNote:
    """What a specialist reports. `author_name` is who wrote it, where the staff write it down for
    somebody elsewhere; `amendment` says why there is another version."""

    text: str
    recommendations: str | None = None
    follow_up: NoteFollowUp = NoteFollowUp.NONE
    author_name: str | None = None
    amendment: str | None = None
    hold: NoteHold | None = None


def write_note(
    *, session: Session, actor: Actor, referral_id: UUID, command: WriteNote, now: datetime
) -> ConsultNote:
    """Report on a patient who was seen, or write a further version; who referred reads it.

    The patient was seen by that, if nobody has said so yet. Raises ReferralNotFound,
    NoteNotExpected, NotYours, NoteHoldTooLong.
    """
    referral = moves.lock(session, referral_id)
    before = ReferralStatus(referral.status)
    if before not in REPORTED | _SEEN_NOW | {S.ATTENDED}:
        raise NoteNotExpected(status_now=before)
    _check_author(session, actor, referral, command, now)
    if before in _SEEN_NOW:
        moves.move(session, referral, S.ATTENDED, actor=actor, now=now)
    return _report(session, actor, referral, command, now)


def answer(
    *, session: Session, actor: Actor, referral_id: UUID, command: WriteNote, now: datetime
) -> ConsultNote:
    """Answer a question without a visit. Raises what write_note() raises."""
    referral = moves.lock(session, referral_id)
    if referral.status not in _ANSWERABLE:
        raise NoteNotExpected(
            "This does not wait for an answer; what follows a visit is a note.",
            status_now=referral.status,
        )
    _check_author(session, actor, referral, command, now)
    return _report(session, actor, referral, command, now)


def _check_author(
    session: Session, actor: Actor, referral: Referral, command: WriteNote, now: datetime
) -> None:
    first = referral.status == S.REQUESTED
    asked = WorkItemKind.REFERRAL_DECISION if first else WorkItemKind.REFERRAL_NOTE_MISSING
    roles.check_specialist(session, actor, referral, asked, now)
    hold = command.hold
    if hold is not None and not now < hold.until <= now + rules.LONGEST_HOLD:
        message = f"A moment to come, at most {rules.LONGEST_HOLD.days} days ahead."
        raise NoteHoldTooLong(message, errors=[FieldError("/hold/until", message)])


def _report(
    session: Session, actor: Actor, referral: Referral, command: WriteNote, now: datetime
) -> ConsultNote:
    if referral.status not in REPORTED:
        moves.move(session, referral, S.REPORT_RECEIVED, actor=actor, now=now)
    note = _new(session, actor, referral, command, now)
    session.add(note)
    session.flush()
    outbox.emit(session, "referral.noted", now=now, note_id=note.id)
    moves.record(session, referral, actor=actor, action="write_note", now=now)
    return note


def _new(
    session: Session, actor: Actor, referral: Referral, command: WriteNote, now: datetime
) -> ConsultNote:
    hold = command.hold
    return ConsultNote(
        id=new_id(),
        referral_id=referral.id,
        patient_id=referral.patient_id,
        number=queries.versions_of_note(session, referral.id) + 1,
        text=command.text,
        recommendations=command.recommendations,
        follow_up=command.follow_up,
        amendment=command.amendment,
        author_name=_author_name(actor, referral, command),
        author_kind=actor.kind,
        author_id=actor.id,
        written_at=now,
        release_status=NoteRelease.HELD if hold else NoteRelease.RELEASED,
        release_rule=None if hold else NoteReleaseRule.AT_ONCE,
        released_at=None if hold else now,
        hold_exception=hold.exception if hold else None,
        hold_reason=hold.reason if hold else None,
        held_until=hold.until if hold else None,
    )


def _author_name(actor: Actor, referral: Referral, command: WriteNote) -> str:
    """Of a note from elsewhere, who wrote it there."""
    if referral.outside_name is not None:
        return command.author_name or referral.outside_name
    return actor.name


def release_note(*, session: Session, actor: Actor, referral_id: UUID, now: datetime) -> Referral:
    """Show every held version to the patient now.

    Raises ReferralNotFound, NoteMissing, NoteAlreadyReleased.
    """
    referral = moves.lock(session, referral_id)
    held = queries.held_notes(session, [referral.id])
    if not held:
        there = queries.versions_of_note(session, referral.id)
        raise NoteAlreadyReleased() if there else NoteMissing()
    for note in held:
        let_go(session, note, NoteReleaseRule.BY_PRACTITIONER, actor=actor, now=now)
    moves.record(session, referral, actor=actor, action="release_note", now=now)
    return referral


def let_go(
    session: Session, note: ConsultNote, rule: NoteReleaseRule, *, actor: Actor, now: datetime
) -> None:
    """Release one version; the workers tell the patient."""
    note.release(rule, actor=actor, now=now)
    session.flush()
    outbox.emit(session, "referral.noted", now=now, note_id=note.id)
