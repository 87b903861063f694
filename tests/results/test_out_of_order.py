"""Nothing that a laboratory says is dropped: whatever comes after, before or beside what stands is
on the chart, or somebody's, or adds nothing."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from portal.core import loops
from portal.core.actor import OPERATOR, WORKER, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.results.envelope import Source
from portal.results.intake import take_fhir
from portal.results.states import IntakeTransport
from tests.results.conftest import items, order, told
from tests.results.messages import obr, obx, oru, pid
from tests.results.test_intake import cases, code_of, reports, rows, take
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.shared_data import shared
from tests.support.work import drain

EARLIER, SAME, LATER = "20260301090000-0500", "20260301101000-0500", "20260301110000-0500"
STATUSES = ("P", "F", "C", "X")
TAKE_ALERTS = text("UPDATE critical_alert SET criticals = '[]'")
CURRENT = (
    "SELECT o.* FROM observation o JOIN diagnostic_report r ON r.current_version_id = o.version_id"
)
_FHIR = {
    "P": "preliminary",
    "F": "final",
    "C": "corrected",
    "X": "cancelled",
    "W": "entered-in-error",
}


@dataclass(frozen=True)
class Said:
    """One observation of a report: in what it differs from what stands."""

    kind: str
    code: str
    value: str
    flag: str = "N"
    withdrawn: bool = False


STANDING = [Said("", code, "5.0") for code in ("1-1", "1-2", "1-3", "1-5")]
COMING = [
    Said("same", "1-1", "5.0"),
    Said("changed", "1-2", "5.4"),
    Said("withdrawn", "1-3", "", withdrawn=True),
    Said("new", "1-4", "5.1"),
    Said("critical", "1-5", "9.9", "HH"),
    Said("new and critical", "1-6", "9.8", "HH"),
]


def by_v2(number: str, status: str, issued: str, said: list[Said], control_id: str) -> None:
    segments = [
        f"OBX|{place}|NM|{one.code}^Test^LN||{one.value}|mmol/L^^UCUM||{one.flag}|||"
        f"{'W' if one.withdrawn else status}"
        for place, one in enumerate(said, 1)
    ]
    answered = take(oru(control_id, obr("", number, status, issued=issued), *segments))
    assert code_of(answered) == ["AA"]


def by_fhir(laboratory: UUID) -> Callable[..., None]:
    def send(number: str, status: str, issued: str, said: list[Said], control_id: str) -> None:
        at = f"{issued[:4]}-{issued[4:6]}-{issued[6:8]}T{issued[8:10]}:{issued[10:12]}:00-05:00"
        loinc = "http://loinc.org"
        observations = [
            {
                "resourceType": "Observation",
                "status": _FHIR["W" if one.withdrawn else status],
                "code": {"coding": [{"system": loinc, "code": one.code, "display": "Test"}]},
                "interpretation": [{"coding": [{"code": one.flag}]}],
                **(
                    {"valueQuantity": {"value": float(one.value), "unit": "mmol/L"}}
                    if one.value
                    else {"dataAbsentReason": {}}
                ),
            }
            for one in said
        ]
        document = {
            "resourceType": "DiagnosticReport",
            "identifier": [{"value": number, "type": {"coding": [{"code": "FILL"}]}}],
            "status": _FHIR[status],
            "code": {"coding": [{"system": loinc, "code": "24323-8", "display": "CMP"}]},
            "issued": at,
            "subject": {"reference": "#p"},
            "contained": [
                {
                    "resourceType": "Patient",
                    "id": "p",
                    "identifier": [{"value": "MRN-0001"}],
                    "name": [{"family": "Testpatient", "given": ["Avery"]}],
                    "birthDate": "1980-04-15",
                },
                *({"id": f"o{n}", **one} for n, one in enumerate(observations)),
            ],
            "result": [{"reference": f"#o{n}"} for n in range(len(observations))],
        }
        take_fhir(json.dumps(document).encode(), Source(IntakeTransport.FHIR, laboratory))

    return send


def chart(number: str) -> tuple[UUID, dict[str, tuple[str, str]]]:
    found = rows(
        "SELECT r.id, o.code, o.value_text, o.status FROM diagnostic_report r "
        "JOIN observation o ON o.version_id = r.current_version_id WHERE r.filler_number = :number",
        number=number,
    )
    return found[0].id, {row.code: (row.value_text, row.status) for row in found}


def check(number: str, coming: str, what: str) -> None:
    report_id, standing = chart(number)
    waiting = rows(
        "SELECT c.id, w.priority FROM reconciliation_case c JOIN work_item w ON w.subject_id = c.id"
        " WHERE c.report_id = :id AND c.status = 'open' AND c.reason = 'out_of_order'",
        id=report_id,
    )
    for one in COMING:
        value, status = standing.get(one.code, ("", ""))
        gone = status in ("cancelled", "entered_in_error")
        says = gone if one.withdrawn or coming == "X" else (value == one.value and not gone)
        assert says or len(waiting) == 1, (what, one)
        if one.withdrawn:
            assert gone, what
        if one.flag == "HH" and not says:
            assert waiting[0].priority == "stat", what
    if coming == "X":
        assert not {status for _, status in standing.values()} & {"final", "corrected"}, what


@pytest.mark.parametrize("way", ["v2", "fhir"])
def test_whatever_comes_is_on_the_chart_or_somebodys(clinic: SmallClinic, way: str) -> None:
    send = by_v2 if way == "v2" else by_fhir(clinic.laboratory.id)
    for stands, comes, issued in product(STATUSES, STATUSES, (EARLIER, SAME, LATER)):
        what = f"{stands} then {comes} at {issued}"
        number = f"L{stands}{comes}{issued[8:12]}"
        send(number, stands, SAME, STANDING, f"{number}A")
        send(number, comes, issued, COMING, f"{number}B")
        check(number, comes, what)
    # Sent once more, it is no further case.
    before = len(cases())
    for stands, comes, issued in product(STATUSES, STATUSES, (EARLIER, SAME, LATER)):
        number = f"L{stands}{comes}{issued[8:12]}"
        send(number, comes, issued, COMING, f"{number}C")
    assert len(cases()) == before
    with transaction(OPERATOR) as session:
        assert loops.check(session, now=utcnow()) == []


def stands(report_id: Any) -> list[tuple[str, str, str]]:
    found = rows(
        "SELECT o.value_text, o.status, o.abnormality FROM observation o "
        "JOIN diagnostic_report r ON r.current_version_id = o.version_id "
        "WHERE r.id = :id ORDER BY o.position",
        id=report_id,
    )
    return [tuple(row) for row in found]


def test_final_and_not_sent_again_keeps_the_value_and_its_alert(clinic: SmallClinic) -> None:
    """Both before the workers look: the alert is there with the value."""
    unsent = "OBX|1|NM|2823-3^Potassium^LN||||||||U"
    take(oru("M1", obr(status="P"), obx("potassium", "6.9", "HH", "P")))
    [alert] = rows("SELECT criticals FROM critical_alert")
    assert alert.criticals[0]["value"] == "6.9"
    take(oru("M2", obr(), unsent))
    drain()
    [report] = reports()
    assert (report.status, report.abnormality, report.changes) == ("final", "critical", [])
    assert stands(report.id) == [("6.9", "final", "critical")]
    assert len(rows("SELECT 1 FROM critical_alert")) == 1
    assert [item.priority for item in items(kind="result_critical")] == ["stat"]


def test_a_critical_value_replaced_before_the_workers_look_has_its_alert(
    clinic: SmallClinic,
) -> None:
    take(oru("M1", obr(status="P"), obx("potassium", "6.9", "HH", "P")))
    take(oru("M2", obr(status="C"), obx("potassium", "4.1", "N", "C")))
    drain()
    assert len(rows("SELECT 1 FROM critical_alert")) == 1
    with transaction(WORKER) as session:
        assert loops.check(session, now=utcnow()) == []
        session.execute(TAKE_ALERTS)
        broken = {one.rule for one in loops.check(session, now=utcnow() + timedelta(hours=1))}
    assert "a critical value came and nobody was asked to acknowledge it" in broken


def test_a_value_that_stands_and_never_came_is_somebodys(clinic: SmallClinic) -> None:
    take(oru("M1", obr(), "OBX|1|NM|2823-3^Potassium^LN||||||||U", obx("sodium", 139)))
    [report], [case] = reports(), cases()
    assert (case.reason, case.report_id) == ("out_of_order", report.id)
    assert stands(report.id) == [("139", "final", "normal")]


def test_two_of_one_code_then_one(clinic: SmallClinic) -> None:
    """Nothing says which of them it is: both stand, and somebody decides."""
    take(oru("M1", obr(), obx("glucose", "92"), obx("glucose", "140", "H")))
    take(oru("M2", obr(status="C"), obx("glucose", "120", "H", "C")))
    [report], [case] = reports(), cases()
    assert (report.changes, case.reason) == ([], "out_of_order")
    take(oru("M3", obr(status="C"), obx("glucose", "140", "H", "W")))
    assert sorted(stands(report.id)) == [
        ("140", "entered_in_error", "unknown"),
        ("92", "final", "normal"),
    ]
    take(oru("M4", obr(status="C"), obx("glucose", "95", "N", "C")))
    assert sorted(stands(report.id))[1] == ("95", "corrected", "normal")


def test_two_of_one_code_then_one_by_fhir(clinic: SmallClinic) -> None:
    send = by_fhir(clinic.laboratory.id)
    two = [Said("", "1-1", "5.0"), Said("", "1-1", "6.0")]
    send("LAB-1", "F", SAME, two, "A")
    send("LAB-1", "C", LATER, [Said("", "1-1", "5.5")], "B")
    [report], [case] = reports(), cases()
    assert (case.reason, [row[0] for row in stands(report.id)]) == ("out_of_order", ["5.0", "6.0"])
    send("LAB-1", "C", LATER, [Said("", "1-1", "5.0"), Said("", "1-1", "6.5")], "C")
    assert [row[0] for row in stands(report.id)] == ["5.0", "6.5"]


def test_somebody_decides_that_it_stands(
    clinic: SmallClinic, caller: Callable[..., Caller]
) -> None:
    placer = order(clinic).placer_number
    take(oru("M1", obr(placer, status="C"), obx("potassium", "4.1", "N", "C")))
    take(oru("M2", obr(placer), obx("potassium", "6.8", "HH")))
    [report], [case] = reports(), cases()
    staff = caller(ActorKind.STAFF, clinic.nurse.id, clinic.nurse.name)
    shown = staff.get(f"/reconciliation/{case.id}").json
    assert (shown["reason"], shown["result_id"]) == ("out_of_order", str(report.id))
    answer = staff.post(f"/reconciliation/{case.id}/match", {"patient_id": str(clinic.patient.id)})
    assert answer.status_code == 200, answer.text
    assert stands(report.id) == [("6.8", "final", "critical")]
    assert len(items(kind="result_critical")) == 1
    assert items(kind="reconciliation") == []


@pytest.mark.parametrize(("newer", "older"), [("7.9", "4.0"), ("4.1", "7.2")])
def test_what_came_after_the_question_is_not_replaced_unseen(
    clinic: SmallClinic, caller: Callable[..., Caller], newer: str, older: str
) -> None:
    """Asked against the first version, and answered when the chart has a corrected one."""
    placer = order(clinic).placer_number
    flag = {"7.9": "HH", "7.2": "HH"}
    take(oru("M1", obr(placer, issued=SAME), obx("potassium", "4.6", "N")))
    take(oru("M2", obr(placer, issued=EARLIER), obx("potassium", older, flag.get(older, "N"))))
    corrected = obx("potassium", newer, flag.get(newer, "N"), "C")
    take(oru("M3", obr(placer, status="C", issued=LATER), corrected))
    [report], [case] = reports(), cases()
    before = stands(report.id)
    assert [row[:2] for row in before] == [(newer, "corrected")]
    staff = caller(ActorKind.STAFF, clinic.nurse.id, clinic.nurse.name)
    path, whose = f"/reconciliation/{case.id}/match", {"patient_id": str(clinic.patient.id)}
    refused = staff.post(path, whose)
    assert (refused.status_code, refused.json["code"]) == (409, "chart_moved_on")
    assert (refused.json["result_id"], refused.json["version_now"]) == (str(report.id), 2)
    assert staff.post(path, {**whose, "replaces_version": 1}).status_code == 409
    assert stands(report.id) == before
    done = staff.post(path, {**whose, "replaces_version": 2})
    assert done.status_code == 200, done.text
    assert [row[0] for row in stands(report.id)] == [older]


def test_what_was_withdrawn_or_cancelled_is_told_to_who_saw_it(
    clinic: SmallClinic, caller: Callable[..., Caller]
) -> None:
    patient = caller(ActorKind.PATIENT, clinic.patient.id)
    for number, (status, letter) in enumerate((("F", "W"), ("X", "F"))):
        filler = f"LAB-{number}"
        placer = order(clinic).placer_number
        take(oru(f"A{number}", obr(placer, filler), obx("glucose", "92")))
        drain()
        report = next(one for one in reports() if one.filler_number == filler)
        assert patient.get(f"/results/{report.id}").status_code == 200
        coming = obx("glucose", "", status=letter) if status == "F" else "NTE|1|L|Wrong tube"
        take(oru(f"B{number}", obr(placer, filler, status, issued=LATER), coming))
        drain()
        seen = patient.get(f"/results/{report.id}").json
        assert seen["abnormality"] == seen["observations"][0]["abnormality"] == "unknown"
        assert seen["observations"][0]["status"] in ("entered_in_error", "cancelled")
        assert seen["observations"][0]["value"] == "92"
        assert seen["versions"][-1]["changes"][0]["withdrawn"] is True
    assert told(clinic.patient.id) == ["result_available", "result_corrected"] * 2
    # Who ordered what was cancelled has no answer any more.
    assert len(items(kind="requisition_rejected")) == 1


def test_what_is_pending_again_keeps_its_value(clinic: SmallClinic) -> None:
    take(oru("M1", obr(status="P"), obx("potassium", "4.1", "N", "P")))
    pending = "OBX|1|NM|2823-3^Potassium^LN||||||||I"
    take(oru("M2", obr(status="A"), pending, obx("sodium", 139)))
    assert sorted(stands(reports()[0].id)) == [
        ("139", "final", "normal"),
        ("4.1", "preliminary", "normal"),
    ]


@pytest.mark.parametrize(
    "name",
    [
        "01-withdrawn-with-older-obr22",
        "02-U-without-value",
        "03-later-F-after-C-adds-critical",
        "08-obx11-N",
        "10-cancelled-after-final",
    ],
)
def test_what_was_once_lost(clinic: SmallClinic, name: str) -> None:
    raw = shared("failing", "hl7v2", f"{name}.hl7").read_bytes().split(b"\n", 1)[1]
    for old, new in (
        (b"MRN-1^", b"MRN-0001^"),
        (b"Sample^Robin", b"Testpatient^Avery"),
        (b"19800101", b"19800415"),
        (b"LABAPP|LABFAC", b"ACMELAB|ACME LAB"),
        (b"ORD-1^", order(clinic).placer_number.encode() + b"^"),
    ):
        raw = raw.replace(old, new)
    for one in raw.split(b"\n\n") if b"\n\n" in raw else raw.split(b"\r\r"):
        assert code_of(take(one)) == ["AA"]
    found = {row.code: row for row in rows(CURRENT)}
    match name[:2]:
        case "01":
            assert found["2345-7"].status == "entered_in_error"
        case "02":
            assert (found["2823-3"].value_text, found["2823-3"].status) == ("6.9", "final")
            assert len(rows("SELECT 1 FROM critical_alert")) == 1
        case "03":
            assert (found["2823-3"].value_text, found["2345-7"].value_text) == ("6.9", "92")
            assert len(rows("SELECT 1 FROM critical_alert")) == 1
        case "08":
            assert (found["2823-3"].value_text, found["2345-7"].status) == ("4.0", "not_asked")
        case _:
            assert (found["2345-7"].status, found["2345-7"].abnormality) == ("cancelled", "unknown")
            assert reports()[0].abnormality == "unknown"


def test_a_report_of_another_patient_adds_nothing_out_of_order(clinic: SmallClinic) -> None:
    take(oru("M1", obr(status="C"), obx("potassium", "4.1", "N", "C")))
    take(oru("M2", pid("MRN-0002", "Otherpatient^Blake"), obr(), obx("sodium", 139)))
    assert [case.reason for case in cases()] == ["patient_mismatch"]
    assert len(stands(reports()[0].id)) == 1
