"""What a practitioner keeps confidential stays with the minor, whoever else acts for them."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from portal.core.actor import OPERATOR, ActorKind
from portal.core.db import transaction
from portal.notifications import queries
from portal.notifications.model import Delivery, Notification
from portal.patients.confidentiality_model import ConfidentialityEntry
from portal.patients.model import Patient
from portal.prescriptions.model import Prescription
from portal.requisitions.model import Requisition
from tests.patients.conftest import Sign
from tests.patients.delegates import acting as acting_actor
from tests.patients.delegates import born_years_ago, give, new_person
from tests.patients.test_delegated_rows import PROTECTED, rows
from tests.refills.conftest import Make, ask, ask_one
from tests.requisitions.conftest import order as order_tests
from tests.results.conftest import attach, order, receive, wish
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.work import drain

REASON = "Asked for by the patient in confidence"
KEEP = {"reason": REASON}
OPEN_AGAIN = {"confidential": False, "reason": "The patient wants it to be shared"}


@pytest.fixture
def mother(clinic: SmallClinic) -> UUID:
    """The mother of the first patient, who is thirteen."""
    person = new_person("Morgan Testpatient")
    give(clinic.patient, person, kind="parental", relationship="parent")
    with transaction(OPERATOR) as session:
        session.get_one(Patient, clinic.patient.id).birth_date = born_years_ago(13)
    return person


@pytest.fixture
def looking(clinic: SmallClinic, mother: UUID, caller: Sign) -> Caller:
    """The mother, signed in and acting for the child."""
    return caller(ActorKind.DELEGATE, mother, "Morgan").acting_for(clinic.patient.id)


def ids(caller: Caller, path: str) -> set[str]:
    answer = caller.get(path)
    assert answer.status_code == 200, answer.text
    return {item["id"] for item in answer.json["items"]}


def keep(physician: Caller, path: str, body: dict[str, Any] = KEEP) -> Any:
    answer = physician.post(f"{path}/confidential", body)
    assert answer.status_code == 200, answer.text
    return answer.json


def told(recipient_id: UUID) -> list[str]:
    query = select(Notification.event).where(Notification.recipient_id == recipient_id)
    with transaction(OPERATOR) as session:
        return sorted(session.scalars(query))


def test_a_thirteen_year_olds_mother_sees_the_ordinary_result_and_not_the_confidential_one(
    clinic: SmallClinic, looking: Caller, mother: UUID, patient: Caller, physician: Caller
) -> None:
    vaccination = receive(clinic, name="Measles antibody")
    secret = receive(
        clinic,
        name="Chlamydia",
        requisition_id=order(clinic, status="collected", confidential=True).id,
    )
    document = attach(secret)
    drain()
    assert ids(looking, "/results") == {str(vaccination)}
    assert looking.get(f"/results/{vaccination}").status_code == 200
    for path in (
        f"/results/{secret}",
        f"/results/{secret}/versions/1",
        f"/results/{secret}/attachments/{document}",
    ):
        assert looking.get(path).status_code == 404, path
        assert patient.get(path).status_code == 200, path
    assert ids(patient, "/results") == {str(vaccination), str(secret)}
    assert patient.get(f"/results/{secret}").status_code == 200
    assert ids(physician, f"/results?patient_id={clinic.patient.id}") == {
        str(vaccination),
        str(secret),
    }
    points = looking.get("/results/trends?code=2823-3").json
    assert str(secret) not in str(points)
    assert len(told(mother)) == 1
    assert len(told(clinic.patient.id)) == 2


def test_a_result_that_is_marked_takes_along_what_it_was_ordered_by(
    clinic: SmallClinic, looking: Caller, mother: UUID, patient: Caller, physician: Caller
) -> None:
    requisition = order(clinic, status="collected")
    report = receive(clinic, requisition_id=requisition.id)
    drain()
    assert ids(looking, "/requisitions") == {str(requisition.id)}
    assert [one["subject_id"] for one in looking.get("/notifications").json["items"]] == [
        str(report)
    ]
    assert keep(physician, f"/results/{report}")["confidential"] is True
    assert ids(looking, "/results") == ids(looking, "/requisitions") == set()
    assert looking.get("/notifications").json == {
        "items": [],
        "next": None,
        "sources": [],
        "unread": 0,
    }
    assert patient.get(f"/results/{report}").json["confidential"] is True
    nothing_left(clinic, mother, {report, requisition.id})
    keep(physician, f"/results/{report}", OPEN_AGAIN)
    assert ids(looking, "/results") == {str(report)}
    with transaction(OPERATOR) as session:
        entries = session.scalars(
            select(ConfidentialityEntry).order_by(ConfidentialityEntry.id)
        ).all()
    assert [(one.resource, one.confidential) for one in entries] == [
        ("result", True),
        ("requisition", True),
        ("result", False),
        ("requisition", False),
    ]


def nothing_left(clinic: SmallClinic, person: UUID, kept: set[UUID]) -> None:
    """No protected table shows a delegate a row that is, or names, what is kept."""
    reader = acting_actor(person, clinic.patient)
    for table in PROTECTED:
        for row in rows(reader, table):
            seen = {value for value in row.values() if isinstance(value, UUID)}
            assert not seen & kept, (table, row)


def test_what_is_ordered_in_confidence_tells_no_delegate_from_the_beginning(
    clinic: SmallClinic, looking: Caller, mother: UUID, physician: Caller, patient: Caller
) -> None:
    [ordered] = order_tests(physician, clinic, confidential_reason=REASON)
    drain()
    assert told(mother) == []
    assert told(clinic.patient.id) == ["requisition_placed"]
    assert looking.get(f"/requisitions/{ordered}").status_code == 404
    assert patient.get(f"/requisitions/{ordered}").json["confidential"] is True
    nothing_left(clinic, mother, {ordered})


def test_a_standing_order_is_confidential_in_all_its_parts(
    clinic: SmallClinic, looking: Caller, mother: UUID, physician: Caller
) -> None:
    [ordered] = order_tests(physician, clinic, standing={"count": 2, "interval_days": 30})
    keep(physician, f"/requisitions/{ordered}")
    with transaction(OPERATOR) as session:
        standing = session.get_one(Requisition, ordered).standing_order_id
    assert ids(looking, "/requisitions") == set()
    assert standing is not None
    nothing_left(clinic, mother, {ordered, standing})


def test_a_confidential_medicine_is_kept_with_its_refills_and_renewals(
    clinic: SmallClinic,
    looking: Caller,
    mother: UUID,
    physician: Caller,
    patient: Caller,
    refillable: Make,
) -> None:
    rx = refillable(refills_used=5)
    refill_id = ask_one(looking, rx.id)
    drain()
    assert "refill_awaiting_prescriber" in told(mother)
    keep(physician, f"/prescriptions/{rx.id}")
    body = {"decision": "approve", "refills_authorized": 3}
    decided = physician.post(f"/refills/{refill_id}/decision", body)
    assert decided.status_code == 200, decided.text
    drain()
    successor = UUID(decided.json["prescription_id"])
    with transaction(OPERATOR) as session:
        assert session.get_one(Prescription, successor).confidential is True
    assert ids(looking, "/prescriptions?include=superseded") == set()
    assert ids(looking, "/refills") == set()
    assert looking.get(f"/refills/{refill_id}").status_code == 404
    assert looking.post(f"/refills/{refill_id}/cancel").status_code == 404
    [item] = ask(looking, successor).json["items"]
    assert item["problem"]["code"] == "prescription_not_found"
    assert looking.get("/notifications").json["items"] == []
    assert told(mother) == ["refill_awaiting_prescriber"]
    assert str(successor) in ids(patient, "/prescriptions")
    nothing_left(clinic, mother, {rx.id, successor, refill_id})
    keep(physician, f"/prescriptions/{successor}", OPEN_AGAIN)
    assert ids(looking, "/prescriptions?include=superseded") == {str(rx.id), str(successor)}


def test_a_medicine_is_prescribed_in_confidence(
    clinic: SmallClinic, looking: Caller, mother: UUID, physician: Caller, patient: Caller
) -> None:
    body = {
        "patient_id": str(clinic.patient.id),
        "drug": {"rxnorm_code": "1", "name": "Norgestrel", "strength": "1 mg", "form": "tablet"},
        "directions": "One a day.",
        "quantity": 28,
        "unit": "{tbl}",
        "days_supply": 28,
        "refills_authorized": 3,
        "confidential_reason": REASON,
    }
    written = physician.post("/prescriptions", body)
    assert (written.status_code, written.json["confidential"]) == (201, True)
    drain()
    assert told(mother) == []
    assert ids(looking, "/prescriptions") == ids(looking, "/refills") == set()
    assert ids(patient, "/prescriptions") == {written.json["id"]}


def test_only_practitioners_keep_something_confidential_and_say_why(
    clinic: SmallClinic,
    physician: Caller,
    colleague: Caller,
    nurse: Caller,
    patient: Caller,
    refillable: Make,
) -> None:
    path = f"/prescriptions/{refillable().id}/confidential"
    for who in (patient, nurse):
        assert who.post(path, KEEP).status_code == 403
    assert colleague.post(path, KEEP).status_code == 404
    for body in ({}, {"reason": "short"}, {"reason": REASON, "confidential": "perhaps"}):
        assert physician.post(path, body).status_code == 422, body


def test_an_adults_delegate_does_not_see_what_is_confidential_either(
    clinic: SmallClinic, acting: Caller, physician: Caller, refillable: Make
) -> None:
    rx = refillable()
    assert ids(acting, "/prescriptions") == {str(rx.id)}
    keep(physician, f"/prescriptions/{rx.id}")
    assert ids(acting, "/prescriptions") == set()


def test_delegates_are_told_by_category_and_wish(clinic: SmallClinic, caller: Sign) -> None:
    people = {name: new_person() for name in ("results", "medicines", "silent", "revoked", "later")}
    give(clinic.patient, people["results"], categories=["results"])
    give(clinic.patient, people["medicines"], categories=["medicines"])
    give(clinic.patient, people["silent"], notify=False)
    give(clinic.patient, people["revoked"], status="revoked")
    give(clinic.patient, people["later"], starts_on=born_years_ago(-1))
    receive(clinic)
    drain()
    assert {name for name, id_ in people.items() if told(id_)} == {"results"}
    reader = caller(ActorKind.DELEGATE, people["results"])
    mine = reader.acting_for(clinic.patient.id).get("/notifications").json
    [item] = mine["items"]
    assert (item["event"], item["patient_id"]) == ("result_available", str(clinic.patient.id))
    assert item["text"].startswith("The patient for whom you act was told: ")
    assert reader.get("/notifications").json["items"] == []
    read = reader.acting_for(clinic.patient.id).post(f"/notifications/{item['id']}/read")
    assert read.status_code == 204
    silent = caller(ActorKind.DELEGATE, people["silent"])
    chosen = silent.patch(f"/me/patients/{clinic.patient.id}", {"notify": True})
    assert chosen.json["items"][0]["notify"] is True
    receive(clinic)
    drain()
    assert told(people["silent"]) == ["result_available"]


def test_delegates_are_told_also_where_the_patient_gets_letters(
    clinic: SmallClinic, person: UUID
) -> None:
    wish(clinic, by="letter")
    receive(clinic)
    drain()
    assert told(person) == ["result_available"]
    assert told(clinic.patient.id) == []


def test_no_mail_goes_to_whose_access_ended_meanwhile(
    clinic: SmallClinic, person: UUID, robin: Caller, patient: Caller, physician: Caller
) -> None:
    report = receive(clinic)
    drain()
    assert robin.get("/me").json["email"] == address(person)
    keep(physician, f"/results/{report}")
    assert address(person) is None
    keep(physician, f"/results/{report}", OPEN_AGAIN)
    assert address(person) is not None
    [given] = patient.get("/delegations").json["items"]
    patient.post(f"/delegations/{given['id']}/revoke")
    assert address(person) is None


def address(person: UUID) -> str | None:
    """Where the one notification of somebody would be sent now."""
    with transaction(OPERATOR) as session:
        [delivery] = session.scalars(select(Delivery).where(Delivery.recipient_id == person))
        found = queries.address_of(session, delivery.id)
        return None if found is None else found.email
