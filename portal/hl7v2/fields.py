"""Composite data types: codes, identifiers, names, documents (HL7 v2.5.1, chapter 2.A)."""

import base64
import binascii
import re
from typing import NamedTuple

from portal.hl7v2.errors import Unreadable
from portal.hl7v2.segments import Element

LOINC = "LN"
_SPACE = re.compile(r"\s+")
_NPI = re.compile("[12][0-9]{9}")
_NPI_AUTHORITY = "2.16.840.1.113883.4.6"


class Code(NamedTuple):
    code: str
    text: str
    system: str


class CX(NamedTuple):
    """An identifier: `authority` is the assigning authority's name, else its universal id."""

    value: str
    authority: str
    type: str


class EI(NamedTuple):
    """A number that a system gave, and its namespace."""

    value: str
    namespace: str


class XPN(NamedTuple):
    family: str
    given: str


class XCN(NamedTuple):
    """A person with an identifier. `npi` is filled where that is what the identifier is."""

    id: str
    family: str
    given: str
    npi: str


class ED(NamedTuple):
    """A document: its type as HL7 tables 0191 and 0291 name it, and its bytes."""

    type: str
    subtype: str
    content: bytes


def codes(element: Element) -> tuple[Code, Code | None]:
    """A CE, CF, CNE or CWE: what to take as its code, and the other one where there is one.

    LOINC comes first, wherever it stands. One that has a text alone has an empty code.
    """
    first = Code(element.text(1), element.whole_component(2), element.text(3))
    second = Code(element.text(4), element.whole_component(5), element.text(6))
    if not (first.text or second.text):
        first = first._replace(text=element.whole_component(9))
    if not (second.code or second.text):
        return first, None
    if not (first.code or first.text):
        return second, None
    if second.system == LOINC and first.system != LOINC:
        return second, first
    return first, second


def cx(element: Element) -> CX:
    return CX(element.text(1), element.text(4) or element.text(4, 2), element.text(5))


def ei(element: Element) -> EI:
    return EI(element.text(1), element.text(2) or element.text(3))


def xpn(element: Element) -> XPN:
    return XPN(element.text(1), element.text(2))


def xcn(element: Element) -> XCN:
    identifier = element.text(1)
    authority = element.text(9) or element.text(9, 2)
    kind = element.text(13)
    declared = "NPI" in (authority, kind) or element.text(9, 2) == _NPI_AUTHORITY
    # Ten digits of which nothing is said can't be anything else in practice.
    undeclared = not (authority or kind)
    is_npi = bool(_NPI.fullmatch(identifier)) and (declared or undeclared)
    return XCN(identifier, element.text(2), element.text(3), identifier if is_npi else "")


def ed(element: Element) -> ED:
    """Raises Unreadable for an encoding that isn't known, or data that are not of it."""
    encoding, data = element.text(4), element.text(5)
    try:
        content = _decoded(encoding.upper(), data)
    except (binascii.Error, ValueError):
        raise Unreadable(f"The data are not {encoding or 'encoded as they should be'}.") from None
    return ED(element.text(2), element.text(3).upper(), content)


def _decoded(encoding: str, data: str) -> bytes:
    if encoding == "BASE64":
        return base64.b64decode(_SPACE.sub("", data), validate=True)
    if encoding == "HEX":
        return bytes.fromhex(_SPACE.sub("", data))
    if encoding in ("A", ""):
        return data.encode()
    raise ValueError(encoding)
