"""What laboratories are sent about an order."""

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from portal.core.actor import WORKER
from portal.core.ids import new_id
from portal.directory import service as directory
from portal.directory.model import Laboratory, Practitioner, Transport
from portal.hl7v2.fields import Code
from portal.patients import service as patients
from portal.patients.model import Patient, Sex
from portal.requisitions import laboratory_queries, rules
from portal.requisitions.laboratory_model import LaboratoryMessage
from portal.requisitions.model import Requisition
from portal.requisitions.oml import (
    Address,
    LabOrder,
    OrderControl,
    Orderer,
    OrderPatient,
    OrderPriority,
    Party,
    write_order,
)
from portal.requisitions.states import MessageKind, MessageStatus, RequisitionStatus

S = RequisitionStatus
_NOWHERE = frozenset({S.DRAFT, S.CANCELLED, S.EXPIRED})
_ENDED_THERE = frozenset({S.REJECTED, S.RESULTED})
ENDED = _NOWHERE | _ENDED_THERE
# What says that the laboratory is to do the order.
STANDING = frozenset({MessageKind.NEW, MessageKind.UPDATE})
_CONTROLS = {
    MessageKind.NEW: OrderControl.NEW,
    MessageKind.UPDATE: OrderControl.CHANGE,
    MessageKind.CANCEL: OrderControl.CANCEL,
}
# HL7 table 0001.
_SEXES = {Sex.FEMALE: "F", Sex.MALE: "M", Sex.OTHER: "O", Sex.UNKNOWN: "U"}
# Coding systems (HL7 table 0396): LOINC, ICD-10-CM, SNOMED CT.
LOINC, DIAGNOSES, SPECIMENS = "LN", "I10C", "SCT"
# HL7 v2.5.1 gives MSH-10 twenty characters.
_ID_LENGTH = 20


def place_messages(session: Session, requisition: Requisition, us: Party, now: datetime) -> None:
    """Bring the laboratories to where the requisition is now: a `new` at its place, and a `cancel`
    wherever else it was sent. What was never sent is withdrawn instead."""
    last = laboratory_queries.standing_messages(session, requisition.id)
    here = requisition.laboratory_id
    nowhere = requisition.status in _NOWHERE
    for laboratory_id, message in last.items():
        if message.kind in STANDING and (nowhere or laboratory_id != here):
            _call_off(session, requisition, message, us, now)
    if nowhere or requisition.status in _ENDED_THERE:
        return
    standing = last.get(here)
    if standing is not None and standing.kind in STANDING:
        return
    if standing is None and laboratory_queries.was_refused(session, requisition.id, here):
        return
    place_message(session, requisition, here, MessageKind.NEW, us, now)


def _call_off(
    session: Session,
    requisition: Requisition,
    message: LaboratoryMessage,
    us: Party,
    now: datetime,
) -> None:
    unsent = message.transport == Transport.MLLP and message.attempts == 0
    if unsent and message.status == MessageStatus.QUEUED:
        message.move_to(MessageStatus.WITHDRAWN, actor=WORKER, now=now)
        if message.kind == MessageKind.NEW:
            return
    place_message(session, requisition, message.laboratory_id, MessageKind.CANCEL, us, now)


def place_message(
    session: Session,
    requisition: Requisition,
    laboratory_id: UUID,
    kind: MessageKind,
    us: Party,
    now: datetime,
    *,
    correction_id: UUID | None = None,
) -> None:
    """Put a message about an order into a laboratory's queue; `correction_id` is the correction of
    the patient's data that it tells."""
    laboratory = directory.get_laboratory(session, laboratory_id)
    id_ = new_id()
    control_id = id_.hex[-_ID_LENGTH:].upper()
    content = None
    if laboratory.transport == Transport.MLLP:
        order = _order(session, requisition, laboratory, kind, control_id, us)
        content = write_order(order, now)
        laboratory_queries.ring(session, laboratory_id)
    session.add(
        LaboratoryMessage(
            id=id_,
            laboratory_id=laboratory_id,
            requisition_id=requisition.id,
            transport=laboratory.transport,
            kind=kind,
            status=MessageStatus.QUEUED,
            control_id=control_id,
            content=content,
            correction_id=correction_id,
            created_at=now,
            next_try_at=now,
        )
    )
    session.flush()


def _order(
    session: Session,
    requisition: Requisition,
    laboratory: Laboratory,
    kind: MessageKind,
    control_id: str,
    us: Party,
) -> LabOrder:
    patient = patients.hold_identity(session, requisition.patient_id)
    orderer = directory.get_practitioner(session, requisition.orderer_id)
    specimen = None
    if requisition.specimen_code:
        specimen = Code(requisition.specimen_code, requisition.specimen_name or "", SPECIMENS)
    at_its_place = laboratory.id == requisition.laboratory_id
    return LabOrder(
        control_id=control_id,
        placer_number=requisition.placer_number,
        control=_CONTROLS[kind],
        patient=_patient(patient, us),
        orderer=_orderer(orderer),
        test=Code(requisition.test_code, requisition.test_name, LOINC),
        sender=us,
        receiver=Party(laboratory.application, laboratory.facility),
        filler_number=(requisition.filler_number or "") if at_its_place else "",
        group_number=requisition.group_number,
        priority=OrderPriority(requisition.priority),
        diagnoses=tuple(
            Code(one["code"], one.get("text") or "", DIAGNOSES) for one in requisition.diagnoses
        ),
        specimen=specimen,
        fasting=True if requisition.fasting else None,
        requested_at=_requested_at(requisition, laboratory),
        note=requisition.note or "",
    )


def _requested_at(requisition: Requisition, laboratory: Laboratory) -> datetime | None:
    if requisition.not_before is None:
        return None
    begins = rules.starts_at(requisition.not_before, requisition.ordered_at, laboratory.time_zone)
    return begins.astimezone(ZoneInfo(laboratory.time_zone))


def _patient(patient: Patient, us: Party) -> OrderPatient:
    return OrderPatient(
        mrn=patient.mrn,
        authority=us.facility,
        family_name=patient.family_name,
        given_name=patient.given_name,
        birth_date=patient.birth_date,
        sex=_SEXES[Sex(patient.sex)],
        address=Address(
            line=patient.line or "",
            city=patient.city or "",
            state=patient.state or "",
            postal_code=patient.postal_code or "",
        ),
        phone=patient.phone or "",
    )


def _orderer(practitioner: Practitioner) -> Orderer:
    family_name, given_name = rules.split_name(practitioner.name)
    return Orderer(practitioner.npi or "", family_name, given_name)
