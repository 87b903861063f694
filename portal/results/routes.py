"""Reading results: lists, one with all that hangs on it, its documents, and trends."""

import re
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.actor import PATIENT_SIDE, Actor, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.json import json_response
from portal.core.paging import decode_cursor, page_by
from portal.core.permissions import requires
from portal.core.web import Blueprint, current_actor, whose
from portal.results import queries, service
from portal.results.schemas import ResultsQuery, TrendQuery
from portal.results.trends import trend_view
from portal.results.view_schemas import (
    FullResultSchema,
    FullVersionSchema,
    ResultPage,
    TrendSchema,
)
from portal.results.views import Parts, full_version_view, full_view, result_view

blueprint = Blueprint("results", __name__, "Reading results and what became of them")

TREND_SPAN = timedelta(days=5 * 366)
# What a browser may be told that a document is; anything else is only bytes to keep.
SHOWN_AS = frozenset({"application/pdf", "image/png", "image/jpeg", "image/gif", "text/plain"})
_UNFIT_FOR_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")


def _wanted(actor: Actor, query: dict[str, Any]) -> queries.Wanted:
    everybody = query["unreviewed"] and actor.kind == ActorKind.PRACTITIONER
    named = query["patient_id"]
    return queries.Wanted(
        patient_id=named if everybody else whose(actor, named),
        responsible_id=actor.id,
        status=query["status"],
        abnormal=query["abnormal"],
        unreviewed=query["unreviewed"],
    )


@blueprint.route("/results", methods=["GET"])
@requires("result.read")
@blueprint.arguments(ResultsQuery, location="query")
@blueprint.response(200, ResultPage)
def list_results(query: dict[str, Any]) -> Response:
    """List results, the newest first

    Patients see their own that were released. With `unreviewed` practitioners need not say whose:
    they get all that they are responsible for and that wait for a review.
    """
    actor, now, after = current_actor(), utcnow(), decode_cursor(query["cursor"])
    wanted = _wanted(actor, query)
    with transaction(actor) as session:
        rows = queries.results(session, wanted, after=after, limit=query["limit"])
        page = page_by(rows, query["limit"], lambda row: (row.reported_at, row.id))
        whose = {wanted.patient_id} if wanted.patient_id else {row.patient_id for row in page.items}
        for patient_id in sorted(whose):
            audit.record(session, actor, "read", "result", patient_id=patient_id, at=now)
    items = [result_view(row) for row in page.items]
    return json_response({"items": items, "next": page.next, "sources": []})


@blueprint.route("/results/<uuid:result_id>", methods=["GET"])
@requires("result.read")
@blueprint.response(200, FullResultSchema)
def read_result(result_id: UUID) -> Response:
    """Read a result with its values, versions, release and comments

    The first look at a version is kept: whoever has seen one is told when it is corrected.
    """
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        view = looked_at(session, actor, result_id, now)
    return json_response(view)


def looked_at(session: Session, actor: Actor, result_id: UUID, now: datetime) -> dict[str, Any]:
    """A result as the actor sees it, its look kept. Raises ResultNotFound."""
    row = service.look(session=session, actor=actor, report_id=result_id, now=now)
    for_care_team = actor.kind not in PATIENT_SIDE
    parts = Parts(
        observations=queries.observations(session, row.current_version_id),
        versions=queries.versions(session, result_id),
        ledger=queries.ledger(session, result_id),
        reviews=queries.reviews(session, result_id),
        follow_ups=queries.follow_ups(session, result_id),
        attachments=queries.attachments(session, result_id),
        alerts=queries.alerts(session, result_id) if for_care_team else (),
        chain=queries.critical_chain(session, result_id) if for_care_team else (),
    )
    return full_view(row, parts, for_care_team=for_care_team)


@blueprint.route("/results/<uuid:result_id>/versions/<int:number>", methods=["GET"])
@requires("result.read")
@blueprint.response(200, FullVersionSchema)
def read_version(result_id: UUID, number: int) -> Response:
    """Read a version of a result as it was reported, with what it changed"""
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        row = service.look_at_version(
            session=session, actor=actor, report_id=result_id, number=number, now=now
        )
        view = full_version_view(row, queries.observations(session, row.id))
    return json_response(view)


@blueprint.route("/results/<uuid:result_id>/attachments/<uuid:attachment_id>", methods=["GET"])
@requires("result.read")
@blueprint.response(200, content_type="application/octet-stream")
def read_attachment(result_id: UUID, attachment_id: UUID) -> Response:
    """Download a document that came with a result"""
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        row = service.look_at_attachment(
            session=session,
            actor=actor,
            report_id=result_id,
            attachment_id=attachment_id,
            now=now,
        )
    kind = row.content_type if row.content_type in SHOWN_AS else "application/octet-stream"
    name = _UNFIT_FOR_A_NAME.sub("_", row.title)[:100].strip("._") or "document"
    response = Response(bytes(row.content), content_type=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    # A document comes from outside: wherever it is opened, nothing in it runs.
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


@blueprint.route("/results/trends", methods=["GET"])
@requires("result.read")
@blueprint.arguments(TrendQuery, location="query")
@blueprint.response(200, TrendSchema)
def read_trend(query: dict[str, Any]) -> Response:
    """Read one analyte over time

    In the unit in which most values can be compared, or in `unit`. Values that can't be compared
    with it are listed apart as they were reported, and so are those with a time to come, or before
    the patient was born.
    """
    actor, now = current_actor(), utcnow()
    patient_id = whose(actor, query["patient_id"])
    since, until = _span(query, now)
    with transaction(actor) as session:
        rows = queries.trend(session, patient_id, query["code"], since=since, until=until, now=now)
        audit.record(session, actor, "read", "result_trend", patient_id=patient_id, at=now)
    view = trend_view(query["code"], rows, unit=query["unit"], most=queries.MOST_POINTS)
    return json_response(view)


def _span(query: dict[str, Any], now: datetime) -> tuple[datetime, datetime]:
    """From the first moment of the first day to the last of the last, in UTC."""
    since, until = query["since"], query["until"]
    return (
        now - TREND_SPAN if since is None else datetime.combine(since, time.min, UTC),
        now if until is None else datetime.combine(until, time.max, UTC),
    )
