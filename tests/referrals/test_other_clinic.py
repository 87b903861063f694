"""A referral to a specialist of another clinic: its desk has the time, ours the referral."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from portal.core.actor import ActorKind
from portal.directory.model import Clinic, Pool, PoolMember, Practitioner, StaffMember
from tests.appointments.conftest import act, began, booked, open_slots
from tests.appointments.conftest import in_days as at_ten
from tests.appointments.conftest import load as appointment
from tests.referrals.conftest import change, done, kept_promise, load, refer, step
from tests.referrals.test_own_times import about, open_items
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, add, practitioner
from tests.support.work import drain


@pytest.fixture
def surgeon(clinic: SmallClinic) -> Practitioner:
    """A specialist of another clinic, with a team; its front desk is another team."""
    there = Clinic(id=uuid4(), name="Far Clinic", time_zone="America/New_York", phone="555-0900")
    team = Pool(id=uuid4(), clinic_id=there.id, kind="nurses", name="Surgery")
    front = Pool(id=uuid4(), clinic_id=there.id, kind="clinic_staff", name="Front desk")
    doctor = practitioner(there, team, "Dr. Far Away")
    clerk = StaffMember(id=UUID(int=91), clinic_id=there.id, name="Fay Low", title="Desk")
    member = PoolMember(pool_id=front.id, member_id=clerk.id, member_kind="staff")
    add(there, team, front, doctor, clerk, member)
    assert clinic.clinic.id != there.id
    return doctor


@pytest.fixture
def desk(surgeon: Practitioner, caller: Callable[..., Caller]) -> Caller:
    assert surgeon.active
    return caller(ActorKind.STAFF, UUID(int=91), "Fay Low")


@pytest.fixture
def referred(
    clinic: SmallClinic, physician: Caller, surgeon: Practitioner, caller: Callable[..., Caller]
) -> str:
    referral = refer(physician, clinic, surgeon)
    step(caller(ActorKind.PRACTITIONER, surgeon.id), referral, "accept")
    return referral


@pytest.fixture
def slots(desk: Caller, surgeon: Practitioner) -> list[UUID]:
    return open_slots(desk, at_ten(3), at_ten(5), practitioner_id=str(surgeon.id))


@pytest.fixture
def mine(physician: Caller, referred: str, slots: list[UUID]) -> str:
    made = booked(physician, slots[0], **about(referred))
    drain()
    return made


def test_a_desk_sees_what_comes_to_its_clinic_alone(
    desk: Caller, referred: str, slots: list[UUID], physician: Caller
) -> None:
    assert desk.get(f"/referrals/{referred}").status_code == 404
    booked(physician, slots[0], **about(referred))
    drain()
    assert desk.get(f"/referrals/{referred}").status_code == 200


def test_a_desk_says_who_did_not_come(
    clinic: SmallClinic, desk: Caller, referred: str, mine: str
) -> None:
    began(mine)
    change(referred, appointment_at=appointment(mine).starts_at)
    done(act(desk, mine, "no-show", reason="No answer by phone"))
    drain()
    assert load(referred).status == "no_show"
    assert open_items(clinic.patient.id) == ["referral_no_show"]
    kept_promise()


def test_a_desk_says_who_came(clinic: SmallClinic, desk: Caller, referred: str, mine: str) -> None:
    began(mine)
    change(referred, appointment_at=appointment(mine).starts_at)
    done(act(desk, mine, "attended"))
    drain()
    assert load(referred).status == "attended"
    kept_promise()


def test_a_desk_moves_and_withdraws_times(
    clinic: SmallClinic, desk: Caller, patient: Caller, referred: str, mine: str, slots: list[UUID]
) -> None:
    moved = done(act(desk, mine, "change", slot_id=str(slots[1])))["id"]
    drain()
    assert str(load(referred).appointment_id) == moved
    done(desk.post(f"/slots/{slots[1]}/withdraw", {}))
    drain()
    assert load(referred).status == "accepted"
    assert open_items(clinic.patient.id) == ["referral_scheduling"]
    [offer] = done(patient.get("/appointments/offers"))["items"]
    taken = {"slot_id": offer["slots"][0]["id"]}
    done(patient.post(f"/appointments/offers/{offer['id']}/accept", taken))
    drain()
    assert load(referred).status == "scheduled"
    kept_promise()
