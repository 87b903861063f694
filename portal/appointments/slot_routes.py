"""The calls about times: opened, listed, booked, withdrawn."""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from portal.appointments import queries, service
from portal.appointments.reading import detail, of_patient
from portal.appointments.schemas import (
    AppointmentDetailSchema,
    BookAppointmentSchema,
    EmptyBodySchema,
    OpenSlotsSchema,
    SlotsQuery,
    TimeSchema,
    TimesPage,
    TimesSchema,
)
from portal.appointments.views import opened_slot_view, slot_view
from portal.core.actor import PATIENT_SIDE, Actor, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.errors import FieldError, Invalid
from portal.core.idempotency import idempotent, once
from portal.core.json import json_response
from portal.core.paging import decode_cursor, page_by
from portal.core.permissions import requires
from portal.core.web import Blueprint, current_actor

blueprint = Blueprint("slots", __name__, "Times that can be booked")


@blueprint.route("/slots", methods=["POST"])
@requires("slot.open")
@idempotent()
@blueprint.arguments(OpenSlotsSchema)
@blueprint.response(201, TimesSchema)
def open_slots(body: dict[str, Any]) -> Response:
    """Open times for booking, of your own or of your clinic's practitioners

    Up to 500, all or none. Send an `Idempotency-Key`: the same key and body give the same answer.
    """
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        made = service.open_slots(session=session, actor=actor, slots=body["slots"], now=now)
        rows = [queries.where_and_when(session, slot.id) for slot in made]
        return {"items": [slot_view(row) for row in rows]}, 201

    return once(actor, use_case)


@blueprint.route("/slots", methods=["GET"])
@requires("slot.read")
@blueprint.arguments(SlotsQuery, location="query")
@blueprint.response(200, TimesPage)
def list_slots(query: dict[str, Any]) -> Response:
    """List the times that can be booked; for the clinic all of a practitioner's, taken ones too"""
    actor, now = current_actor(), utcnow()
    wanted = _wanted(query, now)
    with transaction(actor) as session:
        if actor.kind in PATIENT_SIDE:
            wanted["practitioner_id"] = query["practitioner_id"]
            rows = queries.free_slots(session, actor.subject_id, **wanted)
            view = slot_view
        else:
            wanted["practitioner_id"] = _with_whom(actor, query["practitioner_id"])
            rows = queries.opened_slots(session, **wanted)
            view = opened_slot_view
    page = page_by(rows, query["limit"], lambda slot: (slot.starts_at, slot.id))
    items = [view(slot) for slot in page.items]
    return json_response({"items": items, "next": page.next, "sources": []})


def _wanted(query: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Raises Invalid for a period that ends before it begins."""
    from_, to = query["from_"] or now, query["to"]
    if to is not None and to < from_:
        raise Invalid(errors=[FieldError("#query/to", "This is before the beginning.")])
    return {
        "service_type": query["service_type"],
        "from_": max(from_, now),
        "to": to,
        "after": decode_cursor(query["cursor"]),
        "limit": query["limit"],
        "now": now,
    }


def _with_whom(actor: Actor, practitioner_id: UUID | None) -> UUID:
    """Raises Invalid when staff don't say with whom."""
    if practitioner_id is not None or actor.kind == ActorKind.PRACTITIONER:
        return practitioner_id or actor.id
    raise Invalid(errors=[FieldError("#query/practitioner_id", "Say whose times you want.")])


@blueprint.route("/slots/<uuid:slot_id>/withdraw", methods=["POST"])
@requires("slot.open")
@blueprint.arguments(EmptyBodySchema)
@blueprint.response(200, TimeSchema)
def take_slot_back(_body: dict[str, Any], slot_id: UUID) -> Response:
    """Take a time back; who had it is told, and offered the next free ones"""
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        service.withdraw_slot(session=session, actor=actor, slot_id=slot_id, now=now)
        view = slot_view(queries.where_and_when(session, slot_id))
    return json_response(view)


@blueprint.route("/slots/<uuid:slot_id>/book", methods=["POST"])
@requires("appointment.book")
@idempotent()
@blueprint.arguments(BookAppointmentSchema)
@blueprint.response(201, AppointmentDetailSchema)
def book_appointment(body: dict[str, Any], slot_id: UUID) -> Response:
    """Book a time; 409 `slot_taken` when somebody else was first

    Whoever has it already gets that appointment. Where the patient has another appointment at this
    time, 409 `appointments_overlap` names it; both stand once it is confirmed.
    Send an `Idempotency-Key`: the same key and body give the same answer.
    """
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        made = service.book(
            session=session,
            actor=actor,
            slot_id=slot_id,
            about=body["about"],
            patient_id=of_patient(actor, body["patient_id"]),
            now=now,
            confirmed_overlaps=body["confirmed_overlaps"],
        )
        return detail(session, actor, made.id), 201

    return once(actor, use_case)
