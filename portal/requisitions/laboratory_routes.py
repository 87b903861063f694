"""The laboratories' calls about orders: the feed, its acknowledgement, what became of an order."""

from typing import Any
from uuid import UUID

from flask import Response

from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.json import json_response
from portal.core.paging import decode_key, encode_key
from portal.core.permissions import requires
from portal.core.web import Blueprint, current_actor
from portal.requisitions import service
from portal.requisitions.laboratory_schemas import (
    AcknowledgeOrderSchema,
    LabOrdersPage,
    LabOrdersQuery,
    OrderStandingSchema,
    ReportAnswerSchema,
    StatusReportSchema,
)
from portal.requisitions.laboratory_views import order_view

blueprint = Blueprint("lab-orders", __name__, "The laboratories' side of orders")


def _transaction_id(value: str) -> int:
    number = int(value)
    if not 0 <= number < 2**63:
        raise ValueError("not a transaction id")
    return number


@blueprint.route("/lab/orders", methods=["GET"])
@requires("laboratory.orders")
@blueprint.arguments(LabOrdersQuery, location="query")
@blueprint.response(200, LabOrdersPage)
def list_lab_orders(query: dict[str, Any]) -> Response:
    """Pull orders

    Without a cursor: what you have not acknowledged yet. With `next` of the page before: what
    came since. A cursor never passes over an order; poll with the last one you got.
    """
    actor = current_actor()
    after: Any = decode_key(query["after"], _transaction_id, UUID, pointer="#query/after")
    with transaction(actor) as session:
        rows = service.read_orders(
            session=session, actor=actor, after=after, limit=query["limit"], now=utcnow()
        )
    cursor = encode_key(rows[-1].xact, rows[-1].id) if rows else query["after"]
    return json_response(
        {"items": [order_view(row) for row in rows], "next": cursor, "sources": []}
    )


@blueprint.route("/lab/orders/<uuid:requisition_id>/acknowledge", methods=["POST"])
@requires("laboratory.orders")
@blueprint.arguments(AcknowledgeOrderSchema)
@blueprint.response(200, OrderStandingSchema)
def acknowledge_lab_order(body: dict[str, Any], requisition_id: UUID) -> Response:
    """Acknowledge an order: you have it and will do it

    Twice is the same as once. `withdrawn` and `cancelled` mean: leave it.
    """
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        status = service.acknowledge(
            session=session, actor=actor, requisition_id=requisition_id, now=now, **body
        )
    return json_response({"requisition_id": requisition_id, "status": status})


@blueprint.route("/lab/orders/<uuid:requisition_id>/status", methods=["POST"])
@requires("laboratory.orders")
@blueprint.arguments(StatusReportSchema)
@blueprint.response(200, ReportAnswerSchema)
def report_status(body: dict[str, Any], requisition_id: UUID) -> Response:
    """Report where an order stands: accepted, collected, in progress, rejected

    `late` means that you had reported a later step before, `no_change` that it stood there
    already. A step that can't follow answers 409 with the status now.
    """
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        outcome, status = service.report_status(
            session=session, actor=actor, requisition_id=requisition_id, now=now, **body
        )
    return json_response({"requisition_id": requisition_id, "outcome": outcome, "status": status})
