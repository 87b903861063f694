"""FHIR R4 bundles of laboratories: kept, read, put on charts, answered."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from portal.core.actor import NOBODY
from portal.core.errors import FieldError, Invalid, Malformed, PortalError, Unavailable
from portal.core.json import dumps
from portal.core.web import extension
from portal.results import fhir
from portal.results.envelope import Envelope, Placed, Source
from portal.results.incoming import IncomingMessage
from portal.results.intake_errors import BundleChanged
from portal.results.service.failing import Answers, note_failure
from portal.results.service.keeping import arrive, keep
from portal.results.service.placing import MOST_NUMBERS, look, order_locks, place_reports
from portal.results.states import CaseReason, MessageOutcome

MESSAGE_TYPE = "Bundle"
LONGEST_ID = 199
# Of v3 ActReason, as FHIR's security labels have it.
_TEST_DATA = b'"HTEST"'
_ORDERED = ("DiagnosticReport", "ServiceRequest")


@dataclass(frozen=True, slots=True)
class Taken:
    """What a bundle is answered: the body, or why it was refused."""

    body: bytes = b""
    replayed: bool = False
    error: PortalError | None = None


@dataclass(frozen=True, slots=True)
class OpenedBundle:
    """A bundle as far as it can be read without the database, or why it is refused. `locks` is
    what its transaction has to lock: see transaction()."""

    source: Source
    envelope: Envelope
    document: Mapping[str, Any] | PortalError
    locks: frozenset[str] = frozenset()


def open_fhir(raw: bytes, source: Source) -> OpenedBundle:
    """Never raises, whatever it is that came."""
    digest = hashlib.sha256(raw).digest()
    try:
        document = _document(raw)
        _check_purpose(document)
        envelope = Envelope(raw, _control_id(document, raw), MESSAGE_TYPE, digest)
        return OpenedBundle(source, envelope, document, _order_locks(document))
    except PortalError as error:
        return OpenedBundle(source, Envelope(raw, None, "", digest), error)


def receive_fhir(*, session: Session, opened: OpenedBundle, now: datetime) -> Taken:
    """Take a bundle in. The same one again is answered as before; one that can't be used is kept
    too, and `error` names every member that has to be mended. Raises TakenMeanwhile."""
    document = opened.document
    if isinstance(document, PortalError):
        return _refuse(session, opened, document, now)
    try:
        arrival, message, found = look(
            session=session,
            source=opened.source,
            envelope=opened.envelope,
            read=lambda zone: _read(document, zone),
        )
    except Invalid as error:
        return _refuse(session, opened, error, now)
    if (twin := arrival.twin) is not None:
        if bytes(twin.digest) != opened.envelope.digest:
            return Taken(error=BundleChanged())
        return Taken(bytes(twin.answers[0]), replayed=True)
    bodies: list[bytes] = []

    def answer(placed: Sequence[Placed]) -> Sequence[bytes]:
        views = [_view(one, place) for one in placed for place in (one.place, *one.beside)]
        bodies.append(dumps({"items": views}))
        return bodies

    place_reports(
        session=session, arrival=arrival, message=message, found=found, answer=answer, now=now
    )
    return Taken(bodies[0])


def _read(document: Mapping[str, Any], zone: ZoneInfo) -> IncomingMessage:
    """What a document says. A report that has no number, of ours or of its own, would be another
    one each time that it comes. Raises Invalid."""
    message = fhir.read_bundle(document, zone=zone)
    unnumbered = [one for one in message.reports if not (one.placer_number or one.filler_number)]
    if unnumbered:
        remedy = "Which order does this answer? Send your number of it, or basedOn with ours."
        places = [place for one in unnumbered for place in (one.place, *one.beside)]
        raise Invalid(errors=[FieldError(f"{place}/identifier", remedy) for place in places])
    return message


def fail_fhir(*, session: Session, opened: OpenedBundle, now: datetime) -> Taken:
    """Where we failed: it is to be sent again; once it has failed often it is somebody's case, and
    answered so that the sender goes on."""
    waiting = Placed("", "waiting", case_id=NOBODY, reason=CaseReason.NOT_TAKEN_IN)
    taken = dumps({"items": [_view(waiting)]})
    outcome, answers = note_failure(
        session=session,
        source=opened.source,
        envelope=opened.envelope,
        answers=Answers((), (taken,)),
        now=now,
    )
    if outcome == MessageOutcome.FAILED:
        return Taken(error=Unavailable("Not taken in: send it again."))
    return Taken(bytes(answers[0]))


def take_fhir_again(
    *, session: Session, opened: OpenedBundle, message_id: UUID, now: datetime
) -> Sequence[Placed]:
    """Take in a bundle that is kept already. Raises PortalError."""
    document = opened.document
    if isinstance(document, PortalError):
        raise document
    # It would find itself under its control id.
    arrival, message, found = look(
        session=session,
        source=opened.source,
        envelope=replace(opened.envelope, control_id=None),
        read=lambda zone: _read(document, zone),
    )
    return place_reports(
        session=session,
        arrival=replace(arrival, message_id=message_id),
        message=message,
        found=found,
        answer=None,
        now=now,
    )


def _document(raw: bytes) -> Mapping[str, Any]:
    try:
        document = fhir.read_document(raw)
    except (ValueError, RecursionError):
        raise Malformed("The body is not valid JSON.") from None
    if not isinstance(document, dict):
        raise Invalid(errors=[FieldError("", "A Bundle or a DiagnosticReport, please.")])
    return document


def _check_purpose(document: Mapping[str, Any]) -> None:
    """What is labelled as test data reaches no real chart, as HL7's T. Raises Invalid."""
    if "T" in extension("config").hl7_processing:
        return
    entries = document.get("entry")
    entries = entries if isinstance(entries, list) else []
    inside = [one.get("resource") for one in entries if isinstance(one, dict)]
    if any(_TEST_DATA in dumps(_labels(one)) for one in (document, *inside)):
        message = "This is labelled as test data (HTEST): it is not taken here."
        raise Invalid(errors=[FieldError("/meta/security", message)])


def _labels(resource: Any) -> Any:
    meta = resource.get("meta") if isinstance(resource, dict) else None
    return [meta.get("security"), meta.get("tag")] if isinstance(meta, dict) else None


def _control_id(document: Mapping[str, Any], raw: bytes) -> str:
    """The bundle's identifier; one without goes by its content."""
    identifier = document.get("identifier")
    value = identifier.get("value") if isinstance(identifier, dict) else None
    if document.get("resourceType") != "Bundle" or not isinstance(value, str) or not value:
        return hashlib.sha256(raw).hexdigest()
    if len(value) > LONGEST_ID or not value.isprintable():
        message = f"At most {LONGEST_ID} printable characters."
        raise Invalid(errors=[FieldError("/identifier/value", message)])
    return value


def _order_locks(document: Mapping[str, Any]) -> frozenset[str]:
    """Of every number that a report or an order has. Raises Invalid for too many."""
    locks = order_locks(*_identifiers(document))
    if len(locks) > MOST_NUMBERS:
        raise Invalid(errors=[FieldError("", f"At most {MOST_NUMBERS} identifiers a bundle.")])
    return locks


def _identifiers(document: Any) -> Iterator[str]:
    """The values of the identifiers in a document's reports and orders."""
    waiting = [(document, False)]
    while waiting:
        one, ordered = waiting.pop()
        if isinstance(one, list):
            waiting.extend((inner, ordered) for inner in one)
        elif isinstance(one, dict):
            ordered = one.get("resourceType", ordered) in (True, *_ORDERED)
            waiting.extend((inner, ordered) for inner in one.values())
            value = one.get("value")
            if ordered and isinstance(value, str) and len(value) <= LONGEST_ID:
                yield value


def _view(placed: Placed, place: str = "") -> dict[str, Any]:
    return {
        "pointer": place,
        "outcome": "reconciling" if placed.case_id else placed.outcome,
        "reason": placed.reason,
        "result_id": placed.report_id,
    }


def _refuse(session: Session, opened: OpenedBundle, error: PortalError, now: datetime) -> Taken:
    """The problem that is kept names places and codes, never what stood there."""
    named = [f"{one.pointer} {one.message}" for one in error.errors]
    keep(
        session=session,
        arrival=arrive(session=session, source=opened.source, envelope=opened.envelope),
        outcome=MessageOutcome.REFUSED,
        answers=[],
        problem="; ".join([error.code, *named]),
        now=now,
    )
    return Taken(error=error)
