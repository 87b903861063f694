"""The calls about summaries: writing, releasing, reading them in each form, and following what
they ask for."""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Response, request
from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.actor import PATIENT_SIDE, Actor
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.idempotency import idempotent, once
from portal.core.json import json_response
from portal.core.pages import page
from portal.core.paging import decode_key, page_by
from portal.core.permissions import requires
from portal.core.versions import expected_version, tagged
from portal.core.web import Blueprint, current_actor, whose
from portal.visits import queries as visit_queries
from portal.visits import service, summary_pdf
from portal.visits import summary_queries as queries
from portal.visits.errors import InstructionNotFound, SummaryNotFound, VisitNotFound
from portal.visits.model import Visit
from portal.visits.schemas import VisitStepSchema
from portal.visits.service import WriteSummary
from portal.visits.states import SummaryStatus
from portal.visits.summary_schemas import (
    InstructionPage,
    InstructionsQuery,
    InstructionViewSchema,
    ReleaseSummarySchema,
    SummaryQuery,
    SummaryVersionsSchema,
    SummaryViewSchema,
    WriteSummarySchema,
)
from portal.visits.summary_text import TITLE, in_words
from portal.visits.summary_views import instruction_view, summary_view, version_view

blueprint = Blueprint("summaries", __name__, "After Visit Summaries", templates="templates")

JSON, HTML = "application/json", "text/html"
_IN_BOTH = {JSON: {"schema": SummaryViewSchema}, HTML: {"schema": {"type": "string"}}}


@blueprint.route("/visits/<uuid:visit_id>/summary", methods=["PUT"])
@requires("visit.summarize")
@blueprint.arguments(WriteSummarySchema)
@blueprint.response(200, SummaryViewSchema)
def write_summary(command: WriteSummary, visit_id: UUID) -> Response:
    """Write the draft of a visit's summary, or of its next version

    With `If-Match` it is written only if nobody wrote another since you read it. The patient sees
    nothing of it before its release.
    """
    actor, now, expected = current_actor(), utcnow(), expected_version()
    with transaction(actor) as session:
        service.write_summary(
            session=session,
            actor=actor,
            visit_id=visit_id,
            command=command,
            expected=expected,
            now=now,
        )
        view, version = _summary(session, actor, visit_id, None, now)
    return tagged(view, version)


def _summary(
    session: Session,
    actor: Actor,
    visit_id: UUID,
    number: int | None,
    now: datetime,
    *,
    drafts: bool = True,
) -> tuple[dict[str, Any], int]:
    """A version as the actor sees it, and for its ETag. Raises VisitNotFound, SummaryNotFound."""
    visit = _visit(session, visit_id)
    row = queries.summary(
        session, visit_id, number=number, drafts=drafts and actor.kind not in PATIENT_SIDE
    )
    if row is None:
        raise SummaryNotFound()
    draft = row.status == SummaryStatus.DRAFT
    content = service.compose(session, visit, row.content) if draft else row.content
    followed = [instruction_view(one, now) for one in queries.instructions_of(session, visit_id)]
    audit.record(
        session,
        actor,
        "read",
        "visit_summary",
        patient_id=row.patient_id,
        resource_id=row.id,
        at=now,
    )
    return summary_view(row, content, followed), row.version


def _visit(session: Session, visit_id: UUID) -> Visit:
    visit = visit_queries.get_visit(session, visit_id)
    if visit is None:
        raise VisitNotFound()
    return visit


@blueprint.route("/visits/<uuid:visit_id>/summary/release", methods=["POST"])
@requires("visit.release")
@idempotent()
@blueprint.arguments(ReleaseSummarySchema)
@blueprint.response(200, SummaryViewSchema)
def release_summary(body: dict[str, Any], visit_id: UUID) -> Response:
    """Give the draft to the patient

    From here on this version never changes, and what it asks for is followed until it is done. A
    later version says what was amended. With `If-Match` what you read is what is released.
    """
    actor, now, expected = current_actor(), utcnow(), expected_version()

    def use_case(session: Session) -> tuple[Any, int]:
        service.release_summary(
            session=session,
            actor=actor,
            visit_id=visit_id,
            amendment=body["amendment"],
            expected=expected,
            now=now,
        )
        return _summary(session, actor, visit_id, None, now)[0], 200

    return once(actor, use_case)


@blueprint.route("/visits/<uuid:visit_id>/summary", methods=["GET"])
@requires("visit.read")
@blueprint.arguments(SummaryQuery, location="query")
@blueprint.response(200, SummaryViewSchema)
@blueprint.doc(responses={"200": {"content": _IN_BOTH}})
def read_summary(query: dict[str, Any], visit_id: UUID) -> Response:
    """Read a visit's summary, with what became of what it asked for

    As JSON, or as a page where `Accept` prefers `text/html`. The care team sees a draft, where
    there is one, as JSON.
    """
    actor, now = current_actor(), utcnow()
    as_page = request.accept_mimetypes.best_match([JSON, HTML], default=JSON) == HTML
    with transaction(actor) as session:
        view, version = _summary(session, actor, visit_id, query["number"], now, drafts=not as_page)
    if not as_page:
        return tagged(view, version)
    return page("visit_summary.html", title=TITLE, text=in_words(view, completion=True))


@blueprint.route("/visits/<uuid:visit_id>/summary.pdf", methods=["GET"])
@requires("visit.read")
@blueprint.arguments(SummaryQuery, location="query")
@blueprint.response(200, content_type="application/pdf")
def read_summary_pdf(query: dict[str, Any], visit_id: UUID) -> Response:
    """Download a visit's summary as a PDF: the last version, or an earlier one"""
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        view, _ = _summary(session, actor, visit_id, query["number"], now, drafts=False)
    made = summary_pdf.render(in_words(view, completion=False))
    response = Response(made.document, content_type="application/pdf")
    name = f"visit-summary-{view['visit']['held_on']}-{view['number']}.pdf"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@blueprint.route("/visits/<uuid:visit_id>/summary/versions", methods=["GET"])
@requires("visit.read")
@blueprint.response(200, SummaryVersionsSchema)
def list_summary_versions(visit_id: UUID) -> Response:
    """List the versions that the patient was given, the last first"""
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        visit = _visit(session, visit_id)
        rows = queries.released(session, visit_id)
        audit.record(
            session,
            actor,
            "read",
            "visit_summary",
            patient_id=visit.patient_id,
            resource_id=visit_id,
            at=now,
        )
    return json_response({"items": [version_view(row) for row in rows], "sources": []})


@blueprint.route("/instructions", methods=["GET"])
@requires("visit.read")
@blueprint.arguments(InstructionsQuery, location="query")
@blueprint.response(200, InstructionPage)
def list_instructions(query: dict[str, Any]) -> Response:
    """List what is to be done after visits, the latest asked for first"""
    actor, now, after = current_actor(), utcnow(), decode_key(query["cursor"], UUID)
    patient_id = whose(actor, query["patient_id"])
    with transaction(actor) as session:
        rows = queries.instructions(
            session,
            patient_id,
            statuses=None if query["status"] is None else [query["status"]],
            after=after[0] if after else None,
            limit=query["limit"],
        )
        audit.record(session, actor, "read", "visit_instruction", patient_id=patient_id, at=now)
    found = page_by(rows, query["limit"], lambda row: (row.id,))
    items = [instruction_view(row, now) for row in found.items]
    return json_response({"items": items, "next": found.next, "sources": []})


@blueprint.route("/instructions/<uuid:instruction_id>", methods=["GET"])
@requires("visit.read")
@blueprint.response(200, InstructionViewSchema)
def read_instruction(instruction_id: UUID) -> Response:
    """Read what is to be done after a visit, and whether it was"""
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        view = _instruction(session, actor, instruction_id, now)
    return json_response(view)


def _instruction(
    session: Session, actor: Actor, instruction_id: UUID, now: datetime
) -> dict[str, Any]:
    row = queries.instruction(session, instruction_id)
    if row is None:
        raise InstructionNotFound()
    audit.record(
        session,
        actor,
        "read",
        "visit_instruction",
        patient_id=row.patient_id,
        resource_id=row.id,
        at=now,
    )
    return instruction_view(row, now)


@blueprint.route(
    "/visits/<uuid:visit_id>/instructions/<uuid:instruction_id>/done", methods=["POST"]
)
@requires("visit.follow")
@blueprint.arguments(VisitStepSchema)
@blueprint.response(200, InstructionViewSchema)
def mark_instruction_done(_body: dict[str, Any], visit_id: UUID, instruction_id: UUID) -> Response:
    """Say that something was done

    What is done by a refill, a test or another record that the portal knows is marked by itself;
    of those the care team alone may say so by hand.
    """
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        service.mark_done(
            session=session,
            actor=actor,
            visit_id=visit_id,
            instruction_id=instruction_id,
            now=now,
        )
        view = _instruction(session, actor, instruction_id, now)
    return json_response(view)
