"""Pure decisions of the intake: whose a report is, and what it changes."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID

import orjson

from portal.patients.matching import Recorded, Said, identifies
from portal.results.flags import SEVERITY, gravest
from portal.results.incoming import (
    Attachment,
    Coding,
    IncomingObservation,
    IncomingReport,
    Isolate,
    PatientIdentity,
)
from portal.results.states import (
    Abnormality,
    CaseReason,
    ObservationStatus,
    ReportStatus,
)

# These say nothing about the patient any more.
WITHDRAWN = frozenset({ObservationStatus.CANCELLED, ObservationStatus.ENTERED_IN_ERROR})
UNCOUNTED = WITHDRAWN | {ObservationStatus.NOT_ASKED}


@dataclass(frozen=True, slots=True)
class Responsible:
    """Who may answer for what nobody here ordered: practitioners by NPI, patients' primary ones."""

    npis: Mapping[str, UUID]
    primaries: Mapping[UUID, UUID]


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """The requisition that a report names."""

    id: UUID
    patient_id: UUID
    laboratory_id: UUID
    orderer_id: UUID


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """A report that is there already, with its current version."""

    id: UUID
    patient_id: UUID
    requisition_id: UUID | None
    responsible_id: UUID
    status: ReportStatus
    version_number: int
    version_id: UUID
    issued_at: datetime
    digest: bytes
    observations: tuple["Known", ...]
    note: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """An observation of the current version."""

    code: str
    sub_id: str
    name: str
    value: str
    unit: str
    abnormality: Abnormality
    status: ObservationStatus
    position: int = 0
    observed_at: datetime | None = None
    flags: frozenset[str] = frozenset()
    reference_text: str = ""
    note: str = ""

    @property
    def has_value(self) -> bool:
        return bool(self.value)

    @property
    def key(self) -> tuple[str, str]:
        return self.code, self.sub_id


@dataclass(frozen=True, slots=True)
class Whose:
    """Where a report goes: to a patient's chart, or (`reason`) to somebody who finds out."""

    patient_id: UUID | None = None
    requisition_id: UUID | None = None
    responsible_id: UUID | None = None
    reason: CaseReason | None = None


def whose(
    identity: PatientIdentity,
    report: IncomingReport,
    *,
    laboratory_id: UUID | None,
    order: OrderFacts | None,
    known: ReportFacts | None,
    patients: Mapping[UUID, Recorded],
    responsible: Responsible,
) -> Whose:
    """Whose a report is. Where the message and the order disagree it reaches neither chart.

    `patients` are those whom the message names by record number, and those of the order and of the
    report that is there already.
    """
    if laboratory_id is None:
        return Whose(reason=CaseReason.SENDER_UNKNOWN)
    if order is not None and order.laboratory_id != laboratory_id:
        return Whose(reason=CaseReason.ORDER_ELSEWHERE)
    said, everybody = said_of(identity), patients.values()
    if order is not None:
        meant = Whose(order.patient_id, order.id, order.orderer_id)
    elif known is not None:
        meant = Whose(known.patient_id, known.requisition_id, known.responsible_id)
    else:
        return _unasked(said, report, everybody, responsible)
    patient = patients.get(meant.patient_id) if meant.patient_id else None
    elsewhere = known is not None and known.patient_id != meant.patient_id
    if patient is None or elsewhere or not identifies(said, patient, everybody, ordered=True):
        return Whose(reason=CaseReason.PATIENT_MISMATCH)
    return meant


def _unasked(
    said: Said, report: IncomingReport, everybody: Collection[Recorded], responsible: Responsible
) -> Whose:
    """A report that nobody here ordered goes by the patient's record number alone, and only where
    birth date and name say the same. One that names an order must have that found first."""
    if report.placer_number:
        return Whose(reason=CaseReason.ORDER_UNKNOWN)
    patient = next((one for one in everybody if one.is_named_by(said)), None)
    if patient is None:
        return Whose(reason=CaseReason.PATIENT_UNKNOWN)
    if not identifies(said, patient, everybody, ordered=False):
        return Whose(reason=CaseReason.PATIENT_MISMATCH)
    who = responsible.npis.get(report.orderer_npi) or responsible.primaries.get(patient.id)
    if who is None:
        return Whose(reason=CaseReason.NOBODY_RESPONSIBLE)
    return Whose(patient.id, None, who)


def said_of(identity: PatientIdentity) -> Said:
    """What a message says of its patient, as `patients` compares it."""
    return Said(
        numbers=frozenset(one.value for one in identity.identifiers),
        family_name=identity.family_name,
        given_name=identity.given_name,
        birth_date=identity.birth_date,
        sex=identity.sex,
    )


def digest_of(report: IncomingReport) -> bytes:
    """Of what a report says, without its times and numbers: the same again is no news."""
    said = (report.status, report.note, report.reason, report.observations, report.attachments)
    option = orjson.OPT_PASSTHROUGH_DATACLASS
    return hashlib.sha256(orjson.dumps(said, default=_as_json, option=option)).digest()


# What came into observations later counts only where it is said, so that what was kept before has
# the digest that it had.
_SAID_SELDOM = frozenset({"unsent", "isolate"})


def _as_json(value: object) -> object:
    if isinstance(value, IncomingObservation | Coding | Attachment | Isolate):
        members = {one.name: getattr(value, one.name) for one in fields(value)}
        return {k: v for k, v in members.items() if v or k not in _SAID_SELDOM}
    return value.hex() if isinstance(value, bytes) else str(value)


def shown(value: str, unit: str, status: ObservationStatus) -> str:
    """A value as people read it, with its unit; a withdrawn one says so, and one not asked for."""
    text = f"{value} {unit}".strip()
    said = status in WITHDRAWN or status == ObservationStatus.NOT_ASKED
    return f"{text} ({status.value.replace('_', ' ')})".strip() if said else text


def severity(abnormality: Abnormality) -> int:
    return SEVERITY.index(abnormality)


def worst_of(observations: Iterable["IncomingObservation | Known"]) -> Abnormality:
    """The worst of those that were not withdrawn, and were asked for: normal only if each of them
    was judged normal."""
    return gravest(one.abnormality for one in observations if one.status not in UNCOUNTED)


def says_something(report: IncomingReport) -> bool:
    """Whether a report is one to keep on a chart: that an order was received is not."""
    return report.status != ReportStatus.REGISTERED or bool(report.observations)
