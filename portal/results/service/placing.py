"""Putting reports on their patients' charts, or before somebody who finds out whose they are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from portal.core import audit, outbox
from portal.core.db import lock
from portal.core.ids import new_id
from portal.results import intake_queries as queries
from portal.results import intake_rules as rules
from portal.results import intake_statements as statements
from portal.results import report_rows
from portal.results.envelope import Arrival, Envelope, Placed, Sender, Source
from portal.results.incoming import IncomingMessage, IncomingReport
from portal.results.intake_errors import MatchedElsewhere
from portal.results.intake_rules import ReportFacts, Whose
from portal.results.service.cases import open_cases
from portal.results.service.keeping import arrival_of, kept, likely_zone
from portal.results.service.progress import note_progress
from portal.results.states import IntakeTransport, MessageOutcome

# Each is locked while it is taken in, and there is not room for any number of locks.
MOST_NUMBERS = 500

Answer = Callable[[Sequence[Placed]], Sequence[bytes]]
Read = Callable[[ZoneInfo], IncomingMessage]


@dataclass(slots=True)
class _Writing:
    """The rows that a message makes, gathered to be written at once."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, table: str, *rows: dict[str, Any]) -> None:
        self.rows.setdefault(table, []).extend(rows)


def look(
    *, session: Session, source: Source, envelope: Envelope, read: Read
) -> tuple[Arrival, IncomingMessage, queries.Found]:
    """Who sends a message, what it says and what it is about. `read` gives what it says, by the
    time zone of its sender."""
    zone = likely_zone(source)
    message = read(zone)
    found = _find(session, source, envelope.control_id, message)
    arrival = arrival_of(source, envelope, found.arrival)
    if arrival.sender.zone != zone:
        message = read(arrival.sender.zone)
    return arrival, message, found


def place_reports(
    *,
    session: Session,
    arrival: Arrival,
    message: IncomingMessage,
    found: queries.Found,
    answer: Answer,
    now: datetime,
) -> list[Placed]:
    """Put each report of a message on its patient's chart, or before somebody who finds out whose
    it is, and keep the message. `answer` makes what the sender is told, which is kept with it.

    Raises TakenMeanwhile.
    """
    sender = arrival.sender
    responsible = _responsible(session, message, found)
    writing = _Writing()
    placed: list[Placed] = []
    for index, report in enumerate(message.reports):
        goes_to = rules.whose(
            message.patient,
            report,
            laboratory_id=sender.laboratory_id,
            order=found.orders.get(index),
            known=found.reports.get(index),
            patients=found.patients,
            responsible=responsible,
        )
        if goes_to.reason is None:
            known = found.reports.get(index)
            placed.append(_place(session, sender, writing, report, goes_to, known, now))
        else:
            placed.append(Placed(report.place, goes_to.reason.value, case_id=new_id()))
    cases = open_cases(session, sender, message, placed, now)
    writing.add("cases", *cases)
    outcome = MessageOutcome.RECONCILING if cases else MessageOutcome.TAKEN_IN
    statements.write(
        session,
        writing.rows,
        message_id=arrival.message_id,
        message=kept(arrival, outcome, answer(placed), now=now),
        now=now,
    )
    return placed


def place_one(
    *,
    session: Session,
    message_id: UUID,
    sender: Sender,
    message: IncomingMessage,
    index: int,
    goes_to: Whose,
    now: datetime,
) -> Placed:
    """Put one report of a kept message where somebody said that it belongs.

    Raises MatchedElsewhere where it is on another chart.
    """
    report = message.reports[index]
    lock(session, order_locks(report.placer_number, report.filler_number))
    placer = queries.placer_number(session, goes_to.requisition_id) or report.placer_number
    meant = IncomingMessage(message.patient, (replace(report, placer_number=placer),))
    source = Source(IntakeTransport.HTTP, sender.laboratory_id)
    known = _find(session, source, None, meant).reports.get(0)
    if known is not None and known.patient_id != goes_to.patient_id:
        raise MatchedElsewhere()
    writing = _Writing()
    placed = _place(session, sender, writing, report, goes_to, known, now)
    statements.write(session, writing.rows, message_id=message_id, message=None, now=now)
    return placed


def order_locks(*numbers: str) -> frozenset[str]:
    """What a message locks while it is taken in: the orders' numbers, whoever gave them, so that
    two versions of a report don't race."""
    return frozenset(f"order {number}" for number in numbers if number)


def _find(
    session: Session, source: Source, control_id: str | None, message: IncomingMessage
) -> queries.Found:
    return queries.find(
        session,
        source=source,
        control_id=control_id,
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
    )


def _responsible(
    session: Session, message: IncomingMessage, found: queries.Found
) -> rules.Responsible:
    """Who may answer for a report that nobody here ordered."""
    unasked = [
        one
        for index, one in enumerate(message.reports)
        if index not in found.orders and index not in found.reports
    ]
    npis = {one.orderer_npi for one in unasked if one.orderer_npi}
    return rules.Responsible(
        npis=queries.practitioners(session, npis),
        primaries=queries.primaries(session, found.patients if unasked else ()),
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
        note_progress(session, sender.actor, report, goes_to.requisition_id, now)
        return Placed(report.place, "noted", known.id if known else None)
    issued_at = report.issued_at or now
    if known is not None and not rules.is_news(report, known, issued_at):
        return Placed(report.place, "nothing_new", known.id)
    own = _write_version(writing, sender, report, goes_to, known, issued_at)
    outbox.emit(
        session,
        "result.received",
        now=now,
        report_id=own["report_id"],
        version_id=own["version_id"],
    )
    audit.record(
        session,
        sender.actor,
        "create" if known is None else report.status.value,
        "result",
        patient_id=goes_to.patient_id,
        resource_id=own["report_id"],
        at=now,
    )
    return Placed(report.place, "new" if known is None else "updated", own["report_id"])


def _write_version(
    writing: _Writing,
    sender: Sender,
    report: IncomingReport,
    goes_to: Whose,
    known: ReportFacts | None,
    issued_at: datetime,
) -> dict[str, Any]:
    """Gather the rows of a version; the ids that they share."""
    version_id = new_id()
    own = {
        "report_id": known.id if known is not None else new_id(),
        "version_id": version_id,
        "patient_id": goes_to.patient_id,
    }
    carried = rules.carried_over(report, known) if known is not None else []
    worst = rules.abnormality(report.observations, carried)
    row = report_rows.report_row(report, goes_to, sender, own, worst, issued_at)
    number = 1 if known is None else known.version_number + 1
    if known is None:
        writing.add("new_reports", row)
    else:
        writing.add("next_reports", {**row, "version_number": number})
    version = report_rows.version_row(report, known, own, number, worst, issued_at)
    writing.add("versions", version)
    for position, observation in enumerate(report.observations, 1):
        columns = report_rows.observation_columns(observation)
        writing.add("observations", {**own, "position": position, **columns})
    if known is not None and carried:
        writing.add("carried", report_rows.carried_row(report, known, version_id))
    writing.add("attachments", *report_rows.attachment_rows(report, own))
    return own
