"""Several at once: answers, closings, readers, and the workers between them."""

from uuid import UUID

import pytest
from flask import Flask

from portal.core.actor import WORKER, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.messages import service
from portal.messages.service import Write
from tests.messages.conftest import (
    answer,
    away,
    broken,
    messages,
    open_items,
    opened,
    started,
    thread,
    to_physician,
    write,
)
from tests.messages.test_following import hand_over
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, patient_actor, token_for
from tests.support.races import at_once
from tests.support.work import drain


@pytest.mark.parametrize("_attempt", range(3))
def test_of_two_answers_at_once_the_second_sees_the_first(
    clinic: SmallClinic, nurse: Caller, other_nurse: Caller, asked: UUID, _attempt: int
) -> None:
    seen = opened(nurse, asked)["messages"][0]["id"]
    first, second = at_once(
        lambda: write(nurse, asked, "Together.", last_seen_message_id=seen),
        lambda: write(other_nurse, asked, "Apart.", last_seen_message_id=seen),
    )
    assert sorted((first.status_code, second.status_code)) == [201, 409]
    loser = first if first.status_code == 409 else second
    assert [one["body"] for one in loser.json["messages"]] == [messages(asked)[-1].body]
    assert len(messages(asked)) == 2
    assert open_items(asked) == []


@pytest.mark.parametrize("_attempt", range(3))
def test_a_message_while_the_thread_is_closed_for_good(
    patient: Caller, nurse: Caller, asked: UUID, _attempt: int
) -> None:
    seen = opened(nurse, asked)["messages"][0]["id"]
    body = {"reason": "duplicate", "last_seen_message_id": seen}
    sent, closed = at_once(
        lambda: write(patient, asked, "One more thing."),
        lambda: nurse.post(f"/threads/{asked}/close", body),
    )
    assert (sent.status_code, closed.status_code) in {(201, 409), (409, 200)}
    if sent.status_code == 201:
        assert [one["body"] for one in closed.json["messages"]] == ["One more thing."]
        assert (thread(asked).status, len(open_items(asked))) == ("awaiting_care_team", 1)
    else:
        assert sent.json["code"] == "thread_closed"
        assert (len(messages(asked)), open_items(asked)) == (1, [])


@pytest.mark.parametrize("_attempt", range(3))
def test_a_message_while_the_thread_is_re_routed(
    clinic: SmallClinic, patient: Caller, nurse: Caller, _attempt: int
) -> None:
    id_ = started(patient, to_physician(clinic))
    drain()
    hand_over(clinic, nurse)

    def follow() -> None:
        with transaction(WORKER) as session:
            service.follow_care_team(
                session=session,
                patient_id=clinic.patient.id,
                member_id=clinic.physician.id,
                now=utcnow(),
            )

    sent, _, _ = at_once(lambda: write(patient, id_, "Are you there?"), follow, follow)
    assert sent.status_code == 201
    drain()
    assert thread(id_).practitioner_id == clinic.colleague.id
    assert [item.assignee_id for item in open_items(id_)] == [clinic.colleague.id]
    assert broken() == []


def test_many_readers_count_each_message_once(
    app: Flask, clinic: SmallClinic, patient: Caller, asked: UUID
) -> None:
    for number in range(5):
        write(patient, asked, f"Number {number}")
    token = token_for(ActorKind.STAFF, clinic.nurse.id, clinic.nurse.name)
    readers = [Caller(app, token) for _ in range(6)]
    jobs = [lambda one=one: one.get(f"/threads/{asked}").status_code for one in readers]
    statuses = at_once(*jobs, lambda: write(patient, asked, "Last").status_code)
    assert set(statuses) == {200, 201}
    drain()
    assert broken() == [], "the counts are those of the messages"


def test_two_workers_write_one_notice(clinic: SmallClinic, patient: Caller) -> None:
    from_patient = started(patient, to_physician(clinic))
    assert thread(from_patient).status == "awaiting_care_team"
    answer_to = messages(from_patient)[0].id

    def follow() -> None:
        with transaction(WORKER) as session:
            service.follow_message(session=session, message_id=answer_to, now=utcnow())

    away(clinic.physician, clinic.colleague)
    at_once(follow, follow, follow)
    assert [m.kind for m in messages(from_patient)] == ["message", "automatic_notice"]
    assert thread(from_patient).unread_by_patient == 1


def test_two_calls_for_a_nurse_at_once(app: Flask, clinic: SmallClinic) -> None:
    token = token_for(ActorKind.PATIENT, clinic.patient.id)
    callers = [Caller(app, token) for _ in range(3)]
    body = {"reason": "A fever", "callback_number": "+1 518 555 0101", "urgency": "urgent"}
    jobs = [lambda one=one: one.post("/advice-calls", body).status_code for one in callers]
    assert sorted(at_once(*jobs)) == [201, 409, 409]


def test_an_answer_and_a_further_question_at_once(
    patient: Caller, nurse: Caller, asked: UUID
) -> None:
    seen = opened(nurse, asked)["messages"][0]["id"]
    sent, answered = at_once(
        lambda: write(patient, asked, "I meant the white ones."),
        lambda: write(nurse, asked, "Yes.", last_seen_message_id=seen),
    )
    assert sent.status_code == 201
    assert answered.status_code in (201, 409)
    assert (thread(asked).status, len(open_items(asked))) == ("awaiting_care_team", 1)
    if answered.status_code == 409:
        assert answer(nurse, asked).status_code == 201
    drain()
    assert broken() == []


def test_what_began_earlier_and_came_later_is_of_a_later_time(
    clinic: SmallClinic, nurse: Caller, other_nurse: Caller, asked: UUID
) -> None:
    """The patient pressed send before the answer came, and had to wait for its transaction."""
    before = utcnow()
    answer(nurse, asked)
    seen = opened(other_nurse, asked)["messages"][0]["id"]
    author = patient_actor(clinic.patient)
    with transaction(author) as session:
        service.write_message(
            session=session,
            actor=author,
            thread_id=asked,
            command=Write("I meant the white ones."),
            now=before,
        )
    late = write(other_nurse, asked, "As Nora says.", last_seen_message_id=seen)
    assert (late.status_code, late.json["code"]) == (409, "newer_messages")
    assert opened(nurse, asked)["messages"][0]["body"] == "I meant the white ones."
