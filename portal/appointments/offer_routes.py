"""The calls about offers: several times for a patient, of which they take one."""

from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from portal.appointments import offer_queries, service
from portal.appointments.reading import audit_read, detail, offer_detail
from portal.appointments.schemas import (
    AppointmentDetailSchema,
    AppointmentOfferSchema,
    AppointmentOffersPage,
    EmptyBodySchema,
    MoveAppointmentSchema,
    OffersQuery,
    OfferTimesSchema,
    ReasonSchema,
)
from portal.appointments.service import OfferTimes
from portal.appointments.states import OFFER
from portal.appointments.views import offer_view
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.idempotency import idempotent, once
from portal.core.json import json_response
from portal.core.paging import decode_cursor, page_by
from portal.core.permissions import requires
from portal.core.web import Blueprint, current_actor, whose

blueprint = Blueprint("appointment_offers", __name__, "Times that are held for a patient to choose")


@blueprint.route("/appointments/offers", methods=["POST"])
@requires("appointment.offer")
@idempotent(required=True)
@blueprint.arguments(OfferTimesSchema)
@blueprint.response(201, AppointmentOfferSchema)
def offer_times(command: OfferTimes) -> Response:
    """Offer a patient up to ten times; they are held until one is taken or the offer ends

    What nobody takes comes back to you as an item of the worklist. Send an `Idempotency-Key`: the
    same key and body give the same answer.
    """
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        offer = service.offer_times(session=session, actor=actor, command=command, now=now)
        return offer_detail(session, actor, offer.id), 201

    return once(actor, use_case)


@blueprint.route("/appointments/offers", methods=["GET"])
@requires("appointment.read")
@blueprint.arguments(OffersQuery, location="query")
@blueprint.response(200, AppointmentOffersPage)
def list_offers(query: dict[str, Any]) -> Response:
    """List offers of times, newest first"""
    actor, after = current_actor(), decode_cursor(query["cursor"])
    patient_id = whose(actor, query["patient_id"])
    with transaction(actor) as session:
        rows = offer_queries.offers(
            session,
            patient_id,
            statuses=OFFER.listed(query["status"]),
            after=after,
            limit=query["limit"],
        )
        page = page_by(rows, query["limit"], lambda row: (row.created_at, row.id))
        slots = offer_queries.slots_of(session, [row.id for row in page.items])
        audit_read(session, actor, "appointment_offer", patient_id, None)
    items = [
        offer_view(row, [slot for slot in slots if slot.offer_id == row.id]) for row in page.items
    ]
    return json_response({"items": items, "next": page.next, "sources": []})


@blueprint.route("/appointments/offers/<uuid:offer_id>", methods=["GET"])
@requires("appointment.read")
@blueprint.response(200, AppointmentOfferSchema)
def read_offer(offer_id: UUID) -> Response:
    """Read an offer with the times that still stand"""
    actor = current_actor()
    with transaction(actor) as session:
        view = offer_detail(session, actor, offer_id)
    return json_response(view)


@blueprint.route("/appointments/offers/<uuid:offer_id>/accept", methods=["POST"])
@requires("appointment.answer")
@idempotent()
@blueprint.arguments(MoveAppointmentSchema)
@blueprint.response(200, AppointmentDetailSchema)
def accept_offer(body: dict[str, Any], offer_id: UUID) -> Response:
    """Take one of the times; 409 `offer_ended` when the offer is over"""
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        made = service.accept_offer(
            session=session, actor=actor, offer_id=offer_id, now=now, **body
        )
        return detail(session, actor, made.id), 200

    return once(actor, use_case)


@blueprint.route("/appointments/offers/<uuid:offer_id>/decline", methods=["POST"])
@requires("appointment.answer")
@blueprint.arguments(ReasonSchema)
@blueprint.response(200, AppointmentOfferSchema)
def decline_offer(body: dict[str, Any], offer_id: UUID) -> Response:
    """Take none of the times: whoever offered them looks for others"""
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        service.decline_offer(session=session, actor=actor, offer_id=offer_id, now=now, **body)
        view = offer_detail(session, actor, offer_id)
    return json_response(view)


@blueprint.route("/appointments/offers/<uuid:offer_id>/withdraw", methods=["POST"])
@requires("appointment.offer")
@blueprint.arguments(EmptyBodySchema)
@blueprint.response(200, AppointmentOfferSchema)
def withdraw_offer(_body: dict[str, Any], offer_id: UUID) -> Response:
    """Take an offer back; its times are free again"""
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        service.withdraw_offer(session=session, actor=actor, offer_id=offer_id, now=now)
        view = offer_detail(session, actor, offer_id)
    return json_response(view)
