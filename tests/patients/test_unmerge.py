"""A merge that is undone: who has what again, and who decides about what was written meanwhile."""

from collections.abc import Callable
from datetime import timedelta
from functools import cache
from threading import Thread
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select, text, update

from portal.accounts.service import passwords
from portal.core import loops
from portal.core.actor import OPERATOR, WORKER, ActorKind
from portal.core.clock import utcnow
from portal.core.db import Base, naming_patients, transaction
from portal.core.ids import new_id
from portal.core.tables import AuditEntry, OutboxEvent
from portal.directory.model import Pool
from portal.models import metadata
from portal.patients import merge_left, merge_moves, merge_queries, merging, unmerging
from portal.patients.correction_model import CorrectionRequest
from portal.patients.merge_model import UNDO_WITHIN, MergeMove, PatientMerge
from portal.patients.model import CareTeamMember, Patient
from portal.requisitions.model import RequisitionHistory
from portal.worklist.model import WorkItem
from tests.architecture.test_row_security import front_desk
from tests.architecture.test_row_security import story as full_story
from tests.messages.conftest import new_thread, started, write
from tests.patients.delegates import give, new_person
from tests.patients.endings import die
from tests.patients.records import record, requisition
from tests.patients.test_merge import (
    account_of,
    merge,
    opened,
    order_somehow,
    rows_naming,
    signed_in,
    whose,
)
from tests.refills.conftest import TODAY, ask_one
from tests.requisitions.conftest import order as order_tests
from tests.support.api import Answer, Caller
from tests.support.clinic import SmallClinic, actor, add, care_team, prescription, staff_actor
from tests.support.clinic import patient as new_patient
from tests.support.races import at_once
from tests.support.work import drain

__all__ = ["full_story"]

Sign = Callable[..., Caller]
WHY = "They are twin sisters"
SETTLING = ("patient.merge_settled", "patient.unmerge_settled")


@pytest.fixture
def duplicate(clinic: SmallClinic) -> Patient:
    """A second record, of the same physician, which is taken for the first patient's."""
    row = new_patient(clinic.clinic, clinic.pharmacy, "Avery", 3)
    desk = Pool(id=new_id(), clinic_id=clinic.clinic.id, kind="clinic_staff", name="Front desk")
    add(row, care_team(row, clinic.physician), desk)
    return row


def later() -> None:
    """What the workers do now, and when everything has settled; no delivery is tried again."""
    drain()
    with transaction(OPERATOR) as session:
        session.execute(
            update(OutboxEvent).where(OutboxEvent.kind.in_(SETTLING)).values(due_at=utcnow())
        )
    drain()


def undo(nurse: Caller, patient_id: UUID, reason: str = WHY) -> Answer:
    return nurse.post(f"/patients/{patient_id}/merge/undo", {"reason": reason})


def undone(nurse: Caller, patient_id: UUID) -> dict[str, Any]:
    answer = undo(nurse, patient_id)
    assert answer.status_code == 200, answer.text
    later()
    found: dict[str, Any] = nurse.get(f"/merges/{answer.json['id']}").json
    return found


def whose_rows(*patient_ids: UUID) -> set[tuple[Any, ...]]:
    """Each row that names one of the patients: table, key, column, and whom it names there."""
    found = set()
    with transaction(OPERATOR) as session:
        for column, when in naming_patients(Base.metadata):
            table = column.table
            if table.name in merge_moves.APPEND_ONLY:
                continue
            key = ", ".join(f"{one.name}::text" for one in table.primary_key.columns)
            query = text(
                f"SELECT {column.name}, {key} FROM {table.name} "
                f"WHERE {column.name} = ANY(:ids) AND ({when})"
            )
            for whom, *values in session.execute(query, {"ids": list(patient_ids)}):
                found.add((table.name, column.name, whom, *values))
    return found


def care_teams(*patient_ids: UUID) -> list[tuple[Any, ...]]:
    query = select(CareTeamMember).where(CareTeamMember.patient_id.in_(patient_ids))
    with transaction(OPERATOR) as session:
        rows = session.scalars(query.order_by(CareTeamMember.patient_id, CareTeamMember.member_id))
        return [(row.patient_id, row.member_id, row.role, row.ended_on) for row in rows]


def nothing_is_left_open() -> None:
    with transaction(OPERATOR) as session:
        assert loops.check(session, now=utcnow()) == []
        promised = loops.check(session, now=utcnow() + timedelta(days=1))
    about_merges = [one for one in promised if "merge" in one.rule or "two records" in one.rule]
    assert about_merges == []


def items(kind: str) -> list[WorkItem]:
    with transaction(OPERATOR) as session:
        query = select(WorkItem).where(WorkItem.kind == kind).order_by(WorkItem.id)
        return list(session.scalars(query))


def test_every_table_says_what_becomes_of_rows_that_are_written_meanwhile() -> None:
    """One that is added later has to be decided about, or to go along with something."""
    naming = {table.name for table, _ in merge_moves.tables()}
    assert naming == merge_left.DECIDED | merge_left.GO_ALONG
    assert not merge_left.DECIDED & merge_left.GO_ALONG
    for name in merge_left.DECIDED:
        assert {"id", "patient_id"} <= set(metadata.tables[name].columns.keys())


def test_every_row_names_again_whom_it_named(full_story: SmallClinic, caller: Sign) -> None:
    """A patient with rows in every table, whose record is merged into another that has some."""
    clinic, caller = full_story, cache(caller)
    nurse = caller(ActorKind.STAFF, front_desk(clinic.clinic).id)
    duplicate = new_patient(clinic.clinic, clinic.pharmacy, "Avery", 33)
    add(duplicate, care_team(duplicate, clinic.colleague))
    one, other = clinic.patient.id, duplicate.id
    add(*record(clinic, other))
    order_somehow(clinic, caller, other)
    before, teams = whose_rows(one, other), care_teams(one, other)
    named = {(table, column) for table, column, whom, *_ in before if whom == one}
    every = {(c.table.name, c.name) for c, _ in naming_patients(Base.metadata)}
    unfilled = every - named - {("audit_entry", "patient_id")}
    assert unfilled <= {
        ("delegation", "delegate_id"),
        ("visit_instruction", "closed_by"),
        ("vital_sign", "recorded_by"),
        ("vital_sign", "withdrawn_by"),
        ("patient_death", "patient_id"),
    }
    assert merge(nurse, one, other).status_code == 200
    drain()
    with transaction(OPERATOR) as session:
        moved = set(session.scalars(select(MergeMove.table_name).distinct()))
    assert moved >= {table for table, _ in named}
    # Later the patient writes on, and something new is ordered.
    [thread] = [row[3] for row in before if row[0] == "thread" and row[2] == one]
    patient = caller(ActorKind.PATIENT, other)
    assert write(patient, UUID(thread), "Is it done?").status_code == 201
    [new] = order_tests(
        caller(ActorKind.PRACTITIONER, clinic.colleague.id), clinic, patient_id=str(other)
    )
    later()
    nothing_is_left_open()
    assert undo(nurse, one).status_code == 200
    later()
    after = whose_rows(one, other)
    assert before - after == set()
    assert care_teams(one, other) == teams
    fresh = after - before
    assert {row[2] for row in fresh if row[0] in ("message", "thread_history")} == {one}
    assert ("requisition", "patient_id", other, str(new)) in fresh
    nothing_is_left_open()


def test_the_record_stands_again_with_what_it_said(
    clinic: SmallClinic, nurse: Caller, duplicate: Patient
) -> None:
    merge(nurse, duplicate.id, clinic.patient.id)
    drain()
    by_number = {"mrn": duplicate.mrn}
    [found] = nurse.post("/patients/search", by_number).json["items"]
    assert found["id"] == str(clinic.patient.id)
    undone(nurse, duplicate.id)
    [found] = nurse.post("/patients/search", by_number).json["items"]
    assert (found["id"], found["mrn"]) == (str(duplicate.id), duplicate.mrn)
    with transaction(OPERATOR) as session:
        row = session.get_one(Patient, duplicate.id)
        assert (row.merged_into_id, row.merged_at, row.merge_reason) == (None, None, None)
        actions = session.scalars(select(AuditEntry).where(AuditEntry.action == "undo_merge"))
        assert {(entry.patient_id, entry.actor_id) for entry in actions} == {
            (duplicate.id, clinic.nurse.id),
            (clinic.patient.id, clinic.nurse.id),
        }
    nothing_is_left_open()


def test_what_was_written_meanwhile_is_decided_about(
    clinic: SmallClinic, nurse: Caller, physician: Caller, caller: Sign, duplicate: Patient
) -> None:
    """What is part of the survivor's own things stays; the rest goes where somebody says."""
    dates: dict[str, Any] = {
        "written_on": TODAY - timedelta(days=100),
        "expires_on": TODAY + timedelta(days=200),
    }
    mine = prescription(clinic, last_filled_on=TODAY - timedelta(days=40), **dates)
    add(requisition(clinic, duplicate.id))
    merge(nurse, duplicate.id, clinic.patient.id)
    drain()
    patient = caller(ActorKind.PATIENT, clinic.patient.id)
    thread = started(patient, new_thread(clinic))
    ask_one(patient, mine.id)
    [ordered] = order_tests(physician, clinic)
    drain()
    merged = undone(nurse, duplicate.id)
    left = {one["subject_id"]: one for one in merged["left"]}
    assert {one["resource"]: one["stays"] for one in left.values()} == {
        "refill": True,
        "requisition": False,
        "thread": False,
    }
    [item] = items("merge_undone")
    assert (item.status, item.patient_id) == ("open", clinic.patient.id)
    nothing_is_left_open()
    by_hand = nurse.post(
        f"/worklist/{item.id}/complete", {"outcome": "Seen"}, headers={"If-Match": "*"}
    )
    assert by_hand.status_code in (404, 409)

    def decide(subject: Any, owner: UUID) -> Answer:
        path = f"/merges/{merged['id']}/left/{left[str(subject)]['id']}"
        return nurse.post(path, {"belongs_to": str(owner)})

    staying = next(one["subject_id"] for one in left.values() if one["stays"])
    refused = decide(staying, duplicate.id)
    assert (refused.status_code, refused.json["code"]) == (409, "left_stays")
    assert decide(staying, uuid4()).status_code == 422
    assert decide(staying, clinic.patient.id).status_code == 200
    again = decide(staying, clinic.patient.id)
    assert (again.status_code, again.json["code"]) == (409, "left_decided")
    assert decide(thread, duplicate.id).status_code == 200
    assert decide(ordered, clinic.patient.id).status_code == 200
    drain()
    theirs, own = rows_naming(duplicate.id), rows_naming(clinic.patient.id)
    assert (theirs["thread.patient_id"], theirs["message.author_id"]) == (1, 1)
    assert theirs["work_item.patient_id"] == 1
    assert not {"thread.patient_id", "message.patient_id"} & own.keys()
    assert (theirs["requisition.patient_id"], own["requisition.patient_id"]) == (1, 1)
    [item] = items("merge_undone")
    assert item.status == "done"
    nothing_is_left_open()


def test_a_privacy_incident_is_opened_that_says_who_looked(
    clinic: SmallClinic, nurse: Caller, duplicate: Patient, anonymous: Caller
) -> None:
    mine = opened(nurse, anonymous, duplicate.id, "avery@example.org")
    merge(nurse, duplicate.id, clinic.patient.id)
    assert whose(anonymous, mine) == str(clinic.patient.id)
    merged = undone(nurse, duplicate.id)
    assert [(one["kind"], one["id"]) for one in merged["seen_by"]] == [
        ("patient", str(clinic.patient.id))
    ]
    [item] = items("privacy_incident")
    assert (str(item.subject_id), item.status) == (merged["id"], "open")
    assert item.due_at > utcnow() - timedelta(minutes=1)


def test_the_login_goes_back_and_everybody_is_signed_out(
    clinic: SmallClinic, nurse: Caller, duplicate: Patient, anonymous: Caller
) -> None:
    """The duplicate's, which went on as the survivor's."""
    mine = opened(nurse, anonymous, duplicate.id, "avery@example.org")
    merge(nurse, duplicate.id, clinic.patient.id)
    answer = undo(nurse, duplicate.id)
    assert answer.json["without_login"] is None
    assert whose(anonymous, mine) is None
    assert whose(anonymous, signed_in(anonymous, "avery@example.org")) == str(duplicate.id)
    assert account_of(clinic.patient.id) is None
    later()
    opened(nurse, anonymous, clinic.patient.id, "other@example.org")
    nothing_is_left_open()


def test_both_logins_come_back(
    clinic: SmallClinic, nurse: Caller, duplicate: Patient, anonymous: Caller
) -> None:
    standing = opened(nurse, anonymous, clinic.patient.id, "avery@example.org")
    opened(nurse, anonymous, duplicate.id, "old@example.org")
    merge(nurse, duplicate.id, clinic.patient.id)
    undo(nurse, duplicate.id)
    assert whose(anonymous, standing) is None
    assert whose(anonymous, signed_in(anonymous, "avery@example.org")) == str(clinic.patient.id)
    assert whose(anonymous, signed_in(anonymous, "old@example.org")) == str(duplicate.id)


def test_an_invitation_that_was_never_opened_comes_back(
    clinic: SmallClinic, nurse: Caller, duplicate: Patient, anonymous: Caller
) -> None:
    made = nurse.post(f"/patients/{clinic.patient.id}/invitation", {"email": "new@example.org"})
    opened(nurse, anonymous, duplicate.id, "avery@example.org")
    merge(nurse, duplicate.id, clinic.patient.id)
    undo(nurse, duplicate.id)
    assert whose(anonymous, signed_in(anonymous, "avery@example.org")) == str(duplicate.id)
    code = made.json["activation_code"]
    body = {"code": code, "birth_date": "1980-04-15", "password": "a long enough password"}
    assert anonymous.post("/activations", body).status_code in (200, 201)
    assert whose(anonymous, signed_in(anonymous, "new@example.org")) == str(clinic.patient.id)


def test_an_address_that_is_anothers_by_now_stays_theirs(
    clinic: SmallClinic, nurse: Caller, duplicate: Patient, anonymous: Caller
) -> None:
    """The login does not come back: its owner is invited anew, with another address."""
    opened(nurse, anonymous, clinic.patient.id, "avery@example.org")
    opened(nurse, anonymous, duplicate.id, "old@example.org")
    merge(nurse, duplicate.id, clinic.patient.id)
    taken = opened(nurse, anonymous, clinic.other_patient.id, "Old@example.org")
    assert undo(nurse, duplicate.id).json["without_login"] == str(duplicate.id)
    assert whose(anonymous, taken) == str(clinic.other_patient.id)
    later()
    [merged] = nurse.get(f"/patients/{duplicate.id}/merges").json["items"]
    [left] = merged["left"]
    assert (left["resource"], left["stays"]) == ("account", True)
    nothing_is_left_open()
    mine = opened(nurse, anonymous, duplicate.id, "sister@example.org")
    assert whose(anonymous, mine) == str(duplicate.id)
    path = f"/merges/{merged['id']}/left/{left['id']}"
    assert nurse.post(path, {"belongs_to": str(duplicate.id)}).status_code == 200
    drain()
    assert [item.status for item in items("merge_undone")] == ["done"]


@pytest.mark.parametrize("dead", ["duplicate", "survivor"])
def test_who_has_died_has_died_alone_again(
    clinic: SmallClinic, nurse: Caller, duplicate: Patient, anonymous: Caller, dead: str
) -> None:
    died = duplicate if dead == "duplicate" else clinic.patient
    alive = clinic.patient if dead == "duplicate" else duplicate
    opened(nurse, anonymous, alive.id, "avery@example.org")
    opened(nurse, anonymous, died.id, "old@example.org")
    add(closing := requisition(clinic, alive.id))
    die(nurse, died.id)
    merge(nurse, duplicate.id, clinic.patient.id)
    later()
    undo(nurse, duplicate.id)
    drain()
    [merged] = nurse.get(f"/patients/{clinic.patient.id}/merges").json["items"]
    [left] = merged["left"]
    assert (left["subject_id"], left["why"]) == (str(closing.id), "closed_by_death")
    [asked] = items("merge_clash")
    assert (asked.patient_id, asked.responsible_id) == (alive.id, clinic.physician.id)
    path = f"/merges/{merged['id']}/left/{left['id']}"
    assert nurse.post(path, {"belongs_to": str(alive.id)}).status_code == 200
    assert whose(anonymous, signed_in(anonymous, "avery@example.org")) == str(alive.id)
    suspended = account_of(died.id)
    assert suspended is not None
    assert (suspended.status, suspended.suspended_from) == ("suspended", "active")
    later()
    nothing_is_left_open()


def test_a_death_that_was_recorded_meanwhile_is_decided_about(
    clinic: SmallClinic, nurse: Caller, duplicate: Patient, anonymous: Caller
) -> None:
    opened(nurse, anonymous, duplicate.id, "avery@example.org")
    merge(nurse, duplicate.id, clinic.patient.id)
    drain()
    die(nurse, clinic.patient.id)
    drain()
    merged = undone(nurse, duplicate.id)
    [left] = [one for one in merged["left"] if one["resource"] == "patient_death"]
    assert whose(anonymous, signed_in(anonymous, "avery@example.org")) == str(duplicate.id)
    path = f"/merges/{merged['id']}/left/{left['id']}"
    assert nurse.post(path, {"belongs_to": str(duplicate.id)}).status_code == 200
    drain()
    now = account_of(duplicate.id)
    assert now is not None
    assert now.status == "suspended"
    nothing_is_left_open()


def test_what_was_corrected_meanwhile_is_the_survivors(
    clinic: SmallClinic, nurse: Caller, duplicate: Patient
) -> None:
    merge(nurse, duplicate.id, clinic.patient.id)
    drain()
    change = {"given_name": "Ava", "reason": "The passport says so"}
    path = f"/patients/{clinic.patient.id}/corrections"
    assert nurse.post(path, change).status_code == 200
    drain()
    merged = undone(nurse, duplicate.id)
    assert [one["resource"] for one in merged["left"]] == ["patient_correction"]
    with transaction(OPERATOR) as session:
        names = session.scalars(select(Patient.given_name).order_by(Patient.mrn)).all()
    assert names == ["Ava", "Blake", "Avery"]


def test_who_cared_for_whom(clinic: SmallClinic, nurse: Caller, duplicate: Patient) -> None:
    """The other primary practitioner steps down, whose care had ended takes up, who cares for both
    stays once; and all are again what they were, but who has left."""
    add(care_team(clinic.patient, clinic.colleague, "specialist"))
    with transaction(OPERATOR) as session:
        mine = CareTeamMember.patient_id == duplicate.id
        session.execute(update(CareTeamMember).where(mine).values(role="specialist"))
        ended = {"ended_on": clinic.patient.birth_date}
        colleague = CareTeamMember.member_id == clinic.colleague.id
        session.execute(update(CareTeamMember).where(colleague, ~mine).values(ended))
    add(care_team(duplicate, clinic.colleague))
    before = care_teams(duplicate.id, clinic.patient.id)
    merge(nurse, duplicate.id, clinic.patient.id)
    drain()
    team = nurse.get(f"/patients/{clinic.patient.id}").json["care_team"]
    assert {(one["name"], one["role"]) for one in team} == {
        (clinic.physician.name, "primary"),
        (clinic.colleague.name, "care_coordinator"),
    }
    undone(nurse, duplicate.id)
    assert care_teams(duplicate.id, clinic.patient.id) == before


def test_records_that_were_merged_one_after_another(
    clinic: SmallClinic, nurse: Caller, duplicate: Patient
) -> None:
    """The last merge is undone first; what came late went along step by step."""
    first = new_patient(clinic.clinic, clinic.pharmacy, "Avery", 4)
    add(first, care_team(first, clinic.physician), requisition(clinic, first.id))
    before = whose_rows(first.id, duplicate.id, clinic.patient.id)
    merge(nurse, first.id, duplicate.id)
    drain()
    merge(nurse, duplicate.id, clinic.patient.id)
    add(requisition(clinic, first.id))
    later()
    assert rows_naming(clinic.patient.id)["requisition.patient_id"] == 2
    refused = undo(nurse, first.id)
    assert (refused.status_code, refused.json["code"]) == (409, "merged_on")
    assert refused.json["patient_id"] == str(duplicate.id)
    undone(nurse, duplicate.id)
    assert rows_naming(duplicate.id)["requisition.patient_id"] == 2
    undone(nurse, first.id)
    assert rows_naming(first.id)["requisition.patient_id"] == 2
    assert before <= whose_rows(first.id, duplicate.id, clinic.patient.id)
    nothing_is_left_open()


def test_no_other_merge_while_the_rows_are_on_their_way_back(
    clinic: SmallClinic, nurse: Caller, duplicate: Patient
) -> None:
    merge(nurse, duplicate.id, clinic.patient.id)
    drain()
    undo(nurse, duplicate.id)
    for pair in ((0, 1), (1, 0)):
        ids = (clinic.patient.id, clinic.other_patient.id)
        answer = merge(nurse, ids[pair[0]], ids[pair[1]])
        assert (answer.status_code, answer.json["code"]) == (409, "merge_being_undone")
    drain()
    assert merge(nurse, duplicate.id, clinic.patient.id).status_code == 200
    later()
    undone(nurse, duplicate.id)
    nothing_is_left_open()


def test_once_and_in_time(
    clinic: SmallClinic, nurse: Caller, duplicate: Patient, anonymous: Caller
) -> None:
    never = undo(nurse, duplicate.id)
    assert (never.status_code, never.json["code"]) == (409, "not_merged")
    assert undo(nurse, uuid4()).status_code == 404
    merge(nurse, duplicate.id, clinic.patient.id)
    drain()
    undone(nurse, duplicate.id)
    again = undo(nurse, duplicate.id)
    assert (again.status_code, again.json["code"]) == (409, "not_merged")
    merge(nurse, duplicate.id, clinic.patient.id)
    later()
    with transaction(OPERATOR) as session:
        session.execute(
            update(PatientMerge).where(PatientMerge.undone_at.is_(None)).values(undo_until=utcnow())
        )
    late = undo(nurse, duplicate.id)
    assert (late.status_code, late.json["code"]) == (409, "undo_too_late")
    assert "undo_until" in late.json


def test_what_was_moved_is_forgotten_when_it_can_be_undone_no_more(
    clinic: SmallClinic, nurse: Caller, duplicate: Patient
) -> None:
    def forget(days: int) -> int:
        when = utcnow() + timedelta(days=days)
        with transaction(WORKER) as session:
            return merging.forget_moves(session=session, now=when, limit=1000)

    merge(nurse, duplicate.id, clinic.patient.id)
    drain()
    assert forget(UNDO_WITHIN.days - 1) == 0
    undo(nurse, duplicate.id)
    assert forget(UNDO_WITHIN.days + 1) == 0, "the workers need it yet"
    drain()
    assert forget(UNDO_WITHIN.days + 1) > 0
    assert forget(UNDO_WITHIN.days + 1) == 0


def test_two_who_undo_at_once(clinic: SmallClinic, nurse: Caller, duplicate: Patient) -> None:
    merge(nurse, duplicate.id, clinic.patient.id)
    drain()
    answers = at_once(*[lambda: undo(nurse, duplicate.id).status_code] * 2)
    assert sorted(answers) == [200, 409]
    later()
    assert len(items("privacy_incident")) == 1


@pytest.mark.parametrize("after_drain", [False, True])
def test_undone_while_the_workers_move(
    app: Flask, clinic: SmallClinic, nurse: Caller, duplicate: Patient, after_drain: bool
) -> None:
    """The first pass, or the one that catches what came late: all of it goes back, or stays."""
    add(*record(clinic, duplicate.id))
    before = whose_rows(duplicate.id, clinic.patient.id)
    teams = care_teams(duplicate.id, clinic.patient.id)
    merge(nurse, duplicate.id, clinic.patient.id)
    if after_drain:
        drain()
        add(late := requisition(clinic, duplicate.id))
        before |= {("requisition", "patient_id", duplicate.id, str(late.id))}

    def move() -> int:
        with transaction(WORKER) as session:
            return merging.move_rows(session=session, patient_id=duplicate.id, now=utcnow())

    at_once(move, lambda: undo(nurse, duplicate.id), move)
    later()
    assert before <= whose_rows(duplicate.id, clinic.patient.id)
    assert care_teams(duplicate.id, clinic.patient.id) == teams
    nothing_is_left_open()
    assert app.testing


def test_undoing_waits_for_whoever_moves(
    app: Flask, clinic: SmallClinic, nurse: Caller, duplicate: Patient
) -> None:
    """What they move is in the ledger before anything is given back."""
    add(requisition(clinic, duplicate.id))
    merge(nurse, duplicate.id, clinic.patient.id)
    answers: list[int] = []

    def ask() -> None:
        answers.append(undo(nurse, duplicate.id).status_code)

    asking = Thread(target=ask)
    with transaction(WORKER) as session:
        merging.move_rows(session=session, patient_id=duplicate.id, now=utcnow())
        asking.start()
        asking.join(0.5)
        assert asking.is_alive()
    asking.join(60)
    assert answers == [200]
    later()
    assert rows_naming(duplicate.id)["requisition.patient_id"] == 1
    assert app.testing


def test_nobody_moves_what_is_being_undone(
    app: Flask, clinic: SmallClinic, nurse: Caller, duplicate: Patient
) -> None:
    """Whoever comes to move waits, and finds nothing to move."""
    merge(nurse, duplicate.id, clinic.patient.id)
    moved: list[int] = []

    def move() -> None:
        with app.app_context(), transaction(WORKER) as session:
            count = merging.move_rows(session=session, patient_id=duplicate.id, now=utcnow())
            moved.append(count)

    clerk, now = staff_actor(clinic.nurse), utcnow()
    add(requisition(clinic, duplicate.id), care_team(duplicate, clinic.colleague, "specialist"))
    moving = Thread(target=move)
    with transaction(clerk) as session:
        unmerging.undo_merge(
            session=session, actor=clerk, patient_id=duplicate.id, reason=WHY, now=now
        )
        moving.start()
        moving.join(0.5)
        assert moving.is_alive()
    moving.join(60)
    assert moved == [0]
    assert rows_naming(duplicate.id)["requisition.patient_id"] == 1


def test_given_back_twice_at_once(clinic: SmallClinic, nurse: Caller, duplicate: Patient) -> None:
    add(requisition(clinic, duplicate.id))
    merge(nurse, duplicate.id, clinic.patient.id)
    drain()
    merge_id = UUID(undo(nurse, duplicate.id).json["id"])

    def give_back() -> bool:
        with transaction(WORKER) as session:
            now = utcnow()
            return unmerging.give_back(session=session, merge_id=merge_id, now=now) is not None

    assert sorted(at_once(give_back, give_back)) == [False, True]
    assert rows_naming(duplicate.id)["requisition.patient_id"] == 1


def test_what_is_written_late_about_what_went_back_follows(
    clinic: SmallClinic, nurse: Caller, duplicate: Patient
) -> None:
    """By a transaction that took the two for one, and ends after the rows were given back."""
    add(order := requisition(clinic, duplicate.id))
    merge(nurse, duplicate.id, clinic.patient.id)
    drain()
    undo(nurse, duplicate.id)
    drain()
    add(
        RequisitionHistory(
            id=new_id(),
            requisition_id=order.id,
            patient_id=clinic.patient.id,
            laboratory_id=order.laboratory_id,
            to_status="accepted",
            at=utcnow(),
            actor_kind="laboratory",
            actor_id=order.laboratory_id,
        )
    )
    later()
    assert "requisition_history.patient_id" not in rows_naming(clinic.patient.id)
    assert rows_naming(duplicate.id)["requisition_history.patient_id"] == 1


@pytest.mark.parametrize(
    ("body", "pointer"),
    [({}, "/reason"), ({"reason": "too short"}, "/reason"), ({"reason": WHY, "x": 1}, "/x")],
    ids=repr,
)
def test_bad_input_names_the_member(
    clinic: SmallClinic, nurse: Caller, duplicate: Patient, body: Any, pointer: str
) -> None:
    answer = nurse.post(f"/patients/{duplicate.id}/merge/undo", body)
    assert answer.status_code == 422
    assert {error["pointer"] for error in answer.json["errors"]} == {pointer}


def test_who_may(
    clinic: SmallClinic, nurse: Caller, caller: Sign, duplicate: Patient, anonymous: Caller
) -> None:
    merge(nurse, duplicate.id, clinic.patient.id)
    drain()
    stranger = caller(ActorKind.STAFF, clinic.liaison_officer.id)
    assert undo(stranger, duplicate.id).status_code == 404
    [merged] = nurse.get(f"/patients/{clinic.patient.id}/merges").json["items"]
    assert stranger.get(f"/merges/{merged['id']}").status_code == 404
    for kind in (ActorKind.PATIENT, ActorKind.ADMINISTRATOR):
        assert undo(caller(kind, clinic.physician.id), duplicate.id).status_code == 403
    assert undo(anonymous, duplicate.id).status_code == 401
    physician = caller(ActorKind.PRACTITIONER, clinic.physician.id)
    assert undo(physician, duplicate.id).status_code == 403
    assert physician.get(f"/merges/{merged['id']}").status_code == 200
    assert physician.get(f"/merges/{uuid4()}").status_code == 404


@pytest.mark.parametrize("kind", [ActorKind.PATIENT, ActorKind.STAFF, ActorKind.ANONYMOUS])
def test_the_database_undoes_nothing_for_anybody_else(
    clinic: SmallClinic, nurse: Caller, duplicate: Patient, kind: ActorKind
) -> None:
    merge(nurse, duplicate.id, clinic.patient.id)
    drain()
    [merged] = nurse.get(f"/patients/{clinic.patient.id}/merges").json["items"]
    with transaction(actor(kind, clinic.liaison_officer.id)) as session:
        done = session.execute(merge_queries.UNDO, {"merge": merged["id"]})
        assert done.all() == []
    with transaction(OPERATOR) as session:
        assert session.get_one(Patient, duplicate.id).merged_into_id == clinic.patient.id


def test_delegates_act_for_whom_they_acted(
    clinic: SmallClinic, nurse: Caller, caller: Sign, duplicate: Patient
) -> None:
    person = new_person()
    give(duplicate, person, categories=["results"])
    merge(nurse, duplicate.id, clinic.patient.id)
    drain()
    robin = caller(ActorKind.DELEGATE, person)
    assert robin.acting_for(clinic.patient.id).get("/results").status_code == 200
    undone(nurse, duplicate.id)
    assert robin.acting_for(clinic.patient.id).get("/results").status_code == 403
    assert robin.acting_for(duplicate.id).get("/results").status_code == 200


def test_two_open_requests_for_corrections_are_no_obstacle(
    clinic: SmallClinic, nurse: Caller, caller: Sign, duplicate: Patient
) -> None:
    """A patient has one at a time: the duplicate's stays with it, with its item, until somebody
    answers it."""
    for id_ in (duplicate.id, clinic.patient.id):
        asked = {"fields": ["sex"], "text": "This is wrong."}
        asking = caller(ActorKind.PATIENT, id_)
        assert asking.post("/patients/me/correction-requests", asked).status_code == 201
    drain()
    merge(nurse, duplicate.id, clinic.patient.id)
    later()
    with transaction(OPERATOR) as session:
        asking_now = set(session.scalars(select(CorrectionRequest.patient_id)))
    assert asking_now == {duplicate.id, clinic.patient.id}
    nothing_is_left_open()
    undone(nurse, duplicate.id)
    nothing_is_left_open()


def test_no_way_opens_a_login_that_was_retired(
    app: Flask, clinic: SmallClinic, nurse: Caller, duplicate: Patient, anonymous: Caller
) -> None:
    """Not the command line, not a link for a new password that came before, and not a death that is
    revoked; invitations and administrators are refused in test_merge."""
    opened(nurse, anonymous, clinic.patient.id, "avery@example.org")
    opened(nurse, anonymous, duplicate.id, "old@example.org")
    account = account_of(duplicate.id)
    assert account is not None
    with transaction(WORKER) as session:
        token = passwords.new_reset_link(session, account, utcnow()).token
    die(nurse, duplicate.id)
    merge(nurse, duplicate.id, clinic.patient.id)
    drain()
    ran = app.test_cli_runner().invoke(args=["accounts", "enable", "old@example.org"])
    assert ran.exit_code != 0
    body = {"token": token, "password": "another long password"}
    assert anonymous.post("/password-resets/confirm", body).status_code == 422
    revoked = nurse.post(f"/patients/{clinic.patient.id}/death/revoke", {"reason": "A mistake"})
    assert revoked.status_code == 200, revoked.text
    drain()
    retired = account_of(duplicate.id)
    assert retired is not None
    assert (retired.id, retired.status) == (account.id, "merged")
