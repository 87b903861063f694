"""The HTTP calls of this slice."""

from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from portal.core import limits
from portal.core.actor import Actor
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.idempotency import idempotent, once
from portal.core.limits import limiter
from portal.core.paging import decode_cursor, decode_key, page_by
from portal.core.permissions import requires
from portal.core.schemas import PageQuery
from portal.core.versions import expected_version, tagged
from portal.core.web import Blueprint, current_actor, extension
from portal.patients import deaths, merging, queries, registering, service
from portal.patients.duplicates import telling_of_duplicates
from portal.patients.model import Patient
from portal.patients.schemas import (
    AccessPage,
    AddCareTeamMemberSchema,
    BreakGlassSchema,
    ChangePatientSchema,
    GrantSchema,
    InvitationSchema,
    InvitePatientSchema,
    MergeSchema,
    PatientPage,
    PatientRecordSchema,
    PatientSearchSchema,
    RegisterPatientSchema,
)
from portal.patients.service import BreakGlass

blueprint = Blueprint("patients", __name__, "Patients and those who care for them")


def _record(session: Session, patient: Patient) -> Response:
    dumped: dict[str, Any] = PatientRecordSchema().dump(patient)
    dumped["care_team"] = [dict(row._mapping) for row in queries.care_team(session, patient.id)]
    dumped["deceased_on"] = deaths.died_on(session, patient.id)
    return tagged(dumped, patient.version)


def _place_in_list(row: Patient) -> tuple[Any, ...]:
    return row.family_key or row.given_key, row.given_key, row.id


def _read(actor: Actor, patient_id: UUID) -> Response:
    with transaction(actor) as session:
        patient = service.read_patient(
            session=session, actor=actor, patient_id=patient_id, now=utcnow()
        )
        return _record(session, patient)


@blueprint.route("/patients/me", methods=["GET"])
@requires("patient.read_own")
@blueprint.response(200, PatientRecordSchema)
def read_own_record() -> Response:
    """Read what the clinic knows about you, and who cares for you"""
    actor = current_actor()
    return _read(actor, actor.id)


@blueprint.route("/patients/me", methods=["PATCH"])
@requires("patient.change_own")
@blueprint.arguments(ChangePatientSchema)
@blueprint.response(200, PatientRecordSchema)
def change_own_record(changes: dict[str, Any]) -> Response:
    """Change your address, phone, language, time zone, preferred pharmacy or laboratory

    With `If-Match` the change is made only if nobody changed it since you read it.
    """
    actor = current_actor()
    with transaction(actor) as session:
        patient = service.change_own(
            session=session,
            actor=actor,
            changes=changes,
            expected=expected_version(),
            now=utcnow(),
        )
        session.flush()
        return _record(session, patient)


@blueprint.route("/patients/me/access-log", methods=["GET"])
@requires("audit.read_own")
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, AccessPage)
def list_accesses(query: dict[str, Any]) -> dict[str, Any]:
    """List who did what with your record, newest first"""
    actor, after = current_actor(), decode_cursor(query["cursor"])
    with transaction(actor) as session:
        rows = queries.accesses(session, actor.id, after=after, limit=query["limit"])
    page = page_by(rows, query["limit"], lambda row: (row.at, row.id))
    return {"items": page.items, "next": page.next, "sources": []}


@blueprint.route("/patients/search", methods=["POST"])
@requires("patient.read")
@blueprint.arguments(PatientSearchSchema)
@blueprint.response(200, PatientPage)
def search(query: dict[str, Any]) -> dict[str, Any]:
    """Find patients of yours by record number, name or birth date

    A POST, since what identifies a patient stands in no URL.
    """
    actor, after = current_actor(), decode_key(query["cursor"], str, str, UUID)
    with transaction(actor) as session:
        found = service.search_patients(
            session=session,
            actor=actor,
            wanted=query["wanted"],
            after=after,
            limit=query["limit"],
            now=utcnow(),
        )
    page = page_by(found, query["limit"], _place_in_list)
    return {"items": page.items, "next": page.next, "sources": []}


@blueprint.route("/patients", methods=["POST"])
@requires("patient.register")
@idempotent()
@blueprint.arguments(RegisterPatientSchema)
@blueprint.response(201, PatientRecordSchema)
def register(command: dict[str, Any]) -> Response:
    """Register a patient with their primary practitioner

    One name alone is a name: leave the other out. Where somebody of the same name and birth date,
    or with a former number like this one, has a record, 409 `possible_duplicate` names those whom
    you may see; send `confirmed` where it is somebody else.
    """
    actor, now, confirmed = current_actor(), utcnow(), command.pop("confirmed")

    def use_case(session: Session) -> tuple[Any, int]:
        patient = registering.register_patient(
            session=session, actor=actor, command=command, confirmed=confirmed, now=now
        )
        return PatientRecordSchema().dump(patient), 201

    with telling_of_duplicates(actor, now):
        return once(actor, use_case)


@blueprint.route("/patients/<uuid:patient_id>", methods=["GET"])
@requires("patient.read")
@blueprint.response(200, PatientRecordSchema)
def read_patient(patient_id: UUID) -> Response:
    """Read a patient of yours, and who cares for them"""
    return _read(current_actor(), patient_id)


@blueprint.route("/patients/<uuid:patient_id>/care-team", methods=["POST"])
@requires("patient.register")
@blueprint.arguments(AddCareTeamMemberSchema)
@blueprint.response(200, PatientRecordSchema)
def add_care_team_member(body: dict[str, Any], patient_id: UUID) -> Response:
    """Add a practitioner to a patient's care team"""
    actor = current_actor()
    with transaction(actor) as session:
        service.add_to_care_team(
            session=session, actor=actor, patient_id=patient_id, now=utcnow(), **body
        )
        return _record(session, service.get_patient(session, patient_id))


@blueprint.route("/patients/<uuid:patient_id>/care-team/<uuid:member_id>", methods=["DELETE"])
@requires("patient.register")
@blueprint.response(204)
def end_care(patient_id: UUID, member_id: UUID) -> None:
    """End a practitioner's care of a patient today"""
    actor = current_actor()
    with transaction(actor) as session:
        service.end_care(
            session=session,
            actor=actor,
            patient_id=patient_id,
            member_id=member_id,
            now=utcnow(),
        )


@blueprint.route("/patients/<uuid:patient_id>/merge", methods=["POST"])
@requires("patient.merge")
@idempotent()
@blueprint.arguments(MergeSchema)
@blueprint.response(200, PatientRecordSchema)
def merge(body: dict[str, Any], patient_id: UUID) -> Response:
    """Merge a duplicate into the record that stands for the patient from now on

    What is on the duplicate moves over shortly after, and its record number finds the other record.
    The patient's account goes on: the standing record's; the duplicate's, with its sessions, where
    the other has none or it was never opened. A second account is retired: its sessions end, its
    address is free. The answer is the record that stands; what both had that meets is listed
    shortly after (`GET …/merges`), and is somebody's work item. For thirty days the merge can be
    undone (`POST …/merge/undo`).
    """
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        survivor = merging.merge_patients(
            session=session, actor=actor, patient_id=patient_id, now=now, **body
        )
        return PatientRecordSchema().dump(survivor), 200

    return once(actor, use_case)


@blueprint.route("/patients/<uuid:patient_id>/invitation", methods=["POST"])
@requires("patient.invite")
@idempotent()
@blueprint.arguments(InvitePatientSchema)
@blueprint.response(201, InvitationSchema)
def invite_patient(body: dict[str, str], patient_id: UUID) -> Response:
    """Invite a patient to the portal: the activation code is shown this once"""
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        code = service.invite_patient(
            session=session,
            actor=actor,
            patient_id=patient_id,
            email=body["email"],
            secret_key=extension("config").secret_key,
            now=now,
        )
        return {"activation_code": code}, 201

    return once(actor, use_case, keep_body=False)


@blueprint.route("/patients/break-glass", methods=["POST"])
@requires("patient.break_glass")
@idempotent()
@limiter.limit(limits.ENUMERABLE)
@blueprint.arguments(BreakGlassSchema)
@blueprint.response(201, GrantSchema)
def break_glass(command: BreakGlass) -> Response:
    """Open a record outside your care team in an exceptional case

    For four hours, with a reason that is kept; the patient is told and sees it in their log.
    """
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        grant = service.break_glass(session=session, actor=actor, command=command, now=now)
        return GrantSchema().dump(grant), 201

    return once(actor, use_case)
