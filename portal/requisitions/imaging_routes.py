"""The calls about imaging appointments: radiology's, and those of who books."""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from portal.appointments import service as appointments
from portal.appointments.model import Appointment, Slot
from portal.core import audit
from portal.core.actor import Actor
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.errors import FieldError, Invalid
from portal.core.idempotency import idempotent, once
from portal.core.json import json_response
from portal.core.paging import decode_cursor, page_by
from portal.core.permissions import requires
from portal.core.web import Blueprint, current_actor
from portal.requisitions import imaging_queries, queries, service
from portal.requisitions.errors import NotBookable, RequisitionNotFound
from portal.requisitions.imaging_schemas import (
    AppointmentStatusSchema,
    BookSchema,
    CancelAppointmentSchema,
    ChangeAppointmentSchema,
    DepartmentAppointmentsPage,
    FreeSlotsPage,
    FreeSlotsQuery,
    NoMembersSchema,
    OfferSchema,
    PeriodQuery,
    SlotSchema,
    SlotsSchema,
)
from portal.requisitions.laboratory_views import appointment_view
from portal.requisitions.routes import timeline
from portal.requisitions.schemas import RequisitionTimelineSchema
from portal.requisitions.states import RequisitionKind
from portal.requisitions.views import free_slot_view

blueprint = Blueprint("imaging", __name__, "Appointments for imaging")


def _period(query: dict[str, Any], now: datetime) -> tuple[datetime, datetime | None]:
    """Raises Invalid for one that ends before it begins."""
    from_, to = query["from_"] or now, query["to"]
    if to is not None and to < from_:
        raise Invalid(errors=[FieldError("#query/to", "This is before the beginning.")])
    return from_, to


@blueprint.route("/imaging/slots", methods=["POST"])
@requires("imaging.offer")
@idempotent()
@blueprint.arguments(OfferSchema)
@blueprint.response(201, SlotsSchema)
def offer_slots(body: dict[str, Any]) -> Response:
    """Offer times (for radiology): up to 500, all or none

    Send an `Idempotency-Key`: the same key and body give the same answer.
    """
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        made = appointments.open_slots(session=session, actor=actor, slots=body["slots"], now=now)
        return {"items": [_opened(slot) for slot in made]}, 201

    return once(actor, use_case)


def _opened(slot: Slot) -> dict[str, Any]:
    return {
        "id": slot.id,
        "modality": slot.service_type,
        "room": slot.room,
        "starts_at": slot.starts_at,
        "ends_at": slot.ends_at,
    }


@blueprint.route("/imaging/slots/<uuid:slot_id>/withdraw", methods=["POST"])
@requires("imaging.offer")
@blueprint.arguments(NoMembersSchema)
@blueprint.response(200, SlotSchema)
def withdraw_slot(_body: dict[str, Any], slot_id: UUID) -> Response:
    """Take a time back (for radiology); who had it is told to book another"""
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        slot = appointments.withdraw_slot(session=session, actor=actor, slot_id=slot_id, now=now)
    return json_response(_opened(slot))


@blueprint.route("/imaging/slots", methods=["GET"])
@requires("imaging.book")
@blueprint.arguments(FreeSlotsQuery, location="query")
@blueprint.response(200, FreeSlotsPage)
def list_free_slots(query: dict[str, Any]) -> Response:
    """List the free times that fit a requisition, the first ones first"""
    actor, now, after = current_actor(), utcnow(), decode_cursor(query["cursor"])
    from_, to = _period(query, now)
    with transaction(actor) as session:
        row = queries.requisition(session, query["requisition_id"])
        if row is None:
            raise RequisitionNotFound()
        if row.kind != RequisitionKind.IMAGING:
            raise NotBookable("A laboratory test needs no appointment.", status_now=row.status)
        rows = imaging_queries.free_slots(
            session,
            query["laboratory_id"] or row.laboratory_id,
            row.modality,
            row.duration_minutes or 0,
            from_=max(from_, now),
            to=to,
            after=after,
            limit=query["limit"],
            now=now,
        )
        audit.record(
            session, actor, "read", "requisition", patient_id=row.patient_id, resource_id=row.id
        )
    page = page_by(rows, query["limit"], lambda slot: (slot.starts_at, slot.id))
    items = [free_slot_view(slot) for slot in page.items]
    return json_response({"items": items, "next": page.next, "sources": []})


@blueprint.route("/imaging/slots/<uuid:slot_id>/book", methods=["POST"])
@requires("imaging.book")
@idempotent()
@blueprint.arguments(BookSchema)
@blueprint.response(200, RequisitionTimelineSchema)
def book_slot(body: dict[str, Any], slot_id: UUID) -> Response:
    """Book a time for a requisition; 409 `slot_taken` when somebody else was first"""
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        made = service.book_slot(session=session, actor=actor, slot_id=slot_id, now=now, **body)
        return timeline(session, actor, service.requisition_of(made)), 200

    return once(actor, use_case)


@blueprint.route("/imaging/appointments/<uuid:appointment_id>/change", methods=["POST"])
@requires("imaging.book")
@blueprint.arguments(ChangeAppointmentSchema)
@blueprint.response(200, RequisitionTimelineSchema)
def change_appointment(body: dict[str, Any], appointment_id: UUID) -> Response:
    """Take another time instead: both are changed, or neither"""
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        made = appointments.change_appointment(
            session=session, actor=actor, appointment_id=appointment_id, now=now, **body
        )
        view = timeline(session, actor, service.requisition_of(made))
    return json_response(view)


@blueprint.route("/imaging/appointments/<uuid:appointment_id>/cancel", methods=["POST"])
@requires("imaging.book")
@blueprint.arguments(CancelAppointmentSchema)
@blueprint.response(200, RequisitionTimelineSchema)
def cancel_appointment(body: dict[str, Any], appointment_id: UUID) -> Response:
    """Free a booked time; the order stays, and another time can be booked"""
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        made = appointments.cancel_appointment(
            session=session, actor=actor, appointment_id=appointment_id, now=now, **body
        )
        view = timeline(session, actor, service.requisition_of(made))
    return json_response(view)


@blueprint.route("/imaging/appointments", methods=["GET"])
@requires("imaging.offer")
@blueprint.arguments(PeriodQuery, location="query")
@blueprint.response(200, DepartmentAppointmentsPage)
def list_appointments(query: dict[str, Any]) -> Response:
    """List who comes when, for what (for radiology)"""
    actor, now, after = current_actor(), utcnow(), decode_cursor(query["cursor"])
    from_, to = _period(query, now)
    with transaction(actor) as session:
        rows = imaging_queries.appointments(
            session, actor.id, from_=from_, to=to, after=after, limit=query["limit"]
        )
        page = page_by(rows, query["limit"], lambda row: (row.starts_at, row.id))
        for row in page.items:
            _audit_read(session, actor, row.patient_id, row.id, now)
    items = [appointment_view(row) for row in page.items]
    return json_response({"items": items, "next": page.next, "sources": []})


def _audit_read(
    session: Session, actor: Actor, patient_id: UUID, appointment_id: UUID, now: datetime
) -> None:
    audit.record(
        session,
        actor,
        "read",
        "appointment",
        patient_id=patient_id,
        resource_id=appointment_id,
        at=now,
    )


@blueprint.route("/imaging/appointments/<uuid:appointment_id>/attended", methods=["POST"])
@requires("imaging.offer")
@blueprint.arguments(NoMembersSchema)
@blueprint.response(200, AppointmentStatusSchema)
def attended(_body: dict[str, Any], appointment_id: UUID) -> Response:
    """Say that the patient came and was examined (for radiology)"""
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        settled = appointments.attended(
            session=session, actor=actor, appointment_id=appointment_id, now=now
        )
        view = _standing(session, settled)
    return json_response(view)


@blueprint.route("/imaging/appointments/<uuid:appointment_id>/no-show", methods=["POST"])
@requires("imaging.offer")
@blueprint.arguments(NoMembersSchema)
@blueprint.response(200, AppointmentStatusSchema)
def no_show(_body: dict[str, Any], appointment_id: UUID) -> Response:
    """Say that the patient did not come (for radiology)"""
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        settled = appointments.no_show(
            session=session, actor=actor, appointment_id=appointment_id, reason=None, now=now
        )
        view = _standing(session, settled)
    return json_response(view)


def _standing(session: Session, appointment: Appointment) -> dict[str, Any]:
    requisition = queries.for_change(session, service.requisition_of(appointment))
    return {
        "appointment_id": appointment.id,
        "requisition_id": appointment.about_id,
        "requisition_status": requisition.status if requisition else None,
    }
