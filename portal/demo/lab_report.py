"""What the demo's laboratories report: ORU^R01 messages as real ones would be."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from portal.hl7v2.times import stamp
from portal.hl7v2.writing import Field, header_segment, message, segment
from portal.requisitions.catalog import TESTS

STATUSES = {"preliminary": "P", "final": "F", "corrected": "C"}
_NAMES = {test["code"]: test["name"] for test in TESTS}
_COMPONENTS = {test["code"]: test.get("components", ()) for test in TESTS}

# What is expected of each analyte, and a usual value of somebody who is well.
EXPECTED: dict[str, tuple[str, str, str]] = {
    "2345-7": ("70", "99", "92"),
    "3094-0": ("7", "20", "14"),
    "2160-0": ("0.6", "1.3", "0.9"),
    "17861-6": ("8.6", "10.3", "9.4"),
    "2951-2": ("136", "145", "140"),
    "2823-3": ("3.5", "5.1", "4.2"),
    "2075-0": ("98", "107", "102"),
    "2028-9": ("22", "29", "25"),
    "2885-2": ("6.0", "8.3", "7.1"),
    "1751-7": ("3.5", "5.2", "4.3"),
    "1975-2": ("0.2", "1.2", "0.6"),
    "6768-6": ("40", "129", "71"),
    "1742-6": ("7", "41", "22"),
    "1920-8": ("8", "40", "24"),
    "6690-2": ("4.0", "10.8", "6.4"),
    "789-8": ("4.1", "5.6", "4.7"),
    "718-7": ("12.0", "16.0", "13.8"),
    "4544-3": ("36", "48", "41"),
    "787-2": ("80", "98", "89"),
    "785-6": ("27", "33", "30"),
    "786-4": ("32", "36", "34"),
    "788-0": ("11.5", "14.5", "12.9"),
    "777-3": ("150", "400", "255"),
    "2093-3": ("0", "199", "182"),
    "2571-8": ("0", "149", "118"),
    "2085-9": ("40", "90", "54"),
    "13457-7": ("0", "99", "96"),
    "4548-4": ("4.0", "5.6", "5.4"),
    "3016-3": ("0.4", "4.0", "1.9"),
}


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a report is about."""

    mrn: str
    family_name: str
    given_name: str
    birth_date: date
    sex: str


@dataclass(frozen=True, slots=True)
class Report:
    """One report of one order. `values` are analytes whose value isn't the usual one, `withdrawn`
    those whose value is taken back."""

    control_id: str
    application: str
    facility: str
    person: Person
    test_code: str
    placer_number: str
    filler_number: str
    issued_at: datetime
    collected_at: datetime
    status: str = "final"
    values: dict[str, str] | None = None
    only: Sequence[str] = ()
    withdrawn: Sequence[str] = ()
    note: str = ""


def write_report(report: Report) -> bytes:
    """The message; what isn't said of a panel's analytes is as expected."""
    marks = STATUSES[report.status]
    header = header_segment(
        {
            3: report.application,
            4: report.facility,
            5: "CARELOOP",
            6: "CLINIC",
            7: stamp(report.issued_at),
            9: ("ORU", "R01", "ORU_R01"),
            10: report.control_id,
            11: "P",
            12: "2.5.1",
        }
    )
    person = report.person
    whose: dict[int, Field] = {
        1: "1",
        3: (person.mrn, "", "", "CARELOOP", "MR"),
        5: (person.family_name, person.given_name),
        7: f"{person.birth_date:%Y%m%d}",
        8: {"female": "F", "male": "M"}.get(person.sex, "U"),
    }
    numbers: dict[int, Field] = {2: report.placer_number, 3: report.filler_number}
    test = (report.test_code, _NAMES.get(report.test_code, report.test_code), "LN")
    request: dict[int, Field] = {
        1: "1",
        **numbers,
        4: test,
        7: stamp(report.collected_at),
        22: stamp(report.issued_at),
        24: "CH",
        25: marks,
    }
    body = [segment("PID", whose), segment("ORC", {1: "RE", **numbers}), segment("OBR", request)]
    body += [_result(report, place, one) for place, one in enumerate(_analytes(report), 1)]
    if report.note:
        body.append(segment("NTE", {1: "1", 2: "L", 3: report.note}))
    return message([header, *body])


def _analytes(report: Report) -> list[tuple[str, str, str]]:
    """Code, name and unit of each; a test that isn't a panel is its own analyte."""
    named = [(one["code"], one["name"], one["unit"]) for one in _COMPONENTS[report.test_code]]
    found = named or [(report.test_code, _NAMES[report.test_code], "")]
    return [one for one in found if not report.only or one[0] in report.only]


def _result(report: Report, place: int, analyte: tuple[str, str, str]) -> str:
    code, name, unit = analyte
    low, high, usual = EXPECTED.get(code, ("", "", ""))
    value = (report.values or {}).get(code, usual)
    withdrawn = code in report.withdrawn
    flag = ""
    if value.endswith(("HH", "LL")):
        value, flag = value[:-2], value[-2:]
    number = value.replace(".", "", 1).isdigit()
    corrected = report.status == "corrected" and code in (report.values or {})
    status = "C" if corrected else "P" if report.status == "preliminary" else "F"
    return segment(
        "OBX",
        {
            1: str(place),
            2: "NM" if number else "ST",
            3: (code, name, "LN"),
            5: "" if withdrawn else value or "Not detected",
            6: (unit, "", "UCUM") if unit else "",
            7: f"{low}-{high}" if low else "",
            8: flag,
            11: "W" if withdrawn else status,
            14: stamp(report.collected_at),
        },
    )
