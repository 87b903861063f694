"""Results by HL7 v2: ORU^R01 (HL7 v2.5.1, 7.3.1) as the intake takes them.

Segments are taken by what they belong to rather than by one strict order: laboratories put NTE and
SPM before or after OBX. Everything that is wrong is told at once, by segment and field.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from portal.hl7v2.errors import ErrorCondition
from portal.hl7v2.escaping import STANDARD
from portal.hl7v2.fields import codes, cx, ei, xcn, xpn
from portal.hl7v2.numbers import has_decimal_commas
from portal.hl7v2.reading import Message
from portal.hl7v2.segments import Segment
from portal.hl7v2.times import day
from portal.results.incoming import (
    Coding,
    Identifier,
    IncomingMessage,
    IncomingObservation,
    IncomingReport,
    PatientIdentity,
)
from portal.results.oru.isolates import isolate_of, named_isolates, on_isolate
from portal.results.oru.obx import Reader, Result, coding, notes_text, observation
from portal.results.oru.tables import PROGRESS, REPORT_STATUS
from portal.results.states import TAKES_BACK, ObservationStatus, ReportStatus

TYPES = ("ORU^R01",)
_NO_ORDER = Segment("ORC", 0, [], STANDARD)
_COMPLETE = frozenset({ObservationStatus.FINAL, ObservationStatus.CORRECTED})


@dataclass(slots=True)
class _Order:
    """One OBR with what belongs to it."""

    obr: Segment
    orc: Segment
    results: list[Result] = field(default_factory=list)
    notes: list[Segment] = field(default_factory=list)
    specimens: list[Segment] = field(default_factory=list)


class _Groups:
    """Sorts a message's segments into patients and orders."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.patients: list[Segment] = []
        self.orders: list[_Order] = []
        self._orc = _NO_ORDER
        # Where the next note goes; before any order there is nowhere.
        self._notes: list[Segment] | None = None
        self._order: _Order | None = None
        self._told = False

    def take(self, segment: Segment) -> None:
        taken = self._TAKERS.get(segment.name)
        if taken:
            taken(self, segment)

    def _patient(self, pid: Segment) -> None:
        self.patients.append(pid)
        self._order, self._notes, self._orc = None, None, _NO_ORDER

    def _common_order(self, orc: Segment) -> None:
        self._orc, self._order, self._notes = orc, None, None

    def _request(self, obr: Segment) -> None:
        order = _Order(obr, self._orc)
        self.orders.append(order)
        self._order, self._notes, self._orc = order, order.notes, _NO_ORDER

    def _result(self, obx: Segment) -> None:
        if self._order is None:
            self._astray(obx)
            return
        results = self._order.results
        if results and results[-1].takes(obx):
            results[-1].more.append(obx)
        else:
            results.append(Result(obx))
        self._notes = results[-1].notes

    def _astray(self, obx: Segment) -> None:
        # Told once: the others are astray for the same reason.
        if not self._told:
            self.reader.faults.add(
                f"OBX^{obx.number}", ErrorCondition.SEGMENT_SEQUENCE, "An OBR comes before."
            )
        self._told = True

    def _specimen(self, spm: Segment) -> None:
        if self._order:
            self._order.specimens.append(spm)
            self._notes = self._order.notes

    def _note(self, nte: Segment) -> None:
        if self._notes is not None:
            self._notes.append(nte)

    _TAKERS: dict[str, Callable[["_Groups", Segment], None]] = {
        "PID": _patient,
        "ORC": _common_order,
        "OBR": _request,
        "OBX": _result,
        "SPM": _specimen,
        "NTE": _note,
    }


def read_report(message: Message, *, zone: ZoneInfo) -> IncomingMessage:
    """The reports in an ORU^R01. `zone` is the laboratory's, for times without an offset.

    Raises MessageRefused: AR for another type, AE naming every field that has to be mended.
    """
    message.require(*TYPES)
    reader = Reader(zone, commas=_has_commas(message))
    groups = _Groups(reader)
    for segment in message.segments:
        groups.take(segment)
    patient = _patient(reader, groups.patients)
    if not groups.orders:
        reader.faults.add("OBR^1", ErrorCondition.SEGMENT_SEQUENCE, "A report has an OBR.")
    sent_at = reader.time(message.segments[0], 7)
    reports = [_report(reader, order, sent_at) for order in groups.orders]
    reader.faults.check()
    return IncomingMessage(patient, tuple(named_isolates(reports)))


def _has_commas(message: Message) -> bool:
    """Whether the whole message has its numbers and their ranges with decimal commas."""
    results = [one for one in message.segments if one.name == "OBX"]
    values = [one.whole(5) for one in results if one.text(2).upper() in ("NM", "SN")]
    return has_decimal_commas([*values, *(one.whole(7) for one in results)])


def _patient(reader: Reader, pids: Sequence[Segment]) -> PatientIdentity:
    """The patient, of whom there is one: another PID must have an identifier of the first's."""
    if not pids:
        reader.faults.add("PID^1", ErrorCondition.SEGMENT_SEQUENCE, "A report has a PID.")
        return PatientIdentity()
    first = _identity(reader, pids[0])
    known = {(one.value, one.authority) for one in first.identifiers}
    for pid in pids[1:]:
        others = _identifiers(reader, pid)
        if not known & {(one.value, one.authority) for one in others}:
            reader.faults.add(
                f"PID^{pid.number}",
                ErrorCondition.SEGMENT_SEQUENCE,
                "Send one message for each patient.",
            )
    return first


def _identifiers(reader: Reader, pid: Segment) -> tuple[Identifier, ...]:
    """PID-3; where that is empty PID-2 and PID-4, which older systems fill."""
    for numbers in ((3,), (2, 4)):
        found = [
            Identifier(*cx(element))
            for number in numbers
            for element in pid.every(number)
            if element.text()
        ]
        for one in found:
            reader.bounded(pid, 3, one.value)
        if found:
            return tuple(found)
    reader.faults.add(pid.place(3), ErrorCondition.REQUIRED_FIELD_MISSING, "Whom is this about?")
    return ()


def _identity(reader: Reader, pid: Segment) -> PatientIdentity:
    names = [element for element in pid.every(5) if element.text(1) or element.text(2)]
    legal = [element for element in names if element.text(7) == "L"]
    name = xpn((legal or names)[0]) if names else None
    return PatientIdentity(
        identifiers=_identifiers(reader, pid),
        family_name=name.family if name else "",
        given_name=name.given if name else "",
        birth_date=reader.attempt(pid, 7, lambda: day(pid.text(7))),
        sex=reader.bounded(pid, 8, pid.text(8)),
    )


def _report(reader: Reader, order: _Order, sent_at: datetime | None) -> IncomingReport:
    obr, orc = order.obr, order.orc
    code, _local = reader.code(obr, 4)
    collected_at = _collected_at(reader, order)
    found = [observation(reader, one, collected_at) for one in order.results]
    observations = on_isolate(found, isolate_of(obr))
    status = _status(reader, obr, observations)
    rejected = _rejections(order)
    note = notes_text(order.notes)
    return IncomingReport(
        place=f"OBR^{obr.number}",
        code=code,
        status=status,
        placer_number=_number(reader, obr, orc, 2),
        filler_number=_filler_number(reader, obr, orc),
        category=reader.bounded(obr, 24, obr.text(24)),
        collected_at=collected_at,
        issued_at=reader.time(obr, 22) or sent_at,
        orderer_npi=_orderer_npi(obr, orc),
        specimen=_specimen(order),
        note="\n".join(filter(None, (note, "" if status in TAKES_BACK else rejected))),
        reason=_reason(observations, rejected, note) if status in TAKES_BACK else "",
        progress=letter if (letter := obr.text(25).upper()) in PROGRESS else "",
        observations=observations,
    )


def _status(
    reader: Reader, obr: Segment, observations: Sequence[IncomingObservation]
) -> ReportStatus:
    """OBR-25. Where it is empty, observations that are all final make a final report."""
    statuses = {one.status for one in observations}
    if not obr.text(25) and statuses and statuses <= _COMPLETE:
        corrected = ObservationStatus.CORRECTED in statuses
        return ReportStatus.CORRECTED if corrected else ReportStatus.FINAL
    return reader.listed(obr, 25, REPORT_STATUS) or ReportStatus.REGISTERED


def _collected_at(reader: Reader, order: _Order) -> datetime | None:
    found = reader.time(order.obr, 7)
    for spm in order.specimens:
        found = found or reader.time(spm, 17)
    return found


def _number(reader: Reader, obr: Segment, orc: Segment, number: int) -> str:
    """A placer's or filler's number: of OBR, else of ORC."""
    own = ei(obr.first(number)).value or ei(orc.first(number)).value
    return reader.bounded(obr, number, own)


def _filler_number(reader: Reader, obr: Segment, orc: Segment) -> str:
    filler = _number(reader, obr, orc, 3)
    if not filler and not _number(reader, obr, orc, 2):
        reader.faults.add(
            obr.place(3), ErrorCondition.REQUIRED_FIELD_MISSING, "Which order does this answer?"
        )
    return filler


def _orderer_npi(obr: Segment, orc: Segment) -> str:
    people = [xcn(element) for element in (*obr.every(16), *orc.every(12))]
    return next((person.npi for person in people if person.npi), "")


def _specimen(order: _Order) -> Coding | None:
    """SPM-4, else OBR-15 of before v2.5."""
    for spm in order.specimens:
        found, _other = codes(spm.first(4))
        if found.code or found.text:
            return coding(found)
    source = order.obr.first(15)
    code, text, system = (source.text(1, number) for number in (1, 2, 3))
    return Coding(code, text or code, system) if code or text else None


def _rejections(order: _Order) -> str:
    """Why specimens were rejected (SPM-21)."""
    found = [codes(element)[0] for spm in order.specimens for element in spm.every(21)]
    return "\n".join(dict.fromkeys(one.text or one.code for one in found if one.text or one.code))


def _reason(observations: Sequence[IncomingObservation], rejected: str, note: str) -> str:
    """Why a report was cancelled: what its specimens, observations or notes say."""
    cancelled = [one for one in observations if one.status == ObservationStatus.CANCELLED]
    said = [text for one in cancelled for text in (one.text, one.note) if text]
    return "\n".join(dict.fromkeys(filter(None, (rejected, *said)))) or note
