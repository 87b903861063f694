"""One name alone is a name, also in what leaves the portal."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from portal.core.actor import OPERATOR, WORKER, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.ids import new_id
from portal.hl7v2.reading import read
from portal.notifications import service as notifications
from portal.notifications.outreach_model import Letter
from portal.notifications.service import LetterText
from portal.notifications.states import NotificationEvent
from portal.patients.model import Patient
from tests.patients.test_corrections import correct, pushed
from tests.refills.conftest import Make, ask_one
from tests.requisitions.conftest import load, messages, order
from tests.results.messages import message, msh, obr, obx
from tests.results.test_intake import cases, code_of, reports, take
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.pdf import pages_of
from tests.support.work import drain

ONE = "Sukarno"
# Which part it is, and how XPN writes it (HL7 v2.5.1, 2.A.88): family name, given name, ..., type.
PARTS = {
    "family_name": ({"given_name": "", "family_name": ONE}, f"{ONE}^^^^^^L"),
    "given_name": ({"given_name": ONE, "family_name": ""}, f"^{ONE}^^^^^L"),
}


@pytest.fixture(params=PARTS)
def part(request: pytest.FixtureRequest, clinic: SmallClinic, nurse: Caller) -> str:
    """The one name that the first patient has."""
    name: str = request.param
    assert correct(nurse, clinic.patient.id, **PARTS[name][0]).status_code == 200
    drain()
    return name


def pid_of(requisition_id: UUID) -> str:
    """The PID segment of an order as the laboratory gets it."""
    content = (messages(requisition_id)[-1].content or b"").decode()
    [found] = [line for line in content.split("\r") if line.startswith("PID")]
    return found


def test_an_order_names_it_and_its_result_finds_the_way_back(
    clinic: SmallClinic, physician: Caller, part: str
) -> None:
    pushed(clinic)
    [requisition] = order(physician, clinic)
    drain()
    said = pid_of(requisition)
    assert said.split("|")[5] == PARTS[part][1]
    read(messages(requisition)[-1].content or b"")  # refuses what is not well formed
    placer = load(requisition).placer_number
    raw = message(msh("M1"), said, obr(placer), obx("potassium", "4.2"))
    assert code_of(take(raw)) == ["AA"]
    assert ([one.patient_id for one in reports()], cases()) == ([clinic.patient.id], [])


def test_an_unasked_result_finds_it_by_number_birth_date_and_the_one_name(
    clinic: SmallClinic, part: str
) -> None:
    name = PARTS[part][1]
    said = f"PID|1||{clinic.patient.mrn}^^^CLINIC^MR||{name}||19800415|F"
    assert code_of(take(message(msh("M1"), said, obr(), obx("potassium", "4.2")))) == ["AA"]
    assert ([one.patient_id for one in reports()], cases()) == ([clinic.patient.id], [])


def test_a_letter_is_addressed_to_it(clinic: SmallClinic, part: str) -> None:
    with transaction(WORKER) as session:
        letter_id = notifications.queue_letter(
            session=session,
            patient_id=clinic.patient.id,
            event=NotificationEvent.RESULT_AVAILABLE,
            source_id=new_id(),
            subject_id=new_id(),
            text=LetterText("A new result", ["There is a new result for you."]),
            now=utcnow(),
        )
    with transaction(OPERATOR) as session:
        document = session.get_one(Letter, letter_id).document
        assert getattr(session.get_one(Patient, clinic.patient.id), part) == ONE
    lines = "\n".join(pages_of(document)).split("\n")
    naming = [line for line in lines if ONE in line]
    assert naming
    assert all(line == line.strip() and "  " not in line for line in naming)
    assert ONE in lines, "the address"


def test_a_pharmacy_gets_a_label_with_it(
    clinic: SmallClinic,
    patient: Caller,
    caller: Callable[..., Caller],
    refillable: Make,
    part: str,
) -> None:
    ask_one(patient, refillable().id)
    drain()
    pharmacy = caller(ActorKind.PHARMACY, clinic.pharmacy.id)
    items: list[dict[str, Any]] = pharmacy.get("/pharmacy/orders").json["items"]
    assert {one["patient"]["name"] for one in items} == {ONE}, part
