"""Pure decisions of the intake: whose a report is, and what it changes."""

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson

from portal.core.actor import ActorKind
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
class PatientFacts:
    """A patient's record, as far as a message can be held against it. `mrns` has the numbers of
    records that were merged into it as well."""

    id: UUID
    mrns: frozenset[str]
    family_name: str
    given_name: str
    birth_date: date


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
    patients: Mapping[UUID, PatientFacts],
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
    named = named_patients(identity, patients)
    if order is not None:
        meant = Whose(order.patient_id, order.id, order.orderer_id)
    elif known is not None:
        meant = Whose(known.patient_id, known.requisition_id, known.responsible_id)
    else:
        return _unasked(identity, report, named, responsible)
    patient = patients.get(meant.patient_id) if meant.patient_id else None
    elsewhere = known is not None and known.patient_id != meant.patient_id
    if patient is None or elsewhere or not agrees(identity, patient, named):
        return Whose(reason=CaseReason.PATIENT_MISMATCH)
    return meant


def _unasked(
    identity: PatientIdentity,
    report: IncomingReport,
    named: Sequence[PatientFacts],
    responsible: Responsible,
) -> Whose:
    """A report that nobody here ordered goes by the patient's record number alone, and only where
    the birth date says the same. One that names an order must have that found first."""
    if report.placer_number:
        return Whose(reason=CaseReason.ORDER_UNKNOWN)
    if not named:
        return Whose(reason=CaseReason.PATIENT_UNKNOWN)
    patient = named[0]
    if identity.birth_date is None or not agrees(identity, patient, named):
        return Whose(reason=CaseReason.PATIENT_MISMATCH)
    who = responsible.npis.get(report.orderer_npi) or responsible.primaries.get(patient.id)
    if who is None:
        return Whose(reason=CaseReason.NOBODY_RESPONSIBLE)
    return Whose(patient.id, None, who)


def named_patients(
    identity: PatientIdentity, patients: Mapping[UUID, PatientFacts]
) -> list[PatientFacts]:
    """The patients whose record numbers the message has."""
    numbers = {one.value for one in identity.identifiers}
    return [patient for patient in patients.values() if patient.mrns & numbers]


def agrees(identity: PatientIdentity, patient: PatientFacts, named: Sequence[PatientFacts]) -> bool:
    """Whether a message may be about this patient.

    Another patient's record number or another birth date speaks against it. With the patient's own
    number one of the names must fit, since people marry; without it both names and the birth date.
    """
    if any(other.id != patient.id for other in named):
        return False
    if identity.birth_date is not None and identity.birth_date != patient.birth_date:
        return False
    family = _same_name(identity.family_name, patient.family_name)
    given = _same_name(identity.given_name, patient.given_name)
    if named:
        unnamed = not (identity.family_name or identity.given_name)
        return family or given or unnamed
    return identity.birth_date is not None and family and given


def _same_name(one: str, other: str) -> bool:
    return bool(one) and _plain(one) == _plain(other)


def _plain(name: str) -> str:
    """A name without case, accents and punctuation: laboratories drop them."""
    decomposed = unicodedata.normalize("NFKD", name)
    return "".join(mark for mark in decomposed.casefold() if mark.isalnum())


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
