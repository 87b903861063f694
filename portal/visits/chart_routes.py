"""The calls about vital signs and problems."""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.actor import Actor
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.errors import FieldError, Invalid
from portal.core.idempotency import idempotent, once
from portal.core.json import json_response
from portal.core.paging import decode_cursor, page_by
from portal.core.permissions import requires
from portal.core.versions import expected_version, tagged
from portal.core.web import Blueprint, current_actor, whose
from portal.units import in_unit
from portal.visits import chart_queries as queries
from portal.visits import service
from portal.visits.chart_schemas import (
    AddProblemSchema,
    ChangeProblemSchema,
    FullProblemSchema,
    MeasuredSchema,
    ProblemPage,
    ProblemsQuery,
    RecordedVitalsSchema,
    RecordVitalsSchema,
    VitalPage,
    VitalsQuery,
    VitalTrendQuery,
    VitalTrendSchema,
    VitalViewSchema,
    WithdrawVitalSchema,
)
from portal.visits.chart_views import (
    full_problem_view,
    listed_view,
    problem_view,
    trend_view,
    vital_view,
    with_bmi,
)
from portal.visits.errors import ProblemNotFound, VitalNotFound
from portal.visits.service import AddProblem, Measured
from portal.visits.states import ProblemStatus
from portal.visits.vital_rules import BMI, BMI_UNIT, KINDS

blueprint = Blueprint("chart", __name__, "Vital signs and problems")

TREND_SPAN = timedelta(days=5 * 365)
_LISTED = [value for value in ProblemStatus if value != ProblemStatus.ENTERED_IN_ERROR]
_OPEN = [value for value in _LISTED if value != ProblemStatus.RESOLVED]


@blueprint.route("/visits/<uuid:visit_id>/vitals", methods=["POST"])
@requires("vitals.record")
@idempotent()
@blueprint.arguments(RecordVitalsSchema)
@blueprint.response(201, RecordedVitalsSchema)
def record_vitals(body: dict[str, Any], visit_id: UUID) -> Response:
    """Keep what was measured at a visit: all of it, or nothing

    The body mass index follows from weight and height. What can't be is refused, with what was
    most likely meant.
    """
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        service.record_vitals(
            session=session, actor=actor, visit_id=visit_id, items=body["vitals"], now=now
        )
        rows = queries.vitals_of_visit(session, visit_id)
        return {"items": with_bmi([vital_view(row) for row in rows])}, 201

    return once(actor, use_case)


@blueprint.route("/vitals", methods=["POST"])
@requires("vitals.record_own")
@idempotent()
@blueprint.arguments(MeasuredSchema)
@blueprint.response(201, VitalViewSchema)
def record_own_vital(item: Measured) -> Response:
    """Keep what you measured yourself; it is marked as yours"""
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        vital = service.record_own(session=session, actor=actor, item=item, now=now)
        return _vital(session, vital.id), 201

    return once(actor, use_case)


def _vital(session: Session, vital_id: UUID) -> dict[str, Any]:
    row = queries.vital(session, vital_id)
    if row is None:
        raise VitalNotFound()
    return vital_view(row)


@blueprint.route("/vitals", methods=["GET"])
@requires("vitals.read")
@blueprint.arguments(VitalsQuery, location="query")
@blueprint.response(200, VitalPage)
def list_vitals(query: dict[str, Any]) -> Response:
    """List measurements, the newest first; of one kind with `code`"""
    actor, now, after = current_actor(), utcnow(), decode_cursor(query["cursor"])
    patient_id = whose(actor, query["patient_id"])
    with transaction(actor) as session:
        rows = queries.vitals(session, patient_id, query["code"], after=after, limit=query["limit"])
        audit.record(session, actor, "read", "vital_sign", patient_id=patient_id, at=now)
    page = page_by(rows, query["limit"], lambda row: (row.measured_at, row.id))
    items = [listed_view(row, query["code"]) for row in page.items]
    return json_response({"items": items, "next": page.next, "sources": []})


@blueprint.route("/vitals/trends", methods=["GET"])
@requires("vitals.read")
@blueprint.arguments(VitalTrendQuery, location="query")
@blueprint.response(200, VitalTrendSchema)
def read_vital_trend(query: dict[str, Any]) -> Response:
    """Read one vital sign over time, in the latest's unit or in `unit`"""
    actor, now = current_actor(), utcnow()
    patient_id = whose(actor, query["patient_id"])
    _check_unit(query["code"], query["unit"])
    since, until = _span(query, now)
    with transaction(actor) as session:
        rows = queries.vitals(
            session,
            patient_id,
            query["code"],
            after=None,
            limit=queries.MOST_POINTS,
            since=since,
            until=until,
        )
        audit.record(session, actor, "read", "vital_trend", patient_id=patient_id, at=now)
    view = trend_view(query["code"], rows, unit=query["unit"], most=queries.MOST_POINTS)
    return json_response(view)


def _check_unit(code: str, unit: str | None) -> None:
    """Raises Invalid for a unit in which this can't be given."""
    units = (BMI_UNIT,) if code == BMI else KINDS[code].units
    if unit is None or in_unit(Decimal(1), units[0], unit) is not None:
        return
    message = f"This can be given in {', '.join(units)}."
    raise Invalid(message, errors=[FieldError("#query/unit", message)])


def _span(query: dict[str, Any], now: datetime) -> tuple[datetime, datetime]:
    """From the first moment of the first day to the last of the last, in UTC."""
    since, until = query["since"], query["until"]
    return (
        now - TREND_SPAN if since is None else datetime.combine(since, time.min, UTC),
        now if until is None else datetime.combine(until, time.max, UTC),
    )


@blueprint.route("/vitals/<uuid:vital_id>/entered-in-error", methods=["POST"])
@requires("vitals.withdraw")
@blueprint.arguments(WithdrawVitalSchema)
@blueprint.response(200, VitalViewSchema)
def withdraw_vital(body: dict[str, Any], vital_id: UUID) -> Response:
    """Mark a measurement as entered in error: it is kept, and shown and counted no more

    Patients may mark what they measured themselves.
    """
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        service.withdraw_vital(
            session=session, actor=actor, vital_id=vital_id, reason=body["reason"], now=now
        )
        view = _vital(session, vital_id)
    return json_response(view)


@blueprint.route("/problems", methods=["POST"])
@requires("problem.write")
@idempotent()
@blueprint.arguments(AddProblemSchema)
@blueprint.response(201, FullProblemSchema)
def add_problem(command: AddProblem) -> Response:
    """Put a problem on a patient's list"""
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        problem = service.add_problem(session=session, actor=actor, command=command, now=now)
        session.flush()
        return _problem(session, actor, problem.id, now), 201

    return once(actor, use_case)


def _problem(session: Session, actor: Actor, problem_id: UUID, now: datetime) -> dict[str, Any]:
    row = queries.problem(session, problem_id)
    if row is None:
        raise ProblemNotFound()
    audit.record(
        session, actor, "read", "problem", patient_id=row.patient_id, resource_id=row.id, at=now
    )
    return full_problem_view(row, queries.problem_versions(session, problem_id))


@blueprint.route("/problems", methods=["GET"])
@requires("problem.read")
@blueprint.arguments(ProblemsQuery, location="query")
@blueprint.response(200, ProblemPage)
def list_problems_of_patient(query: dict[str, Any]) -> Response:
    """List problems, the latest found first; those entered in error only when asked for"""
    actor, now, after = current_actor(), utcnow(), decode_cursor(query["cursor"])
    patient_id = whose(actor, query["patient_id"])
    with transaction(actor) as session:
        rows = queries.problems(
            session, patient_id, _wanted(query["status"]), after=after, limit=query["limit"]
        )
        audit.record(session, actor, "read", "problem", patient_id=patient_id, at=now)
    page = page_by(rows, query["limit"], lambda row: (row.recorded_at, row.id))
    items = [problem_view(row) for row in page.items]
    return json_response({"items": items, "next": page.next, "sources": []})


def _wanted(status: str | None) -> list[str]:
    if status is None:
        return list(_LISTED)
    return list(_OPEN) if status == "open" else [status]


@blueprint.route("/problems/<uuid:problem_id>", methods=["GET"])
@requires("problem.read")
@blueprint.response(200, FullProblemSchema)
def read_problem(problem_id: UUID) -> Response:
    """Read a problem with everything that it was"""
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        view = _problem(session, actor, problem_id, now)
    return tagged(view, view["version"])


@blueprint.route("/problems/<uuid:problem_id>", methods=["PATCH"])
@requires("problem.write")
@blueprint.arguments(ChangeProblemSchema)
@blueprint.response(200, FullProblemSchema)
def change_problem(changes: dict[str, Any], problem_id: UUID) -> Response:
    """Change a problem's status, words or days

    With `If-Match` the change is made only if nobody changed it since you read it.
    """
    actor, now, expected = current_actor(), utcnow(), expected_version()
    with transaction(actor) as session:
        service.change_problem(
            session=session,
            actor=actor,
            problem_id=problem_id,
            changes=changes,
            expected=expected,
            now=now,
        )
        view = _problem(session, actor, problem_id, now)
    return tagged(view, view["version"])
