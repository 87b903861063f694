"""HL7 v2 messages as laboratories send them, made for the small clinic of the tests."""

from typing import Any

FACILITY = "ACMELAB|ACME LAB"
_CODES = {
    "potassium": ("2823-3", "Potassium", "mmol/L", "3.5-5.1"),
    "sodium": ("2951-2", "Sodium", "mmol/L", "136-145"),
    "glucose": ("2345-7", "Glucose", "mg/dL", "70-99"),
}


def msh(
    control_id: str, *, kind: str = "ORU^R01^ORU_R01", sender: str = FACILITY, **more: str
) -> str:
    modes = f"|||{more['accept']}|{more['application']}" if more else ""
    at = "20260301093000-0500"
    return rf"MSH|^~\&|{sender}|CARELOOP|CLINIC|{at}||{kind}|{control_id}|P|2.5.1{modes}"


def pid(mrn: str = "MRN-0001", name: str = "Testpatient^Avery", born: str = "19800415") -> str:
    return f"PID|1||{mrn}^^^CLINIC^MR||{name}||{born}|F"


def obr(
    placer: str = "",
    filler: str = "LAB-1",
    status: str = "F",
    *,
    code: str = "24323-8",
    issued: str = "20260301101000-0500",
    number: int = 1,
) -> str:
    return (
        f"OBR|{number}|{placer}|{filler}|{code}^Comprehensive metabolic panel^LN|||"
        f"20260301080000-0500|||||||||||||||{issued}|||{status}"
    )


def obx(analyte: str, value: Any, flag: str = "N", status: str = "F", *, number: int = 1) -> str:
    code, name, unit, expected = _CODES[analyte]
    return (
        f"OBX|{number}|NM|{code}^{name}^LN||{value}|{unit}^^UCUM|{expected}|{flag}|||{status}"
        "|||20260301080000-0500"
    )


def message(*segments: str) -> bytes:
    return "\r".join([*segments, ""]).encode()


def oru(control_id: str, *segments: str, **header: Any) -> bytes:
    """An ORU^R01 about the first patient, unless the segments bring another PID."""
    whose = () if any(one.startswith("PID") for one in segments) else (pid(),)
    return message(msh(control_id, **header), *whose, *segments)
