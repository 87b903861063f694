"""Pure decisions of the intake: whose a report is, and what it changes."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from portal.core.actor import ActorKind
from portal.patients.matching import Recorded, Said, identifies
from portal.results.incoming import IncomingObservation, IncomingReport, PatientIdentity
from portal.results.states import (
    REPORT,
    Abnormality,
    CaseReason,
    ObservationStatus,
    ReportStatus,
)

# How far a report has come: one that has come less far never overwrites.
_RANK = {
    ReportStatus.REGISTERED: 0,
    ReportStatus.PARTIAL: 1,
    ReportStatus.PRELIMINARY: 1,
    ReportStatus.FINAL: 2,
    ReportStatus.CORRECTED: 3,
    ReportStatus.AMENDED: 3,
    ReportStatus.CANCELLED: 3,
    ReportStatus.ENTERED_IN_ERROR: 3,
}
_SEVERITY = (
    Abnormality.UNKNOWN,
    Abnormality.NORMAL,
    Abnormality.ABNORMAL,
    Abnormality.CRITICAL,
)
# These say nothing about the patient any more.
WITHDRAWN = frozenset({ObservationStatus.CANCELLED, ObservationStatus.ENTERED_IN_ERROR})


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


def is_news(report: IncomingReport, known: ReportFacts, issued_at: datetime) -> bool:
    """Whether a report says more than what is known: an older status never overwrites a newer one,
    and of two of one status the later issued one stands."""
    if not REPORT.allows(known.status, report.status, ActorKind.LABORATORY):
        return False
    if _RANK[report.status] == _RANK[known.status] and issued_at < known.issued_at:
        return False
    return digest_of(report) != known.digest


def digest_of(report: IncomingReport) -> bytes:
    """Of what a report says, without its times and numbers: the same again is no news."""
    said = (report.status, report.note, report.reason, report.observations, report.attachments)
    return hashlib.sha256(orjson.dumps(said, default=_as_text)).digest()


def _as_text(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def changes(report: IncomingReport, known: ReportFacts) -> list[dict[str, Any]]:
    """What a version changes against the one before; an observation that is new has no `before`,
    and one that isn't mentioned stays as it was."""
    before: dict[tuple[str, str], list[Known]] = {}
    for old in known.observations:
        before.setdefault(old.key, []).append(old)
    found = []
    for new in report.observations:
        olds = before.get((new.code.code, new.sub_id), [])
        value, old_value = shown(new.text, new.unit, new.status), None
        if olds:
            old = olds.pop(0)
            old_value = shown(old.value, old.unit, old.status)
        if value != old_value:
            found.append(
                {
                    "code": new.code.code,
                    "name": new.code.display,
                    "before": old_value,
                    "after": value,
                }
            )
    return found


def shown(value: str, unit: str, status: ObservationStatus) -> str:
    """A value as people read it, with its unit; a withdrawn one says so."""
    text = f"{value} {unit}".strip()
    return f"{text} ({status.value.replace('_', ' ')})".strip() if status in WITHDRAWN else text


def carried_over(report: IncomingReport, known: ReportFacts) -> list[Known]:
    """Observations of the version before that a new one doesn't mention: they stand, since some
    laboratories send only what has changed."""
    mentioned = {(new.code.code, new.sub_id) for new in report.observations}
    return [old for old in known.observations if old.key not in mentioned]


def abnormality(
    observations: Sequence[IncomingObservation], carried: Sequence[Known] = ()
) -> Abnormality:
    """The worst of what a version holds."""
    all_of_them = [
        *(one.abnormality for one in observations if one.status not in WITHDRAWN),
        *(one.abnormality for one in carried if one.status not in WITHDRAWN),
    ]
    return max(all_of_them, key=_SEVERITY.index, default=Abnormality.UNKNOWN)


def says_something(report: IncomingReport) -> bool:
    """Whether a report is one to keep on a chart: that an order was received is not."""
    return report.status != ReportStatus.REGISTERED or bool(report.observations)
