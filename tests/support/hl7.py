"""Messages with results, put together from segments."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from portal.hl7v2.errors import MessageRefused
from portal.hl7v2.reading import read
from portal.results.incoming import IncomingMessage, IncomingObservation, IncomingReport
from portal.results.oru import read_report

EASTERN = ZoneInfo("America/New_York")
MSH = "MSH|^~\\&|LAB|HOSPITAL|PORTAL|CLINIC|20260301101500-0500||ORU^R01^ORU_R01|M1|P|2.5.1"
PID = "PID|1||MRN-1^^^CLINIC^MR||Doe^Jo^^^^^L||19800415|F"
ORC = "ORC|RE|ORD-1^PORTAL|LAB-1^LAB"
OBR = (
    "OBR|1|ORD-1^PORTAL|LAB-1^LAB|24323-8^Panel^LN|||20260301080000-0500|||||||||"
    "1888888888^Who^Some^^^^^^NPI||||||20260301101000-0500||CH|F"
)
OBX = "OBX|1|NM|2823-3^Potassium^LN||4.2|mmol/L^^UCUM|3.5-5.1|N|||F|||20260301080000-0500"


def message(*segments: str, end: str = "\r") -> bytes:
    return end.join((*segments, "")).encode()


def changed(segment: str, values: dict[int, str]) -> str:
    """A segment with some of its fields changed (not of MSH, which counts from elsewhere)."""
    fields = segment.split("|")
    fields += [""] * (max(values, default=0) + 1 - len(fields))
    for number, value in values.items():
        fields[number] = value
    return "|".join(fields)


def taken(*segments: str) -> IncomingMessage:
    """What is read of a message with these after its MSH."""
    return read_report(read(message(MSH, *segments)), zone=EASTERN)


def report(*segments: str) -> IncomingReport:
    """The one report of a patient's message with these segments."""
    [found] = taken(PID, *segments).reports
    return found


def observation(values: dict[int, str]) -> IncomingObservation:
    """The one observation of a report whose OBX has these fields."""
    [found] = report(ORC, OBR, changed(OBX, values)).observations
    return found


def refusal_of(raw: bytes) -> MessageRefused | None:
    """Why a message with results is refused; None for one that is taken."""
    try:
        read_report(read(raw), zone=EASTERN)
    except MessageRefused as refusal:
        return refusal
    return None


def faults(*segments: str) -> Sequence[tuple[str, str]]:
    """What the sender of these has to mend: places and codes of conditions."""
    refusal = refusal_of(message(MSH, *segments))
    if refusal is None:
        return []
    assert refusal.code == "AE"
    return [(fault.location, fault.condition.code) for fault in refusal.faults]
