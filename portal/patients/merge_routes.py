"""The HTTP calls about merges that were made: reading what both had, undoing them."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from portal.core.actor import Actor
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.idempotency import idempotent, once
from portal.core.json import json_response
from portal.core.paging import decode_cursor, page_by
from portal.core.permissions import requires
from portal.core.schemas import PageQuery
from portal.core.web import Blueprint, current_actor
from portal.patients import merge_queries, unmerging
from portal.patients.merge_model import PatientMerge
from portal.patients.merge_schemas import (
    DecideLeftSchema,
    MergedRecordsSchema,
    MergePage,
    MergeUndoneSchema,
    UndoMergeSchema,
)

blueprint = Blueprint("merges", __name__, "Merges of two records, and undoing them")


def _views(session: Session, merges: Sequence[PatientMerge]) -> list[dict[str, Any]]:
    ids = [merge.id for merge in merges]
    parts: dict[UUID, dict[str, list[Any]]] = defaultdict(lambda: {"findings": [], "left": []})
    for finding in merge_queries.findings(session, ids):
        parts[finding.merge_id]["findings"].append(finding)
    for left in merge_queries.left(session, ids):
        parts[left.merge_id]["left"].append(left)
    of_itself = MergedRecordsSchema(exclude=("findings", "left"))
    with_it = MergedRecordsSchema(only=("findings", "left"))
    return [{**of_itself.dump(merge), **with_it.dump(parts[merge.id])} for merge in merges]


def _view(session: Session, merge: PatientMerge) -> dict[str, Any]:
    return _views(session, [merge])[0]


@blueprint.route("/patients/<uuid:patient_id>/merges", methods=["GET"])
@requires("patient.read")
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, MergePage)
def list_merges(query: dict[str, Any], patient_id: UUID) -> Response:
    """List the merges of a record, into it or of it, with what both had, the newest first

    What is clinical is listed for those who care for the patient alone.
    """
    actor, after = current_actor(), decode_cursor(query["cursor"])
    with transaction(actor) as session:
        found = unmerging.read_merges(
            session=session,
            actor=actor,
            patient_id=patient_id,
            after=after,
            limit=query["limit"],
            now=utcnow(),
        )
        page = page_by(found, query["limit"], lambda row: (row.merged_at, row.id))
        return json_response(
            {"items": _views(session, page.items), "next": page.next, "sources": []}
        )


@blueprint.route("/merges/<uuid:merge_id>", methods=["GET"])
@requires("patient.read")
@blueprint.response(200, MergedRecordsSchema)
def read_merge(merge_id: UUID) -> Response:
    """Read a merge: what both records had, and what is left since it was undone"""
    actor = current_actor()
    with transaction(actor) as session:
        merge = unmerging.read_merge(session=session, actor=actor, merge_id=merge_id, now=utcnow())
        return json_response(_view(session, merge))


@blueprint.route("/patients/<uuid:patient_id>/merge/undo", methods=["POST"])
@requires("patient.merge")
@idempotent()
@blueprint.arguments(UndoMergeSchema)
@blueprint.response(200, MergeUndoneSchema)
def undo(body: dict[str, str], patient_id: UUID) -> Response:
    """Undo the merge of a record, within thirty days

    Both records stand at once, each with the login that it had; every session of either ends. What
    was the duplicate's goes back shortly after, with what was written about it since. What else was
    written since the merge stays with the survivor, and is listed in `left` for somebody to decide
    about. A privacy incident is opened, since each patient could see what was the other's. Of
    records that were merged one after another the last merge is undone first (`merged_on`).
    """
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        merge, lost = unmerging.undo_merge(
            session=session, actor=actor, patient_id=patient_id, now=now, **body
        )
        return {**_view(session, merge), "without_login": lost}, 200

    return once(actor, use_case)


@blueprint.route("/merges/<uuid:merge_id>/left/<uuid:left_id>", methods=["POST"])
@requires("patient.merge")
@blueprint.arguments(DecideLeftSchema)
@blueprint.response(200, MergedRecordsSchema)
def decide_left(body: dict[str, UUID], merge_id: UUID, left_id: UUID) -> Response:
    """Say whose something is that was written while two records were one

    What is the duplicate's moves there shortly after, with what is part of it. What `stays` can't.
    """
    actor: Actor = current_actor()
    with transaction(actor) as session:
        merge = unmerging.decide_left(
            session=session,
            actor=actor,
            merge_id=merge_id,
            left_id=left_id,
            now=utcnow(),
            **body,
        )
        return json_response(_view(session, merge))
