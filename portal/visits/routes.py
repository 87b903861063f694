"""The calls about visits: planning, holding, reading, and what is due before one."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.actor import PATIENT_SIDE, Actor, ActorKind
from portal.core.clock import local_day, utcnow
from portal.core.db import transaction
from portal.core.idempotency import idempotent, once
from portal.core.json import json_response
from portal.core.paging import decode_cursor, page_by
from portal.core.permissions import requires
from portal.core.versions import expected_version, tagged
from portal.core.web import Blueprint, current_actor, whose
from portal.patients.confidentiality import Confidential
from portal.patients.schemas import ConfidentialSchema
from portal.visits import chart_queries, queries, service, summary_queries
from portal.visits.chart_views import vital_view, with_bmi
from portal.visits.errors import VisitNotFound
from portal.visits.model import Visit
from portal.visits.schemas import (
    ChangeVisitSchema,
    DueListSchema,
    FullVisitSchema,
    PlanVisitSchema,
    VisitPage,
    VisitsQuery,
    VisitStepSchema,
    WhySchema,
)
from portal.visits.service import PlanVisit
from portal.visits.states import COMING
from portal.visits.summary_views import instruction_view
from portal.visits.views import (
    due_instruction_view,
    due_medicine_view,
    due_test_view,
    full_visit_view,
    visit_view,
)

blueprint = Blueprint("visits", __name__, "Visits, past and coming")

# What ran out longer ago is not taken any more, as far as anybody knows.
STILL_TAKEN = timedelta(days=90)


@blueprint.route("/visits", methods=["POST"])
@requires("visit.write")
@idempotent(required=True)
@blueprint.arguments(PlanVisitSchema)
@blueprint.response(201, FullVisitSchema)
def plan_visit(command: PlanVisit) -> Response:
    """Plan a visit, or begin to write down one that is now"""
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        visit = service.plan_visit(session=session, actor=actor, command=command, now=now)
        session.flush()
        return full_view(session, actor, visit.id, now), 201

    return once(actor, use_case)


@blueprint.route("/visits", methods=["GET"])
@requires("visit.read")
@blueprint.arguments(VisitsQuery, location="query")
@blueprint.response(200, VisitPage)
def list_visits(query: dict[str, Any]) -> Response:
    """List coming or past visits

    Patients see their own. Practitioners need not say whose: they get those that they hold
    themselves.
    """
    actor, now, after = current_actor(), utcnow(), decode_cursor(query["cursor"])
    own = actor.kind == ActorKind.PRACTITIONER and query["patient_id"] is None
    patient_id = None if own else whose(actor, query["patient_id"])
    with transaction(actor) as session:
        rows = queries.visits(
            session,
            patient_id=patient_id,
            practitioner_id=actor.id if own else None,
            coming=query["when"] == "coming",
            after=after,
            limit=query["limit"],
        )
        page = page_by(rows, query["limit"], lambda row: (row.starts_at, row.id))
        seen = {patient_id} if patient_id else {row.patient_id for row in page.items}
        for one in sorted(seen):
            audit.record(session, actor, "read", "visit", patient_id=one, at=now)
    for_care_team = actor.kind not in PATIENT_SIDE
    items = [visit_view(row, now, for_care_team=for_care_team) for row in page.items]
    return json_response({"items": items, "next": page.next, "sources": []})


@blueprint.route("/visits/<uuid:visit_id>", methods=["GET"])
@requires("visit.read")
@blueprint.response(200, FullVisitSchema)
def read_visit(visit_id: UUID) -> Response:
    """Read a visit with what was measured, what is to be done, and every step so far"""
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        view = full_view(session, actor, visit_id, now)
    return tagged(view, view["version"])


def full_view(session: Session, actor: Actor, visit_id: UUID, now: datetime) -> dict[str, Any]:
    """A visit as the actor sees it; that it was looked at is audited. Raises VisitNotFound."""
    row = queries.visit(session, visit_id)
    if row is None:
        raise VisitNotFound()
    audit.record(
        session, actor, "read", "visit", patient_id=row.patient_id, resource_id=row.id, at=now
    )
    return full_visit_view(
        visit_view(row, now, for_care_team=actor.kind not in PATIENT_SIDE),
        vitals=with_bmi(
            [vital_view(one) for one in chart_queries.vitals_of_visit(session, row.id)]
        ),
        instructions=[
            instruction_view(one, now) for one in summary_queries.instructions_of(session, row.id)
        ],
        history=queries.history(session, row.id),
    )


@blueprint.route("/visits/<uuid:visit_id>", methods=["PATCH"])
@requires("visit.write")
@blueprint.arguments(ChangeVisitSchema)
@blueprint.response(200, FullVisitSchema)
def change_visit(changes: dict[str, Any], visit_id: UUID) -> Response:
    """Change why or how a patient is seen; before it begins, also when and by whom

    With `If-Match` the change is made only if nobody changed it since you read it.
    """
    expected = expected_version()
    return _step(visit_id, service.change_visit, changes=changes, expected=expected)


def _step(visit_id: UUID, use_case: Callable[..., Visit], **options: Any) -> Response:
    """Carry out one step of a visit, and answer with the visit as it stands then."""
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        use_case(session=session, actor=actor, visit_id=visit_id, now=now, **options)
        view = full_view(session, actor, visit_id, now)
    return tagged(view, view["version"])


@blueprint.route("/visits/<uuid:visit_id>/start", methods=["POST"])
@requires("visit.write")
@blueprint.arguments(VisitStepSchema)
@blueprint.response(200, FullVisitSchema)
def start_visit(_body: dict[str, Any], visit_id: UUID) -> Response:
    """Say that the patient is being seen"""
    return _step(visit_id, service.start_visit)


@blueprint.route("/visits/<uuid:visit_id>/finish", methods=["POST"])
@requires("visit.write")
@blueprint.arguments(VisitStepSchema)
@blueprint.response(200, FullVisitSchema)
def finish_visit(_body: dict[str, Any], visit_id: UUID) -> Response:
    """Say that the visit is over

    Its summary is due in two business days; after that it is on the practitioner's worklist.
    """
    return _step(visit_id, service.finish_visit)


@blueprint.route("/visits/<uuid:visit_id>/cancel", methods=["POST"])
@requires("visit.write")
@blueprint.arguments(WhySchema)
@blueprint.response(200, FullVisitSchema)
def cancel_visit(body: dict[str, Any], visit_id: UUID) -> Response:
    """Call a planned visit off; the patient is told"""
    return _step(visit_id, service.cancel_visit, reason=body["reason"])


@blueprint.route("/visits/<uuid:visit_id>/entered-in-error", methods=["POST"])
@requires("visit.void")
@blueprint.arguments(WhySchema)
@blueprint.response(200, FullVisitSchema)
def void_visit(body: dict[str, Any], visit_id: UUID) -> Response:
    """Say that a visit was entered in error

    The patient does not see it any more; what was measured counts no more, and what was to be done
    is withdrawn.
    """
    return _step(visit_id, service.void_visit, reason=body["reason"])


@blueprint.route("/visits/<uuid:visit_id>/confidential", methods=["POST"])
@requires("record.keep_confidential")
@blueprint.arguments(ConfidentialSchema)
@blueprint.response(200, FullVisitSchema)
def keep_visit_confidential(command: Confidential, visit_id: UUID) -> Response:
    """Keep a visit from everybody who acts for the patient, or open it to them again

    Its measurements, problems, summary, instructions and its appointment go with it.
    """
    return _step(visit_id, service.keep_confidential, command=command)


@blueprint.route("/visits/<uuid:visit_id>/due", methods=["GET"])
@requires("visit.read")
@blueprint.response(200, DueListSchema)
def list_due(visit_id: UUID) -> Response:
    """List what is to be done before a visit, each with how: tests, medicines, what was agreed

    Nothing is due before a visit that is past.
    """
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        row = queries.visit(session, visit_id)
        if row is None:
            raise VisitNotFound()
        items = _due_before(session, row, now) if row.status in COMING else []
        audit.record(
            session,
            actor,
            "read",
            "visit_due",
            patient_id=row.patient_id,
            resource_id=row.id,
            at=now,
        )
    return json_response({"items": items, "sources": []})


def _due_before(session: Session, row: Any, now: datetime) -> list[dict[str, Any]]:
    today = local_day(now, row.time_zone)
    values = {
        "patient_id": row.patient_id,
        "starts_at": row.starts_at,
        "day": local_day(row.starts_at, row.time_zone),
        "since": today - STILL_TAKEN,
    }
    tests = queries.tests_due(session, values)
    medicines = queries.medicines_due(session, values)
    agreed = queries.instructions_due(session, values)
    return [
        *(due_test_view(one, row.time_zone) for one in tests),
        *(due_medicine_view(one, today) for one in medicines),
        *(due_instruction_view(one) for one in agreed),
    ]
