"""The calls about orders: the catalogue, ordering, following, cancelling, choosing the place."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import ValidationError
from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.actor import Actor
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.idempotency import idempotent, once
from portal.core.json import json_response
from portal.core.paging import decode_cursor, decode_key, page_by
from portal.core.permissions import requires
from portal.core.web import Blueprint, current_actor, whose
from portal.patients.confidentiality import Confidential
from portal.patients.schemas import ConfidentialSchema
from portal.requisitions import queries, service
from portal.requisitions.errors import RequisitionNotFound, TestNotFound
from portal.requisitions.schemas import (
    LOINC,
    CancelRequisitionSchema,
    CatalogPage,
    CatalogQuery,
    CatalogTestSchema,
    ChangeLaboratorySchema,
    CollectedSchema,
    OrderTestsSchema,
    PlaceSchema,
    RequisitionsPage,
    RequisitionsQuery,
    RequisitionsSchema,
    RequisitionTimelineSchema,
)
from portal.requisitions.service import OrderTests
from portal.requisitions.states import REQUISITION
from portal.requisitions.views import requisition_view, test_view, timeline_view
from portal.worklist import service as worklist

blueprint = Blueprint("requisitions", __name__, "Ordering tests and imaging, and following them")


def _loinc(value: str) -> str:
    """A test's code, for decode_key(). Raises ValueError."""
    try:
        return str(LOINC(value))
    except ValidationError:
        raise ValueError("no LOINC code") from None


@blueprint.route("/catalog/tests", methods=["GET"])
@requires("catalog.read")
@blueprint.arguments(CatalogQuery, location="query")
@blueprint.response(200, CatalogPage)
def list_tests(query: dict[str, Any]) -> Response:
    """Look for tests and imaging procedures, by name or LOINC code"""
    after: Any = decode_key(query["cursor"], str, _loinc)
    with transaction(current_actor()) as session:
        rows = queries.catalog(
            session,
            wanted=query["q"],
            kind=query["kind"],
            after=after,
            limit=query["limit"],
        )
    page = page_by(rows, query["limit"], lambda row: (row.name, row.code))
    items = [test_view(row) for row in page.items]
    return json_response({"items": items, "next": page.next, "sources": []})


@blueprint.route("/catalog/tests/<code>", methods=["GET"])
@requires("catalog.read")
@blueprint.response(200, CatalogTestSchema)
def read_test(code: str) -> Response:
    """Read a test: its components, its specimen, how to prepare"""
    with transaction(current_actor()) as session:
        test = queries.tests(session, [code]).get(code)
        if test is None:
            raise TestNotFound()
        view = test_view(test)
    return json_response(view)


@blueprint.route("/requisitions", methods=["POST"])
@requires("requisition.write")
@idempotent(required=True)
@blueprint.arguments(OrderTestsSchema)
@blueprint.response(201, RequisitionsSchema)
def order_tests(command: OrderTests) -> Response:
    """Order tests or imaging

    Up to 20 tests at one place, all or nothing; each becomes a requisition of its own, with one
    group number. `standing` repeats each of them; `draft` keeps them until they are placed. Send
    an `Idempotency-Key`: the same key and body give the same answer.
    """
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        made = service.order_tests(session=session, actor=actor, command=command, now=now)
        rows = queries.requisitions_by_id(session, [one.id for one in made])
        return {"items": [requisition_view(row, now) for row in rows]}, 201

    return once(actor, use_case)


@blueprint.route("/requisitions", methods=["GET"])
@requires("requisition.read")
@blueprint.arguments(RequisitionsQuery, location="query")
@blueprint.response(200, RequisitionsPage)
def list_requisitions(query: dict[str, Any]) -> Response:
    """List requisitions, newest first, each with where to go and what is outstanding"""
    actor, now, after = current_actor(), utcnow(), decode_cursor(query["cursor"])
    patient_id = whose(actor, query["patient_id"])
    with transaction(actor) as session:
        rows = queries.requisitions(
            session,
            patient_id,
            statuses=REQUISITION.listed(query["status"]),
            after=after,
            limit=query["limit"],
        )
        audit.record(session, actor, "read", "requisition", patient_id=patient_id, at=now)
    page = page_by(rows, query["limit"], lambda row: (row.ordered_at, row.id))
    items = [requisition_view(row, now) for row in page.items]
    return json_response({"items": items, "next": page.next, "sources": []})


@blueprint.route("/requisitions/<uuid:requisition_id>", methods=["GET"])
@requires("requisition.read")
@blueprint.response(200, RequisitionTimelineSchema)
def read_requisition(requisition_id: UUID) -> Response:
    """Follow a requisition: every step, who has it now, and what is outstanding"""
    actor = current_actor()
    with transaction(actor) as session:
        view = timeline(session, actor, requisition_id)
    return json_response(view)


def timeline(session: Session, actor: Actor, requisition_id: UUID) -> dict[str, Any]:
    """A requisition as it stands now, read and audited. Raises RequisitionNotFound."""
    row = queries.requisition(session, requisition_id)
    if row is None:
        raise RequisitionNotFound()
    audit.record(
        session,
        actor,
        "read",
        "requisition",
        patient_id=row.patient_id,
        resource_id=row.id,
    )
    return timeline_view(
        row,
        queries.history(session, requisition_id),
        worklist.item_about(session, requisition_id),
        utcnow(),
    )


@blueprint.route("/requisitions/<uuid:requisition_id>/place", methods=["POST"])
@requires("requisition.write")
@blueprint.arguments(PlaceSchema)
@blueprint.response(200, RequisitionTimelineSchema)
def place_requisition(_body: dict[str, Any], requisition_id: UUID) -> Response:
    """Place a draft"""
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        service.place(session=session, actor=actor, requisition_id=requisition_id, now=now)
        view = timeline(session, actor, requisition_id)
    return json_response(view)


@blueprint.route("/requisitions/<uuid:requisition_id>/cancel", methods=["POST"])
@requires("requisition.cancel")
@blueprint.arguments(CancelRequisitionSchema)
@blueprint.response(200, RequisitionTimelineSchema)
def cancel_requisition(body: dict[str, Any], requisition_id: UUID) -> Response:
    """Cancel a requisition, as long as nothing was collected

    The laboratory is told, and a booked appointment is freed. With `standing` the standing order
    ends as well.
    """
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        service.cancel_requisition(
            session=session, actor=actor, requisition_id=requisition_id, now=now, **body
        )
        view = timeline(session, actor, requisition_id)
    return json_response(view)


@blueprint.route("/requisitions/<uuid:requisition_id>/laboratory", methods=["POST"])
@requires("requisition.choose_laboratory")
@blueprint.arguments(ChangeLaboratorySchema)
@blueprint.response(200, RequisitionTimelineSchema)
def change_laboratory(body: dict[str, Any], requisition_id: UUID) -> Response:
    """Have it done at another place, as long as nothing was collected"""
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        service.change_laboratory(
            session=session, actor=actor, requisition_id=requisition_id, now=now, **body
        )
        view = timeline(session, actor, requisition_id)
    return json_response(view)


@blueprint.route("/requisitions/<uuid:requisition_id>/confidential", methods=["POST"])
@requires("record.keep_confidential")
@blueprint.arguments(ConfidentialSchema)
@blueprint.response(200, RequisitionTimelineSchema)
def keep_requisition_confidential(command: Confidential, requisition_id: UUID) -> Response:
    """Keep a requisition from everybody who acts for the patient, or open it to them again

    With it its standing order's others, its appointment and its results. The patient sees it as
    before.
    """
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        service.keep_confidential(
            session=session, actor=actor, requisition_id=requisition_id, command=command, now=now
        )
        view = timeline(session, actor, requisition_id)
    return json_response(view)


@blueprint.route("/requisitions/<uuid:requisition_id>/collected", methods=["POST"])
@requires("requisition.collect")
@blueprint.arguments(CollectedSchema)
@blueprint.response(200, RequisitionTimelineSchema)
def collect(body: dict[str, Any], requisition_id: UUID) -> Response:
    """Say that the specimen was taken at the clinic"""
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        service.collect(
            session=session, actor=actor, requisition_id=requisition_id, now=now, **body
        )
        view = timeline(session, actor, requisition_id)
    return json_response(view)
