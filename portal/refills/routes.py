"""The calls of patients and prescribers about refills, and reading prescriptions."""

from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from portal.core import audit, problems
from portal.core.actor import Actor, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.idempotency import idempotent, once
from portal.core.json import json_response
from portal.core.paging import decode_cursor, page_by
from portal.core.permissions import requires
from portal.core.web import Blueprint, current_actor, whose
from portal.prescriptions import duplicates
from portal.prescriptions.duplicates import telling_of_duplicates
from portal.prescriptions.errors import PrescriptionNotFound
from portal.refills import queries, service
from portal.refills.errors import RefillNotFound
from portal.refills.schemas import (
    CancelSchema,
    ChangePharmacySchema,
    DecisionSchema,
    OutcomesSchema,
    PrescriptionsQuery,
    PrescriptionViewPage,
    PrescriptionViewSchema,
    RefillsQuery,
    RefillViewPage,
    RequestRefillsSchema,
    TimelineSchema,
)
from portal.refills.service import Decide, ItemOutcome, RequestRefills
from portal.refills.states import REFILL
from portal.refills.views import prescription_view, refill_view, timeline_view
from portal.worklist import service as worklist

blueprint = Blueprint("refills", __name__, "Asking for refills and following them")


@blueprint.route("/prescriptions", methods=["GET"])
@requires("prescription.read")
@blueprint.arguments(PrescriptionsQuery, location="query")
@blueprint.response(200, PrescriptionViewPage)
def list_prescriptions(query: dict[str, Any]) -> Response:
    """List prescriptions, each with what may be done with it now"""
    actor, now, after = current_actor(), utcnow(), decode_cursor(query["cursor"])
    patient_id = whose(actor, query["patient_id"])
    with transaction(actor) as session:
        rows = queries.prescriptions(
            session,
            patient_id,
            everything=query["include"] is not None,
            after=after,
            limit=query["limit"],
        )
        audit.record(session, actor, "read", "prescription", patient_id=patient_id, at=now)
    page = page_by(rows, query["limit"], lambda row: (row.created_at, row.id))
    items = [prescription_view(row, now) for row in page.items]
    return json_response({"items": items, "next": page.next, "sources": []})


@blueprint.route("/prescriptions/<uuid:prescription_id>", methods=["GET"])
@requires("prescription.read")
@blueprint.response(200, PrescriptionViewSchema)
def read_prescription(prescription_id: UUID) -> Response:
    """Read a prescription, with what may be done with it now and every reason"""
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        row = queries.prescription(session, prescription_id)
        if row is None:
            raise PrescriptionNotFound()
        _audit_read(session, actor, "prescription", row.patient_id, row.id)
        view = prescription_view(row, now)
        if actor.kind in (ActorKind.PRACTITIONER, ActorKind.STAFF):
            view["confirmed_duplicates"] = duplicates.confirmed_beside(session, prescription_id)
    return json_response(view)


@blueprint.route("/refills", methods=["POST"])
@requires("refill.request")
@idempotent()
@blueprint.arguments(RequestRefillsSchema)
@blueprint.response(201, OutcomesSchema)
@blueprint.alt_response(207, schema=OutcomesSchema, description="Some accepted, some rejected")
@blueprint.alt_response(422, schema=OutcomesSchema, description="None accepted")
def request_refills(command: RequestRefills) -> Response:
    """Ask for refills

    Up to 20 prescriptions at once; each item stands for itself and has its own outcome. Those
    with refills left go to the pharmacy; the others go to their prescriber, who approves or
    denies. Send an `Idempotency-Key`: the same key and body give the same answer.
    """
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        outcomes = service.request_refills(session=session, actor=actor, command=command, now=now)
        accepted = sum(outcome.error is None for outcome in outcomes)
        status = 201 if accepted == len(outcomes) else 207 if accepted else 422
        return {"items": [_outcome_view(outcome) for outcome in outcomes]}, status

    return once(actor, use_case)


def _outcome_view(outcome: ItemOutcome) -> dict[str, Any]:
    if outcome.error is None:
        return {
            "prescription_id": outcome.prescription_id,
            "outcome": "accepted",
            "refill": outcome.refill,
        }
    return {
        "prescription_id": outcome.prescription_id,
        "outcome": "rejected",
        "problem": problems.document(outcome.error),
    }


@blueprint.route("/refills", methods=["GET"])
@requires("refill.read")
@blueprint.arguments(RefillsQuery, location="query")
@blueprint.response(200, RefillViewPage)
def list_refills(query: dict[str, Any]) -> Response:
    """List refills, newest first"""
    actor, now, after = current_actor(), utcnow(), decode_cursor(query["cursor"])
    patient_id = whose(actor, query["patient_id"])
    with transaction(actor) as session:
        rows = queries.refills(
            session,
            patient_id,
            statuses=REFILL.listed(query["status"]),
            after=after,
            limit=query["limit"],
        )
        audit.record(session, actor, "read", "refill", patient_id=patient_id, at=now)
    page = page_by(rows, query["limit"], lambda row: (row.requested_at, row.id))
    items = [refill_view(row, now) for row in page.items]
    return json_response({"items": items, "next": page.next, "sources": []})


@blueprint.route("/refills/<uuid:refill_id>", methods=["GET"])
@requires("refill.read")
@blueprint.response(200, TimelineSchema)
def read_refill(refill_id: UUID) -> Response:
    """Follow a refill: every step, who has it now, and when the next step is expected"""
    actor = current_actor()
    with transaction(actor) as session:
        view = _timeline(session, actor, refill_id)
    return json_response(view)


def _timeline(session: Session, actor: Actor, refill_id: UUID) -> dict[str, Any]:
    row = queries.refill(session, refill_id)
    if row is None:
        raise RefillNotFound()
    _audit_read(session, actor, "refill", row.patient_id, row.id)
    return timeline_view(
        row,
        queries.history(session, refill_id),
        worklist.item_about(session, refill_id),
        utcnow(),
    )


def _audit_read(session: Session, actor: Actor, resource: str, patient_id: UUID, id_: UUID) -> None:
    audit.record(session, actor, "read", resource, patient_id=patient_id, resource_id=id_)


@blueprint.route("/refills/<uuid:refill_id>/cancel", methods=["POST"])
@requires("refill.cancel")
@blueprint.arguments(CancelSchema)
@blueprint.response(200, TimelineSchema)
def cancel_refill(body: dict[str, Any], refill_id: UUID) -> Response:
    """Cancel a refill, as long as the pharmacy isn't preparing it"""
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        service.cancel_refill(
            session=session, actor=actor, refill_id=refill_id, reason=body["reason"], now=now
        )
        view = _timeline(session, actor, refill_id)
    return json_response(view)


@blueprint.route("/refills/<uuid:refill_id>/pharmacy", methods=["POST"])
@requires("refill.change_pharmacy")
@blueprint.arguments(ChangePharmacySchema)
@blueprint.response(200, TimelineSchema)
def change_pharmacy(body: dict[str, Any], refill_id: UUID) -> Response:
    """Send a refill to another pharmacy

    Where the old pharmacy already has it, or could not dispense it, that request ends and the
    answer is the one that replaces it (`replaces_id`): once, since a second try is 409
    `already_replaced` and names it (`replaced_by_id`). It is asked anew whether the prescription
    may be filled: 422 `refill_not_allowed` has the `reasons` and what to do (`action`).
    """
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        goes_on = service.change_pharmacy(
            session=session, actor=actor, refill_id=refill_id, now=now, **body
        )
        session.flush()
        view = _timeline(session, actor, goes_on)
    return json_response(view)


@blueprint.route("/refills/<uuid:refill_id>/decision", methods=["POST"])
@requires("refill.decide")
@idempotent()
@blueprint.arguments(DecisionSchema)
@blueprint.response(200, TimelineSchema)
def decide(command: Decide, refill_id: UUID) -> Response:
    """Decide on a renewal

    An approval writes a new prescription, the old one's successor, with the changes, and sends
    it to the pharmacy. Quantity, days' supply and directions hang together: a change of one that
    keeps another in silence is 422 `change_incomplete`, which names what is missing. Where another
    prescription of the same medicine stands, 409 `duplicate_therapy` names it: stop that one, or
    confirm it with `confirmed_duplicates`. A denial names its reason; the patient is told what to
    do next.
    """
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        service.decide(session=session, actor=actor, refill_id=refill_id, command=command, now=now)
        return _timeline(session, actor, refill_id), 200

    with telling_of_duplicates(actor, now):
        return once(actor, use_case)
