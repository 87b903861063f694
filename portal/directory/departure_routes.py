"""The HTTP calls about practitioners who leave, and pharmacies and laboratories that close."""

from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.idempotency import idempotent, once
from portal.core.json import json_response
from portal.core.paging import decode_cursor, page_by
from portal.core.permissions import requires
from portal.core.schemas import PageQuery
from portal.core.web import Blueprint, current_actor
from portal.directory import departures
from portal.directory.departure_schemas import (
    DeparturePage,
    DepartureRecordSchema,
    DepartureSchema,
    WriteDepartureSchema,
)
from portal.directory.departures import Leave

blueprint = Blueprint("departures", __name__, "Practitioners who leave, places that close")


@blueprint.route("/departures", methods=["POST"])
@requires("directory.write")
@idempotent()
@blueprint.arguments(WriteDepartureSchema)
@blueprint.response(201, DepartureSchema)
def record_departure(command: Leave) -> Response:
    """Record that a practitioner leaves, or that a pharmacy or laboratory closes

    Once the last day is over what is open with them goes to the successor, or to who is next;
    reading the departure lists what could not, each of which is a work item.
    """
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        made = departures.record_departure(session=session, actor=actor, command=command, now=now)
        return DepartureSchema().dump(made), 201

    return once(actor, use_case)


@blueprint.route("/departures", methods=["GET"])
@requires("departure.read")
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, DeparturePage)
def list_departures(query: dict[str, Any]) -> dict[str, Any]:
    """List who left or will, newest first"""
    after = decode_cursor(query["cursor"])
    with transaction(current_actor()) as session:
        rows = departures.listed(session, after=after, limit=query["limit"])
    page = page_by(rows, query["limit"], lambda row: (row.recorded_at, row.id))
    return {"items": page.items, "next": page.next, "sources": []}


@blueprint.route("/departures/<uuid:departure_id>", methods=["GET"])
@requires("departure.read")
@blueprint.response(200, DepartureRecordSchema)
def read_departure(departure_id: UUID) -> Response:
    """Read how far a departure is, and what it left to people"""
    with transaction(current_actor()) as session:
        departure = departures.get_departure(session, departure_id)
        left = departures.left_behind(session, departure_id)
        dumped = DepartureRecordSchema().dump(departure)
        dumped["left"] = DepartureRecordSchema(only=("left",)).dump({"left": left})["left"]
        return json_response(dumped)
