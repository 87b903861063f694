"""FHIR R4 bundles of laboratories: kept, read, put on charts, answered."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy.orm import Session

from portal.core.errors import FieldError, Invalid, Malformed, PortalError
from portal.core.json import dumps
from portal.results import fhir
from portal.results.envelope import Envelope, Placed, Source
from portal.results.intake_errors import BundleChanged
from portal.results.service.keeping import arrive, keep
from portal.results.service.placing import MOST_NUMBERS, look, order_locks, place_reports
from portal.results.states import MessageOutcome

MESSAGE_TYPE = "Bundle"
LONGEST_ID = 199
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
            read=lambda zone: fhir.read_bundle(document, zone=zone),
        )
    except Invalid as error:
        return _refuse(session, opened, error, now)
    if (twin := arrival.twin) is not None:
        if bytes(twin.digest) != opened.envelope.digest:
            return Taken(error=BundleChanged())
        return Taken(bytes(twin.answers[0]), replayed=True)
    bodies: list[bytes] = []

    def answer(placed: Sequence[Placed]) -> Sequence[bytes]:
        bodies.append(dumps({"items": [_view(one) for one in placed]}))
        return bodies

    place_reports(
        session=session, arrival=arrival, message=message, found=found, answer=answer, now=now
    )
    return Taken(bodies[0])


def read_document(raw: bytes) -> Any:
    """A document whose numbers keep every digit. orjson says first whether it is JSON that a
    database can hold: no NaN, no lone surrogates, no nesting without end. Raises ValueError."""
    orjson.loads(raw)
    return json.loads(raw, parse_float=Decimal)


def _document(raw: bytes) -> Mapping[str, Any]:
    try:
        document = read_document(raw)
    except (ValueError, RecursionError):
        raise Malformed("The body is not valid JSON.") from None
    if not isinstance(document, dict):
        raise Invalid(errors=[FieldError("", "A Bundle or a DiagnosticReport, please.")])
    return document


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


def _view(placed: Placed) -> dict[str, Any]:
    return {
        "pointer": placed.place,
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
