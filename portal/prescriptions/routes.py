"""The calls by which prescribers write, stop, hold and resume.

Reading a prescription says what may be refilled, which depends on open refills: those calls are
in the refill slice.
"""

from typing import Any
from uuid import UUID

from flask import Response

from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.idempotency import idempotent, once
from portal.core.permissions import requires
from portal.core.web import Blueprint, current_actor
from portal.patients.confidentiality import Confidential
from portal.patients.schemas import ConfidentialSchema
from portal.prescriptions import changing, service
from portal.prescriptions.duplicates import ConfirmedDuplicates, telling_of_duplicates
from portal.prescriptions.model import Prescription
from portal.prescriptions.schemas import (
    ConfirmedDuplicatesSchema,
    EarlyRefillSchema,
    PrescriptionSchema,
    ResumeSchema,
    StatusReasonSchema,
    WritePrescriptionSchema,
)
from portal.prescriptions.service import WritePrescription
from portal.prescriptions.states import PrescriptionStatus

blueprint = Blueprint("prescriptions", __name__, "What practitioners ordered")


@blueprint.route("/prescriptions", methods=["POST"])
@requires("prescription.write")
@idempotent(required=True)
@blueprint.arguments(WritePrescriptionSchema)
@blueprint.response(201, PrescriptionSchema)
def write_prescription(command: WritePrescription) -> Response:
    """Write a prescription

    It is sent to the patient's pharmacy at once; its refills become available after that first
    fill. More refills than the drug's schedule allows are refused. Where a prescription with one of
    its ingredients stands (`active` or `on_hold`, and not expired), 409 `duplicate_therapy` names
    it; what is meant all the same is sent with `confirmed_duplicates`.
    """
    actor, now = current_actor(), utcnow()

    def use_case(session: Any) -> tuple[Any, int]:
        written = service.write_prescription(session=session, actor=actor, command=command, now=now)
        return PrescriptionSchema().dump(written), 201

    with telling_of_duplicates(actor, now):
        return once(actor, use_case)


def _change(
    prescription_id: UUID,
    status: PrescriptionStatus,
    reason: str | None,
    confirmed: ConfirmedDuplicates | None = None,
) -> Prescription:
    actor, now = current_actor(), utcnow()
    with telling_of_duplicates(actor, now), transaction(actor) as session:
        return changing.change_status(
            session=session,
            actor=actor,
            prescription_id=prescription_id,
            status=status,
            reason=reason,
            confirmed=confirmed,
            now=now,
        )


@blueprint.route("/prescriptions/<uuid:prescription_id>/stop", methods=["POST"])
@requires("prescription.write")
@blueprint.arguments(StatusReasonSchema)
@blueprint.response(200, PrescriptionSchema)
def stop_prescription(body: dict[str, Any], prescription_id: UUID) -> Prescription:
    """Stop a prescription

    What is still open at the pharmacy is withdrawn, and the patient is told.
    """
    return _change(prescription_id, PrescriptionStatus.STOPPED, body["reason"])


@blueprint.route("/prescriptions/<uuid:prescription_id>/hold", methods=["POST"])
@requires("prescription.write")
@blueprint.arguments(StatusReasonSchema)
@blueprint.response(200, PrescriptionSchema)
def hold_prescription(body: dict[str, Any], prescription_id: UUID) -> Prescription:
    """Hold a prescription: no refills until it is resumed"""
    return _change(prescription_id, PrescriptionStatus.ON_HOLD, body["reason"])


@blueprint.route("/prescriptions/<uuid:prescription_id>/resume", methods=["POST"])
@requires("prescription.write")
@blueprint.arguments(ResumeSchema)
@blueprint.response(200, PrescriptionSchema)
def resume_prescription(body: dict[str, Any], prescription_id: UUID) -> Prescription:
    """Resume a prescription that was on hold

    Where another of the same medicine stands, 409 `duplicate_therapy` names it: see there.
    """
    confirmed = body["confirmed_duplicates"]
    return _change(prescription_id, PrescriptionStatus.ACTIVE, body["reason"], confirmed)


@blueprint.route("/prescriptions/<uuid:prescription_id>/confirm-duplicates", methods=["POST"])
@requires("prescription.write")
@blueprint.arguments(ConfirmedDuplicatesSchema)
@blueprint.response(200, PrescriptionSchema)
def confirm_duplicates(confirmed: ConfirmedDuplicates, prescription_id: UUID) -> Prescription:
    """Confirm that a prescription stands beside others of the same medicine

    For those that came together when two records were merged: it closes the item that asks. All of
    them have to be named, else 409 `duplicate_therapy` names them.
    """
    actor, now = current_actor(), utcnow()
    with telling_of_duplicates(actor, now), transaction(actor) as session:
        return changing.confirm_duplicates(
            session=session,
            actor=actor,
            prescription_id=prescription_id,
            confirmed=confirmed,
            now=now,
        )


@blueprint.route("/prescriptions/<uuid:prescription_id>/confidential", methods=["POST"])
@requires("record.keep_confidential")
@blueprint.arguments(ConfidentialSchema)
@blueprint.response(200, PrescriptionSchema)
def keep_prescription_confidential(command: Confidential, prescription_id: UUID) -> Prescription:
    """Keep a prescription from everybody who acts for the patient, or open it to them again

    With it its refills and renewals. The patient sees it as before.
    """
    actor = current_actor()
    with transaction(actor) as session:
        return service.keep_confidential(
            session=session,
            actor=actor,
            prescription_id=prescription_id,
            command=command,
            now=utcnow(),
        )


@blueprint.route("/prescriptions/<uuid:prescription_id>/early-refill", methods=["POST"])
@requires("prescription.override")
@blueprint.arguments(EarlyRefillSchema)
@blueprint.response(200, PrescriptionSchema)
def allow_early_refill(body: dict[str, Any], prescription_id: UUID) -> Prescription:
    """Allow one early refill (vacation override) until a day"""
    actor = current_actor()
    with transaction(actor) as session:
        return changing.allow_early_refill(
            session=session,
            actor=actor,
            prescription_id=prescription_id,
            until=body["until"],
            now=utcnow(),
        )
