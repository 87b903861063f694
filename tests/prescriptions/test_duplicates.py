"""The same medicine twice: refused on every way to a standing prescription, unless confirmed."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text

from portal.core import loops
from portal.core.actor import OPERATOR, ActorKind
from portal.core.clock import local_day, utcnow
from portal.core.db import transaction
from portal.core.tables import AuditEntry
from portal.patients.model import Patient
from portal.prescriptions import queries
from portal.prescriptions.duplicates import duplicate_therapies
from portal.prescriptions.model import DuplicateConfirmation, Prescription
from portal.prescriptions.states import STANDING, PrescriptionStatus
from portal.worklist.model import WorkItem
from tests.patients.endings import die
from tests.prescriptions.orders import WHY, confirming, order
from tests.refills.conftest import Make, ask_one, refillable  # noqa: F401 - a fixture
from tests.support.api import Caller
from tests.support.clinic import ZONE, SmallClinic, add, care_team, practitioner_actor, prescription
from tests.support.clinic import patient as new_patient
from tests.support.races import at_once
from tests.support.statements import by_indexes, recorded
from tests.support.work import drain

TODAY = utcnow().date()
PROMISE = "two prescriptions of one medicine stand, and nobody confirmed that both are meant"
DATES: dict[str, Any] = {
    "written_on": TODAY - timedelta(days=100),
    "expires_on": TODAY + timedelta(days=200),
    "last_filled_on": TODAY - timedelta(days=40),
}
APPROVE = {"decision": "approve", "refills_authorized": 3}


def lisinopril(clinic: SmallClinic, **changes: Any) -> Prescription:
    return prescription(
        clinic, **{**DATES, "drug_name": "Lisinopril", "rxnorm_code": "314076", **changes}
    )


# The ways to a standing prescription: what leads there, the call, and its answer where it may be.
Way = Callable[[SmallClinic, Caller, Caller], tuple[Callable[[dict[str, Any]], Any], int]]


def by_writing(
    clinic: SmallClinic, _patient: Caller, physician: Caller
) -> tuple[Callable[[dict[str, Any]], Any], int]:
    return lambda more: physician.post("/prescriptions", order(clinic, **more)), 201


def by_approving(
    clinic: SmallClinic, patient: Caller, physician: Caller
) -> tuple[Callable[[dict[str, Any]], Any], int]:
    waiting = ask_one(patient, lisinopril(clinic, refills_used=5).id)
    return lambda more: physician.post(f"/refills/{waiting}/decision", {**APPROVE, **more}), 200


def by_resuming(
    clinic: SmallClinic, _patient: Caller, physician: Caller
) -> tuple[Callable[[dict[str, Any]], Any], int]:
    held = lisinopril(clinic, status="on_hold")
    return lambda more: physician.post(f"/prescriptions/{held.id}/resume", more), 200


WAYS: dict[str, Way] = {"write": by_writing, "approve": by_approving, "resume": by_resuming}


def standing(clinic: SmallClinic, status: str, expires_on: date | None = None) -> Prescription:
    return lisinopril(clinic, status=status, **({"expires_on": expires_on} if expires_on else {}))


def broken() -> int:
    with transaction(OPERATOR) as session:
        return [one.rule for one in loops.check(session, now=utcnow())].count(PROMISE)


@pytest.mark.parametrize(("days", "expected"), [(26, 409), (27, 201)])
def test_each_month_of_schedule_ii_is_written_anew(
    clinic: SmallClinic, physician: Caller, days: int, expected: int
) -> None:
    """Once the next may be filled, nobody is asked about the one before (21 CFR 1306.12)."""
    today = local_day(utcnow(), ZONE)
    none_left = {"schedule": 2, "refills_authorized": 0, "refills_used": 0}
    lisinopril(clinic, **none_left, last_filled_on=today - timedelta(days))
    answer = physician.post("/prescriptions", order(clinic, schedule=2, refills_authorized=0))
    assert answer.status_code == expected, answer.text
    assert broken() == 0


@pytest.mark.parametrize("status", list(PrescriptionStatus))
@pytest.mark.parametrize("way", WAYS)
def test_every_way_beside_every_status(
    clinic: SmallClinic, patient: Caller, physician: Caller, way: str, status: PrescriptionStatus
) -> None:
    act, done = WAYS[way](clinic, patient, physician)
    other = standing(clinic, status)
    answer = act({})
    if status not in STANDING:
        assert answer.status_code == done, answer.text
        assert broken() == 0
        return
    assert (answer.status_code, answer.json["code"]) == (409, "duplicate_therapy"), answer.text
    [named] = answer.json["duplicates"]
    assert named == {
        "id": str(other.id),
        "drug": {"name": "Lisinopril", "strength": "10 mg", "form": "tablet"},
        "status": status,
        "prescriber": {"id": str(clinic.physician.id), "name": clinic.physician.name},
        "written_on": str(DATES["written_on"]),
        "expires_on": str(DATES["expires_on"]),
        "last_filled_on": str(DATES["last_filled_on"]),
        "link": f"/api/v1/prescriptions/{other.id}",
    }
    assert physician.request("GET", named["link"]).status_code == 200
    confirmed = act(confirming(other.id))
    assert confirmed.status_code == done, confirmed.text
    assert broken() == 0
    [kept] = physician.request("GET", named["link"]).json["confirmed_duplicates"]
    assert (kept["reason"], kept["confirmed_by"]) == (WHY, clinic.physician.name)
    assert "confirmed_duplicates" not in patient.request("GET", named["link"]).json
    with transaction(OPERATOR) as session:
        [row] = session.scalars(select(DuplicateConfirmation)).all()
        seen = session.execute(
            select(AuditEntry.action, AuditEntry.resource_id).where(
                AuditEntry.resource == "prescription", AuditEntry.actor_kind == "practitioner"
            )
        ).all()
    assert (row.other_id, row.actor_id) == (other.id, clinic.physician.id)
    assert {("confirm_duplicate", other.id), ("confirm_duplicate", row.prescription_id)} <= {
        tuple(one) for one in seen
    }
    assert ("read", other.id) in {tuple(one) for one in seen}, "the refusal showed it"


@pytest.mark.parametrize("way", WAYS)
def test_what_has_expired_does_not_stand(
    clinic: SmallClinic, patient: Caller, physician: Caller, way: str
) -> None:
    act, done = WAYS[way](clinic, patient, physician)
    standing(clinic, "active", TODAY - timedelta(days=2))
    assert act({}).status_code == done


@pytest.mark.parametrize("way", WAYS)
def test_each_of_several_has_to_be_confirmed(
    clinic: SmallClinic, patient: Caller, physician: Caller, way: str
) -> None:
    act, done = WAYS[way](clinic, patient, physician)
    one, other = standing(clinic, "active"), standing(clinic, "on_hold")
    answer = act(confirming(one.id))
    assert answer.status_code == 409
    assert {named["id"] for named in answer.json["duplicates"]} == {str(one.id), str(other.id)}
    assert act(confirming(one.id, other.id)).status_code == done


@pytest.mark.parametrize(
    ("drug", "refused"),
    [
        ({"name": "LISINOPRIL\u00a010\u202fMG Oral Tablet"}, True),
        ({"name": "Lisinopril-Hydrochlorothiazide"}, True),
        ({"name": "Zestril"}, True),
        ({"name": "Something else", "rxnorm_code": "314076"}, True),
        ({"name": "Newbrand", "ingredients": ["Lisinopril dihydrate"]}, True),
        ({"name": "Newbrand"}, False),
        ({"name": "Amlodipine"}, False),
    ],
)
def test_what_counts_as_the_same(
    clinic: SmallClinic, physician: Caller, drug: dict[str, Any], refused: bool
) -> None:
    lisinopril(clinic)
    answer = physician.post("/prescriptions", order(clinic, drug=drug))
    assert answer.status_code == (409 if refused else 201), answer.text


def test_given_ingredients_go_on_to_the_successor(
    clinic: SmallClinic, patient: Caller, physician: Caller
) -> None:
    old = lisinopril(clinic, drug_name="Newbrand", ingredients=["enalapril"], refills_used=5)
    waiting = ask_one(patient, old.id)
    assert physician.post(f"/refills/{waiting}/decision", APPROVE).status_code == 200
    answer = physician.post("/prescriptions", order(clinic, "Enalapril maleate"))
    assert answer.status_code == 409


def test_somebody_elses_is_no_duplicate(clinic: SmallClinic, physician: Caller) -> None:
    lisinopril(clinic, patient_id=clinic.other_patient.id)
    assert physician.post("/prescriptions", order(clinic)).status_code == 201


def test_what_is_kept_from_delegates_is_named_to_the_prescriber(
    clinic: SmallClinic, physician: Caller
) -> None:
    kept = lisinopril(clinic, confidential=True)
    answer = physician.post("/prescriptions", order(clinic))
    assert [one["id"] for one in answer.json["duplicates"]] == [str(kept.id)]


@pytest.mark.parametrize(
    ("confirmed", "pointer"),
    [
        ({"prescription_ids": [], "reason": WHY}, "/confirmed_duplicates/prescription_ids"),
        ({"prescription_ids": ["x"], "reason": WHY}, "/confirmed_duplicates/prescription_ids/0"),
        ({"prescription_ids": [str(UUID(int=1))]}, "/confirmed_duplicates/reason"),
        ({"prescription_ids": [str(UUID(int=1))], "reason": " "}, "/confirmed_duplicates/reason"),
    ],
)
def test_a_confirmation_that_says_too_little(
    clinic: SmallClinic, physician: Caller, confirmed: dict[str, Any], pointer: str
) -> None:
    lisinopril(clinic)
    answer = physician.post("/prescriptions", order(clinic, confirmed_duplicates=confirmed))
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]


def test_a_denial_confirms_nothing(clinic: SmallClinic, patient: Caller, physician: Caller) -> None:
    waiting = ask_one(patient, lisinopril(clinic, refills_used=5).id)
    body = {"decision": "deny", "reason_code": "visit_needed", **confirming(UUID(int=1))}
    answer = physician.post(f"/refills/{waiting}/decision", body)
    assert answer.json["errors"][0]["pointer"] == "/confirmed_duplicates"


def test_a_key_goes_on_being_good_for_the_confirmation(
    clinic: SmallClinic, physician: Caller
) -> None:
    other, headers = lisinopril(clinic), {"Idempotency-Key": "one and the same"}
    assert physician.post("/prescriptions", order(clinic), headers=headers).status_code == 409
    body = order(clinic, **confirming(other.id))
    assert physician.post("/prescriptions", body, headers=headers).status_code == 201


def test_the_question_is_one_statement_by_an_index(clinic: SmallClinic, physician: Caller) -> None:
    """Also of a patient whose medicines have been renewed for many years."""
    standing_one = lisinopril(clinic)
    rest = [column.key for column in Prescription.__table__.columns]
    for name in ("id", "refill_number", "status"):
        rest.remove(name)
    listed = ", ".join(rest)
    with transaction(OPERATOR) as session:
        session.execute(
            text(
                f"INSERT INTO prescription (id, refill_number, status, {listed}) "
                f"SELECT gen_random_uuid(), 'OLD' || n, 'superseded', {listed} "
                "FROM prescription, generate_series(1, 300) n WHERE id = :id"
            ),
            {"id": standing_one.id},
        )
    with recorded() as statements:
        assert physician.post("/prescriptions", order(clinic, "Amlodipine")).status_code == 201
    assert sum("ingredients &&" in one for one in statements) == 1
    asked = {
        "patient_id": clinic.patient.id,
        "rxnorm_code": "314076",
        "ingredients": ["lisinopril"],
        "today": TODAY,
        "besides": [],
    }
    with transaction(practitioner_actor(clinic.physician)) as session:
        by_indexes(session, "prescription", "practitioner")
        session.execute(text("SET LOCAL enable_sort = on"))  # a few rows are sorted
        plan = session.execute(text(f"EXPLAIN {queries.OF_THE_SAME}"), asked).scalars().all()
    assert any("ix_prescription_standing" in line for line in plan), "\n".join(plan)


# Races, with real threads.


@pytest.mark.parametrize("round_", range(3))
def test_two_that_are_written_at_once_are_one(
    clinic: SmallClinic, physician: Caller, round_: int
) -> None:
    names = [("Lisinopril", "Zestril"), ("Lisinopril", "Lisinopril"), ("Zestoretic", "Zestril")]
    jobs = [
        lambda name=name: physician.post("/prescriptions", order(clinic, name)).status_code
        for name in names[round_]
    ]
    assert sorted(at_once(*jobs)) == [201, 409]
    assert broken() == 0


def test_writing_and_approving_at_once(
    clinic: SmallClinic, patient: Caller, physician: Caller
) -> None:
    """An expired prescription may be renewed: only one of the two goes through."""
    expired = lisinopril(clinic, refills_used=5, expires_on=TODAY - timedelta(days=5))
    waiting = ask_one(patient, expired.id)
    answers = at_once(
        lambda: physician.post("/prescriptions", order(clinic)).status_code,
        lambda: physician.post(f"/refills/{waiting}/decision", APPROVE).status_code,
    )
    assert sorted(answers) in ([200, 409], [201, 409]), answers
    assert broken() == 0


def test_two_renewals_of_the_same_at_once(
    clinic: SmallClinic, patient: Caller, physician: Caller
) -> None:
    """Each of them stood alone: both had expired."""
    over = {"refills_used": 5, "expires_on": TODAY - timedelta(days=5)}
    waiting = [ask_one(patient, lisinopril(clinic, **over).id) for _ in range(2)]
    answers = at_once(
        *(
            lambda id_=id_: physician.post(f"/refills/{id_}/decision", APPROVE).status_code
            for id_ in waiting
        )
    )
    assert sorted(answers) == [200, 409]
    assert broken() == 0


def test_resuming_while_another_is_written_beside_it(
    clinic: SmallClinic, physician: Caller
) -> None:
    held = lisinopril(clinic, status="on_hold")
    written, resumed = at_once(
        lambda: physician.post("/prescriptions", order(clinic, **confirming(held.id))).status_code,
        lambda: physician.post(f"/prescriptions/{held.id}/resume").status_code,
    )
    assert written == 201
    assert resumed in (200, 409)
    assert broken() == 0


def test_confirmed_by_each_other_at_once(
    clinic: SmallClinic, patient: Caller, physician: Caller
) -> None:
    """Two renewals that name each other: nobody waits for ever."""
    rows = [lisinopril(clinic, refills_used=5) for _ in range(2)]
    waiting = [ask_one(patient, row.id) for row in rows]
    answers = at_once(
        *(
            lambda id_=id_, other=other: (
                physician.post(
                    f"/refills/{id_}/decision", {**APPROVE, **confirming(other.id)}
                ).status_code
            )
            for id_, other in zip(waiting, reversed(rows), strict=True)
        )
    )
    assert sorted(answers) == [200, 409], "the second finds the successor of the first"


# What comes together unasked.


@pytest.fixture
def duplicate(clinic: SmallClinic) -> Patient:
    row = new_patient(clinic.clinic, clinic.pharmacy, "Avery", 3)
    add(row, care_team(row, clinic.physician))
    return row


def items(status: str = "open") -> list[WorkItem]:
    with transaction(OPERATOR) as session:
        query = select(WorkItem).where(
            WorkItem.kind == "duplicate_therapy", WorkItem.status == status
        )
        return list(session.scalars(query))


@pytest.fixture
def clash(clinic: SmallClinic, nurse: Caller, duplicate: Patient) -> tuple[UUID, UUID]:
    """Two records with one medicine, merged: the two prescriptions."""
    now = utcnow()
    mine = lisinopril(clinic, created_at=now - timedelta(days=2))
    other = lisinopril(clinic, created_at=now - timedelta(days=1), patient_id=duplicate.id)
    body = {"into_id": str(clinic.patient.id), "reason": "The same person, registered twice"}
    assert nurse.post(f"/patients/{duplicate.id}/merge", body).status_code == 200
    assert broken() == 0, "not yet one patient's"
    drain()
    return mine.id, other.id


def test_a_merge_asks_the_prescriber(clinic: SmallClinic, clash: tuple[UUID, UUID]) -> None:
    mine, other = clash
    with transaction(OPERATOR) as session:
        [pair] = duplicate_therapies(session, clinic.patient.id, utcnow())
    assert (pair.id, pair.other_id, pair.prescriber_id) == (other, mine, clinic.physician.id)
    [item] = items()
    assert (item.subject_id, item.responsible_id) == (other, clinic.physician.id)
    assert broken() == 0
    drain(until=utcnow() + timedelta(minutes=10))
    assert len(items()) == 1, "looking again asks nobody twice"


@pytest.mark.parametrize("which", [0, 1])
def test_stopping_one_of_them_closes_the_question(
    physician: Caller, clash: tuple[UUID, UUID], which: int
) -> None:
    stopped = physician.post(f"/prescriptions/{clash[which]}/stop", {"reason": "Twice"})
    assert stopped.status_code == 200
    drain()
    assert (items(), broken()) == ([], 0)


def test_confirming_both_closes_the_question(
    clinic: SmallClinic, physician: Caller, clash: tuple[UUID, UUID]
) -> None:
    mine, other = clash
    path = f"/prescriptions/{other}/confirm-duplicates"
    wrong = physician.post(path, confirming(other)["confirmed_duplicates"])
    assert (wrong.status_code, wrong.json["code"]) == (409, "duplicate_therapy")
    done = physician.post(path, confirming(mine)["confirmed_duplicates"])
    assert done.status_code == 200, done.text
    assert (items(), broken()) == ([], 0)
    [closed] = items("done")
    assert closed.closed_by == clinic.physician.id


def test_the_item_is_not_closed_by_hand(physician: Caller, clash: tuple[UUID, UUID]) -> None:
    assert clash
    [item] = items()
    answer = physician.post(
        f"/worklist/{item.id}/complete", {"outcome": "looked at it"}, headers={"If-Match": "*"}
    )
    assert (answer.status_code, answer.json["code"]) == (409, "not_closed_by_hand")
    assert f"{item.subject_id}/stop" in answer.text


def test_an_approval_that_confirms_closes_the_question(
    clinic: SmallClinic, patient: Caller, physician: Caller, clash: tuple[UUID, UUID]
) -> None:
    mine, other = clash
    with transaction(OPERATOR) as session:
        session.get_one(Prescription, other).refills_used = 5
    waiting = ask_one(patient, other)
    body = {**APPROVE, **confirming(mine)}
    assert physician.post(f"/refills/{waiting}/decision", body).status_code == 200
    assert (items(), broken()) == ([], 0)


def test_who_has_died_takes_neither(
    clinic: SmallClinic, nurse: Caller, clash: tuple[UUID, UUID]
) -> None:
    assert clash
    die(nurse, clinic.patient.id)
    assert (items(), broken()) == ([], 0)
    reason = {"reason": "Somebody of the same name"}
    assert nurse.post(f"/patients/{clinic.patient.id}/death/revoke", reason).status_code == 200
    drain()
    assert (len(items()), broken()) == (1, 0)


def test_what_nobody_asked_about_breaks_the_promise(clinic: SmallClinic) -> None:
    lisinopril(clinic)
    lisinopril(clinic, drug_name="Zestril", rxnorm_code="104377")
    assert broken() == 1


def test_only_practitioners_confirm(
    clinic: SmallClinic, caller: Callable[..., Caller], nurse: Caller, patient: Caller
) -> None:
    rx = lisinopril(clinic)
    body = confirming(rx.id)["confirmed_duplicates"]
    pharmacy = caller(ActorKind.PHARMACY, clinic.pharmacy.id)
    for who in (nurse, patient, pharmacy):
        assert who.post(f"/prescriptions/{rx.id}/confirm-duplicates", body).status_code == 403
