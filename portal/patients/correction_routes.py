"""The calls by which a record's identity is corrected, and by which patients ask for it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from portal.core.actor import Actor
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.idempotency import idempotent, once
from portal.core.paging import decode_cursor, page_by
from portal.core.permissions import requires
from portal.core.schemas import PageQuery
from portal.core.versions import expected_version
from portal.core.web import Blueprint, current_actor
from portal.patients import correcting, correction_queries, service
from portal.patients.correcting import Correct
from portal.patients.correction_schemas import (
    AskForCorrectionSchema,
    CorrectionPage,
    CorrectionRequestPage,
    CorrectionRequestSchema,
    CorrectSchema,
    DeclineCorrectionSchema,
)
from portal.patients.duplicates import telling_of_duplicates
from portal.patients.identity import changed_fields
from portal.patients.schemas import PatientRecordSchema

blueprint = Blueprint("corrections", __name__, "Corrections of who a patient is")


@blueprint.route("/patients/<uuid:patient_id>/corrections", methods=["POST"])
@requires("patient.correct")
@idempotent()
@blueprint.arguments(CorrectSchema)
@blueprint.response(200, PatientRecordSchema)
def correct(command: Correct, patient_id: UUID) -> Response:
    """Correct a patient's name, birth date, sex, record number or clinic, with a reason

    What the record said stays in its history and goes on being found; laboratories and pharmacies
    with open orders are told, and so is the patient. With `If-Match` the correction is made only if
    nobody changed the record since you read it. 409 `possible_duplicate` names others of the same
    name and birth date.
    """
    actor, now, expected = current_actor(), utcnow(), expected_version()

    def use_case(session: Session) -> tuple[Any, int]:
        patient = correcting.correct_patient(
            session=session,
            actor=actor,
            patient_id=patient_id,
            command=command,
            expected=expected,
            now=now,
        )
        return PatientRecordSchema().dump(patient), 200

    with telling_of_duplicates(actor, now):
        return once(actor, use_case)


def _corrections(
    actor: Actor, patient_id: UUID, query: dict[str, Any], now: datetime
) -> dict[str, Any]:
    after = decode_cursor(query["cursor"])
    with transaction(actor) as session:
        patient = service.get_patient(session, patient_id)
        rows = correcting.read_corrections(
            session=session,
            actor=actor,
            patient_id=patient.id,
            after=after,
            limit=query["limit"],
            now=now,
        )
    page = page_by(rows, query["limit"], lambda row: (row.at, row.id))
    return {"items": [_view(row) for row in page.items], "next": page.next, "sources": []}


def _view(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "at": row.at,
        "by": row.actor_name,
        "reason": row.reason,
        "request_id": row.request_id,
        "changes": [
            {"field": field, "before": row.before[field], "after": row.after[field]}
            for field in changed_fields(row.before, row.after)
        ],
    }


@blueprint.route("/patients/<uuid:patient_id>/corrections", methods=["GET"])
@requires("patient.read")
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, CorrectionPage)
def list_corrections(query: dict[str, Any], patient_id: UUID) -> dict[str, Any]:
    """List what was corrected in a patient's record, the newest first"""
    return _corrections(current_actor(), patient_id, query, utcnow())


@blueprint.route("/patients/me/corrections", methods=["GET"])
@requires("patient.read_own")
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, CorrectionPage)
def list_own_corrections(query: dict[str, Any]) -> dict[str, Any]:
    """List what was corrected in your record, by whom and why, the newest first"""
    actor = current_actor()
    return _corrections(actor, actor.id, query, utcnow())


@blueprint.route("/patients/me/correction-requests", methods=["POST"])
@requires("patient.ask_correction")
@idempotent()
@blueprint.arguments(AskForCorrectionSchema)
@blueprint.response(201, CorrectionRequestSchema)
def ask(body: dict[str, Any]) -> Response:
    """Ask for a correction of your name, birth date, sex, record number or clinic

    The clinic's staff correct it or say why not. One request at a time.
    """
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        request = correcting.ask_for_correction(session=session, actor=actor, now=now, **body)
        return CorrectionRequestSchema().dump(request), 201

    return once(actor, use_case)


@blueprint.route("/patients/me/correction-requests", methods=["GET"])
@requires("patient.read_own")
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, CorrectionRequestPage)
def list_own_requests(query: dict[str, Any]) -> dict[str, Any]:
    """List what you asked to have corrected, and what came of it, the newest first"""
    actor, after = current_actor(), decode_cursor(query["cursor"])
    with transaction(actor) as session:
        rows = correction_queries.requests(session, actor.id, after=after, limit=query["limit"])
    page = page_by(rows, query["limit"], lambda row: (row.asked_at, row.id))
    return {"items": page.items, "next": page.next, "sources": []}


@blueprint.route("/correction-requests/<uuid:request_id>", methods=["GET"])
@requires("patient.read")
@blueprint.response(200, CorrectionRequestSchema)
def read_request(request_id: UUID) -> Any:
    """Read what a patient asks to have corrected"""
    actor = current_actor()
    with transaction(actor) as session:
        return correcting.read_request(
            session=session, actor=actor, request_id=request_id, now=utcnow()
        )


@blueprint.route("/correction-requests/<uuid:request_id>/withdraw", methods=["POST"])
@requires("patient.ask_correction")
@blueprint.response(200, CorrectionRequestSchema)
def withdraw(request_id: UUID) -> Any:
    """Withdraw your request for a correction"""
    actor = current_actor()
    with transaction(actor) as session:
        return correcting.withdraw_request(
            session=session, actor=actor, request_id=request_id, now=utcnow()
        )


@blueprint.route("/correction-requests/<uuid:request_id>/decline", methods=["POST"])
@requires("patient.correct")
@blueprint.arguments(DeclineCorrectionSchema)
@blueprint.response(200, CorrectionRequestSchema)
def decline(body: dict[str, Any], request_id: UUID) -> Any:
    """Say why nothing is corrected; the patient is told"""
    actor = current_actor()
    with transaction(actor) as session:
        return correcting.decline_request(
            session=session, actor=actor, request_id=request_id, now=utcnow(), **body
        )
