"""What two records both had, once they are one: listed, and asked of those whose it is."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from portal.core.actor import OPERATOR, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.ids import new_id
from portal.directory.model import Pool, PoolMember, StaffMember
from portal.notifications.outreach_model import ContactPreference
from portal.patients.merge_model import FindingKind
from portal.patients.model import Patient
from portal.worklist.model import WorkItem
from tests.appointments.conftest import booked, in_days, open_slots
from tests.patients.delegates import give, new_person
from tests.patients.records import requisition
from tests.patients.test_merge import merge
from tests.patients.test_unmerge import nothing_is_left_open, undone
from tests.referrals.conftest import refer
from tests.refills.conftest import TODAY, ask_one
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, add, care_team, prescription
from tests.support.clinic import patient as new_patient
from tests.support.work import drain

Sign = Callable[..., Caller]
# One at least of each, but what the tests of logins and requests for corrections make.
EVERY = set(FindingKind) - {FindingKind.CORRECTION_REQUEST}


@pytest.fixture
def twin(clinic: SmallClinic) -> Patient:
    """A second record that says other things, of the other physician."""
    row = new_patient(clinic.clinic, clinic.other_pharmacy, "Ava", 3)
    row.family_name, row.birth_date, row.sex = "Testperson", row.birth_date.replace(day=16), "other"
    row.phone, row.line, row.language = "555-0198", "3 Oak Lane", "es"
    row.preferred_laboratory_id = clinic.other_laboratory.id
    add(row, care_team(row, clinic.colleague), care_team(row, clinic.physician, "specialist"))
    return row


@pytest.fixture
def clerk(clinic: SmallClinic, caller: Sign) -> Caller:
    """Somebody of the front desk, who cares for nobody."""
    desk = Pool(id=new_id(), clinic_id=clinic.clinic.id, kind="clinic_staff", name="Front desk")
    row = StaffMember(id=new_id(), clinic_id=clinic.clinic.id, name="Maya", title="Front desk")
    add(desk, row, PoolMember(pool_id=desk.id, member_id=row.id, member_kind="staff"))
    return caller(ActorKind.STAFF, row.id)


def have_everything(
    clinic: SmallClinic, id_: UUID, patient: Caller, physician: Caller, seen_by: Caller
) -> None:
    """A medicine with its refill, an order, a referral, an appointment, a delegate's access."""
    dates: dict[str, Any] = {
        "last_filled_on": TODAY - timedelta(days=40),
        "written_on": TODAY - timedelta(days=100),
        "expires_on": TODAY + timedelta(days=200),
    }
    ask_one(patient, prescription(clinic, patient_id=id_, **dates).id)
    add(requisition(clinic, id_))
    refer(
        physician,
        clinic,
        clinic.colleague,
        patient_id=str(id_),
        pool_id=str(clinic.nurses.id),
    )
    [slot] = open_slots(seen_by, in_days(4))
    booked(patient, slot)


def items(*kinds: str) -> list[WorkItem]:
    with transaction(OPERATOR) as session:
        query = select(WorkItem).where(WorkItem.kind.in_(kinds)).order_by(WorkItem.id)
        return list(session.scalars(query))


def listed(who: Caller, patient_id: UUID) -> dict[str, dict[str, Any]]:
    [merged] = who.get(f"/patients/{patient_id}/merges").json["items"]
    return {one["kind"]: one for one in merged["findings"]}


def test_each_kind_is_found_and_somebodys(
    clinic: SmallClinic,
    caller: Sign,
    nurse: Caller,
    clerk: Caller,
    physician: Caller,
    colleague: Caller,
    twin: Patient,
) -> None:
    person = new_person()
    for one, hers in ((twin, colleague), (clinic.patient, physician)):
        give(one, person, categories=["results"])
        have_everything(clinic, one.id, caller(ActorKind.PATIENT, one.id), physician, hers)
    with transaction(OPERATOR) as session:
        session.execute(
            update(Patient)
            .where(Patient.id == clinic.patient.id)
            .values(preferred_laboratory_id=clinic.laboratory.id)
        )
    add(ContactPreference(person_id=twin.id, results_by="letter", results_when="at_once"))
    drain()
    assert merge(nurse, twin.id, clinic.patient.id).status_code == 200
    drain()
    found = listed(nurse, clinic.patient.id)
    assert set(found) == {kind.value for kind in EVERY}
    assert (found["birth_date"]["theirs"], found["birth_date"]["own"]) == (
        "1980-04-16",
        "1980-04-15",
    )
    assert found["contact_preference"]["theirs"] == "letter, at_once"
    assert not found["mrn"]["clash"]
    clinical = {kind for kind, one in found.items() if one["clinical"]}
    assert clinical == {"medicine", "refill", "requisition", "referral", "appointment"}
    # The front desk sees nothing clinical, and has one item; practitioners have the others.
    seen = listed(clerk, clinic.patient.id)
    assert set(seen) == set(found) - clinical
    [asked] = items("merge_findings")
    mine = clerk.get("/worklist?kind=merge_findings").json["items"]
    assert [one["id"] for one in mine] == [str(asked.id)]
    assert clerk.get(mine[0]["link"].removeprefix("/api/v1")).status_code == 200
    assert clerk.get(f"/prescriptions?patient_id={clinic.patient.id}").json["items"] == []
    clashes = items("merge_clash")
    asked_here = clinical - {"medicine"}
    assert {str(one.subject_id) for one in clashes} == {found[kind]["id"] for kind in asked_here}
    assert [one.status for one in items("duplicate_therapy")] == ["open"]
    assert {one.responsible_id for one in clashes} == {clinic.physician.id}
    for one in (*mine, *physician.get("/worklist?kind=merge_clash").json["items"]):
        who = clerk if one["kind"] == "merge_findings" else physician
        done = who.post(
            f"/worklist/{one['id']}/complete", {"outcome": "Looked at."}, headers={"If-Match": "*"}
        )
        assert done.status_code == 200, done.text
    nothing_is_left_open()


def test_what_does_not_meet_asks_nobody(
    clinic: SmallClinic, nurse: Caller, physician: Caller, colleague: Caller, caller: Sign
) -> None:
    """Another medicine, one that was stopped, a time an hour later: and only the numbers differ."""
    same = new_patient(clinic.clinic, clinic.pharmacy, "Avery", 3)
    add(same, care_team(same, clinic.physician))
    prescription(clinic, patient_id=same.id, rxnorm_code="1", drug_name="Metformin")
    prescription(clinic, patient_id=same.id, status="stopped")
    prescription(clinic)
    for row, hour in ((same, 10), (clinic.patient, 11)):
        [slot] = open_slots(physician, in_days(4, hour))
        booked(caller(ActorKind.PATIENT, row.id), slot)
    drain()
    merge(nurse, same.id, clinic.patient.id)
    drain()
    assert set(listed(nurse, clinic.patient.id)) - {"login"} == {"mrn"}
    assert items("merge_clash") == []


def test_what_met_asks_nobody_any_more_once_they_are_two(
    clinic: SmallClinic, nurse: Caller, twin: Patient
) -> None:
    for id_ in (twin.id, clinic.patient.id):
        prescription(clinic, patient_id=id_, expires_on=TODAY + timedelta(days=3000))
        add(requisition(clinic, id_))
    merge(nurse, twin.id, clinic.patient.id)
    drain()
    asked = ("merge_clash", "merge_findings", "duplicate_therapy")
    assert [one.status for one in items(*asked)] == ["open"] * 3
    undone(nurse, twin.id)
    assert sorted(one.status for one in items(*asked)) == ["cancelled", "cancelled", "done"]
    nothing_is_left_open()


def test_what_came_late_is_found_too(clinic: SmallClinic, nurse: Caller, twin: Patient) -> None:
    add(requisition(clinic, clinic.patient.id))
    merge(nurse, twin.id, clinic.patient.id)
    drain()
    assert items("merge_clash") == []
    add(requisition(clinic, twin.id))
    drain(until=utcnow() + timedelta(minutes=10))
    assert [one.status for one in items("merge_clash")] == ["open"]
