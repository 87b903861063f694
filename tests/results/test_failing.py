"""A message that fails on our side, for whatever reason, never stops its laboratory, and is never
lost: a few times it is asked for again, then it is somebody's case, once, and can be taken in."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from portal.cli import portal
from portal.core.actor import ActorKind
from portal.core.errors import Unavailable
from portal.results.envelope import Source
from portal.results.intake import take_fhir
from portal.results.service import failing
from portal.results.states import IntakeTransport
from tests.results.conftest import items, order
from tests.results.messages import message, msh, obr, obx, oru, pid
from tests.results.test_intake import cases, code_of, kept, reports, rows, take
from tests.results.test_reporting import bundle
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.shared_data import shared

PLACES = [
    "portal.results.service.placing._Writing.write",
    "portal.results.service.placing.rules.whose",
    "portal.results.service.placing.critical.raise_for",
    "portal.results.service.hl7_intake.look",
    "portal.results.oru.read_report",
]
Break = Callable[[str], pytest.MonkeyPatch]


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Break:
    """A defect at a place of ours."""

    def fail(*_arguments: Any, **_options: Any) -> None:
        raise RuntimeError("a defect")

    def at(place: str) -> pytest.MonkeyPatch:
        monkeypatch.setattr(place, fail)
        return monkeypatch

    return at


def raw(control_id: str = "M1") -> bytes:
    return oru(control_id, obr(), obx("potassium", "6.9", "HH"))


@pytest.mark.parametrize("place", PLACES)
def test_the_sender_goes_on_and_nothing_is_lost(
    clinic: SmallClinic, caller: Callable[..., Caller], broken: Break, place: str
) -> None:
    defect = broken(place)
    codes = [code_of(take(raw()))[0] for _ in range(failing.MOST_FAILURES + 2)]
    again = failing.MOST_FAILURES - 1
    assert codes == ["AR"] * again + ["AA"] * (len(codes) - again)
    [case] = cases()
    assert (case.reason, case.status, reports()) == ("not_taken_in", "open", [])
    assert [one.outcome for one in kept()] == ["failed"] * again + ["reconciling"]
    assert bytes(kept()[-1].content) == raw()
    [item] = items(kind="reconciliation")
    assert item.priority == ("urgent" if place.endswith("read_report") else "stat")
    staff = caller(ActorKind.STAFF, clinic.liaison_officer.id, "Lee")
    shown = staff.get(f"/reconciliation/{case.id}")
    assert "OBX|1|NM|2823-3" in shown.json["message"]
    body = {"patient_id": str(clinic.patient.id)}
    assert staff.post(f"/reconciliation/{case.id}/match", body).json["code"] == "replay_first"
    answer = staff.post(f"/reconciliation/{case.id}/replay")
    assert (answer.status_code, answer.json["code"]) == (409, "still_failing")
    defect.undo()
    answer = staff.post(f"/reconciliation/{case.id}/replay")
    assert (answer.status_code, answer.json["status"]) == (200, "taken_in"), answer.text
    assert [report.abnormality for report in reports()] == ["critical"]
    assert [item.kind for item in items()] == ["result_critical"]
    assert kept()[-1].outcome == "taken_in"
    assert code_of(take(raw())) == ["AA"]
    assert len(reports()) == 1


def test_a_sender_that_takes_a_new_control_id_each_time(clinic: SmallClinic, broken: Break) -> None:
    assert clinic.patient.mrn
    broken(PLACES[0])
    codes = [code_of(take(raw(f"M{number}")))[0] for number in range(6)]
    assert codes == ["AR", "AR", "AA", "AA", "AA", "AA"]
    assert len(cases()) == 1


def test_other_messages_of_the_laboratory_go_on(clinic: SmallClinic, broken: Break) -> None:
    defect = broken(PLACES[0])
    assert code_of(take(raw())) == ["AR"]
    defect.undo()
    assert code_of(take(oru("M2", obr("", "LAB-2"), obx("sodium", 139)))) == ["AA"]
    assert code_of(take(raw())) == ["AA"]
    assert (len(reports()), cases(), clinic.patient.mrn) == (2, [], "MRN-0001")


def test_the_same_by_fhir_and_by_the_command(
    app: Flask, clinic: SmallClinic, broken: Break
) -> None:
    source = Source(IntakeTransport.FHIR, clinic.laboratory.id)
    content = json.dumps(bundle(clinic)).encode()
    defect = broken(PLACES[0])
    for _ in range(failing.MOST_FAILURES - 1):
        with pytest.raises(Unavailable):
            take_fhir(content, source)
    for _ in range(2):
        [item] = json.loads(take_fhir(content, source).body)["items"]
        assert (item["outcome"], item["reason"]) == ("reconciling", "not_taken_in")
    [case] = cases()
    runner = app.test_cli_runner()
    assert "1 messages" in runner.invoke(portal.commands["messages"], ["status"]).output
    defect.undo()
    ran = runner.invoke(portal.commands["messages"], ["replay"])
    assert (ran.exit_code, ran.output) == (0, f"{case.id}  taken in\n"), ran.output
    assert ([one.filler_number for one in reports()], items()) == (["LAB-7"], [])


def test_what_matches_nobody_when_it_is_taken_in_again(
    clinic: SmallClinic, caller: Callable[..., Caller], broken: Break
) -> None:
    unknown = oru("M1", pid("MRN-9999"), obr(), obx("potassium", "4.2"))
    defect = broken(PLACES[1])
    for _ in range(failing.MOST_FAILURES):
        take(unknown)
    defect.undo()
    staff = caller(ActorKind.STAFF, clinic.liaison_officer.id, "Lee")
    assert staff.post(f"/reconciliation/{cases()[0].id}/replay").status_code == 200
    assert sorted((one.reason, one.status) for one in cases()) == [
        ("not_taken_in", "taken_in"),
        ("patient_unknown", "open"),
    ]
    assert kept()[-1].outcome == "reconciling"


def test_two_isolates_of_one_number_and_test(clinic: SmallClinic) -> None:
    """What was asked for again for ever."""
    susceptibility = "50545-3"
    tested = "OBX|1|ST|18906-8^Ciprofloxacin^LN||{}||||||F"
    raw = oru(
        "M1",
        obr(code=susceptibility),
        tested.format("S"),
        obr(code=susceptibility, number=2),
        tested.format("R"),
    )
    assert code_of(take(raw)) == ["AA"]
    found = rows("SELECT value_text, isolate FROM observation ORDER BY position")
    assert [(row.value_text, row.isolate["sub_id"]) for row in found] == [("S", "1"), ("R", "2")]
    assert (len(reports()), cases(), clinic.patient.mrn) == (1, [], "MRN-0001")


def test_a_report_without_any_number_is_refused(
    clinic: SmallClinic, caller: Callable[..., Caller]
) -> None:
    laboratory = caller(ActorKind.LABORATORY, clinic.laboratory.id, clinic.laboratory.name)
    answer = laboratory.request(
        "POST",
        "/api/v1/lab/reports",
        data=json.dumps(bundle(clinic, identifier=[])),
        content_type="application/fhir+json",
    )
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (
        422,
        "/entry/2/resource/identifier",
    )
    assert kept()[0].outcome == "refused"


def test_two_reports_of_one_number_by_fhir(
    clinic: SmallClinic, caller: Callable[..., Caller]
) -> None:
    laboratory = caller(ActorKind.LABORATORY, clinic.laboratory.id, clinic.laboratory.name)
    document = bundle(clinic)
    twice = json.loads(json.dumps(document["entry"][-1]))
    document["entry"].append({**twice, "fullUrl": "urn:uuid:twice"})
    answer = laboratory.request(
        "POST",
        "/api/v1/lab/reports",
        data=json.dumps(document),
        content_type="application/fhir+json",
    )
    assert [one["outcome"] for one in answer.json["items"]] == ["new", "new"], answer.text
    assert len(reports()) == 1


@pytest.mark.parametrize("processing", ["T", "D"])
def test_training_reaches_no_chart(clinic: SmallClinic, processing: str) -> None:
    answered = take(raw().replace(b"|P|2.5.1", f"|{processing}|2.5.1".encode()))
    assert code_of(answered) == ["AR"]
    assert b"|202^" in answered.answers[0]
    assert (reports(), [one.outcome for one in kept()]) == ([], ["refused"])
    assert clinic.patient.mrn


def test_one_acknowledgement_in_an_answer_by_http(
    clinic: SmallClinic, caller: Callable[..., Caller]
) -> None:
    laboratory = caller(ActorKind.LABORATORY, clinic.laboratory.id, clinic.laboratory.name)
    both = oru("M1", obr(), obx("sodium", 139), accept="AL", application="AL")
    answer = laboratory.request(
        "POST", "/api/v1/lab/messages", data=both, content_type="application/hl7-v2"
    )
    assert (answer.text.count("MSA|"), answer.text.count("MSA|AA|")) == (1, 1)


def test_results_without_an_event(clinic: SmallClinic) -> None:
    old = message(msh("M1", kind="ORU").replace("2.5.1", "2.2"), pid(), obr(), obx("sodium", 139))
    assert code_of(take(old)) == ["AA"]
    assert (len(reports()), clinic.patient.mrn) == (1, "MRN-0001")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("05-two-obr-one-filler-and-code", "AA"),
        ("06-training-message", "AR"),
        ("07-nul-in-number", "AE"),
        ("11-specimen-rejected-reason-in-SPM21", "AA"),
    ],
)
def test_what_once_went_wrong(clinic: SmallClinic, name: str, code: str) -> None:
    content = shared("failing", "hl7v2", f"{name}.hl7").read_bytes().split(b"\n", 1)[1]
    for old, new in (
        (b"MRN-1^", b"MRN-0001^"),
        (b"Sample^Robin", b"Testpatient^Avery"),
        (b"19800101", b"19800415"),
        (b"LABAPP|LABFAC", b"ACMELAB|ACME LAB"),
        (b"ORD-1^", order(clinic).placer_number.encode() + b"^"),
        (b"<NUL>", b"\x00"),
    ):
        content = content.replace(old, new)
    assert code_of(take(content)) == [code]
    if name.startswith("11"):
        [version] = rows("SELECT reason FROM report_version")
        assert version.reason == "Quantity not sufficient"
