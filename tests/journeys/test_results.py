"""A result's whole way on real wires: from the order to its correction, read by the patient."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from portal.config import Config
from portal.core import loops
from portal.core.actor import OPERATOR, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.directory.model import Laboratory
from tests.results.messages import obr, obx, oru
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.laboratory import TestLaboratory, listening_laboratory, placer_number, responds
from tests.support.mllp import Sender, listener
from tests.support.processes import wait_for
from tests.support.work import drain
from workers import schedule
from workers.laboratories import Pace
from workers.laboratories import Sender as OrderSender


@pytest.fixture
def laboratory(clinic: SmallClinic) -> Iterator[TestLaboratory]:
    """The clinic's laboratory: it takes orders over MLLP and accepts each."""
    with listening_laboratory() as listening:
        listening.otherwise = responds("OK", "LAB-77")
        with transaction(OPERATOR) as session:
            found = session.get_one(Laboratory, clinic.laboratory.id)
            found.transport = "mllp"
            found.mllp_host, found.mllp_port = listening.host, listening.port
        yield listening


@pytest.fixture
def sending(app: Flask, config: Config, laboratory: TestLaboratory) -> Iterator[None]:
    """The sender, in a thread of its own."""
    assert laboratory.port
    sender = OrderSender(app, config, Pace(patience=0.1))
    thread = Thread(target=sender.run)
    thread.start()
    yield
    sender.stop()
    thread.join()


@pytest.fixture
def line(app: Flask) -> Iterator[Sender]:
    """The laboratory's connection to our listener."""
    with listener(app) as port:
        sender = Sender(port)
        yield sender
        sender.close()


@pytest.fixture
def people(clinic: SmallClinic, caller: Callable[..., Caller]) -> dict[str, Caller]:
    ids = {
        "patient": (ActorKind.PATIENT, clinic.patient.id),
        "physician": (ActorKind.PRACTITIONER, clinic.physician.id),
        "covering": (ActorKind.PRACTITIONER, clinic.colleague.id),
        "nurse": (ActorKind.STAFF, clinic.nurse.id),
    }
    return {name: caller(kind, id_, name) for name, (kind, id_) in ids.items()}


def order(physician: Caller, clinic: SmallClinic) -> dict[str, Any]:
    body = {"patient_id": str(clinic.patient.id), "laboratory_id": str(clinic.laboratory.id)}
    answer = physician.post("/requisitions", {**body, "tests": [{"code": "24323-8"}]})
    assert answer.status_code == 201, answer.text
    [item] = answer.json["items"]
    drain()
    found: dict[str, Any] = item
    return found


def report(line: Sender, control_id: str, *segments: str) -> None:
    assert b"MSA|AA|" + control_id.encode() in line.exchange(oru(control_id, *segments))
    drain()


def first_deadline_passes() -> None:
    with transaction(OPERATOR) as session:
        session.execute(
            text("UPDATE work_item SET due_at = :past WHERE kind = 'result_critical'"),
            {"past": utcnow() - timedelta(seconds=1)},
        )
    assert schedule.escalate() == 1
    drain()


def events(reader: Caller) -> list[str]:
    return [item["event"] for item in reader.get("/notifications").json["items"]]


def items(reader: Caller, kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = reader.get(f"/worklist?kind={kind}").json["items"]
    return found


def test_from_the_order_to_the_correction(
    clinic: SmallClinic,
    laboratory: TestLaboratory,
    sending: None,
    line: Sender,
    people: dict[str, Caller],
) -> None:
    patient, physician, covering = people["patient"], people["physician"], people["covering"]
    ordered = order(physician, clinic)
    path = f"/requisitions/{ordered['id']}"
    placer = ordered["placer_number"]

    # The laboratory receives the order, and accepts it under a number of its own.
    [received] = laboratory.wait_for(1)
    assert placer_number(received) == placer
    wait_for(lambda: patient.get(path).json["status"] == "accepted", "the order is accepted")
    assert patient.get(path).json["filler_number"] == "LAB-77"
    assert people["nurse"].post(f"{path}/collected").status_code == 200
    drain()
    assert patient.get(path).json["status"] == "collected"

    # Preliminary, then final with a critical potassium.
    early, later = "20260301093000-0500", "20260301101500-0500"
    numbers = {"placer": placer, "filler": "LAB-77"}
    preliminary = obr(**numbers, status="P", issued=early)
    report(line, "J1", preliminary, obx("potassium", "5.0", status="P"))
    final = obr(**numbers, issued=later)
    report(line, "J2", final, obx("potassium", "6.8", "HH"), obx("sodium", "139"))
    assert patient.get(path).json["status"] == "resulted"
    [result] = patient.get("/results").json["items"]
    assert (result["status"], result["abnormality"]) == ("final", "critical")

    # Nobody answers in time: the next to be asked does, and reads it back.
    [asked] = items(physician, "result_critical")
    assert asked["subject_id"] == result["id"]
    first_deadline_passes()
    [now_asked] = items(covering, "result_critical")
    assert [hop["to"] for hop in now_asked["hops"]] == [
        clinic.physician.name,
        clinic.colleague.name,
    ]
    acknowledged = covering.post(
        f"/results/{result['id']}/acknowledge", {"read_back": "Potassium 6.8 mmol/L"}
    )
    assert acknowledged.status_code == 200, acknowledged.text
    reviewed = physician.post(
        f"/results/{result['id']}/review",
        {
            "version": 2,
            "comment": "Please come in today.",
            "follow_up": {"kind": "repeat_test", "within_days": 1},
        },
    )
    assert reviewed.status_code == 200, reviewed.text
    drain()

    # The patient is told, and reads it with the comment.
    assert {"result_available", "result_commented"} <= set(events(patient))
    read = patient.get(f"/results/{result['id']}").json
    assert [comment["comment"] for comment in read["comments"]] == ["Please come in today."]
    assert [one["value"] for one in read["observations"]] == ["6.8", "139"]

    # The correction reaches both who saw the earlier version, with the difference.
    corrected = obr(**numbers, status="C", issued="20260301140000-0500")
    report(line, "J3", corrected, obx("potassium", "4.4", status="C"))
    for reader in (patient, physician):
        assert "result_corrected" in events(reader)
        current = reader.get(f"/results/{result['id']}").json
        assert current["status"] == "corrected"
        assert current["versions"][-1]["changes"] == [
            {
                "code": "2823-3",
                "name": "Potassium",
                "before": "6.8 mmol/L",
                "after": "4.4 mmol/L",
            }
        ]
    assert len(patient.get("/requisitions?status=open").json["items"]) == 1
    with transaction(OPERATOR) as session:
        assert loops.check(session, now=utcnow()) == []
