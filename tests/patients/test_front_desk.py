"""The front desk: finds, reads, books and invites the clinic's patients, and sees no more."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from portal.core.actor import OPERATOR, ActorKind
from portal.core.db import transaction
from portal.core.ids import new_id
from portal.core.tables import AuditEntry
from portal.directory.model import Clinic, Pool, PoolMember, StaffMember
from portal.patients.model import Patient
from tests.appointments.conftest import act, book, in_days, open_slots
from tests.patients.endings import broken, record_death
from tests.patients.test_care import names, new_patient
from tests.patients.test_corrections import correct
from tests.support.api import Caller
from tests.support.clinic import ZONE, SmallClinic, add
from tests.support.races import at_once
from tests.support.work import drain

Sign = Callable[..., Caller]


def clerk_of(clinic: Clinic) -> StaffMember:
    """Somebody at a clinic's front desk."""
    pool = Pool(id=new_id(), clinic_id=clinic.id, kind="clinic_staff", name="Front desk")
    clerk = StaffMember(id=new_id(), clinic_id=clinic.id, name="Maya Goldberg", title="Front desk")
    add(pool, clerk, PoolMember(pool_id=pool.id, member_id=clerk.id, member_kind="staff"))
    return clerk


@pytest.fixture
def clerk(clinic: SmallClinic, caller: Sign) -> Caller:
    return caller(ActorKind.STAFF, clerk_of(clinic.clinic).id)


@pytest.fixture
def foreign(clinic: SmallClinic, caller: Sign) -> Caller:
    """At the front desk of another clinic."""
    elsewhere = Clinic(id=new_id(), name="Oak Clinic", time_zone=ZONE, phone="555-0111")
    add(elsewhere)
    assert clinic.clinic.name
    return caller(ActorKind.STAFF, clerk_of(elsewhere).id)


def register(staff: Caller, clinic: SmallClinic, **changes: Any) -> Any:
    answer = staff.post("/patients", new_patient(clinic, **changes))
    assert answer.status_code == 201, answer.text
    return answer.json


def test_whom_it_registers_it_finds_reads_books_and_invites(
    clinic: SmallClinic, clerk: Caller, physician: Caller
) -> None:
    made = register(clerk, clinic)
    path = f"/patients/{made['id']}"
    assert names(clerk.post("/patients/search", {"name": "newcomer"})) == ["Casey"]
    read = clerk.get(path)
    assert [one["name"] for one in read.json["care_team"]] == [clinic.physician.name]
    [slot, other] = open_slots(physician, in_days(3), in_days(4))
    booked = book(clerk, slot, patient_id=made["id"])
    assert booked.status_code == 201, booked.text
    moved = act(clerk, booked.json["id"], "change", slot_id=str(other))
    assert moved.status_code == 200, moved.text
    assert clerk.post(f"{path}/invitation", {"email": "casey@example.org"}).status_code == 201
    with transaction(OPERATOR) as session:
        of_patient = select(AuditEntry.action).where(AuditEntry.patient_id == made["id"])
        assert set(session.scalars(of_patient)) >= {"create", "search", "read", "book", "invite"}


def test_the_clinics_others_too(clinic: SmallClinic, clerk: Caller) -> None:
    found = clerk.post("/patients/search", {"birth_date": "1980-04-15"})
    assert names(found) == ["Avery", "Blake"]
    path = f"/patients/{clinic.patient.id}"
    assert clerk.get(path).json["phone"] == clinic.patient.phone
    assert correct(clerk, clinic.patient.id, given_name="Ava").status_code == 200
    member = {"practitioner_id": str(clinic.colleague.id), "role": "specialist"}
    assert clerk.post(f"{path}/care-team", member).status_code == 200
    assert clerk.delete(f"{path}/care-team/{clinic.colleague.id}").status_code == 204


def test_it_sees_who_has_died_records_it_and_revokes_it(
    clinic: SmallClinic, clerk: Caller, foreign: Caller, nurse: Caller
) -> None:
    path = f"/patients/{clinic.patient.id}"
    died = record_death(nurse, clinic.patient.id)
    assert died.status_code == 201, died.text
    day = died.json["died_on"]
    assert (clerk.get(path).json["deceased_on"], clerk.get(f"{path}/death").status_code) == (
        day,
        200,
    )
    assert foreign.get(f"{path}/death").status_code == 404
    undone = clerk.post(f"{path}/death/revoke", {"reason": "It was her sister."})
    assert undone.status_code == 200, undone.text
    assert clerk.get(path).json["deceased_on"] is None
    assert record_death(clerk, clinic.patient.id).status_code == 201
    drain()
    assert nurse.get(path).json["deceased_on"] == day
    assert broken() == []


def test_nothing_clinical(clinic: SmallClinic, clerk: Caller, physician: Caller) -> None:
    mine = f"patient_id={clinic.patient.id}"
    for path in ("prescriptions", "results", "requisitions", "referrals", "visits", "threads"):
        answer = clerk.get(f"/{path}?{mine}")
        assert answer.status_code != 500, answer.text
        assert not (answer.json or {}).get("items"), path
    assert physician.get(f"/patients/{clinic.patient.id}").status_code == 200


def test_another_clinics_front_desk_sees_nobody(
    clinic: SmallClinic, foreign: Caller, physician: Caller
) -> None:
    assert names(foreign.post("/patients/search", {"name": "testpatient"})) == []
    path = f"/patients/{clinic.patient.id}"
    assert foreign.get(path).status_code == 404
    assert foreign.post(f"{path}/invitation", {"email": "a@example.org"}).status_code == 404
    assert correct(foreign, clinic.patient.id, given_name="Ava").status_code == 404
    [slot] = open_slots(physician, in_days(3))
    assert book(foreign, slot, patient_id=str(clinic.patient.id)).status_code == 404


def test_who_registered_somebody_keeps_sight_of_them(
    clinic: SmallClinic, caller: Sign, foreign: Caller
) -> None:
    """Staff of whatever team; and nobody else of it."""
    officer = caller(ActorKind.STAFF, clinic.liaison_officer.id)
    made = register(officer, clinic)
    assert officer.get(f"/patients/{made['id']}").status_code == 200
    assert names(officer.post("/patients/search", {"name": "o"})) == ["Casey"]
    assert officer.get(f"/patients/{clinic.patient.id}").status_code == 404
    assert foreign.get(f"/patients/{made['id']}").status_code == 404


def test_a_wrong_clinic_is_corrected(
    clinic: SmallClinic, clerk: Caller, foreign: Caller, nurse: Caller
) -> None:
    """Whoever corrects it at the front desk has seen the record for the last time."""
    with transaction(OPERATOR) as session:
        there = session.scalars(select(Clinic.id).where(Clinic.name == "Oak Clinic")).one()
    answer = correct(clerk, clinic.patient.id, clinic_id=str(there), given_name="Ava")
    assert (answer.status_code, answer.json["clinic_id"]) == (200, str(there)), answer.text
    assert clerk.get(f"/patients/{clinic.patient.id}").status_code == 404
    assert foreign.get(f"/patients/{clinic.patient.id}").json["given_name"] == "Ava"
    assert nurse.get(f"/patients/{clinic.patient.id}").status_code == 200


SAME = {"given_name": "avery", "family_name": "TESTPATIENT", "birth_date": "1980-04-15"}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"given_name": "Testpatient", "family_name": "Ávery"},
        {"given_name": "Avery Testpatient", "family_name": ""},
    ],
    ids=repr,
)
def test_twice_the_same_person_is_a_warning(
    clinic: SmallClinic, nurse: Caller, changes: dict[str, str]
) -> None:
    body = new_patient(clinic, **{**SAME, **changes})
    warned = nurse.post("/patients", body)
    assert (warned.status_code, warned.json["code"]) == (409, "possible_duplicate"), warned.text
    [candidate] = warned.json["candidates"]
    assert candidate["id"] == str(clinic.patient.id)
    assert (candidate["mrn"], warned.json["hidden"]) == ("MRN-0001", 0)
    with transaction(OPERATOR) as session:
        shown = select(AuditEntry.patient_id).where(AuditEntry.action == "search")
        assert session.scalars(shown).all() == [clinic.patient.id]
        assert len(session.scalars(select(Patient.id)).all()) == 2
    assert nurse.post("/patients", {**body, "confirmed": True}).status_code == 201


def test_others_of_that_day_are_no_warning(clinic: SmallClinic, nurse: Caller) -> None:
    register(nurse, clinic, birth_date="1980-04-15")
    register(nurse, clinic, **{**SAME, "birth_date": "1980-04-16"}, mrn="MRN-9001")


def test_whom_one_may_not_see_is_counted(clinic: SmallClinic, foreign: Caller) -> None:
    warned = foreign.post("/patients", new_patient(clinic, **SAME))
    assert (warned.status_code, warned.json["candidates"], warned.json["hidden"]) == (409, [], 1)
    assert str(clinic.patient.id) not in warned.text


def test_a_former_name_is_a_warning(clinic: SmallClinic, nurse: Caller) -> None:
    correct(nurse, clinic.patient.id, family_name="Thompson", birth_date="1980-05-14")
    for day, family in (("1980-05-14", "Testpatient"), ("1980-05-14", "Thompson")):
        body = new_patient(clinic, **{**SAME, "birth_date": day, "family_name": family})
        assert nurse.post("/patients", body).status_code == 409


@pytest.mark.parametrize("number", ["mrn-0001", " MRN - 0001", "ｍｒｎ-0001"])  # noqa: RUF001
def test_a_number_is_one_number_however_it_is_typed(
    clinic: SmallClinic, nurse: Caller, number: str
) -> None:
    body = new_patient(clinic, mrn=number, confirmed=True)
    taken = nurse.post("/patients", body)
    assert (taken.status_code, taken.json["code"]) == (409, "mrn_taken")
    assert names(nurse.post("/patients/search", {"mrn": number})) == ["Avery"]


def test_the_same_person_registered_at_once(clinic: SmallClinic, nurse: Caller) -> None:
    """By two clerks, under numbers of their own: the second is warned."""
    answers = at_once(
        *(
            lambda number=number: nurse.post("/patients", new_patient(clinic, mrn=number))
            for number in ("MRN-9000", "MRN-9001", "MRN-9002")
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]


def test_one_number_registered_at_once(clinic: SmallClinic, nurse: Caller) -> None:
    answers = at_once(
        *(
            lambda one=one: nurse.post("/patients", new_patient(clinic, **one))
            for one in (
                {"mrn": "mrn-9000", "given_name": "Ann"},
                {"mrn": "MRN - 9000", "given_name": "Bob"},
            )
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    with transaction(OPERATOR) as session:
        assert len(session.scalars(select(Patient.id)).all()) == 3


@pytest.mark.parametrize("alone", [{"given_name": ""}, {"family_name": ""}], ids=repr)
def test_one_name_alone_is_a_name(
    clinic: SmallClinic, nurse: Caller, alone: dict[str, str]
) -> None:
    made = register(nurse, clinic, **alone)
    [there] = {made["given_name"], made["family_name"]} - {""}
    found = nurse.post("/patients/search", {"name": there}).json["items"]
    assert [one["id"] for one in found] == [made["id"]]
