"""JSON of referrals, made by hand and described in view_schemas.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from portal.core.names import full_name
from portal.referrals import rules
from portal.referrals.note_model import ConsultNote
from portal.referrals.states import NoteRelease, ReferralKind, ReferralStatus


@dataclass(frozen=True, slots=True)
class Parts:
    """What hangs on a referral: its steps, what was written, and the open work item."""

    history: Sequence[Row[Any]]
    messages: Sequence[Row[Any]]
    offers: Sequence[Row[Any]]
    notes: Sequence[ConsultNote]
    item: Row[Any] | None


def referral_view(row: Row[Any], now: datetime) -> dict[str, Any]:
    """A referral as lists show it."""
    kind, status = ReferralKind(row.kind), ReferralStatus(row.status)
    choosing = rules.is_choosing(status, row.offered_until, now)
    return {
        "id": row.id,
        "number": row.number,
        "kind": row.kind,
        "status": row.status,
        "urgency": row.urgency,
        "same_day": row.same_day,
        "specialty": row.specialty,
        "patient": {"id": row.patient_id, "name": full_name(row.given_name, row.family_name)},
        "referrer": {"id": row.referrer_id, "name": row.referrer_name},
        "specialist": _specialist(row),
        "arranged_by": {"id": row.pool_id, "name": row.pool_name, "phone": row.clinic_phone},
        "reason": row.reason,
        "diagnoses": row.diagnoses,
        "authorization": {
            "number": row.authorization_number,
            "valid_from": row.valid_from,
            "valid_until": row.valid_until,
            "visits_allowed": row.visits_allowed,
        },
        "appointment": _appointment(row),
        "no_shows": row.no_shows,
        "created_at": row.created_at,
        "requested_at": row.requested_at,
        "status_at": row.status_at,
        "expected_by": row.expected_by,
        "late": rules.is_late(row.expected_by, now),
        "offered_until": row.offered_until if choosing else None,
        "with": rules.with_whom(kind, status, row.no_shows, choosing=choosing),
        "next_step": rules.next_step(
            kind, status, row.no_shows, specialist_name(row), choosing=choosing
        ),
        "reason_code": row.reason_code,
        "closed_at": row.closed_at,
        "confidential": row.confidential,
        "version": row.version,
    }


def specialist_name(row: Row[Any]) -> str:
    name: str = row.specialist_name or row.outside_name
    return name


def _specialist(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.specialist_id,
        "name": specialist_name(row),
        "organization": row.outside_organization,
        "npi": row.outside_npi,
        "phone": row.outside_phone,
        "fax": row.outside_fax,
    }


def _appointment(row: Row[Any]) -> dict[str, Any] | None:
    if row.appointment_at is None:
        return None
    return {
        "appointment_id": row.appointment_id,
        "starts_at": row.appointment_at,
        "place": row.appointment_place,
    }


def timeline_view(
    row: Row[Any], parts: Parts, now: datetime, *, for_care_team: bool
) -> dict[str, Any]:
    """A referral with every step so far, who has it now since when, and what was written."""
    view, item = referral_view(row, now), parts.item
    holder = view["with"]
    names = {
        "referrer": row.referrer_name,
        "specialist": specialist_name(row),
        "staff": row.pool_name,
        "patient": full_name(row.given_name, row.family_name) if for_care_team else "You",
    }
    return {
        **view,
        "with": None
        if holder is None
        else {"kind": holder, "name": names[holder], "since": row.status_at},
        "followed_up_by": None
        if item is None
        else {"kind": item.kind, "name": item.name, "due_at": item.due_at},
        "summary": row.summary,
        "about": row.about,
        "history": [_step_view(step) for step in parts.history],
        "messages": [_message_view(message) for message in parts.messages],
        "offers": [_offer_view(offer) for offer in parts.offers],
        "notes": [note_view(note, for_care_team=for_care_team) for note in parts.notes],
    }


def _step_view(step: Row[Any]) -> dict[str, Any]:
    return {
        "status": step.to_status,
        "from_status": step.from_status,
        "at": step.at,
        "by": {"kind": step.actor_kind, "name": step.actor_name},
        "reason_code": step.reason_code,
        "note": step.note,
    }


def _message_view(message: Row[Any]) -> dict[str, Any]:
    return {
        "id": message.id,
        "kind": message.kind,
        "text": message.text,
        "visible_to_patient": message.visible_to_patient,
        "by": {"kind": message.author_kind, "name": message.author_name},
        "at": message.created_at,
    }


def _offer_view(offer: Row[Any]) -> dict[str, Any]:
    return {
        "id": offer.id,
        "status": offer.status,
        "created_at": offer.created_at,
        "expires_at": offer.expires_at,
        "ended_at": offer.ended_at,
        "reason": offer.reason,
        "link": f"/api/v1/appointments/offers/{offer.id}",
    }


def note_view(note: ConsultNote, *, for_care_team: bool) -> dict[str, Any]:
    """A version of the note; why it was held is for the care team."""
    hold = None
    if for_care_team and note.release_status == NoteRelease.HELD:
        hold = {
            "exception": note.hold_exception,
            "reason": note.hold_reason,
            "until": note.held_until,
        }
    return {
        "id": note.id,
        "number": note.number,
        "text": note.text,
        "recommendations": note.recommendations,
        "follow_up": note.follow_up,
        "amendment": note.amendment,
        "author": note.author_name,
        "written_at": note.written_at,
        "released_at": note.released_at,
        "hold": hold,
    }
