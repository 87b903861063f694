"""What HL7's letters mean here: statuses, types of documents; and a number against its range."""

from decimal import Decimal

from portal.hl7v2.numbers import Range
from portal.results.states import Abnormality, ObservationStatus, ReportStatus

# Table 0123. Of the first three there is nothing but progress to tell.
PROGRESS = frozenset("OIS")
REPORT_STATUS = {
    "O": ReportStatus.REGISTERED,
    "I": ReportStatus.REGISTERED,
    "S": ReportStatus.REGISTERED,
    "A": ReportStatus.PARTIAL,
    "R": ReportStatus.PARTIAL,
    "P": ReportStatus.PRELIMINARY,
    "F": ReportStatus.FINAL,
    "C": ReportStatus.CORRECTED,
    "X": ReportStatus.CANCELLED,
}

# Table 0085. D deletes what was sent, W says that it was another patient's; U is final, and may
# come without the value that was sent before; N was not asked for.
UNSENT = "U"
OBSERVATION_STATUS = {
    "O": ObservationStatus.REGISTERED,
    "I": ObservationStatus.REGISTERED,
    "R": ObservationStatus.REGISTERED,
    "S": ObservationStatus.PARTIAL,
    "P": ObservationStatus.PRELIMINARY,
    "F": ObservationStatus.FINAL,
    "U": ObservationStatus.FINAL,
    "C": ObservationStatus.CORRECTED,
    "N": ObservationStatus.NOT_ASKED,
    "X": ObservationStatus.CANCELLED,
    "D": ObservationStatus.ENTERED_IN_ERROR,
    "W": ObservationStatus.ENTERED_IN_ERROR,
}

_CONTENT_TYPES = {
    "PDF": "application/pdf",
    "HTML": "text/html",
    "XML": "application/xml",
    "RTF": "application/rtf",
    "JPEG": "image/jpeg",
    "JPG": "image/jpeg",
    "PNG": "image/png",
    "TIFF": "image/tiff",
    "GIF": "image/gif",
    "PLAIN": "text/plain",
    "DICOM": "application/dicom",
}
PDF = "application/pdf"
PDF_START = b"%PDF-"


def content_type(kind: str, subtype: str, content: bytes) -> str:
    """The media type of a document (HL7 tables 0191 and 0291)."""
    known = _CONTENT_TYPES.get(subtype.rpartition("-")[2].rpartition("/")[2])
    if known:
        return known
    if content.startswith(PDF_START):
        return PDF
    return "text/plain" if kind.upper() in ("TEXT", "TX", "FT") else "application/octet-stream"


def by_range(number: Decimal, comparator: str, expected: Range) -> Abnormality:
    """A number against its own reference range, for a laboratory that sent no flag.

    One beyond a limit (`>90`) is judged only where every such number would be alike.
    """
    if not expected.bounded:
        return Abnormality.UNKNOWN
    if not comparator:
        inside = expected.holds(number)
        return Abnormality.NORMAL if inside else Abnormality.ABNORMAL
    if comparator[0] == ">":
        return _from(number, "=" in comparator, expected)
    # Turned over, what is below is above.
    return _from(-number, "=" in comparator, _turned(expected))


def _turned(expected: Range) -> Range:
    low = None if expected.high is None else -expected.high
    high = None if expected.low is None else -expected.low
    return Range(low, high, "", expected.high_open, expected.low_open)


def _from(number: Decimal, included: bool, expected: Range) -> Abnormality:
    """Of all that is more than `number`, or `number` itself too."""
    if expected.high is None:
        at_bound = number == expected.low and not included
        inside = at_bound or expected.holds(number)
        return Abnormality.NORMAL if inside else Abnormality.UNKNOWN
    at_bound = number == expected.high and not included
    above = number >= expected.high and not expected.holds(number)
    return Abnormality.ABNORMAL if at_bound or above else Abnormality.UNKNOWN
