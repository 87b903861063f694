"""Saying whose a report is that no rule could match."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.actor import NOBODY, Actor
from portal.core.errors import FieldError
from portal.directory import service as directory
from portal.patients import matching, matching_queries
from portal.patients.matching import Mark
from portal.results import case_queries
from portal.results import intake_rules as rules
from portal.results import intake_statements as statements
from portal.results.envelope import Sender
from portal.results.incoming import IncomingMessage, IncomingReport, PatientIdentity
from portal.results.intake_errors import (
    CaseClosed,
    CaseNotFound,
    IdentityDiffers,
    ReplayFirst,
    Unmatchable,
)
from portal.results.intake_model import ReceivedMessage, ReconciliationCase
from portal.results.intake_rules import Whose
from portal.results.service.placing import Replacing, place_one
from portal.results.service.rereading import read_again
from portal.results.states import CaseReason, CaseStatus, IntakeTransport
from portal.worklist import service as worklist
from portal.worklist.states import WorkItemKind

log = structlog.get_logger(__name__)

_DIFFERS: Mapping[Mark, str] = {
    Mark.RECORD_NUMBER: "record_number: the report has another patient's record number.",
    Mark.FAMILY_NAME: "family_name: the report has another family name.",
    Mark.GIVEN_NAME: "given_name: the report has another given name.",
    Mark.BIRTH_DATE: "birth_date: the report has another birth date.",
    Mark.SEX: "sex: the report has another sex.",
}


@dataclass(frozen=True, slots=True)
class Match:
    """Whose a report is: by the order that it answers, or by the patient.

    `confirmed` are the marks by which the report differs from that patient's record, as whoever
    matches has seen, and `reason` is why it is the patient's all the same.
    """

    requisition_id: UUID | None = None
    patient_id: UUID | None = None
    mrn: str | None = None
    birth_date: date | None = None
    note: str | None = None
    confirmed: Sequence[str] = ()
    reason: str | None = None
    replaces_version: int | None = None


def match(
    *, session: Session, actor: Actor, case_id: UUID, command: Match, now: datetime
) -> ReconciliationCase:
    """Put the report of a case on the chart that somebody found to be the right one. One that
    differs from what stands there (`out_of_order`) replaces it.

    `session` is the workers', since whoever matches need not care for the patient; the edge has
    made sure that the actor may see the case. Raises CaseNotFound, CaseClosed, ReplayFirst,
    Unmatchable, IdentityDiffers for what differs from that patient's record and wasn't confirmed,
    MatchedElsewhere, and ChartMovedOn where what it would replace came after the question.
    """
    case = open_case(session, case_id)
    if case.reason == CaseReason.NOT_TAKEN_IN:
        raise ReplayFirst()
    message = session.get_one(ReceivedMessage, case.message_id)
    sender = sender_of(session, case, message)
    incoming = reread(message, sender.zone)
    goes_to = _whose(session, case, command, incoming.reports[case.report_index].orderer_npi)
    differs = _confirmed(session, command, incoming.patient, goes_to)
    placed = place_one(
        session=session,
        message_id=message.id,
        sender=sender,
        message=incoming,
        index=case.report_index,
        goes_to=goes_to,
        now=now,
        replacing=Replacing(case.opened_at, command.replaces_version)
        if case.reason == CaseReason.OUT_OF_ORDER
        else None,
    )
    case.report_id = placed.report_id
    case.differences, case.confirmation = differs, command.reason if differs else None
    close_case(session, actor, case, CaseStatus.MATCHED, goes_to.patient_id, command.note, now)
    return case


def discard(
    *, session: Session, actor: Actor, case_id: UUID, note: str, now: datetime
) -> ReconciliationCase:
    """Close a case whose report belongs to nobody here; the message stays kept.

    Raises CaseNotFound, CaseClosed.
    """
    case = open_case(session, case_id)
    close_case(session, actor, case, CaseStatus.DISCARDED, None, note, now)
    return case


def reread_report(session: Session, message: ReceivedMessage, case: Any) -> IncomingReport | None:
    """The report of a case, as its message has it; `case` is the row or its view. None for one that
    can't be read: reading it may be what failed."""
    sender = sender_of(session, case, message)
    try:
        report: IncomingReport = reread(message, sender.zone).reports[case.report_index]
    except Exception as error:
        log.warning("case_unreadable", resource=str(case.id), error=type(error).__name__)
        return None
    return report


def reread(message: ReceivedMessage, zone: ZoneInfo) -> IncomingMessage:
    """A kept message, read again. Raises what read_again() does."""
    fhir = message.transport == IntakeTransport.FHIR
    return read_again(bytes(message.content), fhir=fhir, zone=zone)


def open_case(session: Session, case_id: UUID) -> ReconciliationCase:
    """A case, locked until the transaction ends. Raises CaseNotFound, CaseClosed."""
    case = session.get(ReconciliationCase, case_id, with_for_update=True)
    if case is None:
        raise CaseNotFound()
    if case.status != CaseStatus.OPEN:
        raise CaseClosed(status_now=case.status, closed_at=case.closed_at)
    return case


def sender_of(session: Session, case: Any, message: ReceivedMessage) -> Sender:
    """Who sent it; the times of a laboratory that nobody knows are taken for the clinic's."""
    if case.laboratory_id is not None:
        laboratory = directory.get_laboratory(session, case.laboratory_id)
        return Sender(laboratory.id, laboratory.name, ZoneInfo(laboratory.time_zone))
    clinic = directory.get_clinic(session, case.clinic_id)
    name = message.sender.replace("|", " ").strip()
    named = message.sender if name else str(message.id)  # who names nobody is nobody else either
    return Sender(None, name, ZoneInfo(clinic.time_zone), named)


def _whose(session: Session, case: ReconciliationCase, command: Match, npi: str) -> Whose:
    if command.requisition_id is not None:
        order: Any = case_queries.order(session, command.requisition_id)
        if order is None or order.clinic_id != case.clinic_id:
            raise Unmatchable(errors=[FieldError("/requisition_id", "No such order here.")])
        return Whose(order.patient_id, order.id, order.orderer_id)
    patient: Any = case_queries.patient(
        session, command.patient_id, mrn=command.mrn, birth_date=command.birth_date
    )
    if patient is None or patient.clinic_id != case.clinic_id:
        pointer = "/patient_id" if command.patient_id is not None else "/mrn"
        raise Unmatchable(errors=[FieldError(pointer, "No such patient of this clinic.")])
    responsible = case_queries.practitioner_by_npi(session, npi) or patient.primary_id
    if responsible is None:
        message = "Nobody cares for this patient yet: add a practitioner to the care team first."
        raise Unmatchable(errors=[FieldError("/patient_id", message)])
    return Whose(patient.id, None, responsible)


def _confirmed(
    session: Session, command: Match, identity: PatientIdentity, goes_to: Whose
) -> list[str]:
    """What differs from the record of whom it goes to. Raises IdentityDiffers."""
    said, patient_id = rules.said_of(identity), goes_to.patient_id or NOBODY
    records = matching_queries.look_up(session, [patient_id], said.numbers)
    differs = matching.differences(said, records[patient_id], records.values())
    if unconfirmed := sorted(differs - set(command.confirmed)):
        raise IdentityDiffers(
            errors=[FieldError("/confirmed", _DIFFERS[mark]) for mark in unconfirmed],
            differs=sorted(differs),
        )
    return [mark.value for mark in sorted(differs)]


def close_case(
    session: Session,
    actor: Actor,
    case: ReconciliationCase,
    status: CaseStatus,
    patient_id: UUID | None,
    note: str | None,
    now: datetime,
) -> None:
    case.move_to(status, actor=actor, now=now, note=note)
    session.flush()
    worklist.close_item(
        session=session,
        actor=actor,
        kind=WorkItemKind.RECONCILIATION,
        subject_id=case.id,
        outcome=status.value,
        now=now,
    )
    statements.settle_when_matched(session, case.message_id)
    if case.differences:
        audit.record(
            session,
            actor,
            "confirm_differences",
            "reconciliation",
            patient_id=patient_id,
            resource_id=case.id,
            at=now,
        )
    audit.record(
        session,
        actor,
        status.value,
        "reconciliation",
        patient_id=patient_id,
        resource_id=case.id,
        at=now,
    )
