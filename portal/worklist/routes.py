"""The calls by which practitioners and staff work their worklist."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.actor import WORKER, Actor
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.json import json_response
from portal.core.paging import decode_cursor, page_by
from portal.core.permissions import requires
from portal.core.versions import expected_version, required_version, tagged
from portal.core.web import Blueprint, current_actor
from portal.patients import service as patients
from portal.worklist import moving, queries, service
from portal.worklist.errors import WorkItemUnknown
from portal.worklist.schemas import (
    CompleteSchema,
    NothingSchema,
    OpenElsewhereSchema,
    ReassignSchema,
    SummarySchema,
    WorkItemSchema,
    WorklistPageSchema,
    WorklistQuery,
)
from portal.worklist.service import Reassign
from portal.worklist.views import item_view, item_views, summary_view

blueprint = Blueprint("worklist", __name__, "Open loops and whom they are with")


@blueprint.route("/worklist", methods=["GET"])
@requires("worklist.read")
@blueprint.arguments(WorklistQuery, location="query")
@blueprint.response(200, WorklistPageSchema)
def list_items(query: dict[str, Any]) -> Response:
    """List your worklist, the next due first

    Practitioners see what is theirs and what of their teams' nobody has; staff and leads see all
    of their teams'.
    """
    actor, now, after = current_actor(), utcnow(), decode_cursor(query["cursor"])
    with transaction(actor) as session:
        rows = queries.worklist(
            session,
            mine=query["mine"],
            kind=query["kind"],
            after=after,
            limit=query["limit"],
        )
        page = page_by(rows, query["limit"], lambda row: (row.due_at, row.id))
        hops = queries.hops(session, [row.id for row in page.items])
        for patient_id in {row.patient_id for row in page.items if row.patient_id}:
            audit.record(session, actor, "read", "work_item", patient_id=patient_id, at=now)
    items = item_views(page.items, hops, now)
    return json_response({"items": items, "next": page.next, "sources": []})


@blueprint.route("/worklist/summary", methods=["GET"])
@requires("worklist.read")
@blueprint.response(200, SummarySchema)
def summarize() -> Response:
    """Count your worklist by kind and priority, with how many are overdue and how many yours"""
    actor = current_actor()
    with transaction(actor) as session:
        rows = queries.summary(session, actor.id, utcnow())
    return json_response(summary_view(rows))


@blueprint.route("/worklist/<uuid:item_id>", methods=["GET"])
@requires("worklist.read")
@blueprint.response(200, WorkItemSchema)
def read_item(item_id: UUID) -> Response:
    """Read a work item with the way it came"""
    actor = current_actor()
    with transaction(actor) as session:
        return _item_response(session, actor, item_id)


def _item_response(session: Session, actor: Actor, item_id: UUID) -> Response:
    row = queries.item(session, item_id)
    if row is None:
        raise WorkItemUnknown()
    audit.record(session, actor, "read", "work_item", patient_id=row.patient_id, resource_id=row.id)
    return tagged(item_view(row, queries.hops(session, [item_id]), utcnow()), row.version)


def _change(
    use_case: Callable[..., None], item_id: UUID, version: int | None, **more: Any
) -> Response:
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        use_case(session=session, actor=actor, item_id=item_id, version=version, now=now, **more)
        return _item_response(session, actor, item_id)


@blueprint.route("/worklist/<uuid:item_id>/claim", methods=["POST"])
@requires("worklist.work")
@blueprint.arguments(NothingSchema)
@blueprint.response(200, WorkItemSchema)
def claim(_body: dict[str, Any], item_id: UUID) -> Response:
    """Claim an item, so that nobody else works on it"""
    return _change(service.claim, item_id, expected_version())


@blueprint.route("/worklist/<uuid:item_id>/release", methods=["POST"])
@requires("worklist.work")
@blueprint.arguments(NothingSchema)
@blueprint.response(200, WorkItemSchema)
def release(_body: dict[str, Any], item_id: UUID) -> Response:
    """Give a claimed item back"""
    return _change(service.release, item_id, expected_version())


@blueprint.route("/worklist/<uuid:item_id>/reassign", methods=["POST"])
@requires("worklist.work")
@blueprint.arguments(ReassignSchema)
@blueprint.response(200, WorkItemSchema)
def reassign(body: dict[str, Any], item_id: UUID) -> Response:
    """Give an item to somebody else of the clinic, or back to the pool"""
    return _change(service.reassign, item_id, expected_version(), command=Reassign(**body))


@blueprint.route("/worklist/<uuid:item_id>/complete", methods=["POST"])
@requires("worklist.work")
@blueprint.arguments(CompleteSchema)
@blueprint.response(200, WorkItemSchema)
def complete(body: dict[str, Any], item_id: UUID) -> Response:
    """Close an item by hand; one that asks for a decision closes with the decision

    If-Match says which version you have seen: where something else happened since that the item
    asks to look into, you get a 412 and read it again. Without If-Match you get a 428.
    """
    return _change(service.complete, item_id, required_version(), outcome=body["outcome"])


@blueprint.route("/patients/<uuid:patient_id>/open-elsewhere", methods=["GET"])
@requires("worklist.read")
@blueprint.response(200, OpenElsewhereSchema)
def list_open_elsewhere(patient_id: UUID) -> Response:
    """See with whom of other clinics than the patient's something about them is open

    For who looks after a patient whose clinic is another from now on: how much it is and when it is
    due, not what.
    """
    actor = current_actor()
    with transaction(actor) as session:
        patients.get_patient(session, patient_id)
        audit.record(session, actor, "read", "work_item", patient_id=patient_id, at=utcnow())
    with transaction(WORKER) as session:
        items = [row._asdict() for row in moving.elsewhere(session, patient_id)]
    return json_response({"items": items, "sources": []})
