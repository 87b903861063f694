"""The calls about appointments: read, changed, called off, settled, as calendars."""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from portal.appointments import queries, service
from portal.appointments.calendar_file import CONTENT_TYPE, calendar_of
from portal.appointments.errors import AppointmentNotFound
from portal.appointments.reading import audit_read, detail, of_patient
from portal.appointments.schemas import (
    AppointmentDetailSchema,
    AppointmentsQuery,
    AppointmentViewPage,
    EmptyBodySchema,
    MoveAppointmentSchema,
    ReasonSchema,
)
from portal.appointments.views import appointment_view
from portal.core.actor import Actor, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.errors import FieldError, Invalid
from portal.core.json import json_response
from portal.core.paging import MAX_LIMIT, decode_cursor, page_by
from portal.core.permissions import requires
from portal.core.web import Blueprint, current_actor

blueprint = Blueprint("appointments", __name__, "Appointments, and calendars of them")
_CALENDAR: dict[str, Any] = {
    "responses": {
        200: {
            "description": "iCalendar (RFC 5545)",
            "content": {CONTENT_TYPE: {"schema": {"type": "string", "example": "BEGIN:VCALENDAR"}}},
        }
    }
}


@blueprint.route("/appointments", methods=["GET"])
@requires("appointment.read")
@blueprint.arguments(AppointmentsQuery, location="query")
@blueprint.response(200, AppointmentViewPage)
def browse_appointments(query: dict[str, Any]) -> Response:
    """List coming appointments, the next first, or past ones, the last first"""
    actor, now, after = current_actor(), utcnow(), decode_cursor(query["cursor"])
    patient_id, practitioner_id = _of_whom(actor, query)
    with transaction(actor) as session:
        rows = queries.appointments(
            session,
            patient_id=patient_id,
            practitioner_id=practitioner_id,
            coming=query["when"] == "coming",
            after=after,
            limit=query["limit"],
            now=now,
        )
        page = page_by(rows, query["limit"], lambda row: (row.starts_at, row.id))
        seen = {row.patient_id for row in page.items} | ({patient_id} if patient_id else set())
        for one in sorted(seen):
            audit_read(session, actor, "appointment", one, None)
    items = [appointment_view(row) for row in page.items]
    return json_response({"items": items, "next": page.next, "sources": []})


def _of_whom(actor: Actor, query: dict[str, Any]) -> tuple[UUID | None, UUID | None]:
    """Raises Invalid when the care team says neither whose appointments nor with whom."""
    patient_id = of_patient(actor, query["patient_id"])
    practitioner_id: UUID | None = query["practitioner_id"]
    if patient_id is None and practitioner_id is None:
        if actor.kind == ActorKind.PRACTITIONER:
            return None, actor.id
        message = "Say whose appointments you want, or with whom."
        raise Invalid(errors=[FieldError("#query/patient_id", message)])
    return patient_id, practitioner_id


@blueprint.route("/appointments/<uuid:appointment_id>", methods=["GET"])
@requires("appointment.read")
@blueprint.response(200, AppointmentDetailSchema)
def read_appointment(appointment_id: UUID) -> Response:
    """Read an appointment: when, where, and every step so far"""
    actor = current_actor()
    with transaction(actor) as session:
        view = detail(session, actor, appointment_id)
    return json_response(view)


@blueprint.route("/appointments/<uuid:appointment_id>/change", methods=["POST"])
@requires("appointment.book")
@blueprint.arguments(MoveAppointmentSchema)
@blueprint.response(200, AppointmentDetailSchema)
def move_appointment(body: dict[str, Any], appointment_id: UUID) -> Response:
    """Take another time instead: both are changed, or neither

    The answer is the appointment that stands now, under an id of its own.
    """
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        made = service.change_appointment(
            session=session, actor=actor, appointment_id=appointment_id, now=now, **body
        )
        view = detail(session, actor, made.id)
    return json_response(view)


@blueprint.route("/appointments/<uuid:appointment_id>/cancel", methods=["POST"])
@requires("appointment.book")
@blueprint.arguments(ReasonSchema)
@blueprint.response(200, AppointmentDetailSchema)
def call_off_appointment(body: dict[str, Any], appointment_id: UUID) -> Response:
    """Call an appointment off; its time is free for others"""
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        service.cancel_appointment(
            session=session, actor=actor, appointment_id=appointment_id, now=now, **body
        )
        view = detail(session, actor, appointment_id)
    return json_response(view)


@blueprint.route("/appointments/<uuid:appointment_id>/attended", methods=["POST"])
@requires("appointment.settle")
@blueprint.arguments(EmptyBodySchema)
@blueprint.response(200, AppointmentDetailSchema)
def patient_attended(_body: dict[str, Any], appointment_id: UUID) -> Response:
    """Say that the patient came (for the clinic)"""
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        service.attended(session=session, actor=actor, appointment_id=appointment_id, now=now)
        view = detail(session, actor, appointment_id)
    return json_response(view)


@blueprint.route("/appointments/<uuid:appointment_id>/no-show", methods=["POST"])
@requires("appointment.settle")
@blueprint.arguments(ReasonSchema)
@blueprint.response(200, AppointmentDetailSchema)
def patient_missed(body: dict[str, Any], appointment_id: UUID) -> Response:
    """Say that the patient did not come (for the clinic); who answers for it asks why"""
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        service.no_show(
            session=session, actor=actor, appointment_id=appointment_id, now=now, **body
        )
        view = detail(session, actor, appointment_id)
    return json_response(view)


@blueprint.route("/appointments/<uuid:appointment_id>/earlier", methods=["POST"])
@requires("appointment.answer")
@blueprint.arguments(EmptyBodySchema)
@blueprint.response(200, AppointmentDetailSchema)
def wish_earlier(_body: dict[str, Any], appointment_id: UUID) -> Response:
    """Wait for an earlier time: when one is free it is held for you for some hours"""
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        service.wish_earlier(session=session, actor=actor, appointment_id=appointment_id, now=now)
        view = detail(session, actor, appointment_id)
    return json_response(view)


@blueprint.route("/appointments/<uuid:appointment_id>/earlier", methods=["DELETE"])
@requires("appointment.answer")
@blueprint.response(200, AppointmentDetailSchema)
def leave_waiting(appointment_id: UUID) -> Response:
    """Wait no longer for an earlier time"""
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        service.leave_waiting(session=session, actor=actor, appointment_id=appointment_id, now=now)
        view = detail(session, actor, appointment_id)
    return json_response(view)


@blueprint.route("/appointments/<uuid:appointment_id>/calendar", methods=["GET"])
@requires("appointment.read")
@blueprint.doc(**_CALENDAR)
def read_calendar_file(appointment_id: UUID) -> Response:
    """Get an appointment as a calendar file

    After a change it is the same event at its new time; a cancelled one says so.
    """
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        row = queries.latest_of(session, appointment_id)
        if row is None:
            raise AppointmentNotFound()
        audit_read(session, actor, "appointment", row.patient_id, row.id)
    return _calendar(calendar_of([row], now), "appointment.ics")


@blueprint.route("/appointments/calendar", methods=["GET"])
@requires("appointment.answer")
@blueprint.doc(**_CALENDAR)
def read_calendar() -> Response:
    """Get all your coming appointments as a calendar"""
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        rows = _coming(session, actor, now)
        audit_read(session, actor, "appointment", actor.subject_id, None)
    return _calendar(calendar_of(rows, now), "appointments.ics")


def _coming(session: Session, actor: Actor, now: datetime) -> list[Any]:
    rows = queries.appointments(
        session,
        patient_id=actor.subject_id,
        practitioner_id=None,
        coming=True,
        after=None,
        limit=MAX_LIMIT,
        now=now,
    )
    return list(rows)


def _calendar(content: bytes, name: str) -> Response:
    response = Response(content, content_type=f"{CONTENT_TYPE}; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
