"""Measurements: the clinic's at a visit, and the patient's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import Actor, ActorKind
from portal.core.clock import local_day
from portal.core.errors import FieldError
from portal.core.ids import new_id
from portal.patients import service as patients
from portal.patients.model import Patient
from portal.visits import chart_queries, rules, vital_rules
from portal.visits.chart_model import VitalSign
from portal.visits.errors import (
    VitalAlreadyWithdrawn,
    VitalImplausible,
    VitalNotFound,
    VitalNotYours,
    VitalUnusable,
)
from portal.visits.service import moves
from portal.visits.states import VitalSource
from portal.visits.vital_rules import KINDS, PARTS, VitalKind


@dataclass(frozen=True, slots=True)
class Measured:
    """One measurement by its LOINC code, in a UCUM unit: a value, or the two of a blood pressure.
    Now, unless said."""

    code: str
    unit: str
    value: Decimal | None = None
    systolic: Decimal | None = None
    diastolic: Decimal | None = None
    position: str | None = None
    note: str | None = None
    measured_at: datetime | None = None


def record_vitals(
    *, session: Session, actor: Actor, visit_id: UUID, items: Sequence[Measured], now: datetime
) -> list[VitalSign]:
    """Keep what was measured at a visit: all of it, or nothing.

    Raises VisitNotFound, VisitNotHeld, VitalUnusable, VitalImplausible.
    """
    visit = moves.lock_held(session, visit_id)
    patient = patients.get_patient(session, visit.patient_id)
    kept = [
        _new(item, f"/vitals/{number}", patient, actor, VitalSource.CLINIC, now)
        for number, item in enumerate(items)
    ]
    for vital in kept:
        vital.visit_id = visit.id
        session.add(vital)
    moves.record(session, actor, "record_vitals", "visit", patient.id, visit.id, now)
    session.flush()
    return kept


def record_own(*, session: Session, actor: Actor, item: Measured, now: datetime) -> VitalSign:
    """Keep what the patient measured. Raises VitalUnusable, VitalImplausible."""
    patient = patients.get_patient(session, actor.subject_id)
    vital = _new(item, "", patient, actor, VitalSource.PATIENT, now)
    session.add(vital)
    moves.record(session, actor, "create", "vital_sign", patient.id, vital.id, now)
    session.flush()
    return vital


def _new(
    item: Measured,
    pointer: str,
    patient: Patient,
    actor: Actor,
    source: VitalSource,
    now: datetime,
) -> VitalSign:
    measured_at = item.measured_at or now
    born_after = local_day(measured_at, patient.time_zone) < patient.birth_date
    if rules.is_future(measured_at, now) or born_after:
        message = "A time that has been, since the patient was born."
        raise VitalUnusable(message, errors=[FieldError(f"{pointer}/measured_at", message)])
    unit = _checked(item, pointer)
    return VitalSign(
        id=new_id(),
        patient_id=patient.id,
        code=item.code,
        value=item.value,
        systolic=item.systolic,
        diastolic=item.diastolic,
        unit=unit,
        position=item.position,
        note=item.note,
        source=source,
        measured_at=measured_at,
        recorded_at=now,
        recorded_by=actor.id,
    )


def _checked(item: Measured, pointer: str) -> str:
    """The unit, in UCUM, of a measurement that can be."""
    kind = KINDS[item.code]
    unit = vital_rules.unit_of(kind, item.unit)
    if unit is None:
        message = f"{kind.name} is taken in {', '.join(kind.units)}."
        raise VitalUnusable(message, errors=[FieldError(f"{pointer}/unit", message)])
    problems = _slips(item, kind, unit, pointer)
    if problems:
        raise VitalImplausible(problems[0].message, errors=problems)
    return unit


def _slips(item: Measured, kind: VitalKind, unit: str, pointer: str) -> list[FieldError]:
    if item.value is None:
        found = _pressure_slips(item, unit)
    else:
        found = {"value": vital_rules.slip(kind, item.value, unit)}
    return [FieldError(f"{pointer}/{name}", said) for name, said in found.items() if said]


def _pressure_slips(item: Measured, unit: str) -> dict[str, str | None]:
    values = {"systolic": item.systolic, "diastolic": item.diastolic}
    found = {
        name: vital_rules.slip(PARTS[name], value, unit)
        for name, value in values.items()
        if value is not None
    }
    if not any(found.values()) and item.systolic is not None and item.diastolic is not None:
        found["systolic"] = vital_rules.pressure_slip(item.systolic, item.diastolic)
    return found


def withdraw_vital(
    *, session: Session, actor: Actor, vital_id: UUID, reason: str | None, now: datetime
) -> VitalSign:
    """Mark a measurement as entered in error; patients their own alone.

    Raises VitalNotFound, VitalNotYours, VitalAlreadyWithdrawn.
    """
    seen = session.get(VitalSign, vital_id)
    if seen is None:
        raise VitalNotFound()
    if actor.kind == ActorKind.PATIENT and seen.source != VitalSource.PATIENT:
        raise VitalNotYours()
    vital = chart_queries.vital_for_change(session, vital_id)
    if vital is None:
        raise VitalNotFound()
    if vital.withdrawn_at is not None:
        raise VitalAlreadyWithdrawn(withdrawn_at=vital.withdrawn_at)
    vital.withdraw(actor=actor, now=now, reason=reason)
    moves.record(session, actor, "withdraw", "vital_sign", vital.patient_id, vital.id, now)
    session.flush()
    return vital
