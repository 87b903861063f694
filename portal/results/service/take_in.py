"""Taking in what laboratories report: kept, understood, put on the chart, answered.

The edge commits, and only then hands out the answers: a sender that is told AA can forget the
message. What is refused is kept as well, with what it was answered.
"""

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from portal.core import audit, outbox
from portal.core.actor import Actor, ActorKind
from portal.core.ids import new_id
from portal.results import intake_queries as queries
from portal.results import intake_rules as rules
from portal.results.incoming import IncomingMessage, IncomingReport
from portal.results.intake_rules import ReportFacts, Whose
from portal.results.service.cases import open_cases
from portal.results.service.progress import report_progress
from portal.results.states import IntakeTransport, MessageOutcome, ReportStatus

MAX_TITLE = 200


@dataclass(frozen=True, slots=True)
class Source:
    """Who sent something, and how. Without a laboratory's id it goes by how it names itself."""

    transport: IntakeTransport
    laboratory_id: UUID | None = None
    application: str = ""
    facility: str = ""


@dataclass(frozen=True, slots=True)
class Sender:
    """The laboratory that a message comes from; None where nobody here knows it."""

    laboratory_id: UUID | None
    name: str
    zone: ZoneInfo

    @property
    def actor(self) -> Actor:
        return Actor(
            ActorKind.LABORATORY, self.laboratory_id or UUID(int=0), name=self.name
        )


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message before it is understood. `digest` is of all that makes it the same message."""

    content: bytes
    control_id: str | None
    message_type: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Kept:
    """A message that was kept just now, or the `twin` that was taken before."""

    message_id: UUID
    sender: Sender
    twin: Any = None


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of one report."""

    place: str
    outcome: str
    report_id: UUID | None = None
    case_id: UUID | None = None


@dataclass(slots=True)
class _Writing:
    """The rows that a message makes, gathered to be written at once."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, table: str, row: dict[str, Any]) -> None:
        self.rows.setdefault(table, []).append(row)


def keep(
    *,
    session: Session,
    source: Source,
    envelope: Envelope,
    now: datetime,
    outcome: MessageOutcome = MessageOutcome.RECEIVED,
) -> Kept:
    """Keep a message as it came. One that was taken before under its control id is the `twin`."""
    message_id = new_id()
    row = queries.keep(
        session,
        {
            "id": message_id,
            "transport": source.transport,
            "laboratory_id": source.laboratory_id,
            "application": source.application,
            "facility": source.facility,
            "control_id": envelope.control_id,
            "message_type": envelope.message_type,
            "digest": envelope.digest,
            "content": envelope.content,
            "outcome": outcome,
            "now": now,
        },
    )
    known = row.laboratory_id is not None
    zone = ZoneInfo(row.time_zone) if known else ZoneInfo("UTC")
    sender = Sender(row.laboratory_id, row.name or source.facility, zone)
    if row.kept_id is not None or envelope.control_id is None:
        return Kept(message_id, sender)
    name = str(row.laboratory_id) if known else f"{source.application}|{source.facility}"
    return Kept(message_id, sender, queries.twin(session, name, envelope.control_id))


def place_reports(
    *,
    session: Session,
    kept: Kept,
    message: IncomingMessage,
    answer: Callable[[Sequence[Placed]], Sequence[bytes]],
    now: datetime,
) -> list[Placed]:
    """Put each report of a kept message on its patient's chart, or before somebody who finds out
    whose it is. `answer` makes what the sender is told, which is kept with the message."""
    queries.lock_orders(session, _order_keys(kept.sender, message.reports))
    found = _find(session, kept.sender, message)
    writing = _Writing()
    placed: list[Placed] = []
    for index, report in enumerate(message.reports):
        goes_to = rules.whose(
            message.patient,
            report,
            laboratory_id=kept.sender.laboratory_id,
            order=found.orders.get(index),
            known=found.reports.get(index),
            patients=found.patients,
            npis=found.npis,
        )
        if goes_to.reason is None:
            known = found.reports.get(index)
            placed.append(_place(session, kept.sender, writing, report, goes_to, known, now))
        else:
            placed.append(Placed(report.place, goes_to.reason.value, case_id=new_id()))
    cases = open_cases(session, kept, message, placed, now)
    for case in cases:
        writing.add("cases", case)
    queries.write(
        session,
        writing.rows,
        message_id=kept.message_id,
        outcome=MessageOutcome.RECONCILING if cases else MessageOutcome.TAKEN_IN,
        answers=answer(placed),
        problem=None,
        now=now,
    )
    return placed


def settle(
    *,
    session: Session,
    message_id: UUID,
    outcome: MessageOutcome,
    answers: Sequence[bytes],
    problem: str | None,
    now: datetime,
) -> None:
    """Note what became of a message that has no reports, or was refused."""
    queries.write(
        session,
        {},
        message_id=message_id,
        outcome=outcome,
        answers=answers,
        problem=problem,
        now=now,
    )


def _order_keys(sender: Sender, reports: Sequence[IncomingReport]) -> set[str]:
    keys = {f"placer|{one.placer_number}" for one in reports if one.placer_number}
    fillers = {one.filler_number for one in reports if one.filler_number}
    return keys | {f"filler|{sender.laboratory_id}|{filler}" for filler in fillers}


def _find(session: Session, sender: Sender, message: IncomingMessage) -> queries.Found:
    return queries.find(
        session,
        laboratory_id=sender.laboratory_id,
        reports=[
            {
                "index": index,
                "placer": one.placer_number,
                "filler": one.filler_number,
                "code": one.code.code,
            }
            for index, one in enumerate(message.reports)
        ],
        mrns={one.value for one in message.patient.identifiers},
        npis={one.orderer_npi for one in message.reports if one.orderer_npi},
    )


def _place(
    session: Session,
    sender: Sender,
    writing: _Writing,
    report: IncomingReport,
    goes_to: Whose,
    known: ReportFacts | None,
    now: datetime,
) -> Placed:
    """One report on its patient's chart: a new one, a further version, or nothing new."""
    if not rules.says_something(report):
        report_progress(session, sender.actor, report, goes_to, now)
        return Placed(report.place, "noted", known.id if known else None)
    issued_at = report.issued_at or now
    if known is not None and not rules.is_news(report, known, issued_at):
        return Placed(report.place, "nothing_new", known.id)
    report_id = known.id if known is not None else new_id()
    version_id = new_id()
    carried = rules.carried_over(report, known) if known is not None else []
    worst = rules.abnormality(report.observations, carried)
    own = {"report_id": report_id, "version_id": version_id, "patient_id": goes_to.patient_id}
    row = _report_row(report, goes_to, sender, own, worst, issued_at)
    if known is None:
        writing.add("new_reports", row)
    else:
        writing.add("next_reports", {**row, "version_number": known.version_number + 1})
    number = 1 if known is None else known.version_number + 1
    writing.add("versions", _version_row(report, known, own, number, worst, issued_at))
    for position, observation in enumerate(report.observations, 1):
        writing.add("observations", {**own, "position": position, **_columns(observation)})
    if known is not None and carried:
        writing.add("carried", _carried_row(report, known, version_id))
    _attach(writing, report, own)
    outbox.emit(
        session, "result.received", now=now, report_id=report_id, version_id=version_id
    )
    audit.record(
        session,
        sender.actor,
        "create" if known is None else report.status.value,
        "result",
        patient_id=goes_to.patient_id,
        resource_id=report_id,
        at=now,
    )
    return Placed(report.place, "new" if known is None else "updated", report_id)


def _report_row(
    report: IncomingReport,
    goes_to: Whose,
    sender: Sender,
    own: dict[str, Any],
    worst: str,
    issued_at: datetime,
) -> dict[str, Any]:
    return {
        "id": own["report_id"],
        "version_id": own["version_id"],
        "patient_id": goes_to.patient_id,
        "requisition_id": goes_to.requisition_id,
        "laboratory_id": sender.laboratory_id,
        "performer_name": sender.name,
        "responsible_id": goes_to.responsible_id,
        "placer_number": report.placer_number,
        "filler_number": report.filler_number,
        "code": report.code.code,
        "code_system": report.code.system,
        "name": report.code.display or report.code.code,
        "category": report.category,
        "status": report.status,
        "abnormality": worst,
        "collected_at": report.collected_at,
        "issued_at": issued_at,
    }


def _version_row(
    report: IncomingReport,
    known: ReportFacts | None,
    own: dict[str, Any],
    number: int,
    worst: str,
    issued_at: datetime,
) -> dict[str, Any]:
    return {
        "id": own["version_id"],
        "report_id": own["report_id"],
        "patient_id": own["patient_id"],
        "number": number,
        "status": report.status,
        "abnormality": worst,
        "issued_at": issued_at,
        "note": report.note or None,
        "reason": report.reason or None,
        "digest": rules.digest_of(report).hex(),
        "changes": [] if known is None else rules.changes(report, known),
    }


def _carried_row(
    report: IncomingReport, known: ReportFacts, version_id: UUID
) -> dict[str, Any]:
    return {
        "from_version_id": known.version_id,
        "to_version_id": version_id,
        "after": len(report.observations),
        "mentioned": sorted({(one.code.code, one.sub_id) for one in report.observations}),
    }


def _columns(observation: Any) -> dict[str, Any]:
    """An observation's columns. Numbers go as text, so that none loses a digit."""
    number, high = observation.number, observation.high
    low_end, high_end = observation.reference_low, observation.reference_high
    return {
        "code": observation.code.code,
        "code_system": observation.code.system,
        "name": observation.code.display or observation.code.code,
        "local_code": observation.local.code if observation.local else None,
        "sub_id": observation.sub_id,
        "kind": observation.kind,
        "number": None if number is None else str(number),
        "high": None if high is None else str(high),
        "comparator": observation.comparator,
        "value_text": observation.text,
        "value_code": observation.value_code.code if observation.value_code else None,
        "unit": observation.unit,
        "reference_low": None if low_end is None else str(low_end),
        "reference_high": None if high_end is None else str(high_end),
        "reference_text": observation.reference_text,
        "flags": list(observation.flags),
        "abnormality": observation.abnormality,
        "status": observation.status,
        "observed_at": observation.observed_at,
        "note": observation.note or None,
    }


def _attach(writing: _Writing, report: IncomingReport, own: dict[str, Any]) -> None:
    """The documents of a report, and those that came as observations."""
    documents = [
        *report.attachments,
        *(one.attachment for one in report.observations if one.attachment is not None),
    ]
    for position, document in enumerate(documents, 1):
        writing.add(
            "attachments",
            {
                "id": new_id(),
                **own,
                "position": position,
                "content_type": document.content_type,
                "title": (document.title or report.code.display)[:MAX_TITLE],
                "size": len(document.content),
                "content": base64.b64encode(document.content).decode(),
            },
        )


def digest_without(content: bytes, changing: bytes) -> bytes:
    """A message's digest without what differs each time it is sent."""
    return hashlib.sha256(content.replace(changing, b"", 1) if changing else content).digest()


