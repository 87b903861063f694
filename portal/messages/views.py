"""JSON of threads, messages and advice calls, made by hand: these are the hot paths."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from portal.core.actor import PATIENT_SIDE, Actor, ActorKind
from portal.messages.composing_model import QuickReply
from portal.messages.draft_model import Draft
from portal.messages.states import AboutKind, MessageKind, Signature, ThreadStatus

_CARELOOP = {"kind": "careloop", "name": "Careloop"}
_ABOUT_PATHS: Mapping[str, str] = {
    AboutKind.PRESCRIPTION: "prescriptions",
    AboutKind.REFILL: "refills",
    AboutKind.REQUISITION: "requisitions",
    AboutKind.RESULT: "results",
    AboutKind.REFERRAL: "referrals",
    AboutKind.APPOINTMENT: "appointments",
    AboutKind.VISIT: "visits",
}


def _named(id_: UUID | None, name: str | None) -> dict[str, Any] | None:
    return None if id_ is None else {"id": id_, "name": name}


def about_view(kind: str | None, id_: UUID | None) -> dict[str, Any] | None:
    """The record that a thread is about, with where it is read."""
    if kind is None:
        return None
    return {"kind": kind, "id": id_, "link": f"/api/v1/{_ABOUT_PATHS[kind]}/{id_}"}


def thread_view(row: Row[Any], now: datetime) -> dict[str, Any]:
    """A thread as lists show it; what is unread is what the caller has not opened, or nobody of
    the care team."""
    return {
        "id": row.id,
        "patient": {"id": row.patient_id, "name": row.patient_name},
        "category": row.category,
        "subject": row.subject,
        "about": about_view(row.about_kind, row.about_id),
        "status": row.status,
        "status_at": row.status_at,
        "closed_reason": row.closed_reason,
        "urgent": row.urgent,
        "team": {"id": row.pool_id, "name": row.pool_name},
        "practitioner": _named(row.practitioner_id, row.practitioner_name),
        "created_at": row.created_at,
        "last_message_at": row.last_message_at,
        "unread": row.unread,
        "reply_due_at": row.reply_due_at,
        "late": row.reply_due_at is not None and row.reply_due_at < now,
        "confidential": row.confidential,
        "version": row.version,
    }


def full_thread_view(
    row: Row[Any],
    parts: Mapping[str, Any],
    actor: Actor,
    now: datetime,
) -> dict[str, Any]:
    """A thread with a page of its messages, who has it now, and its history."""
    by_message: dict[UUID, list[Row[Any]]] = defaultdict(list)
    for read in parts["reads"]:
        by_message[read.message_id].append(read)
    return {
        **thread_view(row, now),
        "with": _holder(row, parts["item"]),
        "messages": [
            message_view(m, by_message[m.id], parts["files"].get(m.id, ()), actor)
            for m in parts["messages"]
        ],
        "next": parts["next"],
        "history": [_step_view(step) for step in parts["history"]],
    }


def _holder(row: Row[Any], item: Row[Any] | None) -> dict[str, Any] | None:
    if row.status == ThreadStatus.CLOSED:
        return None
    if row.status == ThreadStatus.AWAITING_PATIENT:
        return {"kind": "patient", "name": row.patient_name, "since": row.status_at}
    name = item.name if item else row.practitioner_name or row.pool_name
    return {"kind": "care_team", "name": name, "since": row.status_at}


def message_view(
    row: Row[Any], reads: Iterable[Row[Any]], files: Sequence[Any], actor: Actor
) -> dict[str, Any]:
    """A message with its receipts and files. What a team signed is the team's for the patient."""
    return {
        "id": row.id,
        "kind": row.kind,
        "author": _author(row, actor),
        "mine": row.author_id == actor.id,
        "body": row.body,
        "signature": row.signature,
        "sent_at": row.sent_at,
        "read_at": row.read_at,
        "reads": [
            {"by": _party(read.reader_kind, read.name, read.reader_for), "at": read.at}
            for read in reads
        ],
        "red_flags": row.red_flags,
        "attachments": files,
    }


def _author(row: Row[Any], actor: Actor) -> dict[str, Any]:
    if row.kind == MessageKind.AUTOMATIC_NOTICE:
        return _CARELOOP
    if row.signature_kind == Signature.TEAM and actor.kind in PATIENT_SIDE:
        return {"kind": "team", "name": row.signature}
    return _party(row.author_kind, row.author_name, row.author_for)


def _party(kind: str, name: str | None, patient_name: str | None) -> dict[str, Any]:
    """Somebody; of a delegate also for whom. Delegates learn no other delegate's name."""
    party = {"kind": kind, "name": name}
    return {**party, "for": patient_name} if kind == ActorKind.DELEGATE else party


def _step_view(step: Row[Any]) -> dict[str, Any]:
    names = {"patient": "The patient", "delegate": None}
    return {
        "action": step.action,
        "from_status": step.from_status,
        "status": step.to_status,
        "at": step.at,
        "by": {
            "kind": step.actor_kind,
            "name": step.actor_name or names.get(step.actor_kind, "Careloop"),
        },
        "reason_code": step.reason_code,
        "note": step.note,
    }


def recipient_view(row: Row[Any]) -> dict[str, Any]:
    return {
        "practitioner_id": row.practitioner_id,
        "pool_id": None if row.practitioner_id else row.pool_id,
        "name": row.name,
        "role": row.role,
        "primary": row.is_primary,
    }


def draft_view(draft: Draft, files: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A draft as it can be sent: `to` is null where nobody was chosen."""
    to = None
    if draft.pool_id is not None:
        by_person = draft.practitioner_id is not None
        to = {
            "practitioner_id": draft.practitioner_id,
            "pool_id": None if by_person else draft.pool_id,
        }
    return {
        "id": draft.id,
        "patient_id": draft.patient_id,
        "thread_id": draft.thread_id,
        "to": to,
        "category": draft.category,
        "subject": draft.subject,
        "about": about_view(draft.about_kind, draft.about_id),
        "body": draft.body,
        "attachments": list(files),
        "version": draft.version,
        "updated_at": draft.updated_at,
    }


def quick_reply_view(row: QuickReply) -> dict[str, Any]:
    return {
        "id": row.id,
        "pool_id": row.pool_id,
        "title": row.title,
        "body": row.body,
        "updated_at": row.updated_at,
    }


def advice_views(rows: Sequence[Row[Any]], attempts: Iterable[Row[Any]]) -> list[dict[str, Any]]:
    """Requests for a call, each with what came of every attempt."""
    by_call: dict[UUID, list[Row[Any]]] = defaultdict(list)
    for attempt in attempts:
        by_call[attempt.call_id].append(attempt)
    return [_advice_view(row, by_call[row.id]) for row in rows]


def _advice_view(row: Row[Any], attempts: Iterable[Row[Any]]) -> dict[str, Any]:
    return {
        "id": row.id,
        "patient": {
            "id": row.patient_id,
            "name": row.patient_name,
            "birth_date": row.birth_date,
            "language": row.language,
        },
        "team": {"id": row.pool_id, "name": row.pool_name},
        "requested_by": _party(row.requester_kind, row.requester_name, row.patient_name),
        "reason": row.reason,
        "callback_number": row.callback_number,
        "urgency": row.urgency,
        "status": row.status,
        "red_flags": row.red_flags,
        "confidential": row.confidential,
        "requested_at": row.requested_at,
        "due_at": row.due_at,
        "ended_at": row.ended_at,
        "attempts": [
            {
                "number": attempt.number,
                "at": attempt.at,
                "by": {"kind": attempt.caller_kind, "name": attempt.caller_name},
                "outcome": attempt.outcome,
                "note": attempt.note,
            }
            for attempt in attempts
        ],
    }
