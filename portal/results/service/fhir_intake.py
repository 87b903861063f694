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
from portal.results.envelope import Arrival, Envelope, Placed, Source
from portal.results.intake_errors import BundleChanged
from portal.results.service.keeping import arrive, keep
from portal.results.service.placing import MOST_NUMBERS, order_keys, place_reports
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


def receive_fhir(*, session: Session, source: Source, raw: bytes, now: datetime) -> Taken:
    """Take a bundle in. The same one again is answered as before; one that can't be used is kept
    too, and `error` names every member that has to be mended."""
    document: Any = None
    try:
        document = _document(raw)
        control_id = _control_id(document, raw)
        keys = _order_keys(document)
    except PortalError as error:
        return _refuse_unread(session, source, raw, error, now)
    envelope = Envelope(raw, control_id, MESSAGE_TYPE, hashlib.sha256(raw).digest())
    arrival = arrive(session=session, source=source, envelope=envelope, keys=keys)
    if (twin := arrival.twin) is not None:
        if bytes(twin.digest) != envelope.digest:
            return Taken(error=BundleChanged())
        return Taken(bytes(twin.answers[0]), replayed=True)
    try:
        message = fhir.read_bundle(document, zone=arrival.sender.zone)
    except Invalid as error:
        return _refuse(session, arrival, error, now)
    bodies: list[bytes] = []

    def answer(placed: Sequence[Placed]) -> Sequence[bytes]:
        bodies.append(dumps({"items": [_view(one) for one in placed]}))
        return bodies

    place_reports(session=session, arrival=arrival, message=message, answer=answer, now=now)
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


def _order_keys(document: Mapping[str, Any]) -> set[str]:
    """Every number that a report or an order has. Raises Invalid for too many."""
    keys = order_keys(*_identifiers(document))
    if len(keys) > MOST_NUMBERS:
        raise Invalid(errors=[FieldError("", f"At most {MOST_NUMBERS} identifiers a bundle.")])
    return keys


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
        "reason": placed.outcome if placed.case_id else None,
        "result_id": placed.report_id,
    }


def _refuse_unread(
    session: Session, source: Source, raw: bytes, error: PortalError, now: datetime
) -> Taken:
    envelope = Envelope(raw, None, "", hashlib.sha256(raw).digest())
    arrival = arrive(session=session, source=source, envelope=envelope)
    return _refuse(session, arrival, error, now)


def _refuse(session: Session, arrival: Arrival, error: PortalError, now: datetime) -> Taken:
    """The problem that is kept names places and codes, never what stood there."""
    named = [f"{one.pointer} {one.message}" for one in error.errors]
    keep(
        session=session,
        arrival=arrival,
        outcome=MessageOutcome.REFUSED,
        answers=[],
        problem="; ".join([error.code, *named]),
        now=now,
    )
    return Taken(error=error)
