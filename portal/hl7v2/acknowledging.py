"""Acknowledgements (HL7 v2.5.1, 2.9): what a sender is told, in the mode that it asked for.

In original mode (MSH-15 and MSH-16 empty) one answer says what became of the message: AA, AE or AR.
In enhanced mode MSH-15 says when an accept acknowledgement is wanted (CA, CE, CR) and MSH-16 when
an application one is. A message that is refused isn't kept: CE or CR end the exchange there, and
an application acknowledgement tells of it only where no accept acknowledgement did.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from portal.hl7v2.charsets import codec_of
from portal.hl7v2.errors import Fault, MessageRefused
from portal.hl7v2.header import Header
from portal.hl7v2.times import stamp
from portal.hl7v2.writing import Composite, Encoded, header_segment, message, segment

ACCEPTED_CODE = "AA"
_COMMIT = {"AA": "CA", "AE": "CE", "AR": "CR"}
_ALWAYS, _NEVER, _ON_ERRORS, _ON_SUCCESS = "AL", "NE", "ER", "SU"
_TABLE = "HL70357"
_UTF8 = "UNICODE UTF-8"
_UNKNOWN = Header(version="2.5.1", processing="P")
# ERR in its present form came with v2.5.
_BEFORE_ERR = frozenset({"2.1", "2.2", "2.3", "2.3.1", "2.4"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message: AA, AE or AR, and what was wrong with it."""

    code: str = ACCEPTED_CODE
    faults: tuple[Fault, ...] = ()

    @property
    def accepted(self) -> bool:
        return self.code == ACCEPTED_CODE


ACCEPTED = Outcome()


def outcome_of(refusal: MessageRefused) -> Outcome:
    return Outcome(refusal.code.value, refusal.faults)


def acknowledgements(
    header: Header | None, outcome: Outcome, *, now: datetime, new_id: Callable[[], str]
) -> list[bytes]:
    """The acknowledgements to send, in this order: none, one or two.

    `header` is the received message's, or as much as `header_of` found; without one the answer
    names nobody. `new_id` gives each its control id (MSH-10).
    """
    header = header or _UNKNOWN
    codes = _enhanced(header, outcome) if header.enhanced else [outcome.code]
    return [_acknowledgement(header, code, outcome.faults, now, new_id()) for code in codes]


def _enhanced(header: Header, outcome: Outcome) -> list[str]:
    codes = []
    if _wanted(header.accept_mode, outcome.accepted):
        codes.append(_COMMIT[outcome.code])
    if _wanted(header.application_mode, outcome.accepted) and (outcome.accepted or not codes):
        codes.append(outcome.code)
    return codes


def _wanted(mode: str, accepted: bool) -> bool:
    """HL7 table 0155; an empty mode is never, one that isn't known is always."""
    if mode == _ON_ERRORS:
        return not accepted
    if mode == _ON_SUCCESS:
        return accepted
    return mode not in ("", _NEVER)


def _acknowledgement(
    header: Header, code: str, faults: Sequence[Fault], now: datetime, control_id: str
) -> bytes:
    marks = header.delimiters
    old = header.version in _BEFORE_ERR
    kind: Composite = ("ACK", header.event, "ACK") if header.event else "ACK"
    fields: dict[int, Composite] = {
        3: Encoded(header.receiving_application),
        4: Encoded(header.receiving_facility),
        5: Encoded(header.sending_application),
        6: Encoded(header.sending_facility),
        7: stamp(now),
        9: kind,
        10: control_id,
        11: Encoded(header.processing or "P"),
        12: header.version or _UNKNOWN.version,
    }
    body = [segment("MSA", {1: code, 2: header.control_id, **_said(faults, old)}, marks)]
    body += _old_errors(faults, header) if old else [_error(fault, header) for fault in faults]
    charset, codec = header.charset, codec_of(header.charset)
    if not (charset and codec):
        plain = header_segment(fields, marks) + "".join(body)
        charset, codec = "" if plain.isascii() else _UTF8, "utf-8"
    return message([header_segment({**fields, 18: charset}, marks), *body], codec)


def _said(faults: Sequence[Fault], old: bool) -> dict[int, Composite]:
    """MSA-3, which v2.4 withdrew for ERR: only senders of before look for it."""
    return {3: faults[0].text} if old and faults else {}


def _place(fault: Fault) -> tuple[str, ...]:
    return tuple(fault.location.split("^"))


def _error(fault: Fault, header: Header) -> str:
    condition = (fault.condition.code, fault.condition.text, _TABLE)
    fields: dict[int, Composite] = {
        2: _place(fault),
        3: condition,
        4: fault.severity.value,
        8: fault.text,
    }
    return segment("ERR", fields, header.delimiters)


def _old_errors(faults: Sequence[Fault], header: Header) -> list[str]:
    """ERR-1 of before v2.5: segment, which, field, and the code of the error."""
    if not faults:
        return []
    places: list[Composite] = []
    for fault in faults:
        name, number, field, *_ = (*_place(fault), "", "")
        code = (fault.condition.code, fault.condition.text, _TABLE)
        places.append((name, number, field, code))
    return [segment("ERR", {1: places}, header.delimiters)]
