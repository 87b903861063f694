"""A message with results, whatever protocol it came by, as the intake takes it.

`oru` makes these of HL7 v2 messages and `fhir` of FHIR bundles: pure values, nothing looked
up. Coding systems are named as in HL7 table 0396 (`LN`, `SCT`, `UCUM`, `I10C`), local ones as they
came. Times carry their zone; where a message gives none, the laboratory's zone was put in.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from portal.results.states import Abnormality, ObservationStatus, ReportStatus, ValueKind


@dataclass(frozen=True, slots=True)
class Coding:
    code: str
    display: str
    system: str


@dataclass(frozen=True, slots=True)
class Identifier:
    """A patient's number: whose (`authority`) and of what sort (`type`, HL7 table 0203)."""

    value: str
    authority: str = ""
    type: str = ""


@dataclass(frozen=True, slots=True)
class PatientIdentity:
    """Whom a message says it is about."""

    identifiers: tuple[Identifier, ...] = ()
    family_name: str = ""
    given_name: str = ""
    birth_date: date | None = None
    sex: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A document that came with a result."""

    content_type: str
    title: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Isolate:
    """What grew in a culture, which an observation was made of: the observation that names it (its
    code and sub-id), and what it is, as people read it."""

    code: str = ""
    sub_id: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class IncomingObservation:
    """One observation. `text` is the value as people read it, also for numbers.

    `unsent`: the value that was sent before is final, and isn't sent again. `isolate` is what it
    was tested on. `number` and `high` are the bounds of a range, or the two numbers of a ratio;
    `unit` is UCUM where the laboratory says so, else as it came. `local` is the laboratory's own
    code where it sent one beside LOINC.
    """

    code: Coding
    kind: ValueKind
    status: ObservationStatus
    sub_id: str = ""
    local: Coding | None = None
    number: Decimal | None = None
    high: Decimal | None = None
    comparator: str = ""
    text: str = ""
    value_code: Coding | None = None
    unit: str = ""
    reference_low: Decimal | None = None
    reference_high: Decimal | None = None
    reference_text: str = ""
    flags: tuple[str, ...] = ()
    abnormality: Abnormality = Abnormality.UNKNOWN
    observed_at: datetime | None = None
    note: str = ""
    attachment: Attachment | None = None
    unsent: bool = False
    isolate: "Isolate | None" = None


@dataclass(frozen=True, slots=True)
class IncomingReport:
    """One report: the answer to one order. `place` says where in the message it stands, `beside`
    where else, when several parts of it came apart. `numbered`: observations of one code have
    sub-ids that were given here, by their order."""

    place: str
    code: Coding
    status: ReportStatus
    placer_number: str = ""
    filler_number: str = ""
    category: str = ""
    collected_at: datetime | None = None
    issued_at: datetime | None = None
    orderer_npi: str = ""
    specimen: Coding | None = None
    note: str = ""
    # Why it was cancelled, where it was.
    reason: str = ""
    # For one that has no values yet: HL7's O (ordered), S (scheduled) or I (specimen received).
    progress: str = ""
    observations: tuple[IncomingObservation, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    beside: tuple[str, ...] = ()
    numbered: bool = False


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    patient: PatientIdentity
    reports: tuple[IncomingReport, ...]
