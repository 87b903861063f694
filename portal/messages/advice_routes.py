"""The calls of the nurses' advice line."""

from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.actor import Actor
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.idempotency import idempotent, once
from portal.core.json import json_response
from portal.core.paging import decode_cursor, page_by
from portal.core.permissions import requires
from portal.core.web import Blueprint, current_actor, whose
from portal.messages import advice_queries as queries
from portal.messages import service
from portal.messages.advice_schemas import (
    AdviceCallPage,
    AdviceCallSchema,
    AdviceCallsQuery,
    AdviceOutcomeSchema,
    RequestCallSchema,
)
from portal.messages.errors import AdviceCallNotFound
from portal.messages.routes import once_warned
from portal.messages.schemas import NothingToSaySchema
from portal.messages.service import RequestCall
from portal.messages.states import ADVICE_CALL, AdviceOutcome, WarnedOf
from portal.messages.views import advice_views
from portal.patients.confidentiality import Confidential
from portal.patients.schemas import ConfidentialSchema

blueprint = Blueprint("advice", __name__, "The nurses' advice line, day and night")


@blueprint.route("/advice-calls", methods=["POST"])
@requires("advice.request")
@idempotent()
@blueprint.arguments(RequestCallSchema)
@blueprint.response(201, AdviceCallSchema)
def request_call(command: RequestCall) -> Response:
    """Ask to be called by a nurse, day or night

    Where the reason may be an emergency you get a 409 with guidance (`red_flags_found`) first;
    sent again with `acknowledged_red_flags`, the nurses are to call at once.
    """
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        call_id = service.request_call(session=session, actor=actor, command=command, now=now)
        return _call(session, actor, call_id), 201

    return once_warned(actor, WarnedOf.ADVICE_CALL, use_case)


def _call(session: Session, actor: Actor, call_id: UUID) -> dict[str, Any]:
    row = queries.call(session, call_id)
    if row is None:
        raise AdviceCallNotFound()
    audit.record(
        session, actor, "read", "advice_call", patient_id=row.patient_id, resource_id=row.id
    )
    return advice_views([row], queries.attempts(session, [row.id]))[0]


@blueprint.route("/advice-calls", methods=["GET"])
@requires("advice.read")
@blueprint.arguments(AdviceCallsQuery, location="query")
@blueprint.response(200, AdviceCallPage)
def list_advice_calls(query: dict[str, Any]) -> Response:
    """List requests for a nurse's call, newest first"""
    actor, now, after = current_actor(), utcnow(), decode_cursor(query["cursor"])
    patient_id = whose(actor, query["patient_id"])
    with transaction(actor) as session:
        rows = queries.calls(
            session,
            patient_id,
            statuses=ADVICE_CALL.listed(query["status"]),
            after=after,
            limit=query["limit"],
        )
        page = page_by(rows, query["limit"], lambda row: (row.requested_at, row.id))
        attempts = queries.attempts(session, [row.id for row in page.items])
        audit.record(session, actor, "read", "advice_call", patient_id=patient_id, at=now)
    items = advice_views(page.items, attempts)
    return json_response({"items": items, "next": page.next, "sources": []})


@blueprint.route("/advice-calls/<uuid:call_id>", methods=["GET"])
@requires("advice.read")
@blueprint.response(200, AdviceCallSchema)
def read_advice_call(call_id: UUID) -> Response:
    """Read a request for a nurse's call, with what came of each attempt"""
    actor = current_actor()
    with transaction(actor) as session:
        view = _call(session, actor, call_id)
    return json_response(view)


@blueprint.route("/advice-calls/<uuid:call_id>/cancel", methods=["POST"])
@requires("advice.request")
@blueprint.arguments(NothingToSaySchema)
@blueprint.response(200, AdviceCallSchema)
def cancel_advice_call(_body: dict[str, Any], call_id: UUID) -> Response:
    """Say that you need no call any more"""
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        service.cancel_call(session=session, actor=actor, call_id=call_id, now=now)
        view = _call(session, actor, call_id)
    return json_response(view)


@blueprint.route("/advice-calls/<uuid:call_id>/confidential", methods=["POST"])
@requires("record.keep_confidential")
@blueprint.arguments(ConfidentialSchema)
@blueprint.response(200, AdviceCallSchema)
def keep_advice_confidential(command: Confidential, call_id: UUID) -> Response:
    """Keep a request for a call from whoever acts for the patient, or open it to them again"""
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        service.keep_call_confidential(
            session=session, actor=actor, call_id=call_id, command=command, now=now
        )
        view = _call(session, actor, call_id)
    return json_response(view)


@blueprint.route("/advice-calls/<uuid:call_id>/outcome", methods=["POST"])
@requires("advice.record")
@idempotent()
@blueprint.arguments(AdviceOutcomeSchema)
@blueprint.response(200, AdviceCallSchema)
def record_advice(body: dict[str, Any], call_id: UUID) -> Response:
    """Say what came of a call back

    `advice_given` and `sent_to_emergency` end the request; after `voicemail` or `no_answer` the
    next call is due in half an hour, and after the third the patient is told that nobody reached
    them.
    """
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        service.record_outcome(
            session=session,
            actor=actor,
            call_id=call_id,
            outcome=AdviceOutcome(body["outcome"]),
            note=body["note"],
            now=now,
        )
        session.flush()
        return _call(session, actor, call_id), 200

    return once(actor, use_case)
