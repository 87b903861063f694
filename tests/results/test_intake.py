"""Taking in messages: kept, put on the right chart, answered, and never twice."""

from collections.abc import Callable
from datetime import UTC
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from portal.core.actor import OPERATOR, ActorKind
from portal.core.db import transaction
from portal.results.envelope import Source
from portal.results.intake import take_hl7
from portal.results.service.hl7_intake import Answered
from portal.results.states import IntakeTransport
from tests.results.conftest import order
from tests.results.messages import FACILITY, message, msh, obr, obx, oru, pid
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, add, care_team
from tests.support.shared_data import shared
from tests.support.statements import recorded
from tests.support.work import drain

MLLP = Source(IntakeTransport.MLLP)


def take(raw: bytes, source: Source = MLLP) -> Answered:
    return take_hl7(raw, source)


def code_of(answered: Answered) -> list[str]:
    """MSA-1 of each acknowledgement."""
    return [
        segment.split("|")[1]
        for answer in answered.answers
        for segment in answer.decode().split("\r")
        if segment.startswith("MSA")
    ]


def rows(statement: str, **values: Any) -> list[Any]:
    with transaction(OPERATOR) as session:
        return list(session.execute(text(statement), values).all())


def reports() -> list[Any]:
    return rows(
        "SELECT r.*, v.number, v.changes FROM diagnostic_report r "
        "JOIN report_version v ON v.id = r.current_version_id ORDER BY r.id"
    )


def values(report_id: Any) -> list[tuple[str, str, str]]:
    found = rows(
        "SELECT o.code, o.value_text, o.abnormality FROM observation o "
        "JOIN diagnostic_report r ON r.current_version_id = o.version_id "
        "WHERE r.id = :id ORDER BY o.position",
        id=report_id,
    )
    return [tuple(row) for row in found]


def cases() -> list[Any]:
    return rows("SELECT * FROM reconciliation_case ORDER BY id")


def kept() -> list[Any]:
    return rows("SELECT * FROM received_message ORDER BY id")


def test_a_result_answers_its_order(clinic: SmallClinic) -> None:
    requisition = order(clinic)
    answered = take(oru("M1", obr(requisition.placer_number), obx("potassium", "4.2")))
    [report] = reports()
    assert code_of(answered) == ["AA"]
    assert (report.patient_id, report.requisition_id, report.responsible_id) == (
        clinic.patient.id,
        requisition.id,
        clinic.physician.id,
    )
    assert (report.status, report.abnormality, report.release_status) == (
        "final",
        "normal",
        "pending",
    )
    assert values(report.id) == [("2823-3", "4.2", "normal")]
    [event] = rows("SELECT payload FROM outbox_event WHERE kind = 'result.received'")
    assert event.payload["report_id"] == str(report.id)


def test_a_time_without_an_offset_is_the_laboratorys(clinic: SmallClinic) -> None:
    """Also in the first message of a process, and in the first after the laboratory has moved."""
    hours = []
    for number, zone in enumerate(("America/New_York", "America/Denver", "America/Denver")):
        with transaction(OPERATOR) as session:
            session.execute(text("UPDATE laboratory SET time_zone = :zone"), {"zone": zone})
        placer = order(clinic).placer_number
        asked = obr(placer, f"LAB-{number}").replace("20260301080000-0500", "20260301080000")
        assert code_of(take(oru(f"M{number}", asked, obx("potassium", "4.2")))) == ["AA"]
        [report] = rows("SELECT collected_at FROM diagnostic_report ORDER BY id DESC LIMIT 1")
        hours.append(report.collected_at.astimezone(UTC).hour)
    assert hours[1:] == [hours[0] + 2, hours[0] + 2]


def test_every_message_is_kept_as_it_came(clinic: SmallClinic) -> None:
    good = oru("M1", obr(order(clinic).placer_number), obx("potassium", "4.2"))
    bad = good.replace(b"|M1|", b"||")
    noise = b"\x00\xffnoise"
    for raw in (good, bad, noise):
        take(raw)
    assert [(bytes(one.content), one.outcome) for one in kept()] == [
        (good, "taken_in"),
        (bad, "refused"),
        (noise, "refused"),
    ]
    assert all(one.answers for one in kept())


def test_the_same_message_again_is_answered_as_before(clinic: SmallClinic) -> None:
    raw = oru("M1", obr(order(clinic).placer_number), obx("potassium", "4.2"))
    first, second = take(raw), take(raw)
    later = take(raw.replace(b"20260301093000-0500", b"20260301094500-0500"))
    assert list(first.answers) == list(second.answers) == list(later.answers)
    assert len(reports()) == len(kept()) == 1


def test_another_message_under_a_used_control_id_is_refused(clinic: SmallClinic) -> None:
    placer = order(clinic).placer_number
    take(oru("M1", obr(placer), obx("potassium", "4.2")))
    answered = take(oru("M1", obr(placer, status="C"), obx("potassium", "6.8", "HH", "C")))
    assert code_of(answered) == ["AE"]
    assert b"^205^" in answered.answers[0] or b"|205^" in answered.answers[0]
    assert values(reports()[0].id) == [("2823-3", "4.2", "normal")]


def test_a_refused_message_may_be_sent_again_mended(clinic: SmallClinic) -> None:
    placer = order(clinic).placer_number
    refused = take(oru("M1", obr(placer, status="Q"), obx("potassium", "4.2")))
    mended = take(oru("M1", obr(placer), obx("potassium", "4.2")))
    assert (code_of(refused), code_of(mended)) == (["AE"], ["AA"])
    assert len(reports()) == 1


def test_preliminary_final_corrected_are_versions_of_one_report(clinic: SmallClinic) -> None:
    placer = order(clinic).placer_number
    take(oru("M1", obr(placer, status="P"), obx("sodium", 139, "N", "P")))
    take(oru("M2", obr(placer), obx("sodium", 139), obx("potassium", "3.1", "L")))
    take(oru("M3", obr(placer, status="C"), obx("potassium", "6.8", "HH", "C")))
    [report] = reports()
    assert (report.status, report.number, report.abnormality) == ("corrected", 3, "critical")
    # What the correction doesn't mention stands.
    assert values(report.id) == [("2823-3", "6.8", "critical"), ("2951-2", "139", "normal")]
    assert report.changes == [
        {"code": "2823-3", "name": "Potassium", "before": "3.1 mmol/L", "after": "6.8 mmol/L"}
    ]


def test_an_older_status_never_overwrites_a_newer_one(clinic: SmallClinic) -> None:
    placer = order(clinic).placer_number
    take(oru("M1", obr(placer, status="C"), obx("potassium", "6.8", "HH", "C")))
    for number, status in enumerate("FPR", 2):
        late = take(oru(f"M{number}", obr(placer, status=status), obx("potassium", "3.1", "L")))
        assert code_of(late) == ["AA"]
    [report] = reports()
    assert (report.status, report.number) == ("corrected", 1)
    assert values(report.id) == [("2823-3", "6.8", "critical")]


def test_of_two_corrections_the_later_issued_one_stands(clinic: SmallClinic) -> None:
    placer = order(clinic).placer_number
    later, earlier = "20260301150000-0500", "20260301140000-0500"
    take(oru("M1", obr(placer, status="C", issued=later), obx("potassium", "4.4", "N", "C")))
    take(oru("M2", obr(placer, status="C", issued=earlier), obx("potassium", "6.8", "HH", "C")))
    assert values(reports()[0].id) == [("2823-3", "4.4", "normal")]


def test_the_same_report_under_a_new_control_id_is_no_news(clinic: SmallClinic) -> None:
    placer = order(clinic).placer_number
    for control_id in ("M1", "M2"):
        take(oru(control_id, obr(placer), obx("potassium", "4.2")))
    assert [report.number for report in reports()] == [1]
    assert len(rows("SELECT 1 FROM outbox_event WHERE kind = 'result.received'")) == 1


def test_what_came_unasked_goes_by_record_number_and_birth_date(clinic: SmallClinic) -> None:
    take(oru("M1", obr(), obx("potassium", "4.2")))
    [report] = reports()
    assert (report.patient_id, report.requisition_id, report.responsible_id) == (
        clinic.patient.id,
        None,
        clinic.physician.id,
    )


@pytest.mark.parametrize(
    ("segments", "reason"),
    [
        ((pid("MRN-9999"), obr()), "patient_unknown"),
        ((pid(born="19810415"), obr()), "patient_mismatch"),
        ((pid(name="Other^Name"), obr()), "patient_mismatch"),
        ((pid(born=""), obr()), "patient_mismatch"),
        ((pid(), obr("ORD-1")), "order_unknown"),
    ],
)
def test_what_matches_nobody_waits_for_somebody(
    clinic: SmallClinic, segments: tuple[str, ...], reason: str
) -> None:
    assert clinic.patient.mrn
    answered = take(oru("M1", *segments, obx("potassium", "4.2")))
    assert code_of(answered) == ["AA"]
    assert reports() == []
    assert [case.reason for case in cases()] == [reason]
    [item] = rows("SELECT subject_id, kind FROM work_item")
    assert (item.subject_id, item.kind) == (cases()[0].id, "reconciliation")


@pytest.mark.parametrize(
    "whose",
    [
        pid("MRN-0002"),
        pid(born="19810415"),
        pid("MRN-9999", "Otherpatient^Blake"),
        pid("MRN-0001", "Wrong^Person"),
    ],
)
def test_a_patient_who_disagrees_with_the_order_reaches_neither_chart(
    clinic: SmallClinic, whose: str
) -> None:
    take(oru("M1", whose, obr(order(clinic).placer_number), obx("potassium", "4.2")))
    assert reports() == []
    assert [case.reason for case in cases()] == ["patient_mismatch"]


def test_a_laboratorys_own_patient_number_is_no_disagreement(clinic: SmallClinic) -> None:
    take(oru("M1", pid("77123"), obr(order(clinic).placer_number), obx("potassium", "4.2")))
    assert len(reports()) == 1


def test_an_order_that_another_laboratory_has_is_not_this_ones(clinic: SmallClinic) -> None:
    raw = oru(
        "M1",
        obr(order(clinic).placer_number),
        obx("potassium", "4.2"),
        sender="BEACON|BEACON LAB",
    )
    take(raw)
    assert (reports(), [case.reason for case in cases()]) == ([], ["order_elsewhere"])


def test_a_sender_whom_nobody_knows_reaches_no_chart(clinic: SmallClinic) -> None:
    raw = oru(
        "M1", obr(order(clinic).placer_number), obx("potassium", "4.2"), sender="NOBODY|NOWHERE"
    )
    assert code_of(take(raw)) == ["AA"]
    assert (reports(), [case.reason for case in cases()]) == ([], ["sender_unknown"])


def test_several_reports_in_one_message(clinic: SmallClinic) -> None:
    placer = order(clinic).placer_number
    take(
        oru(
            "M1",
            obr(placer, "LAB-1"),
            obx("potassium", "4.2"),
            obr("ORD-unknown", "LAB-2", code="58410-2", number=2),
            obx("glucose", "92"),
        )
    )
    assert ([one.filler_number for one in reports()], [one.report_index for one in cases()]) == (
        ["LAB-1"],
        [1],
    )
    assert kept()[0].outcome == "reconciling"


@pytest.mark.parametrize(
    ("accept", "then", "codes"),
    [("AL", "NE", ["CA"]), ("AL", "AL", ["CA", "AA"]), ("NE", "NE", []), ("ER", "SU", ["AA"])],
)
def test_the_sender_says_which_acknowledgements_it_wants(
    clinic: SmallClinic, accept: str, then: str, codes: list[str]
) -> None:
    placer = order(clinic).placer_number
    raw = oru("M1", obr(placer), obx("potassium", "4.2"), accept=accept, application=then)
    assert code_of(take(raw)) == codes
    assert len(reports()) == 1


def test_another_type_of_message_is_rejected(clinic: SmallClinic) -> None:
    assert clinic.patient.mrn
    answered = take(message(msh("M1", kind="ADT^A01^ADT_A01"), pid()))
    assert code_of(answered) == ["AR"]


def test_a_withdrawn_observation_no_longer_counts(clinic: SmallClinic) -> None:
    placer = order(clinic).placer_number
    take(oru("M1", obr(placer), obx("potassium", "6.8", "HH"), obx("sodium", 139)))
    take(oru("M2", obr(placer, status="C"), obx("potassium", "6.8", "HH", "W")))
    [report] = reports()
    assert report.abnormality == "normal"
    assert report.changes[0]["after"] == "6.8 mmol/L (entered in error)"


def test_digits_are_kept_as_they_came(clinic: SmallClinic) -> None:
    take(oru("M1", obr(order(clinic).placer_number), obx("potassium", "4.20")))
    [row] = rows("SELECT number::text AS number, value_text FROM observation")
    assert (row.number, row.value_text) == ("4.20", "4.20")


def merge(clinic: SmallClinic, caller: Callable[..., Caller]) -> None:
    """The first patient's record turns out to be a duplicate of the second's."""
    add(care_team(clinic.other_patient, clinic.physician, "specialist"))
    nurse = caller(ActorKind.STAFF, clinic.nurse.id)
    body = {"into_id": str(clinic.other_patient.id), "reason": "Registered twice"}
    answer = nurse.post(f"/patients/{clinic.patient.id}/merge", body)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("moved", [True, False], ids=["rows moved", "rows not moved yet"])
def test_a_patient_merged_meanwhile_gets_it_on_the_record_that_is_left(
    clinic: SmallClinic, caller: Callable[..., Caller], moved: bool
) -> None:
    placer = order(clinic).placer_number
    take(oru("M1", obr(placer, status="P"), obx("potassium", "4.0", status="P")))
    merge(clinic, caller)
    if moved:
        drain()
    take(oru("M2", obr(placer), obx("potassium", "4.2")))
    take(oru("M3", obr("", "LAB-2"), obx("sodium", 139)))
    drain()
    assert {report.patient_id for report in reports()} == {clinic.other_patient.id}
    assert [(report.status, report.number) for report in reports()] == [("final", 2), ("final", 1)]
    assert cases() == []


def test_our_own_failure_is_answered_so_that_it_is_sent_again(
    app: Flask, clinic: SmallClinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: Any, **_options: Any) -> None:
        raise RuntimeError("a defect")

    assert app.testing
    raw = oru("M1", obr(order(clinic).placer_number), obx("potassium", "4.2"))
    with monkeypatch.context() as patch:
        patch.setattr("portal.results.service.hl7_intake.place_reports", fail)
        assert code_of(take(raw)) == ["AR"]
    assert [one.outcome for one in kept()] == ["failed"]
    assert code_of(take(raw)) == ["AA"]
    assert len(reports()) == 1


def test_the_messages_written_for_this(clinic: SmallClinic) -> None:
    """shared/data/hl7v2: preliminary, final, corrected and critical, two panels, a PDF."""
    folder = shared("hl7v2")
    for number in ("9001", "9002", "9003", "9005"):
        order(clinic, placer_number=f"ORD-{number}")
    names = [
        "s03-oru-preliminary",
        "s04-oru-final",
        "s05-oru-corrected-critical",
        "c01-multi-obr-cmp-cbc",
        "c03-pdf-ed",
    ]
    assert FACILITY == "ACMELAB|ACME LAB"
    for name in names:
        raw = (folder / f"{name}.hl7").read_bytes().replace(b"MRN-1001", b"MRN-0001")
        assert code_of(take(raw)) == ["AA"], name
    found = {report.placer_number: report for report in reports()}
    assert {number: (one.status, one.abnormality) for number, one in found.items()} == {
        "ORD-9001": ("corrected", "critical"),
        "ORD-9002": ("final", "normal"),
        "ORD-9003": ("final", "critical"),
        "ORD-9005": ("final", "unknown"),
    }
    assert found["ORD-9001"].number == 3
    [document] = rows("SELECT size, content FROM report_attachment")
    assert (document.size, bytes(document.content)[:5]) == (387, b"%PDF-")


def test_a_message_costs_two_statements_and_a_further_version_one_more(
    clinic: SmallClinic,
) -> None:
    placer = order(clinic).placer_number
    counts = []
    for number, status in enumerate("PFC"):
        raw = oru(f"M{number}", obr(placer, status=status), obx("potassium", "4.2", "N", status))
        with recorded() as statements:
            assert code_of(take(raw)) == ["AA"]
        counts.append(sum("BEGIN" not in one for one in statements))
    assert counts == [2, 3, 3]
