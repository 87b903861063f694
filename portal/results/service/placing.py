"""Putting reports on their patients' charts, or before somebody who finds out whose they are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
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
from portal.results.incoming import IncomingMessage, IncomingReport, PatientIdentity
from portal.results.intake_errors import ChartMovedOn, MatchedElsewhere
from portal.results.intake_merge import Merge, in_order, merge
from portal.results.intake_rules import ReportFacts, Whose
from portal.results.parts import with_parts
from portal.results.service import critical
from portal.results.service.cases import Waiting, open_cases
from portal.results.service.keeping import arrival_of, kept, likely_zone
from portal.results.service.progress import note_progress
from portal.results.states import Abnormality, CaseReason, IntakeTransport, MessageOutcome

# Each is locked while it is taken in, and there is not room for any number of locks.
MOST_NUMBERS = 500

# Without one the message was kept before.
Answer = Callable[[Sequence[Placed]], Sequence[bytes]] | None
Read = Callable[[ZoneInfo], IncomingMessage]


def look(
    *, session: Session, source: Source, envelope: Envelope, read: Read
) -> tuple[Arrival, IncomingMessage, queries.Found]:
    """Who sends a message, what it says and what it is about. `read` gives what it says, by the
    time zone of its sender."""
    zone = likely_zone(source)
    message = with_parts(read(zone))
    found = _find(session, source, envelope.control_id, message)
    arrival = arrival_of(source, envelope, found.arrival)
    if arrival.sender.zone != zone:
        message = with_parts(read(arrival.sender.zone))
    return arrival, message, found


@dataclass(frozen=True, slots=True)
class Replacing:
    """Somebody was asked at `asked_at` whether a report replaces what stands, and has seen that
    version of it."""

    asked_at: datetime
    version: int | None


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

    What differs from what stands and can't be applied is before somebody too. Raises
    TakenMeanwhile.
    """
    sender = arrival.sender
    responsible = _responsible(session, message, found)
    writing = _Writing(session, sender, now)
    placed: list[Placed] = []
    for index, report in enumerate(message.reports):
        known = found.reports.get(index)
        goes_to = rules.whose(
            message.patient,
            report,
            laboratory_id=sender.laboratory_id,
            order=found.orders.get(index),
            known=known,
            patients=found.patients,
            responsible=responsible,
        )
        if goes_to.reason is None:
            placed.append(_place(writing, index, report, goes_to, known))
        else:
            placed.append(writing.wait(index, report, goes_to.reason))
    outcome = MessageOutcome.RECONCILING if writing.waiting else MessageOutcome.TAKEN_IN
    row = kept(arrival, outcome, answer(placed), now=now) if answer else None
    writing.write(arrival.message_id, message.patient, row)
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
    replacing: Replacing | None = None,
) -> Placed:
    """Put one report of a kept message where somebody said that it belongs; with `replacing` also
    where something else stands there, which it replaces.

    Raises MatchedElsewhere where it is on another chart, ChartMovedOn where what stands there came
    after somebody was asked, and isn't the version that they have seen.
    """
    report = message.reports[index]
    lock(session, order_locks(report.placer_number, report.filler_number))
    placer = queries.placer_number(session, goes_to.requisition_id) or report.placer_number
    meant = IncomingMessage(message.patient, (replace(report, placer_number=placer),))
    source = Source(IntakeTransport.HTTP, sender.laboratory_id)
    known = _find(session, source, None, meant, named=sender.named).reports.get(0)
    if known is not None and known.patient_id != goes_to.patient_id:
        raise MatchedElsewhere()
    if known is not None and replacing is not None:
        _check_replaced(session, known, replacing)
    writing = _Writing(session, sender, now)
    placed = _place(writing, index, report, goes_to, known, forced=replacing is not None)
    writing.write(message_id, message.patient, None)
    return placed


def _check_replaced(session: Session, known: ReportFacts, replacing: Replacing) -> None:
    """Raises ChartMovedOn."""
    stands = queries.standing_version(session, known.id)
    if stands.received_at > replacing.asked_at and stands.number != replacing.version:
        raise ChartMovedOn(result_id=known.id, version_now=stands.number)


def order_locks(*numbers: str) -> frozenset[str]:
    """What a message locks while it is taken in: the orders' numbers, whoever gave them, so that
    two versions of a report don't race."""
    return frozenset(f"order {number}" for number in numbers if number)


def _find(
    session: Session,
    source: Source,
    control_id: str | None,
    message: IncomingMessage,
    *,
    named: str = "",
) -> queries.Found:
    return queries.find(
        session,
        source=source,
        control_id=control_id,
        named=named,
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
    writing: "_Writing",
    index: int,
    report: IncomingReport,
    goes_to: Whose,
    known: ReportFacts | None,
    *,
    forced: bool = False,
) -> Placed:
    """One report on its patient's chart: a new one, a further version, or nothing new."""
    session, now = writing.session, writing.now
    report_id = known.id if known else None
    if not rules.says_something(report):
        note_progress(session, writing.sender.actor, report, goes_to.requisition_id, now)
        return Placed(report.place, "noted", report_id, beside=report.beside)
    issued_at = report.issued_at or now
    documents: list[bytes] = []
    if known is not None and not (forced or in_order(report, known, issued_at)):
        documents = queries.documents(session, known.id)
    merged = merge(report, known, issued_at, documents=documents, forced=forced)
    outcome = "nothing_new"
    if merged.is_news:
        report_id = writing.version(report, merged, goes_to, known)
        outcome = "new" if known is None else "updated"
    placed = Placed(report.place, outcome, report_id, beside=report.beside)
    if merged.undecided:
        return writing.decide(index, report, goes_to, merged, placed)
    return placed


class _Writing:
    """What a message makes, gathered to be written at once."""

    def __init__(self, session: Session, sender: Sender, now: datetime) -> None:
        self.session = session
        self.sender = sender
        self.now = now
        self.waiting: list[Waiting] = []
        self._rows: dict[str, list[dict[str, Any]]] = {}
        self._critical: list[UUID] = []

    def _add(self, table: str, *rows: dict[str, Any]) -> None:
        self._rows.setdefault(table, []).extend(rows)

    def version(
        self, report: IncomingReport, merged: Merge, goes_to: Whose, known: ReportFacts | None
    ) -> UUID:
        """A version of a report; the report's id."""
        report_id, version_id = known.id if known is not None else new_id(), new_id()
        own = {
            "report_id": report_id,
            "version_id": version_id,
            "patient_id": goes_to.patient_id,
        }
        row = report_rows.report_row(report, goes_to, self.sender, own, merged)
        number = 1 if known is None else known.version_number + 1
        if known is None:
            self._add("new_reports", row)
        else:
            self._add("next_reports", {**row, "version_number": number})
            self._add("carried", *report_rows.carried_rows(merged, known, version_id))
        self._add("versions", report_rows.version_row(merged, own, number))
        self._add("observations", *report_rows.observation_rows(merged, own))
        self._add("attachments", *report_rows.attachment_rows(report, merged, own))
        if merged.abnormality is Abnormality.CRITICAL:
            self._critical.append(report_id)
        self._tell(report_id, version_id, goes_to, "create" if known is None else merged.status)
        return report_id

    def _tell(self, report_id: UUID, version_id: UUID, goes_to: Whose, action: str) -> None:
        outbox.emit(
            self.session,
            "result.received",
            now=self.now,
            report_id=report_id,
            version_id=version_id,
        )
        audit.record(
            self.session,
            self.sender.actor,
            str(action),
            "result",
            patient_id=goes_to.patient_id,
            resource_id=report_id,
            at=self.now,
        )

    def wait(self, index: int, report: IncomingReport, reason: CaseReason) -> Placed:
        """A report that waits until somebody has found out whose it is."""
        one = Waiting(new_id(), index, report, reason)
        self.waiting.append(one)
        return Placed(
            report.place, "waiting", case_id=one.case_id, reason=reason, beside=report.beside
        )

    def decide(
        self, index: int, report: IncomingReport, goes_to: Whose, merged: Merge, placed: Placed
    ) -> Placed:
        """What differs from what stands waits until somebody has decided which stands. The same
        once more is the same case."""
        reason = CaseReason.OUT_OF_ORDER
        digest = rules.digest_of(report).hex()
        there = placed.report_id and queries.waiting_case(self.session, placed.report_id, digest)
        if there:
            return replace(placed, case_id=there, reason=reason)
        one = Waiting(new_id(), index, report, reason, goes_to, placed.report_id, merged.undecided)
        self.waiting.append(one)
        return replace(placed, case_id=one.case_id, reason=reason)

    def write(
        self, message_id: UUID, patient: PatientIdentity, message: Mapping[str, Any] | None
    ) -> None:
        """Everything, with the message itself unless it was kept before. Critical values have
        somebody who is asked about them in the same transaction: what comes next may replace them
        before the workers look. Raises TakenMeanwhile."""
        if self.waiting:
            rows = open_cases(self.session, self.sender, patient, self.waiting, self.now)
            self._add("cases", *rows)
        statements.write(
            self.session, self._rows, message_id=message_id, message=message, now=self.now
        )
        for report_id in self._critical:
            critical.raise_for(session=self.session, report_id=report_id, now=self.now)
