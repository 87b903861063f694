"""What people do with the items on their worklist."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.actor import Actor
from portal.core.errors import FieldError, PreconditionFailed
from portal.worklist import queries, statements
from portal.worklist.errors import (
    AlreadyClaimed,
    AlreadyClosed,
    NotClosedByHand,
    NotTheClaimer,
    Unassignable,
    WorkItemUnknown,
)
from portal.worklist.model import WorkItem
from portal.worklist.rules import Hop
from portal.worklist.states import WORK_ITEM, WorkItemKind, WorkItemStatus

# These close with what they ask for; the call that does it, by the item's subject.
CLOSED_BY: Mapping[WorkItemKind, str] = {
    WorkItemKind.REFILL_DECISION: "POST /api/v1/refills/{}/decision",
    WorkItemKind.PHARMACY_CANCELLATION: "POST /api/v1/refills/{}/cancellation",
    WorkItemKind.DUPLICATE_THERAPY: "POST /api/v1/prescriptions/{}/stop or /confirm-duplicates",
    WorkItemKind.RESULT_REVIEW: "POST /api/v1/results/{}/review",
    WorkItemKind.RESULT_CRITICAL: "POST /api/v1/results/{}/acknowledge",
    WorkItemKind.RESULT_COMMUNICATION: "POST /api/v1/results/{}/communicated",
    WorkItemKind.REFERRAL_DECISION: "POST /api/v1/referrals/{}/accept, /decline or /ask",
    WorkItemKind.REFERRAL_INFORMATION: "POST /api/v1/referrals/{}/information",
    WorkItemKind.REFERRAL_DECLINED: "POST /api/v1/referrals/{}/send or /close",
    WorkItemKind.REFERRAL_SCHEDULING: "POST /api/v1/referrals/{}/appointment",
    WorkItemKind.REFERRAL_ATTENDANCE: "POST /api/v1/referrals/{}/attended or /no-show",
    WorkItemKind.REFERRAL_NO_SHOW: "POST /api/v1/referrals/{}/appointment or /close",
    WorkItemKind.REFERRAL_NOTE_MISSING: "POST /api/v1/referrals/{}/note or /answer",
    WorkItemKind.REFERRAL_CLOSING: "POST /api/v1/referrals/{}/close",
    WorkItemKind.REFERRAL_AUTHORIZATION: "POST /api/v1/referrals/{}/authorization",
    WorkItemKind.RECONCILIATION: "POST /api/v1/reconciliation/{}/match or /discard",
    WorkItemKind.CORRECTION_REQUESTED: "POST /api/v1/patients/…/corrections with this request_id, "
    "or POST /api/v1/correction-requests/{}/decline",
    WorkItemKind.MERGE_UNDONE: "POST /api/v1/merges/{}/left/… for each",
    WorkItemKind.PHONE_CALL: "POST /api/v1/calls/{}/outcome",
    WorkItemKind.THREAD_REPLY: "POST /api/v1/threads/{}/messages or /close",
    WorkItemKind.ADVICE_CALL: "POST /api/v1/advice-calls/{}/outcome",
    WorkItemKind.APPOINTMENT_OUTCOME: "POST /api/v1/appointments/{}/attended or /no-show",
}
FOR_PRACTITIONERS = frozenset(
    {
        WorkItemKind.REFILL_DECISION,
        WorkItemKind.DUPLICATE_THERAPY,
        WorkItemKind.RESULT_REVIEW,
        WorkItemKind.RESULT_CRITICAL,
        WorkItemKind.REFERRAL_INFORMATION,
        WorkItemKind.REFERRAL_DECLINED,
        WorkItemKind.REFERRAL_CLOSING,
    }
)


@dataclass(frozen=True, slots=True)
class Reassign:
    """To a person, or back to the pool; with a reason, which becomes part of the item's way."""

    assignee_id: UUID | None
    reason: str


def _open(session: Session, item_id: UUID, version: int | None) -> WorkItem:
    item = queries.for_change(session, item_id)
    if item is None:
        raise WorkItemUnknown()
    if version is not None and item.version != version:
        raise PreconditionFailed(version_now=item.version)
    if WorkItemStatus(item.status) in WORK_ITEM.ends:
        raise AlreadyClosed(
            f"This item was closed: {item.outcome}.", closed_at=item.closed_at, outcome=item.outcome
        )
    return item


def _name(session: Session, person_id: UUID | None) -> str:
    person: Any = queries.person(session, person_id) if person_id else None
    return person.name if person else "somebody"


def claim(
    *, session: Session, actor: Actor, item_id: UUID, version: int | None, now: datetime
) -> None:
    """Take an item, so that nobody else works on it. Claiming one's own again changes nothing.

    Raises WorkItemUnknown, AlreadyClosed, AlreadyClaimed naming who has it since when,
    PreconditionFailed.
    """
    item = _open(session, item_id, version)
    if item.claimed_by == actor.id:
        return
    if item.claimed_by is not None:
        who, at = _name(session, item.claimed_by), queries.claimed_at(session, item)
        raise AlreadyClaimed(f"{who} has claimed this item.", claimed_by=who, claimed_at=at)
    item.move_to(WorkItemStatus.CLAIMED, actor=actor, now=now)
    item.claimed_by = actor.id
    session.flush()
    _remember(session, actor, item, None, f"claimed by {actor.name}", "claim", now)


def release(
    *, session: Session, actor: Actor, item_id: UUID, version: int | None, now: datetime
) -> None:
    """Give an item that one has claimed back. Raises NotTheClaimer, and what claim() raises."""
    item = _open(session, item_id, version)
    if item.claimed_by != actor.id:
        raise NotTheClaimer()
    item.move_to(WorkItemStatus.OPEN, actor=actor, now=now)
    item.claimed_by = None
    session.flush()
    _remember(session, actor, item, None, f"released by {actor.name}", "release", now)


def reassign(
    *,
    session: Session,
    actor: Actor,
    item_id: UUID,
    command: Reassign,
    version: int | None,
    now: datetime,
) -> None:
    """Give an item to somebody else of the clinic, or to the pool; they are told.

    Raises Unassignable for somebody who can't take it, and what claim() raises.
    """
    item = _open(session, item_id, version)
    view: Any = queries.item(session, item_id)
    if command.assignee_id is not None:
        person = queries.person(session, command.assignee_id)
        if person is None or person.clinic_id != view.clinic_id:
            raise Unassignable(
                errors=[FieldError("/assignee_id", "Nobody of this clinic who could take it.")]
            )
        if item.kind in FOR_PRACTITIONERS and person.kind != "practitioner":
            raise Unassignable(
                errors=[FieldError("/assignee_id", "Only a practitioner can decide this.")]
            )
    if item.status == WorkItemStatus.CLAIMED:
        item.move_to(WorkItemStatus.OPEN, actor=actor, now=now)
        item.claimed_by = None
    item.assignee_id = command.assignee_id
    hop = Hop(command.assignee_id, f"reassigned by {actor.name}: {command.reason}")
    # The hop first: it is by the hop that an actor may see an item that is no longer theirs.
    _remember(session, actor, item, hop, hop.reason, "reassign", now)
    session.flush()


def complete(
    *,
    session: Session,
    actor: Actor,
    item_id: UUID,
    outcome: str,
    version: int | None,
    now: datetime,
) -> None:
    """Close an item by hand, with what came of it.

    Raises NotClosedByHand for one that closes with a decision, and what claim() raises.
    """
    item = _open(session, item_id, version)
    if (call := CLOSED_BY.get(WorkItemKind(item.kind))) is not None:
        raise NotClosedByHand(f"{call.format(item.subject_id)} closes this item.")
    item.move_to(WorkItemStatus.DONE, actor=actor, now=now)
    item.outcome = outcome
    session.flush()
    _audit(session, actor, item, "complete", now)


def _remember(
    session: Session,
    actor: Actor,
    item: WorkItem,
    hop: Hop | None,
    reason: str,
    action: str,
    now: datetime,
) -> None:
    """A hop in the item's way; only one that gives it to others is told to them."""
    step = hop or Hop(item.assignee_id, reason)
    move = statements.Move(item.id, item.patient_id, item.pool_id, [step], item.escalation_level)
    statements.write_hops(session, actor, [move], now, tell=hop is not None)
    _audit(session, actor, item, action, now)


def _audit(session: Session, actor: Actor, item: WorkItem, action: str, now: datetime) -> None:
    audit.record(
        session,
        actor,
        action,
        "work_item",
        patient_id=item.patient_id,
        resource_id=item.id,
        at=now,
    )
