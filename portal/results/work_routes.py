"""What practitioners and their teams do with results: review, release, acknowledge, tell."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from portal.core import problems
from portal.core.clock import utcnow
from portal.core.idempotency import idempotent, once
from portal.core.permissions import requires
from portal.core.web import Blueprint, current_actor
from portal.patients.confidentiality import Confidential
from portal.patients.schemas import ConfidentialSchema
from portal.results import service
from portal.results.routes import looked_at
from portal.results.schemas import (
    AcknowledgeCriticalSchema,
    CommunicatedSchema,
    EmptySchema,
    HoldSchema,
    ReviewManySchema,
    ReviewSchema,
)
from portal.results.service import Acknowledge, Communicated, Hold, Review, ReviewOutcome
from portal.results.view_schemas import FullResultSchema, ReviewOutcomesSchema

blueprint = Blueprint("result_work", __name__, "Reviewing, releasing and communicating results")


def _done(act: Callable[..., object], result_id: UUID, **command: object) -> Response:
    """Do it once, and answer with the result as it is then."""
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        act(session=session, actor=actor, report_id=result_id, now=now, **command)
        session.flush()
        return looked_at(session, actor, result_id, now), 200

    return once(actor, use_case)


@blueprint.route("/results/<uuid:result_id>/review", methods=["POST"])
@requires("result.review")
@idempotent()
@blueprint.arguments(ReviewSchema)
@blueprint.response(200, FullResultSchema)
def review_result(command: Review, result_id: UUID) -> Response:
    """Review the current version of a result

    `version` is the one that was looked at: with a newer one there is a conflict. A comment is
    shown to the patient, and releases a result that waited for it. Each follow-up opens a loop
    of its own; an abnormal result without one needs a reason.
    """
    return _done(service.review, result_id, command=command)


@blueprint.route("/results/review", methods=["POST"])
@requires("result.review")
@idempotent()
@blueprint.arguments(ReviewManySchema)
@blueprint.response(200, ReviewOutcomesSchema)
@blueprint.alt_response(207, schema=ReviewOutcomesSchema, description="Some or all rejected")
def review_results(body: dict[str, Any]) -> Response:
    """Review several normal results at once

    Up to 100; each stands for itself and has its own outcome.
    """
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        outcomes = service.review_many(
            session=session, actor=actor, wanted=body["items"], comment=body["comment"], now=now
        )
        status = 207 if any(outcome.error for outcome in outcomes) else 200
        return {"items": [_outcome_view(outcome) for outcome in outcomes]}, status

    return once(actor, use_case)


def _outcome_view(outcome: ReviewOutcome) -> dict[str, Any]:
    if outcome.error is None:
        return {"result_id": outcome.result_id, "outcome": "reviewed"}
    problem = problems.document(outcome.error)
    return {"result_id": outcome.result_id, "outcome": "rejected", "problem": problem}


@blueprint.route("/results/<uuid:result_id>/hold", methods=["POST"])
@requires("result.release")
@idempotent()
@blueprint.arguments(HoldSchema)
@blueprint.response(200, FullResultSchema)
def hold_result(command: Hold, result_id: UUID) -> Response:
    """Keep a result that is not released from the patient

    For an exception of 45 CFR 171, a reason of this one result and at most 30 days; then it is
    released by itself.
    """
    return _done(service.hold, result_id, command=command)


@blueprint.route("/results/<uuid:result_id>/release", methods=["POST"])
@requires("result.release")
@idempotent()
@blueprint.arguments(EmptySchema)
@blueprint.response(200, FullResultSchema)
def release_result(_body: dict[str, Any], result_id: UUID) -> Response:
    """Show a deferred or held result to the patient at once"""
    return _done(service.release, result_id)


@blueprint.route("/results/<uuid:result_id>/acknowledge", methods=["POST"])
@requires("result.acknowledge")
@idempotent()
@blueprint.arguments(AcknowledgeCriticalSchema)
@blueprint.response(200, FullResultSchema)
def acknowledge_result(command: Acknowledge, result_id: UUID) -> Response:
    """Take over a critical result, with its values read back"""
    return _done(service.acknowledge, result_id, command=command)


@blueprint.route("/results/<uuid:result_id>/communicated", methods=["POST"])
@requires("result.communicate")
@idempotent()
@blueprint.arguments(CommunicatedSchema)
@blueprint.response(200, FullResultSchema)
def note_communicated(command: Communicated, result_id: UUID) -> Response:
    """Note that the patient was told of a result by other means, and how"""
    return _done(service.mark_communicated, result_id, command=command)


@blueprint.route("/results/<uuid:result_id>/confidential", methods=["POST"])
@requires("record.keep_confidential")
@idempotent()
@blueprint.arguments(ConfidentialSchema)
@blueprint.response(200, FullResultSchema)
def keep_result_confidential(command: Confidential, result_id: UUID) -> Response:
    """Keep a result from everybody who acts for the patient, or open it to them again

    With it what it was ordered by. The patient sees it as before.
    """
    return _done(service.keep_confidential, result_id, command=command)
