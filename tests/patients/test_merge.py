"""Merging a duplicate: what moves, what stays, and what comes in between."""

from collections.abc import Callable
from datetime import timedelta
from threading import Thread
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import Executable, create_engine, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from portal.accounts.errors import AccountMerged
from portal.accounts.model import Account
from portal.accounts.service import Invite, invite
from portal.config import Config
from portal.core import loops
from portal.core.actor import OPERATOR, WORKER, ActorKind
from portal.core.clock import utcnow
from portal.core.db import Base, naming_patients, transaction
from portal.core.ids import new_id
from portal.core.tables import AuditEntry, OutboxEvent
from portal.directory.model import Clinic
from portal.patients import merging, service
from portal.patients.errors import PatientUnknown
from portal.patients.model import CareTeamMember, Patient
from portal.requisitions.model import Requisition
from tests.patients.delegates import give, new_person
from tests.patients.endings import die
from tests.patients.records import record, requisition
from tests.refills.conftest import TODAY, ask_one
from tests.support.api import Caller
from tests.support.clinic import ZONE, SmallClinic, add, care_team, prescription
from tests.support.clinic import patient as new_patient
from tests.support.work import drain

Sign = Callable[..., Caller]
REASON = "The same person, registered twice"
COLUMNS = [
    (column, when)
    for column, when in naming_patients(Base.metadata)
    if column.table.name != "audit_entry"
]


@pytest.fixture
def duplicate(clinic: SmallClinic) -> Patient:
    """A second record of the first patient, of the same physician."""
    row = new_patient(clinic.clinic, clinic.pharmacy, "Avery", 3)
    add(row, care_team(row, clinic.physician), care_team(row, clinic.colleague, "specialist"))
    return row


def merge(nurse: Caller, duplicate_id: UUID, into_id: UUID) -> Any:
    body = {"into_id": str(into_id), "reason": REASON}
    return nurse.post(f"/patients/{duplicate_id}/merge", body)


def rows_naming(patient_id: UUID) -> dict[str, int]:
    """How many rows of each table and column name a patient."""
    found = {}
    with transaction(OPERATOR) as session:
        for column, when in COLUMNS:
            query = text(
                f"SELECT count(*) FROM {column.table.name} WHERE {column.name} = :id AND ({when})"
            )
            if count := session.execute(query, {"id": patient_id}).scalar_one():
                found[f"{column.table.name}.{column.name}"] = count
    return found


def order_somehow(clinic: SmallClinic, caller: Sign, patient_id: UUID) -> None:
    """A refill on its way, and a renewal that waits for its prescriber."""
    patient = caller(ActorKind.PATIENT, patient_id)
    dates: dict[str, Any] = {
        "last_filled_on": TODAY - timedelta(days=40),
        "written_on": TODAY - timedelta(days=100),
        "expires_on": TODAY + timedelta(days=200),
    }
    ask_one(patient, prescription(clinic, patient_id=patient_id, **dates).id)
    ask_one(patient, prescription(clinic, patient_id=patient_id, refills_used=5, **dates).id)
    drain()


def later() -> None:
    """All that the workers do until everything has settled."""
    drain(until=utcnow() + 10 * merging.SETTLED_AFTER)


def test_everything_moves_once(
    clinic: SmallClinic, caller: Sign, nurse: Caller, duplicate: Patient
) -> None:
    add(*record(clinic, duplicate.id))
    order_somehow(clinic, caller, duplicate.id)
    before = rows_naming(duplicate.id)
    assert {"refill.patient_id", "requisition.patient_id", "observation.patient_id"} < before.keys()
    assert len(before) > 20
    had = rows_naming(clinic.patient.id)
    answer = merge(nurse, duplicate.id, clinic.patient.id)
    assert (answer.status_code, answer.json["id"]) == (200, str(clinic.patient.id)), answer.text
    drain()
    left = {"care_team_member.patient_id": 1}
    assert rows_naming(duplicate.id) == left
    now_has = rows_naming(clinic.patient.id)
    for where, count in before.items():
        assert now_has[where] == had.get(where, 0) + count - left.get(where, 0), where
    with transaction(WORKER) as session:
        assert merging.move_rows(session=session, patient_id=duplicate.id, now=utcnow()) == 0
    assert rows_naming(clinic.patient.id) == now_has
    later()
    with transaction(OPERATOR) as session:
        assert loops.check(session, now=utcnow()) == []


@pytest.mark.parametrize(
    "name", sorted({(column.table.name, column.name) for column, _ in COLUMNS}), ids=".".join
)
def test_the_workers_may_move_every_row_that_names_a_patient(
    app: Flask, name: tuple[str, str]
) -> None:
    assert app.testing
    query = text("SELECT has_column_privilege('careloop_worker', :table, :column, 'UPDATE')")
    with transaction(OPERATOR) as session:
        assert session.execute(query, {"table": name[0], "column": name[1]}).scalar_one()


def test_the_care_team_keeps_what_the_survivor_has(
    clinic: SmallClinic, nurse: Caller, duplicate: Patient
) -> None:
    third = care_team(duplicate, clinic.colleague)
    with transaction(OPERATOR) as session:
        session.execute(
            update(CareTeamMember)
            .where(CareTeamMember.patient_id == duplicate.id)
            .where(CareTeamMember.member_id == third.member_id)
            .values(started_on=TODAY)
        )
    merge(nurse, duplicate.id, clinic.patient.id)
    drain()
    team = nurse.get(f"/patients/{clinic.patient.id}").json["care_team"]
    assert {(one["name"], one["role"]) for one in team} == {
        (clinic.physician.name, "primary"),
        (clinic.colleague.name, "specialist"),
    }
    assert nurse.get(f"/patients/{duplicate.id}").status_code == 404


def test_another_primary_practitioner_goes_on_caring(clinic: SmallClinic, nurse: Caller) -> None:
    """The second patient's primary practitioner is another than the first's."""
    assert merge(nurse, clinic.other_patient.id, clinic.patient.id).status_code == 200
    drain()
    team = nurse.get(f"/patients/{clinic.patient.id}").json["care_team"]
    assert [(one["name"], one["role"]) for one in team] == [
        (clinic.physician.name, "primary"),
        (clinic.colleague.name, "care_coordinator"),
    ]


def test_the_old_number_finds_the_survivor(
    clinic: SmallClinic, nurse: Caller, duplicate: Patient
) -> None:
    def found(**query: str) -> list[str]:
        answer = nurse.post("/patients/search", query)
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json["items"]]

    assert len(found(name="avery")) == 2
    merge(nurse, duplicate.id, clinic.patient.id)
    for _ in ("before the workers", "after them"):
        assert found(mrn=duplicate.mrn) == [str(clinic.patient.id)]
        assert found(mrn=clinic.patient.mrn) == [str(clinic.patient.id)]
        assert found(name="avery") == [str(clinic.patient.id)]
        assert found(birth_date="1980-04-15", mrn=duplicate.mrn) == [str(clinic.patient.id)]
        drain()
    assert found(mrn="MRN-7777") == []


def test_exceptional_access_by_the_old_number_opens_the_survivor(
    clinic: SmallClinic, nurse: Caller, caller: Sign, duplicate: Patient
) -> None:
    merge(nurse, duplicate.id, clinic.patient.id)
    stranger = caller(ActorKind.STAFF, clinic.liaison_officer.id)
    body = {"mrn": duplicate.mrn, "birth_date": "1980-04-15", "reason": "Unconscious in the ER"}
    answer = stranger.post("/patients/break-glass", body)
    assert answer.json["patient_id"] == str(clinic.patient.id)


def test_a_chain_of_merges_ends_with_the_last(
    clinic: SmallClinic, nurse: Caller, duplicate: Patient
) -> None:
    another = new_patient(clinic.clinic, clinic.pharmacy, "Avery", 4)
    add(another, care_team(another, clinic.physician))
    assert merge(nurse, another.id, duplicate.id).status_code == 200
    assert merge(nurse, duplicate.id, clinic.patient.id).status_code == 200
    add(requisition(clinic, another.id))
    later()
    with transaction(WORKER) as session:
        for id_ in (another.id, duplicate.id, clinic.patient.id):
            assert service.surviving(session, id_).id == clinic.patient.id
        with pytest.raises(PatientUnknown):
            service.surviving(session, uuid4())
    assert rows_naming(clinic.patient.id)["requisition.patient_id"] == 1
    # What names the first of the chain goes to the end of it at once.
    assert "requisition.patient_id" not in rows_naming(duplicate.id)


PASSWORD = "a long enough password"


def invited(nurse: Caller, patient_id: UUID, email: str) -> dict[str, str]:
    """What opens the account of somebody who was invited."""
    made = nurse.post(f"/patients/{patient_id}/invitation", {"email": email})
    assert made.status_code == 201, made.text
    code = made.json["activation_code"]
    return {"code": code, "birth_date": "1980-04-15", "password": PASSWORD}


def opened(nurse: Caller, anonymous: Caller, patient_id: UUID, email: str) -> dict[str, str]:
    """An account that was opened; returns what a request of its session needs."""
    body = invited(nurse, patient_id, email)
    assert anonymous.post("/activations", body).status_code in (200, 201)
    return signed_in(anonymous, email)


def signed_in(anonymous: Caller, email: str) -> dict[str, str]:
    answer = anonymous.post("/sessions", {"email": email, "password": PASSWORD})
    assert answer.status_code in (200, 201), answer.text
    return {"Authorization": f"Bearer {answer.json['token']}"}


def whose(anonymous: Caller, headers: dict[str, str]) -> str | None:
    answer = anonymous.get("/patients/me", headers=headers)
    return answer.json["id"] if answer.status_code == 200 else None


def account_of(patient_id: UUID) -> Account | None:
    with transaction(OPERATOR) as session:
        return session.scalars(
            select(Account).where(Account.kind == "patient", Account.person_id == patient_id)
        ).first()


def write(statement: Executable) -> None:
    with transaction(OPERATOR) as session:
        session.execute(statement)


def test_a_login_goes_on_with_the_record_that_stands(
    clinic: SmallClinic, nurse: Caller, duplicate: Patient, anonymous: Caller
) -> None:
    mine = opened(nurse, anonymous, duplicate.id, "avery@example.org")
    merge(nurse, duplicate.id, clinic.patient.id)
    assert account_of(duplicate.id) is None
    refused = nurse.post(f"/patients/{duplicate.id}/invitation", {"email": "b@example.org"})
    assert (refused.status_code, refused.json["code"]) == (409, "already_merged")
    assert whose(anonymous, mine) == str(clinic.patient.id)
    assert whose(anonymous, signed_in(anonymous, "Avery@example.org")) == str(clinic.patient.id)
    later()
    assert whose(anonymous, mine) == str(clinic.patient.id)
    with transaction(OPERATOR) as session:
        assert loops.check(session, now=utcnow()) == []


def test_of_two_logins_the_standing_records_goes_on_and_the_other_address_is_free(
    clinic: SmallClinic, nurse: Caller, duplicate: Patient, anonymous: Caller
) -> None:
    standing = opened(nurse, anonymous, clinic.patient.id, "avery@example.org")
    other = opened(nurse, anonymous, duplicate.id, "old@example.org")
    merge(nurse, duplicate.id, clinic.patient.id)
    assert (whose(anonymous, standing), whose(anonymous, other)) == (str(clinic.patient.id), None)
    signing = {"email": "old@example.org", "password": PASSWORD}
    refused = anonymous.post("/sessions", signing)
    assert (refused.status_code, refused.json["code"]) == (401, "bad_credentials")
    mine = opened(nurse, anonymous, clinic.other_patient.id, "old@example.org")
    assert whose(anonymous, mine) == str(clinic.other_patient.id)
    with transaction(OPERATOR) as session:
        assert loops.check(session, now=utcnow()) == []


def test_a_login_that_was_opened_goes_on_before_one_that_never_was(
    clinic: SmallClinic, nurse: Caller, duplicate: Patient, anonymous: Caller
) -> None:
    unused = invited(nurse, clinic.patient.id, "new@example.org")
    mine = opened(nurse, anonymous, duplicate.id, "avery@example.org")
    merge(nurse, duplicate.id, clinic.patient.id)
    assert whose(anonymous, mine) == str(clinic.patient.id)
    refused = anonymous.post("/activations", unused)
    assert (refused.status_code, refused.json["code"]) == (422, "code_unusable")
    retired = account_of(duplicate.id)
    assert retired is not None
    assert (retired.status, retired.suspended_from) == ("merged", "invited")
    invited(nurse, clinic.other_patient.id, "new@example.org")


def test_an_invitation_goes_on_with_the_birth_date_of_the_record_that_stands(
    clinic: SmallClinic, nurse: Caller, duplicate: Patient, anonymous: Caller
) -> None:
    body = invited(nurse, duplicate.id, "avery@example.org")
    with transaction(OPERATOR) as session:
        row = session.get_one(Patient, clinic.patient.id)
        row.birth_date = row.birth_date.replace(day=16)
    merge(nurse, duplicate.id, clinic.patient.id)
    assert anonymous.post("/activations", body).json["code"] == "code_unusable"
    body["birth_date"] = "1980-04-16"
    assert anonymous.post("/activations", body).status_code in (200, 201)
    assert whose(anonymous, signed_in(anonymous, "avery@example.org")) == str(clinic.patient.id)


@pytest.mark.parametrize("status", ["invited", "active", "disabled", "suspended"])
def test_no_login_of_a_merged_record_is_enabled(
    clinic: SmallClinic,
    nurse: Caller,
    caller: Sign,
    duplicate: Patient,
    anonymous: Caller,
    status: str,
) -> None:
    """Not by an administrator, and not by anybody who writes to the database."""
    administrator = caller(ActorKind.ADMINISTRATOR, uuid4())
    opened(nurse, anonymous, clinic.patient.id, "avery@example.org")
    opened(nurse, anonymous, duplicate.id, "old@example.org")
    merge(nurse, duplicate.id, clinic.patient.id)
    retired = account_of(duplicate.id)
    assert retired is not None
    refused = administrator.post(f"/accounts/{retired.id}/enable")
    assert (refused.status_code, refused.json["code"]) == (409, "account_merged")
    assert administrator.post(f"/accounts/{retired.id}/disable").status_code == 200
    kept = account_of(clinic.patient.id)
    assert kept is not None
    enabling = {"status": status, "suspended_from": "active"}
    with pytest.raises(IntegrityError, match="was merged"):
        write(update(Account).where(Account.id == retired.id).values(enabling))
    write(update(Account).where(Account.id == retired.id).values(person_id=uuid4()))
    with pytest.raises(IntegrityError, match="was merged"):
        write(update(Account).where(Account.id == kept.id).values(person_id=duplicate.id))
    write(update(Account).where(Account.id == retired.id).values(person_id=duplicate.id))
    afterwards = account_of(duplicate.id)
    assert afterwards is not None
    assert (afterwards.status, afterwards.suspended_from) == ("merged", "disabled")


def test_an_invitation_that_comes_with_the_merge_makes_no_login(
    app: Flask, config: Config, clinic: SmallClinic, nurse: Caller, duplicate: Patient
) -> None:
    """It was read before the merge and is written after: the database refuses it."""
    command = Invite(ActorKind.PATIENT, duplicate.id, "avery@example.org", duplicate.name)
    merge(nurse, duplicate.id, clinic.patient.id)
    with pytest.raises(AccountMerged), transaction(OPERATOR) as session:
        invite(
            session=session,
            actor=OPERATOR,
            command=command,
            secret_key=config.secret_key,
            now=utcnow(),
        )
    assert account_of(duplicate.id) is None
    assert app.testing


def test_no_record_is_merged_without_its_login(clinic: SmallClinic, caller: Sign) -> None:
    caller(ActorKind.PATIENT, clinic.patient.id)
    values = {
        "merged_into_id": clinic.other_patient.id,
        "merged_at": utcnow(),
        "merge_reason": REASON,
    }
    with pytest.raises(IntegrityError, match="stayed behind"):
        write(update(Patient).where(Patient.id == clinic.patient.id).values(values))


@pytest.mark.parametrize("dead", ["duplicate", "survivor"])
def test_the_login_of_somebody_who_died_is_suspended_at_once(
    clinic: SmallClinic, nurse: Caller, duplicate: Patient, anonymous: Caller, dead: str
) -> None:
    died = duplicate if dead == "duplicate" else clinic.patient
    alive = clinic.patient if dead == "duplicate" else duplicate
    mine = opened(nurse, anonymous, alive.id, "avery@example.org")
    die(nurse, died.id)
    merge(nurse, duplicate.id, clinic.patient.id)
    for _ in ("at once", "later"):
        assert whose(anonymous, mine) is None
        kept = account_of(clinic.patient.id)
        assert kept is not None
        assert (kept.status, kept.suspended_from) == ("suspended", "active")
        with transaction(OPERATOR) as session:
            assert loops.check(session, now=utcnow()) == []
        later()
    body = {"reason": "It was somebody else"}
    revoked = nurse.post(f"/patients/{clinic.patient.id}/death/revoke", body)
    assert revoked.status_code == 200, revoked.text
    assert whose(anonymous, signed_in(anonymous, "avery@example.org")) == str(clinic.patient.id)


def test_nobody_touches_the_login_of_a_record_that_stands(
    clinic: SmallClinic, caller: Sign
) -> None:
    standing = caller(ActorKind.PATIENT, clinic.patient.id)
    with transaction(OPERATOR) as session:
        merging_it = text("SELECT * FROM careloop_merge_accounts(:id)")
        assert session.execute(merging_it, {"id": clinic.patient.id}).all() == []
        statuses = session.scalars(select(Account.status).filter_by(person_id=clinic.patient.id))
        assert list(statuses) == ["active"]
    assert standing.get("/patients/me").status_code == 200


def test_it_is_kept_by_whom_when_and_why(
    clinic: SmallClinic, nurse: Caller, duplicate: Patient
) -> None:
    merge(nurse, duplicate.id, clinic.patient.id)
    with transaction(OPERATOR) as session:
        row = session.get_one(Patient, duplicate.id)
        assert (row.merged_into_id, row.merge_reason) == (clinic.patient.id, REASON)
        assert row.merged_at is not None
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "merge")).all()
        assert {(entry.patient_id, entry.resource_id) for entry in entries} == {
            (duplicate.id, clinic.patient.id),
            (clinic.patient.id, duplicate.id),
        }
        assert {entry.actor_id for entry in entries} == {clinic.nurse.id}
        [event] = session.scalars(select(OutboxEvent).where(OutboxEvent.kind == "patient.merged"))
        assert event.payload == {
            "patient_id": str(duplicate.id),
            "into_id": str(clinic.patient.id),
        }


def test_what_was_merged_is_merged(clinic: SmallClinic, nurse: Caller, duplicate: Patient) -> None:
    assert merge(nurse, duplicate.id, clinic.patient.id).status_code == 200
    for first, second in (
        (duplicate.id, clinic.patient.id),
        (duplicate.id, clinic.other_patient.id),
        (clinic.patient.id, duplicate.id),
        (clinic.other_patient.id, duplicate.id),
    ):
        answer = merge(nurse, first, second)
        assert (answer.status_code, answer.json["code"]) == (409, "already_merged")
        assert answer.json["merged_into_id"] == str(clinic.patient.id)


def test_only_two_records_of_ones_own_and_of_one_clinic(
    clinic: SmallClinic, nurse: Caller, duplicate: Patient
) -> None:
    elsewhere = Clinic(id=new_id(), name="Oak Clinic", time_zone=ZONE, phone="555-0111")
    foreign = new_patient(elsewhere, clinic.pharmacy, "Avery", 5)
    unseen = new_patient(clinic.clinic, clinic.pharmacy, "Casey", 6)
    add(elsewhere, foreign, unseen, care_team(foreign, clinic.physician))
    for into in (duplicate.id, foreign.id, unseen.id, uuid4()):
        answer = merge(nurse, duplicate.id, into)
        assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/into_id")
    for unknown in (unseen.id, uuid4()):
        answer = merge(nurse, unknown, clinic.patient.id)
        assert (answer.status_code, answer.json["code"]) == (404, "patient_unknown")
    with transaction(OPERATOR) as session:
        assert session.scalars(select(Patient.merged_into_id).distinct()).all() == [None]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"into_id": "avery"}, "/into_id"),
        ({"into_id": None}, "/into_id"),
        ({"reason": ""}, "/reason"),
        ({"reason": "x" * 501}, "/reason"),
        ({"force": True}, "/force"),
    ],
    ids=repr,
)
def test_bad_input_names_the_member(
    clinic: SmallClinic, nurse: Caller, duplicate: Patient, changes: Any, pointer: str
) -> None:
    body = {"into_id": str(clinic.patient.id), "reason": REASON, **changes}
    answer = nurse.post(f"/patients/{duplicate.id}/merge", body)
    assert answer.status_code == 422
    assert {error["pointer"] for error in answer.json["errors"]} == {pointer}


@pytest.mark.parametrize(
    "kind",
    [
        ActorKind.PATIENT,
        ActorKind.PRACTITIONER,
        ActorKind.ADMINISTRATOR,
        ActorKind.PHARMACY,
        ActorKind.LABORATORY,
        ActorKind.PHONE,
        ActorKind.ANONYMOUS,
    ],
)
def test_staff_alone_merge(
    clinic: SmallClinic,
    caller: Sign,
    anonymous: Caller,
    duplicate: Patient,
    kind: ActorKind,
) -> None:
    nobody = kind is ActorKind.ANONYMOUS
    somebody = anonymous if nobody else caller(kind, clinic.physician.id)
    answer = merge(somebody, duplicate.id, clinic.patient.id)
    assert answer.status_code == (401 if nobody else 403)


def test_a_row_that_is_being_written_makes_the_merge_wait(
    app: Flask, config: Config, clinic: SmallClinic, nurse: Caller, duplicate: Patient
) -> None:
    row = requisition(clinic, duplicate.id)
    answers: list[int] = []

    def ask() -> None:
        answers.append(merge(nurse, duplicate.id, clinic.patient.id).status_code)

    engine = create_engine(config.owner_database_url)
    with engine.begin() as writing:
        writing.execute(insert(Requisition).values(values_of(row)))
        asking = Thread(target=ask)
        asking.start()
        asking.join(0.5)
        assert asking.is_alive()
    asking.join(10)
    engine.dispose()
    assert answers == [200]
    drain()
    assert rows_naming(clinic.patient.id)["requisition.patient_id"] == 1
    assert app.testing


def test_two_merges_of_the_same_two_records(
    clinic: SmallClinic, nurse: Caller, duplicate: Patient
) -> None:
    """Each into the other at once: one of them is first."""
    both = [(duplicate.id, clinic.patient.id), (clinic.patient.id, duplicate.id)]
    statuses: list[int] = []

    def ask(one: UUID, other: UUID) -> None:
        statuses.append(merge(nurse, one, other).status_code)

    asking = [Thread(target=ask, args=pair) for pair in both]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join(10)
    assert sorted(statuses) == [200, 409]
    with transaction(OPERATOR) as session:
        merged = session.scalars(select(Patient.id).where(Patient.merged_into_id.is_not(None)))
        assert len(merged.all()) == 1


def test_a_row_that_was_written_late_follows(
    config: Config, clinic: SmallClinic, nurse: Caller, duplicate: Patient
) -> None:
    """By a transaction that began before the merge and went on after the first pass."""
    engine = create_engine(config.owner_database_url)
    with engine.begin() as writing:
        writing.execute(text("SELECT 1 FROM patient"))
        merge(nurse, duplicate.id, clinic.patient.id)
        drain()
        row = requisition(clinic, duplicate.id)
        writing.execute(insert(Requisition).values(values_of(row)))
    engine.dispose()
    assert rows_naming(duplicate.id)["requisition.patient_id"] == 1
    drain()
    assert rows_naming(duplicate.id)["requisition.patient_id"] == 1
    later()
    assert rows_naming(duplicate.id) == {"care_team_member.patient_id": 1}
    assert rows_naming(clinic.patient.id)["requisition.patient_id"] == 1


def values_of(row: Requisition) -> dict[str, Any]:
    return {name: value for name, value in vars(row).items() if not name.startswith("_")}


def test_who_acted_for_a_duplicate_acts_for_the_record_that_stands(
    clinic: SmallClinic, duplicate: Patient, nurse: Caller, caller: Sign
) -> None:
    """And whoever is the duplicate goes on acting, as the record that stands."""
    person, child = new_person(), clinic.other_patient
    give(duplicate, person, categories=["results"])
    give(child, duplicate.id, person_kind="patient", categories=["visits"])
    assert merge(nurse, duplicate.id, clinic.patient.id).status_code == 200
    drain()
    robin = caller(ActorKind.DELEGATE, person)
    assert robin.acting_for(clinic.patient.id).get("/results").status_code == 200
    assert robin.acting_for(duplicate.id).get("/results").status_code == 403
    patient = caller(ActorKind.PATIENT, clinic.patient.id)
    [charge] = patient.get("/me/patients").json["items"]
    assert charge["patient_id"] == str(child.id)
