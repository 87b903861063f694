"""Messages that were kept, read again."""

from zoneinfo import ZoneInfo

from portal.hl7v2.reading import read
from portal.results import fhir as fhir_reports
from portal.results import oru
from portal.results.incoming import IncomingMessage
from portal.results.parts import with_parts


def read_again(content: bytes, *, fhir: bool, zone: ZoneInfo) -> IncomingMessage:
    """Raises MessageRefused, Invalid or ValueError for what can't be read."""
    if fhir:
        return with_parts(fhir_reports.read_bundle(fhir_reports.read_document(content), zone=zone))
    return with_parts(oru.read_report(read(content), zone=zone))
