"""Instructions to be referred and to write: done by referrals and messages."""

from typing import Any
from uuid import UUID

import pytest

from portal.directory.model import Practitioner
from portal.visits.summary_model import VisitInstruction
from tests.appointments.conftest import rows
from tests.messages.conftest import answer, new_thread, started, to_physician, write
from tests.referrals.conftest import cardiologist, clerk, kept_promise, refer, specialist  # noqa: F401
from tests.referrals.conftest import step as refer_step
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.work import drain
from tests.visits.conftest import instruction, released
from tests.visits.test_instructions import task


def shown(visit: UUID) -> tuple[str, str | None]:
    row = instruction(visit)
    return row.status, row.done_by


def from_visit(visit: UUID) -> dict[str, Any]:
    return {"about": [{"kind": "visit", "id": str(visit)}]}


@pytest.fixture
def asked_for(physician: Caller, held: UUID) -> UUID:
    """A visit whose summary asks the patient to see a specialist, and names no referral."""
    released(physician, held, task("referral"))
    drain()
    return held


def test_a_referral_made_from_the_visit_is_followed_until_the_patient_is_seen(
    clinic: SmallClinic,
    physician: Caller,
    patient: Caller,
    specialist: Caller,  # noqa: F811
    clerk: Caller,  # noqa: F811
    cardiologist: Practitioner,  # noqa: F811
    asked_for: UUID,
) -> None:
    refer(physician, clinic, cardiologist)
    assert instruction(asked_for).target_id is None, "not made from the visit"
    referral = refer(physician, clinic, cardiologist, **from_visit(asked_for))
    assert str(instruction(asked_for).target_id) == referral
    refer_step(specialist, referral, "accept")
    assert shown(asked_for) == ("open", None)
    refused = patient.post(f"/visits/{asked_for}/instructions/{instruction(asked_for).id}/done")
    assert (refused.status_code, refused.json["code"]) == (409, "instruction_followed")
    refer_step(clerk, referral, "attended")
    assert shown(asked_for) == ("done", "referred")
    kept_promise()


def test_a_referral_that_was_made_before_the_summary_came(
    clinic: SmallClinic,
    physician: Caller,
    specialist: Caller,  # noqa: F811
    cardiologist: Practitioner,  # noqa: F811
    held: UUID,
) -> None:
    referral = refer(physician, clinic, cardiologist, **from_visit(held))
    released(physician, held, task("referral"))
    drain()
    assert (str(instruction(held).target_id), shown(held)) == (referral, ("open", None))
    refer_step(specialist, referral, "answer", text="No need to see the patient.")
    assert shown(held) == ("done", "referred")


def test_a_named_referral_that_was_over_before_the_summary_came(
    clinic: SmallClinic,
    physician: Caller,
    specialist: Caller,  # noqa: F811
    cardiologist: Practitioner,  # noqa: F811
    held: UUID,
) -> None:
    referral = refer(physician, clinic, cardiologist)
    refer_step(specialist, referral, "answer", text="All is well.")
    refer_step(physician, referral, "close", last_seen_note=1)
    released(physician, held, task("referral", referral))
    drain()
    assert shown(held) == ("done", "referred")


def test_what_was_given_up_is_not_to_be_done(
    clinic: SmallClinic,
    physician: Caller,
    specialist: Caller,  # noqa: F811
    cardiologist: Practitioner,  # noqa: F811
    asked_for: UUID,
) -> None:
    referral = refer(physician, clinic, cardiologist, **from_visit(asked_for))
    refer_step(specialist, referral, "decline", reason_code="no_capacity")
    assert shown(asked_for) == ("open", None), "who referred asks somebody else"
    refer_step(physician, referral, "close", reason="Not needed any more")
    assert shown(asked_for) == ("cancelled", None)


def test_two_referrals_of_one_visit_take_one_instruction_each(
    clinic: SmallClinic,
    physician: Caller,
    cardiologist: Practitioner,  # noqa: F811
    held: UUID,
) -> None:
    released(physician, held, task("referral"), task("referral"))
    drain()
    made = [refer(physician, clinic, cardiologist, **from_visit(held)) for _ in range(3)]
    named = [str(row.target_id) for row in rows(VisitInstruction)]
    assert sorted(named) == sorted(made[:2])


def test_a_referral_that_is_kept_is_named_by_a_visit_that_is_kept_alone(
    clinic: SmallClinic,
    physician: Caller,
    cardiologist: Practitioner,  # noqa: F811
    asked_for: UUID,
) -> None:
    why = {"confidential_reason": "Asked not to tell at home"}
    refer(physician, clinic, cardiologist, **from_visit(asked_for), **why)
    assert instruction(asked_for).target_id is None
    keep = {"confidential": True, "reason": "Asked not to tell at home"}
    assert physician.post(f"/visits/{asked_for}/confidential", keep).status_code == 200
    referral = refer(physician, clinic, cardiologist, **from_visit(asked_for))
    assert str(instruction(asked_for).target_id) == referral


@pytest.fixture
def write_to_me(physician: Caller, held: UUID) -> UUID:
    """A visit whose summary asks the patient to write."""
    released(physician, held, task("message"))
    drain()
    return held


def test_the_patient_writes_to_whom_they_saw(
    clinic: SmallClinic, patient: Caller, physician: Caller, write_to_me: UUID
) -> None:
    started(patient, to_physician(clinic))
    drain()
    assert shown(write_to_me) == ("done", "answered")


def test_the_patient_writes_to_the_team(
    clinic: SmallClinic, patient: Caller, write_to_me: UUID
) -> None:
    started(patient, new_thread(clinic))
    drain()
    assert shown(write_to_me) == ("done", "answered")


def test_what_is_written_in_a_thread_that_is_kept_is_not_it(
    clinic: SmallClinic, patient: Caller, physician: Caller, write_to_me: UUID
) -> None:
    """Who acts for the patient sees the visit, and would learn that they wrote."""
    thread = started(patient, to_physician(clinic))
    keep = {"confidential": True, "reason": "Asked not to tell at home"}
    assert physician.post(f"/threads/{thread}/confidential", keep).status_code == 200
    drain()
    assert shown(write_to_me) == ("open", None)


def test_what_others_write_or_to_others_is_not_it(
    clinic: SmallClinic, patient: Caller, physician: Caller, nurse: Caller, held: UUID
) -> None:
    before = started(patient, new_thread(clinic))
    released(physician, held, task("message"))
    drain()
    answer(nurse, before)
    started(patient, new_thread(clinic, to={"pool_id": str(clinic.liaison.id)}))
    drain()
    assert shown(held) == ("open", None)


def test_a_thread_about_the_visit_is_it_whoever_has_it(
    clinic: SmallClinic, patient: Caller, write_to_me: UUID
) -> None:
    about = {"kind": "visit", "id": str(write_to_me)}
    to = {"pool_id": str(clinic.liaison.id)}
    started(patient, new_thread(clinic, to=to, about=about))
    drain()
    assert shown(write_to_me) == ("done", "answered")


def test_a_named_thread_is_answered(
    clinic: SmallClinic, patient: Caller, physician: Caller, nurse: Caller, held: UUID
) -> None:
    thread = started(patient, new_thread(clinic, to={"pool_id": str(clinic.liaison.id)}))
    released(physician, held, task("message", thread))
    drain()
    started(patient, to_physician(clinic))
    drain()
    assert shown(held) == ("open", None), "another thread"
    write(patient, thread, "I feel better.")
    drain()
    assert shown(held) == ("done", "answered")
