"""The calls by which laboratories report, and staff match what no rule could."""

from typing import Any
from uuid import UUID

from flask import Response, request
from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.actor import WORKER, Actor
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.json import json_response
from portal.core.paging import decode_cursor, page_by
from portal.core.permissions import requires
from portal.core.web import Blueprint, current_actor, takes
from portal.results import case_queries, service
from portal.results.envelope import Source
from portal.results.intake import LARGEST_MESSAGE, take_fhir, take_hl7
from portal.results.intake_errors import CaseNotFound
from portal.results.intake_model import ReceivedMessage
from portal.results.intake_schemas import (
    BundleAnswerSchema,
    CaseDetailSchema,
    CasePage,
    CaseSchema,
    CasesQuery,
    DiscardSchema,
    IncidentsSchema,
    MatchSchema,
    UnmatchSchema,
)
from portal.results.intake_views import case_detail, case_view
from portal.results.service.reconcile import Match
from portal.results.states import IntakeTransport, MessageOutcome

blueprint = Blueprint("intake", __name__, "What laboratories report, and whose it is")

HL7 = "application/hl7-v2"
HL7_TYPES = (HL7, "x-application/hl7-v2+er7", "text/plain")
FHIR_TYPES = ("application/fhir+json", "application/json")
_HTTP = {
    MessageOutcome.TAKEN_IN: 200,
    MessageOutcome.RECONCILING: 200,
    MessageOutcome.REFUSED: 422,
    MessageOutcome.FAILED: 503,
}
_MESSAGE = {
    "required": True,
    "content": {
        HL7: {
            "schema": {
                "type": "string",
                "example": "MSH|^~\\&|ACMELAB|ACME LAB|CARELOOP|CLINIC|20260301101500-0500||"
                "ORU^R01^ORU_R01|0004|P|2.5.1\rPID|1||MRN-1001^^^CLINIC^MR\r…",
            }
        }
    },
}
_ACKNOWLEDGED = {
    "description": "The acknowledgement (ACK^R01)",
    "content": {HL7: {"schema": {"type": "string", "example": "MSH|^~\\&|…\rMSA|AA|0004\r"}}},
}
_BUNDLE = {
    "required": True,
    "content": {
        "application/fhir+json": {
            "schema": {"type": "object"},
            "example": {"resourceType": "Bundle", "type": "message", "entry": []},
        }
    },
}


@blueprint.route("/lab/messages", methods=["POST"])
@requires("laboratory.report")
@takes(*HL7_TYPES, most=LARGEST_MESSAGE)
@blueprint.doc(requestBody=_MESSAGE, responses={"200": _ACKNOWLEDGED, "422": _ACKNOWLEDGED})
def receive_message() -> Response:
    """Report results as HL7 v2 (ORU^R01), or answer an order (ORL^O22)

    The body is one message, the answer its acknowledgement, after the commit: 200 for AA and CA,
    422 for what has to be mended (AE, ERR says where) or isn't supported (AR), 503 for trouble of
    ours (AR: send it again). The same MSH-10 again is answered as before and changes nothing. 204
    where MSH-15 and MSH-16 want no answer.
    """
    source = Source(IntakeTransport.HTTP, current_actor().id)
    answered = take_hl7(request.get_data(), source)
    status = _HTTP[answered.outcome]
    if not answered.answers:
        return Response(status=204 if status == 200 else status)
    # Where both are wanted the application's word says what the commit would.
    return Response(answered.answers[-1], status=status, content_type=HL7)


@blueprint.route("/lab/reports", methods=["POST"])
@requires("laboratory.report")
@takes(*FHIR_TYPES, most=LARGEST_MESSAGE)
@blueprint.doc(requestBody=_BUNDLE)
@blueprint.response(200, BundleAnswerSchema)
def receive_bundle() -> Response:
    """Report results as a FHIR R4 Bundle with DiagnosticReports of one patient

    Each report has its own outcome. The same bundle again (by its identifier, else its content) is
    answered as before and changes nothing.
    """
    source = Source(IntakeTransport.FHIR, current_actor().id)
    taken = take_fhir(request.get_data(), source)
    response = Response(taken.body, content_type="application/json")
    if taken.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response


@blueprint.route("/reconciliation", methods=["GET"])
@requires("reconciliation.work")
@blueprint.arguments(CasesQuery, location="query")
@blueprint.response(200, CasePage)
def list_cases(query: dict[str, Any]) -> Response:
    """List the reports of your clinic that match nobody, the oldest first"""
    actor, after = current_actor(), decode_cursor(query["cursor"])
    status = None if query["status"] == "all" else query["status"]
    with transaction(actor) as session:
        rows = case_queries.cases(session, status=status, after=after, limit=query["limit"])
        _audit(session, actor, "read", None)
    page = page_by(rows, query["limit"], lambda row: (row.opened_at, row.id))
    items = [case_view(row) for row in page.items]
    return json_response({"items": items, "next": page.next, "sources": []})


@blueprint.route("/reconciliation/<uuid:case_id>", methods=["GET"])
@requires("reconciliation.work")
@blueprint.response(200, CaseDetailSchema)
def read_case(case_id: UUID) -> Response:
    """Read a case: what the report says, and the message as it came"""
    actor = current_actor()
    with transaction(actor) as session:
        row = _visible(session, case_id)
        message = session.get_one(ReceivedMessage, row.message_id)
        report = service.reread_report(session, message, row)
        _audit(session, actor, "read", case_id)
        return json_response(case_detail(row, report, bytes(message.content)))


@blueprint.route("/reconciliation/<uuid:case_id>/match", methods=["POST"])
@requires("reconciliation.work")
@blueprint.arguments(MatchSchema)
@blueprint.response(200, CaseSchema)
def match(command: Match, case_id: UUID) -> Response:
    """Say whose a report is: it goes on that chart as if it had come so"""
    actor = current_actor()
    return _work(actor, case_id, service.match, command=command)


@blueprint.route("/reconciliation/<uuid:case_id>/replay", methods=["POST"])
@requires("reconciliation.work")
@blueprint.response(200, CaseSchema)
def replay_case(case_id: UUID) -> Response:
    """Take a message in again that failed on our side (`not_taken_in`), once that is mended"""
    actor = current_actor()
    return _work(actor, case_id, service.replay)


@blueprint.route("/reconciliation/<uuid:case_id>/discard", methods=["POST"])
@requires("reconciliation.work")
@blueprint.arguments(DiscardSchema)
@blueprint.response(200, CaseSchema)
def discard(body: dict[str, Any], case_id: UUID) -> Response:
    """Close a case whose report belongs to nobody here; the message stays kept"""
    actor = current_actor()
    return _work(actor, case_id, service.discard, note=body["note"])


@blueprint.route("/reconciliation/<uuid:case_id>/unmatch", methods=["POST"])
@requires("reconciliation.work")
@blueprint.arguments(UnmatchSchema)
@blueprint.response(200, CaseSchema)
def unmatch(body: dict[str, Any], case_id: UUID) -> Response:
    """Take a report that was matched to the wrong patient back from that chart

    With every later version of it. Who saw it is told that it doesn't count, a privacy incident is
    opened for the clinic, and the report waits to be matched again.
    """
    return _work(current_actor(), case_id, service.unmatch, reason=body["reason"])


@blueprint.route("/reconciliation/<uuid:case_id>/incidents", methods=["GET"])
@requires("reconciliation.work")
@blueprint.response(200, IncidentsSchema)
def list_incidents(case_id: UUID) -> Response:
    """List whose charts had this report by mistake, who saw it there, and what came of it

    An incident ends with its work item: complete that one with what was assessed as its outcome.
    """
    actor = current_actor()
    with transaction(actor) as session:
        _visible(session, case_id)
    # Whoever assesses it need not care for the patient, nor have the item on their worklist.
    with transaction(WORKER) as session:
        rows = case_queries.incidents(session, case_id)
        for row in rows:
            audit.record(
                session,
                actor,
                "read",
                "privacy_incident",
                patient_id=row.patient_id,
                resource_id=row.id,
            )
    return json_response({"items": [dict(row._mapping) for row in rows]})


def _visible(session: Session, case_id: UUID) -> Any:
    row = case_queries.case(session, case_id)
    if row is None:
        raise CaseNotFound()
    return row


def _work(actor: Actor, case_id: UUID, use_case: Any, **more: Any) -> Response:
    """Whether the actor may see the case is asked as the actor; the chart that a report goes to is
    one that they need not care for, so that the rest is done as the workers do."""
    with transaction(actor) as session:
        _visible(session, case_id)
    with transaction(WORKER) as session:
        use_case(session=session, actor=actor, case_id=case_id, now=utcnow(), **more)
    with transaction(actor) as session:
        return json_response(case_view(_visible(session, case_id)))


def _audit(session: Session, actor: Actor, action: str, case_id: UUID | None) -> None:
    audit.record(session, actor, action, "reconciliation", patient_id=None, resource_id=case_id)
