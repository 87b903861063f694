"""Reading FHIR R4 documents that hold DiagnosticReports: bundles, or one report by itself."""

import binascii
import json
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from portal.core.errors import Invalid
from portal.results.fhir.codes import codings, concept, npi, numbered, required_concept
from portal.results.fhir.members import MAX_PROBLEMS, MAX_TEXT, Node, Problems
from portal.results.fhir.observations import observations, status_word
from portal.results.fhir.patients import Patients
from portal.results.fhir.resources import Resource, Resources
from portal.results.incoming import (
    Attachment,
    Coding,
    IncomingMessage,
    IncomingObservation,
    IncomingReport,
)
from portal.results.intake_rules import WITHDRAWN
from portal.results.states import TAKES_BACK, ReportStatus

BUNDLES = ("transaction", "batch", "message", "collection")
MAX_IN_ALL = 10_000
MAX_ATTACHMENT = 20 * 1024 * 1024
_CATEGORIES = "http://terminology.hl7.org/CodeSystem/v2-0074"
_MEDIA_TYPE = re.compile(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,100}", re.ASCII)


def read_document(raw: bytes) -> Any:
    """A document whose numbers keep every digit. orjson says first whether it is JSON that a
    database can hold: no NaN, no lone surrogates, no nesting without end. Raises ValueError."""
    orjson.loads(raw)
    return json.loads(raw, parse_float=Decimal)


def read_bundle(document: Mapping[str, Any], *, zone: ZoneInfo) -> IncomingMessage:
    """The patient and the reports of a Bundle, or of one DiagnosticReport with what it contains.

    Other resources are passed over. `zone` is where days without a time begin. Raises Invalid
    with the JSON pointer of each member that can't be used.
    """
    problems = Problems()
    root = Node(document, "", problems, zone)
    _check_kind(root)
    resources = Resources(root)
    patients = Patients(resources)
    found = resources.of_kind("DiagnosticReport")
    if not found:
        root.problem("Send at least one DiagnosticReport.")
    reports = list(_reports(found, resources, patients, problems))
    if problems.found or patients.found is None:
        raise Invalid(errors=problems.found)
    return IncomingMessage(patients.found, tuple(reports))


def _reports(
    found: Sequence[Resource], resources: Resources, patients: Patients, problems: Problems
) -> Iterator[IncomingReport]:
    """Stops where it is clear that the document is refused: reports may share observations."""
    total = 0
    for each in found:
        report = _report(each, resources, patients)
        yield report
        total += len(report.observations)
        if total > MAX_IN_ALL:
            each.node.problem(f"Send {MAX_IN_ALL} observations at most in one document.")
        if len(problems.found) >= MAX_PROBLEMS or total > MAX_IN_ALL:
            return


def _check_kind(root: Node) -> None:
    """Raises Invalid for what is no document with reports."""
    kind = root.code("resourceType")
    if kind not in ("Bundle", "DiagnosticReport"):
        root.at("resourceType").problem("Send a FHIR Bundle or DiagnosticReport.")
    elif kind == "Bundle" and root.code("type") not in BUNDLES:
        root.at("type").problem(f"Send one of {', '.join(BUNDLES)}.")
    if root.problems.found:
        raise Invalid(errors=root.problems.found)


def _report(report: Resource, resources: Resources, patients: Patients) -> IncomingReport:
    node = report.node
    patients.required(report)
    status = ReportStatus(status_word(node, list(ReportStatus)))
    code, _own = required_concept(node.object("code"))
    placer, orderer = _order(report, resources)
    note = node.text("conclusion", MAX_TEXT)
    found = observations(report, resources, patients)
    period = node.object("effectivePeriod")
    return IncomingReport(
        place=report.place,
        code=code,
        status=status,
        placer_number=numbered(node.objects("identifier"), "PLAC", untyped=False) or placer,
        filler_number=numbered(node.objects("identifier"), "FILL", untyped=True),
        category=_category(node),
        collected_at=node.moment("effectiveDateTime")
        or (period.moment("start") or period.moment("end") if period else None),
        issued_at=node.moment("issued"),
        orderer_npi=orderer,
        specimen=_specimen_type(report, resources),
        note=note,
        reason=_reason(report, resources, found, note) if status in TAKES_BACK else "",
        observations=found,
        numbered=True,
        attachments=tuple(
            document for each in node.objects("presentedForm") if (document := _attachment(each))
        ),
    )


def _reason(
    report: Resource,
    resources: Resources,
    found: Sequence[IncomingObservation],
    note: str,
) -> str:
    """Why a report was taken back: what its observations say, the specimen, or the conclusion."""
    said = [text for one in found if one.status in WITHDRAWN for text in (one.text, one.note)]
    said += _of_specimens(report, resources)
    return "\n".join(dict.fromkeys(filter(None, said))) or note


def _of_specimens(report: Resource, resources: Resources) -> Iterator[str]:
    """What speaks against the specimens: their condition (table 0493), and notes."""
    for reference in report.node.objects("specimen"):
        specimen = resources.find(reference, report, "Specimen")
        if specimen is None:
            continue
        for condition in specimen.node.objects("condition"):
            coded, _own = concept(condition)
            yield condition.line("text") or (coded.display or coded.code if coded else "")
        for note in specimen.node.objects("note"):
            yield note.text("text", MAX_TEXT)


def _category(node: Node) -> str:
    """The section of the laboratory (HL7 table 0074) where it is given, else the first category."""
    found = [coding for each in node.objects("category") for coding in codings(each)]
    sections = [coding for coding in found if coding.system == _CATEGORIES]
    return next((coding.code for coding in sections + found), "")


def _order(report: Resource, resources: Resources) -> tuple[str, str]:
    """The placer's number of the order that a report answers, and the orderer's NPI."""
    placer, orderer = "", ""
    for reference in report.node.objects("basedOn"):
        order = resources.find(reference, report, "ServiceRequest")
        if order is None:
            placer = placer or reference.object("identifier").code("value")
            continue
        numbers = list(order.node.objects("identifier"))
        placer = placer or numbered(numbers, "PLAC", untyped=True)
        orderer = orderer or _requester(order, resources)
    return placer, orderer


def _requester(order: Resource, resources: Resources) -> str:
    reference = order.node.object("requester")
    if not reference:
        return ""
    person = resources.find(reference, order, "Practitioner")
    named = npi(person.node.objects("identifier")) if person else ""
    return named or npi([reference.object("identifier")])


def _specimen_type(report: Resource, resources: Resources) -> Coding | None:
    for reference in report.node.objects("specimen"):
        specimen = resources.find(reference, report, "Specimen")
        if specimen:
            return concept(specimen.node.object("type"))[0]
    return None


def _attachment(node: Node) -> Attachment | None:
    kind = node.code("contentType").lower().partition(";")[0].strip()
    data = node.at("data")
    if not _MEDIA_TYPE.fullmatch(kind):
        node.at("contentType").problem("Send the media type of the document: application/pdf.")
    if not isinstance(data.value, str) or not data.value:
        data.problem("Send the document itself in base64: links are not followed.")
        return None
    content = _decoded(data)
    if content is not None and kind == "application/pdf" and not content.startswith(b"%PDF-"):
        data.problem("This is no PDF: send what contentType says.")
    return Attachment(kind, node.line("title"), content) if content else None


def _decoded(data: Node) -> bytes | None:
    if len(data.value) > MAX_ATTACHMENT * 4 // 3 + 4:
        data.problem(f"Send documents of {MAX_ATTACHMENT // 1024 // 1024} MB at most.")
        return None
    try:
        return b64decode("".join(data.value.split()), validate=True)
    except (binascii.Error, ValueError):
        data.problem("Send the document in base64.")
        return None
