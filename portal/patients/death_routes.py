"""The HTTP calls about patients who have died."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.idempotency import idempotent, once
from portal.core.json import json_response
from portal.core.permissions import requires
from portal.core.web import Blueprint, current_actor
from portal.patients import death_queries, deaths
from portal.patients.death_model import DeathStep, PatientDeath
from portal.patients.death_schemas import (
    AccessAfterDeathSchema,
    DeathSchema,
    RecordDeathSchema,
    RevokeDeathSchema,
)
from portal.patients.deaths import RecordDeath

blueprint = Blueprint("deaths", __name__, "Patients who have died")


def _view(death: PatientDeath, steps: Sequence[DeathStep] = ()) -> dict[str, Any]:
    dumped: dict[str, Any] = DeathSchema(exclude=("steps",)).dump(death)
    dumped["steps"] = DeathSchema(only=("steps",)).dump({"steps": steps})["steps"]
    return dumped


@blueprint.route("/patients/<uuid:patient_id>/death", methods=["POST"])
@requires("patient.record_death")
@idempotent()
@blueprint.arguments(RecordDeathSchema)
@blueprint.response(201, DeathSchema)
def record_death(command: RecordDeath, patient_id: UUID) -> Response:
    """Record that a patient has died

    Nobody signs in as them from now on, nothing more is sent to them and nothing new can be asked
    for them (`patient_deceased`). What is open is closed shortly after, or given to a person:
    reading this again lists it.
    """
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        death = deaths.record_death(
            session=session, actor=actor, patient_id=patient_id, command=command, now=now
        )
        return _view(death), 201

    return once(actor, use_case)


@blueprint.route("/patients/<uuid:patient_id>/death", methods=["GET"])
@requires("patient.read")
@blueprint.response(200, DeathSchema)
def read_death(patient_id: UUID) -> Response:
    """Read what is recorded of a patient's death, and what became of each open loop

    The one that was recorded last, also after it was revoked.
    """
    actor = current_actor()
    with transaction(actor) as session:
        death, steps = deaths.read_death(
            session=session, actor=actor, patient_id=patient_id, now=utcnow()
        )
        return json_response(_view(death, steps))


@blueprint.route("/patients/<uuid:patient_id>/death/revoke", methods=["POST"])
@requires("patient.record_death")
@idempotent()
@blueprint.arguments(RevokeDeathSchema)
@blueprint.response(200, DeathSchema)
def revoke_death(body: dict[str, str], patient_id: UUID) -> Response:
    """Revoke a death that was recorded by mistake

    The login is what it was, and so is delegates' access. What was closed stays closed: it is a
    work item of the patient's care team, which looks after each.
    """
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        death = deaths.revoke_death(
            session=session, actor=actor, patient_id=patient_id, now=now, **body
        )
        return _view(death, death_queries.steps(session, death.id)), 200

    return once(actor, use_case)


@blueprint.route("/clinics/<uuid:clinic_id>/access-after-death", methods=["GET"])
@requires("directory.read")
@blueprint.response(200, AccessAfterDeathSchema)
def read_access_after_death(clinic_id: UUID) -> Response:
    """Read for how long delegates of a clinic's patients go on reading after a death"""
    with transaction(current_actor()) as session:
        return json_response({"days": death_queries.access_after_death(session, clinic_id)})


@blueprint.route("/clinics/<uuid:clinic_id>/access-after-death", methods=["PUT"])
@requires("access_after_death.configure")
@blueprint.arguments(AccessAfterDeathSchema)
@blueprint.response(200, AccessAfterDeathSchema)
def set_access_after_death(body: dict[str, int], clinic_id: UUID) -> Response:
    """Set for how long delegates go on reading after a death; it holds at once"""
    actor = current_actor()
    with transaction(actor) as session:
        deaths.set_access_after_death(
            session=session, actor=actor, clinic_id=clinic_id, now=utcnow(), **body
        )
    return json_response(body)
