"""The calls by which access is given, answered, changed and ended."""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from portal.core import audit, limits
from portal.core.actor import Actor
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.idempotency import idempotent, once
from portal.core.json import json_response
from portal.core.limits import limiter
from portal.core.paging import decode_cursor, page_by
from portal.core.permissions import requires
from portal.core.schemas import PageQuery
from portal.core.versions import expected_version, tagged
from portal.core.web import Blueprint, current_actor
from portal.patients import acting, delegating, parental, service
from portal.patients import delegation_queries as queries
from portal.patients.acting import as_delegate
from portal.patients.delegating import OfferAccess
from portal.patients.delegation_model import Delegation
from portal.patients.delegation_rules import ParentalBounds
from portal.patients.delegation_schemas import (
    ChangeAccessSchema,
    ChargeList,
    DelegationPage,
    FullDelegationSchema,
    NoticesSchema,
    OfferAccessSchema,
    ParentalAccessSchema,
    RecordParentSchema,
    RevokeSchema,
)
from portal.patients.delegation_views import charge_view, delegation_view, full_view
from portal.patients.errors import DelegationNotFound

blueprint = Blueprint("delegations", __name__, "Acting for others, and letting others act")


def _page(actor: Actor, patient_id: UUID, query: dict[str, Any], now: datetime) -> dict[str, Any]:
    after = decode_cursor(query["cursor"])
    with transaction(actor) as session:
        patient = service.get_patient(session, patient_id)
        day = parental.day_of(session, patient.clinic_id, now)
        rows = queries.delegations(session, patient.id, after=after, limit=query["limit"])
        audit.record(session, actor, "read", "delegation", patient_id=patient.id, at=now)
    page = page_by(rows, query["limit"], lambda row: (row.offered_at, row.id))
    items = [delegation_view(row, patient, day, now) for row in page.items]
    return {"items": items, "next": page.next, "sources": []}


def _view(session: Session, delegation: Delegation, now: datetime) -> dict[str, Any]:
    """A delegation with its history, as it is now."""
    session.flush()
    patient = service.get_patient(session, delegation.patient_id)
    day = parental.day_of(session, patient.clinic_id, now)
    view = delegation_view(delegation, patient, day, now)
    return full_view(view, queries.history(session, delegation.id))


@blueprint.route("/delegations", methods=["GET"])
@requires("delegation.read_own")
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, DelegationPage)
def list_delegations(query: dict[str, Any]) -> Response:
    """List who may act for you, or was asked to, the newest first"""
    actor = current_actor()
    return json_response(_page(actor, actor.id, query, utcnow()))


@blueprint.route("/delegations", methods=["POST"])
@requires("delegation.grant")
@idempotent()
@limiter.limit(limits.ENUMERABLE)
@blueprint.arguments(OfferAccessSchema)
@blueprint.response(201, FullDelegationSchema)
def offer_access(command: OfferAccess) -> Response:
    """Offer somebody access to your record, by category and period

    They are told at the e-mail address, and act for you once they have accepted. Somebody without
    an account gets the code for one there. For adults; the clinic records the parents of minors.
    """
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        made = delegating.offer_access(session=session, actor=actor, command=command, now=now)
        return _view(session, made, now), 201

    return once(actor, use_case)


@blueprint.route("/delegations/<uuid:delegation_id>", methods=["GET"])
@requires("delegation.read_own")
@blueprint.response(200, FullDelegationSchema)
def read_delegation(delegation_id: UUID) -> Response:
    """Read a delegation with every step so far"""
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        found = queries.delegation(session, delegation_id)
        if found is None:
            raise DelegationNotFound()
        delegating.record(session, actor, "read", found, now)
        view = _view(session, found, now)
    return tagged(view, found.version)


@blueprint.route("/delegations/<uuid:delegation_id>", methods=["PATCH"])
@requires("delegation.grant")
@blueprint.arguments(ChangeAccessSchema)
@blueprint.response(200, FullDelegationSchema)
def change_access(changes: dict[str, Any], delegation_id: UUID) -> Response:
    """Change the categories or the period of access that you gave; it holds at once

    With `If-Match` the change is made only if nobody changed it since you read it.
    """
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        changed = delegating.change_access(
            session=session,
            actor=actor,
            delegation_id=delegation_id,
            changes=changes,
            expected=expected_version(),
            now=now,
        )
        view = _view(session, changed, now)
    return tagged(view, changed.version)


@blueprint.route("/delegations/<uuid:delegation_id>/revoke", methods=["POST"])
@requires("delegation.revoke")
@blueprint.arguments(RevokeSchema)
@blueprint.response(200, FullDelegationSchema)
def revoke_access(body: dict[str, Any], delegation_id: UUID) -> Response:
    """End somebody's access at once

    Patients end what they gave; staff end, for a patient of theirs who asks for it, that and what
    they recorded of a parent. The reason is not shown to the delegate.
    """
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        ended = delegating.revoke_access(
            session=session, actor=actor, delegation_id=delegation_id, now=now, **body
        )
        view = _view(session, ended, now)
    return tagged(view, ended.version)


@blueprint.route("/patients/<uuid:patient_id>/delegations", methods=["GET"])
@requires("delegation.read")
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, DelegationPage)
def list_delegations_of_patient(query: dict[str, Any], patient_id: UUID) -> Response:
    """List who may act for a patient of yours, the newest first"""
    return json_response(_page(current_actor(), patient_id, query, utcnow()))


@blueprint.route("/patients/<uuid:patient_id>/parents", methods=["POST"])
@requires("delegation.record_parent")
@idempotent()
@blueprint.arguments(RecordParentSchema)
@blueprint.response(201, FullDelegationSchema)
def record_parent(command: OfferAccess, patient_id: UUID) -> Response:
    """Record the parent or guardian of a minor

    What they may see follows from the child's age on each day, within the clinic's bounds: all,
    then a part, then nothing. What is confidential they never see. A parent without an account
    gets the code for one by e-mail.
    """
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        made = delegating.record_parent(
            session=session, actor=actor, patient_id=patient_id, command=command, now=now
        )
        return _view(session, made, now), 201

    return once(actor, use_case)


@blueprint.route("/me/patients", methods=["GET"])
@requires("delegation.answer")
@blueprint.response(200, ChargeList)
def list_charges() -> Response:
    """List for whom you may act, today or later, and what you were offered

    Send a `patient_id` of it in the header `Acting-For` with the calls for that patient.
    """
    return json_response(_charges(as_delegate(current_actor())))


def _charges(actor: Actor) -> dict[str, Any]:
    now = utcnow()
    with transaction(actor) as session:
        found = acting.charges(session=session, actor=actor, now=now)
    return {"items": [charge_view(one) for one in found], "next": None, "sources": []}


@blueprint.route("/me/patients/<uuid:patient_id>", methods=["PATCH"])
@requires("delegation.answer")
@blueprint.arguments(NoticesSchema)
@blueprint.response(200, ChargeList)
def choose_notices(body: dict[str, Any], patient_id: UUID) -> Response:
    """Choose whether you are told of what is new about a patient you act for"""
    actor = as_delegate(current_actor())
    with transaction(actor) as session:
        acting.choose_notices(
            session=session, actor=actor, patient_id=patient_id, now=utcnow(), **body
        )
    return json_response(_charges(actor))


@blueprint.route("/me/patients/<uuid:patient_id>", methods=["DELETE"])
@requires("delegation.answer")
@blueprint.response(204)
def give_up(patient_id: UUID) -> None:
    """Stop acting for a patient"""
    actor = as_delegate(current_actor())
    with transaction(actor) as session:
        acting.give_up(session=session, actor=actor, patient_id=patient_id, now=utcnow())


@blueprint.route("/delegations/<uuid:delegation_id>/accept", methods=["POST"])
@requires("delegation.answer")
@blueprint.response(200, ChargeList)
def accept_delegation(delegation_id: UUID) -> Response:
    """Accept to act for a patient; answers with all for whom you may"""
    return _answer(delegation_id, accept=True)


@blueprint.route("/delegations/<uuid:delegation_id>/decline", methods=["POST"])
@requires("delegation.answer")
@blueprint.response(200, ChargeList)
def decline_delegation(delegation_id: UUID) -> Response:
    """Decline to act for a patient"""
    return _answer(delegation_id, accept=False)


def _answer(delegation_id: UUID, *, accept: bool) -> Response:
    actor = as_delegate(current_actor())
    with transaction(actor) as session:
        acting.answer_offer(
            session=session, actor=actor, delegation_id=delegation_id, accept=accept, now=utcnow()
        )
    return json_response(_charges(actor))


@blueprint.route("/clinics/<uuid:clinic_id>/parental-access", methods=["GET"])
@requires("directory.read")
@blueprint.response(200, ParentalAccessSchema)
def read_parental_access(clinic_id: UUID) -> Response:
    """Read until which age parents see a child's record at a clinic"""
    with transaction(current_actor()) as session:
        return json_response(_bounds_view(parental.bounds_of(session, clinic_id)))


@blueprint.route("/clinics/<uuid:clinic_id>/parental-access", methods=["PUT"])
@requires("parental_access.configure")
@blueprint.arguments(ParentalAccessSchema)
@blueprint.response(200, ParentalAccessSchema)
def set_parental_access(bounds: ParentalBounds, clinic_id: UUID) -> Response:
    """Set until which age parents see a child's record at a clinic; it holds at once"""
    actor = current_actor()
    with transaction(actor) as session:
        parental.set_parental_access(
            session=session, actor=actor, clinic_id=clinic_id, bounds=bounds, now=utcnow()
        )
    return json_response(_bounds_view(bounds))


def _bounds_view(bounds: ParentalBounds) -> dict[str, Any]:
    return {
        "full_until": bounds.full_until,
        "limited_until": bounds.limited_until,
        "limited": sorted(bounds.limited),
    }
