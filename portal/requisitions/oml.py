"""Laboratory orders as they are sent: OML^O21 (HL7 v2.5.1, 4.4.6)."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from portal.hl7v2.fields import Code
from portal.hl7v2.times import stamp
from portal.hl7v2.writing import Composite, Field, header_segment, message, segment

_NPI = ("NPI", "2.16.840.1.113883.4.6", "ISO")
_FASTING = ("49541-6", "Fasting status - Reported", "LN")
_YES_OR_NO = {True: ("Y", "Yes", "HL70136"), False: ("N", "No", "HL70136")}
_NORTH_AMERICAN = re.compile(r"(?:\+?1)?\D*([2-9]\d{2})\D*(\d{3})\D*(\d{4})", re.ASCII)


class OrderControl(StrEnum):
    """HL7 table 0119, what we ask for."""

    NEW = "NW"
    CHANGE = "XO"
    CANCEL = "CA"


class OrderPriority(StrEnum):
    ROUTINE = "routine"
    URGENT = "urgent"
    STAT = "stat"


_PRIORITIES = {
    OrderPriority.ROUTINE: ("R", "Routine", "HL70485"),
    OrderPriority.URGENT: ("A", "ASAP", "HL70485"),
    OrderPriority.STAT: ("S", "Stat", "HL70485"),
}


@dataclass(frozen=True, slots=True)
class Party:
    """A system at one end: MSH-3 and MSH-4, or MSH-5 and MSH-6."""

    application: str
    facility: str


@dataclass(frozen=True, slots=True)
class Address:
    line: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True)
class OrderPatient:
    """`authority` is who gave the record number, with its OID where it has one; `sex` is of HL7
    table 0001."""

    mrn: str
    authority: str
    family_name: str
    given_name: str
    birth_date: date | None = None
    sex: str = "U"
    address: Address = Address()
    phone: str = ""
    authority_oid: str = ""
    middle_name: str = ""


@dataclass(frozen=True, slots=True)
class Orderer:
    npi: str
    family_name: str
    given_name: str


@dataclass(frozen=True, slots=True)
class LabOrder:
    """One test ordered, or its cancellation. `diagnoses` are ICD-10-CM's; `requested_at` is when
    the specimen should be taken."""

    control_id: str
    placer_number: str
    control: OrderControl
    patient: OrderPatient
    orderer: Orderer
    test: Code
    sender: Party
    receiver: Party
    filler_number: str = ""
    group_number: str = ""
    priority: OrderPriority = OrderPriority.ROUTINE
    diagnoses: tuple[Code, ...] = ()
    specimen: Code | None = None
    fasting: bool | None = None
    requested_at: datetime | None = None
    note: str = ""
    processing_id: str = "P"


def write_order(order: LabOrder, now: datetime) -> bytes:
    """The OML^O21 for `order`, asking for both acknowledgements."""
    body = [
        _patient(order.patient),
        segment("PV1", {1: "1", 2: "O"}),
        _common_order(order, now),
        _timing(order),
        _request(order),
        *_notes(order.note),
        *_diagnoses(order.diagnoses),
    ]
    if order.fasting is not None:
        body.append(_fasting(order.fasting))
    if order.specimen:
        body.append(segment("SPM", {1: "1", 4: tuple(order.specimen)}))
    header = _header(order, now, "")
    if not all(one.isascii() for one in (header, *body)):
        header = _header(order, now, "UNICODE UTF-8")
    return message([header, *body])


def _header(order: LabOrder, now: datetime, charset: str) -> str:
    fields: dict[int, Field] = {
        3: order.sender.application,
        4: order.sender.facility,
        5: order.receiver.application,
        6: order.receiver.facility,
        7: stamp(now),
        9: ("OML", "O21", "OML_O21"),
        10: order.control_id,
        11: order.processing_id,
        12: "2.5.1",
        15: "AL",
        16: "AL",
        18: charset,
    }
    return header_segment(fields)


def _patient(patient: OrderPatient) -> str:
    oid = patient.authority_oid
    authority = (patient.authority, oid, "ISO") if oid else patient.authority
    address = patient.address
    fields: dict[int, Field] = {
        1: "1",
        3: (patient.mrn, "", "", authority, "MR"),
        5: (patient.family_name, patient.given_name, patient.middle_name, "", "", "", "L"),
        7: f"{patient.birth_date:%Y%m%d}" if patient.birth_date else "",
        8: patient.sex,
        11: (
            *(address.line, "", address.city, address.state),
            *(address.postal_code, address.country),
        ),
        13: _phone(patient.phone),
    }
    return segment("PID", fields)


def _phone(number: str) -> Composite:
    """XTN: the parts of a North American number, any other as a whole (XTN-12)."""
    if not number:
        return ""
    if found := _NORTH_AMERICAN.fullmatch(number):
        return ("", "PRN", "PH", "", "1", found[1], found[2] + found[3])
    return ("", "PRN", "PH", "", "", "", "", "", "", "", "", number)


def _orderer(orderer: Orderer) -> Composite:
    name = (orderer.npi, orderer.family_name, orderer.given_name)
    if not orderer.npi:
        return (*name, "", "", "", "", "", "", "L")  # whose number there is none of
    return (*name, "", "", "", "", "", _NPI, "L", "", "", "NPI")


def _entity(number: str, namespace: str) -> Composite:
    return (number, namespace) if number else ""


def _numbers(order: LabOrder) -> dict[int, Field]:
    """The placer's and the filler's number, at 2 and 3 of both ORC and OBR."""
    return {
        2: _entity(order.placer_number, order.sender.application),
        3: _entity(order.filler_number, order.receiver.application),
    }


def _common_order(order: LabOrder, now: datetime) -> str:
    fields: dict[int, Field] = {
        1: order.control.value,
        **_numbers(order),
        4: _entity(order.group_number, order.sender.application),
        9: stamp(now),
        12: _orderer(order.orderer),
    }
    return segment("ORC", fields)


def _requested(order: LabOrder) -> str:
    return stamp(order.requested_at) if order.requested_at else ""


def _timing(order: LabOrder) -> str:
    return segment("TQ1", {1: "1", 7: _requested(order), 9: _PRIORITIES[order.priority]})


def _request(order: LabOrder) -> str:
    fields: dict[int, Field] = {
        1: "1",
        **_numbers(order),
        4: tuple(order.test),
        7: _requested(order),
        16: _orderer(order.orderer),
    }
    return segment("OBR", fields)


def _notes(note: str) -> list[str]:
    return [segment("NTE", {1: "1", 2: "P", 3: note})] if note else []


def _fasting(fasting: bool) -> str:
    said = _YES_OR_NO[fasting]
    return segment("OBX", {1: "1", 2: "CWE", 3: _FASTING, 5: said, 11: "F"})


def _diagnoses(diagnoses: tuple[Code, ...]) -> list[str]:
    return [
        segment("DG1", {1: str(number), 3: tuple(one), 6: "W"})
        for number, one in enumerate(diagnoses, 1)
    ]
