"""A critical value that waits for somebody, in a case of whatever kind, is chased like one on a
chart: at once, each who is asked half an hour, day and night."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text, update

from portal.core.actor import OPERATOR, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.errors import Unavailable
from portal.results.envelope import Source
from portal.results.intake import take_fhir
from portal.results.service import failing
from portal.results.states import CaseReason, IntakeTransport
from portal.worklist.model import WorkItem
from tests.results.conftest import items, order
from tests.results.messages import FACILITY, obr, obx, oru, pid
from tests.results.test_intake import cases, code_of, take
from tests.results.test_reporting import bundle
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.shared_data import shared
from tests.support.work import drain
from workers import schedule

HALF_AN_HOUR = timedelta(minutes=30)
SECOND = timedelta(seconds=1)
R = CaseReason


@dataclass(frozen=True, slots=True)
class Said:
    """What a laboratory says in one message, apart from its control id; critical unless told."""

    mrn: str = "MRN-0001"
    born: str = "19800415"
    placer: str = ""
    value: str = "7.9"
    flag: str = "HH"
    status: str = "F"
    hour: int = 10
    known: bool = True


Send = Callable[[str, Said], None]


def by_v2(_clinic: SmallClinic) -> Send:
    def send(control_id: str, said: Said) -> None:
        raw = oru(
            control_id,
            pid(said.mrn, born=said.born),
            obr(said.placer, status=said.status, issued=f"20260301{said.hour}1000-0500"),
            obx("potassium", said.value, said.flag, said.status),
            sender=FACILITY if said.known else "ELSEWHERE|ELSEWHERE",
        )
        assert code_of(take(raw)) in (["AA"], ["AR"])

    return send


def by_fhir(clinic: SmallClinic) -> Send:
    source = Source(IntakeTransport.FHIR, clinic.laboratory.id)

    def send(control_id: str, said: Said) -> None:
        status = {"F": "final", "C": "corrected"}[said.status]
        issued = f"2026-03-01T{said.hour}:10:00-05:00"
        document = bundle(clinic, said.placer, status=status, issued=issued)
        document["identifier"]["value"] = control_id
        patient, potassium, _report = (entry["resource"] for entry in document["entry"])
        patient["identifier"] = [{"value": said.mrn}]
        patient["birthDate"] = f"{said.born[:4]}-{said.born[4:6]}-{said.born[6:]}"
        potassium["status"] = status
        potassium["valueQuantity"]["value"] = float(said.value)
        potassium["interpretation"] = [{"coding": [{"code": said.flag}]}]
        with suppress(Unavailable):
            take_fhir(json.dumps(document).encode(), source)

    return send


WAYS: dict[str, Callable[[SmallClinic], Send]] = {"v2": by_v2, "fhir": by_fhir}


@dataclass(frozen=True, slots=True)
class Scene:
    """What there is for a case to come about."""

    clinic: SmallClinic
    send: Send
    staff: Caller
    patching: pytest.MonkeyPatch


def of_an_unknown_sender(scene: Scene) -> None:
    scene.send("M1", Said(known=False))


def of_an_unknown_patient(scene: Scene) -> None:
    scene.send("M1", Said(mrn="MRN-9999"))


def of_a_patient_who_differs(scene: Scene) -> None:
    scene.send("M1", Said(placer=order(scene.clinic).placer_number, born="19800416"))


def of_an_unknown_order(scene: Scene) -> None:
    scene.send("M1", Said(placer="ORD-unknown"))


def of_an_order_at_another_laboratory(scene: Scene) -> None:
    elsewhere = order(scene.clinic, laboratory_id=scene.clinic.other_laboratory.id)
    scene.send("M1", Said(placer=elsewhere.placer_number))


def for_whom_nobody_is_responsible(scene: Scene) -> None:
    with transaction(OPERATOR) as session:
        session.execute(text("UPDATE care_team_member SET ended_on = started_on"))
    scene.send("M1", Said())


def after_a_later_one(scene: Scene) -> None:
    scene.send("M1", Said(value="4.2", flag="N", status="C", hour=12))
    scene.send("M2", Said())


def that_failed_on_our_side(scene: Scene) -> None:
    def fail(*_arguments: Any, **_options: Any) -> None:
        raise RuntimeError("a defect")

    scene.patching.setattr("portal.results.service.placing.rules.whose", fail)
    for _ in range(failing.MOST_FAILURES):
        scene.send("M1", Said())


def that_was_taken_back(scene: Scene) -> None:
    """A wrong match is undone, and with it what came later for the same report by itself."""
    scene.send("M1", Said(mrn="X-1", born="19800416"))
    path = f"/reconciliation/{cases()[-1].id}"
    match = {
        "patient_id": str(scene.clinic.patient.id),
        "confirmed": ["birth_date"],
        "reason": "It is said to be theirs",
    }
    assert scene.staff.post(f"{path}/match", match).status_code == 200
    scene.send("M2", Said(value="8.1", status="C", hour=12))
    why = {"reason": "The laboratory called: the tube was another patient's"}
    assert scene.staff.post(f"{path}/unmatch", why).status_code == 200


HOW: dict[CaseReason, Callable[[Scene], None]] = {
    R.SENDER_UNKNOWN: of_an_unknown_sender,
    R.PATIENT_UNKNOWN: of_an_unknown_patient,
    R.PATIENT_MISMATCH: of_a_patient_who_differs,
    R.ORDER_UNKNOWN: of_an_unknown_order,
    R.ORDER_ELSEWHERE: of_an_order_at_another_laboratory,
    R.NOBODY_RESPONSIBLE: for_whom_nobody_is_responsible,
    R.OUT_OF_ORDER: after_a_later_one,
    R.NOT_TAKEN_IN: that_failed_on_our_side,
    R.TAKEN_BACK: that_was_taken_back,
}
# By FHIR the token says who sends.
CANNOT_BE = {(R.SENDER_UNKNOWN, "fhir")}
CASES = [(reason, way) for reason in R for way in WAYS if (reason, way) not in CANNOT_BE]


def waiting(reason: CaseReason) -> set[UUID]:
    return {case.id for case in cases() if case.status == "open" and case.reason == reason}


def check_chased(expected: set[UUID]) -> None:
    """The items of these cases press, now and whenever nobody answers."""
    chased = [item for item in items(kind="reconciliation") if item.subject_id in expected]
    assert {item.subject_id for item in chased} == expected
    for item in chased:
        assert (item.priority, item.due_at - item.created_at) == ("stat", HALF_AN_HOUR)
    for _hop in ("the pool", "its lead", "once more"):
        with transaction(OPERATOR) as session:
            theirs = update(WorkItem).where(
                WorkItem.kind == "reconciliation", WorkItem.subject_id.in_(expected)
            )
            session.execute(theirs.values(due_at=utcnow() - SECOND))
        begun = utcnow()
        assert schedule.escalate() == len(expected)
        drain()
        for item in items(kind="reconciliation"):
            if item.subject_id in expected:
                assert begun <= item.due_at - HALF_AN_HOUR <= utcnow()


@pytest.fixture
def staff(clinic: SmallClinic, caller: Callable[..., Caller]) -> Caller:
    return caller(ActorKind.STAFF, clinic.liaison_officer.id, "Lee")


@pytest.mark.parametrize(("reason", "way"), CASES)
def test_a_case_of_every_kind_with_a_critical_value_is_chased(
    clinic: SmallClinic,
    staff: Caller,
    monkeypatch: pytest.MonkeyPatch,
    reason: CaseReason,
    way: str,
) -> None:
    HOW[reason](Scene(clinic, WAYS[way](clinic), staff, monkeypatch))
    drain()
    held = waiting(reason)
    assert len(held) == 1
    check_chased({case.id for case in cases() if case.status == "open"})


@pytest.mark.parametrize("way", WAYS)
def test_what_is_not_critical_waits_for_opening_hours(clinic: SmallClinic, way: str) -> None:
    WAYS[way](clinic)("M1", Said(mrn="MRN-9999", value="4.2", flag="N"))
    [item] = items(kind="reconciliation")
    assert item.priority == "urgent"


def test_a_critical_value_of_a_birth_date_that_is_one_day_off(clinic: SmallClinic) -> None:
    raw = shared("failing", "hl7v2", "15-held-critical.hl7").read_bytes().split(b"\n", 1)[1]
    for old, new in (
        (b"MRN-1^", b"MRN-0001^"),
        (b"Sample^Robin", b"Testpatient^Avery"),
        (b"19800102", b"19800416"),
        (b"LABAPP|LABFAC", b"ACMELAB|ACME LAB"),
        (b"ORD-1^", order(clinic).placer_number.encode() + b"^"),
    ):
        raw = raw.replace(old, new)
    assert code_of(take(raw)) == ["AA"]
    held = waiting(R.PATIENT_MISMATCH)
    assert len(held) == 1
    check_chased(held)
