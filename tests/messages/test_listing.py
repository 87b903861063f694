"""Lists, search, counts and pages; and that they cost the same whatever there is."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from portal.core.actor import ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.messages import queries, service
from portal.messages.service import Write
from tests.messages.conftest import (
    SignIn,
    answer,
    close,
    new_thread,
    opened,
    started,
    to_physician,
    write,
)
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, patient_actor, staff_actor
from tests.support.statements import by_indexes, recorded, rows_read
from tests.support.work import drain


def write_often(clinic: SmallClinic, thread_id: UUID, times: int) -> None:
    """Messages of the first patient, without the HTTP of each."""
    author = patient_actor(clinic.patient)
    for number in range(times):
        with transaction(author) as session:
            service.write_message(
                session=session,
                actor=author,
                thread_id=thread_id,
                command=Write(f"Number {number}"),
                now=utcnow(),
            )


def subjects(answer: Any) -> list[str]:
    return [item["subject"] for item in answer.json["items"]]


def test_lists_are_filtered_and_paged(clinic: SmallClinic, patient: Caller, nurse: Caller) -> None:
    ids = [started(patient, new_thread(clinic, subject=f"No. {n}")) for n in range(5)]
    started(patient, new_thread(clinic, subject="A form", category="form"))
    answer(nurse, ids[0])
    close(patient, ids[1])
    assert subjects(patient.get("/threads"))[0] == "No. 0", "the last written in comes first"
    assert subjects(patient.get("/threads?category=form")) == ["A form"]
    assert subjects(patient.get("/threads?status=awaiting_patient")) == ["No. 0"]
    assert subjects(patient.get("/threads?status=closed")) == ["No. 1"]
    assert len(subjects(patient.get("/threads?status=open"))) == 5
    assert subjects(patient.get("/threads?unread=true")) == ["No. 0"]
    first = patient.get("/threads?limit=4")
    second = patient.get(f"/threads?limit=4&cursor={first.json['next']}")
    assert (len(subjects(first)), len(subjects(second)), second.json["next"]) == (4, 2, None)
    assert not set(subjects(first)) & set(subjects(second))
    named = nurse.get(f"/threads?patient_id={clinic.patient.id}")
    assert len(subjects(named)) == 6


def test_the_panel_is_listed_where_it_waits_or_is_unread(
    clinic: SmallClinic, patient: Caller, nurse: Caller, colleague: Caller, caller: SignIn
) -> None:
    other = caller(ActorKind.PATIENT, clinic.other_patient.id)
    started(other, new_thread(clinic, subject="Of the other"))
    quiet = started(patient, to_physician(clinic, subject="Answered"))
    started(patient, to_physician(clinic, subject="Waits"))
    drain()
    answer(nurse, quiet)
    assert subjects(nurse.get("/threads")) == ["Waits", "Of the other"]
    assert subjects(nurse.get("/threads?status=awaiting_patient")) == []
    assert subjects(colleague.get("/threads")) == ["Of the other"]
    page = nurse.get("/threads?limit=1").json
    assert subjects(nurse.get(f"/threads?limit=1&cursor={page['next']}")) == ["Of the other"]


def test_a_long_thread_is_read_in_pages(
    clinic: SmallClinic, patient: Caller, nurse: Caller, asked: UUID
) -> None:
    write_often(clinic, asked, 6)
    first = nurse.get(f"/threads/{asked}?limit=4").json
    assert [m["body"] for m in first["messages"]] == [f"Number {n}" for n in (5, 4, 3, 2)]
    assert first["unread"] == 3, "the older ones were not shown"
    rest = nurse.get(f"/threads/{asked}?limit=4&cursor={first['next']}").json
    assert (len(rest["messages"]), rest["next"], rest["unread"]) == (3, None, 0)


def test_words_are_found_in_subjects_and_messages(
    clinic: SmallClinic, patient: Caller, nurse: Caller, caller: SignIn
) -> None:
    one = started(patient, new_thread(clinic, subject="Grapefruit", body="Is it allowed?"))
    other = caller(ActorKind.PATIENT, clinic.other_patient.id)
    started(other, new_thread(clinic, subject="Else", body="I like grapefruits."))
    write(patient, one, "I drink the juice each morning.")

    def found(who: Caller, q: str, **more: Any) -> list[str]:
        return subjects(who.post("/threads/search", {"q": q, **more}))

    assert found(patient, "grapefruit") == ["Grapefruit"]
    assert found(patient, "juices") == ["Grapefruit"], "by its stem"
    assert found(nurse, "grapefruit") == ["Grapefruit", "Else"]
    assert found(nurse, "grapefruit", patient_id=str(clinic.patient.id)) == ["Grapefruit"]
    assert found(nurse, '"each morning"') == ["Grapefruit"]
    assert found(nurse, "grapefruit -like") == ["Grapefruit"]
    for odd in ("' OR 1=1 --", "!!! & | :*", "the", "\\"):
        assert found(nurse, odd) == []
    page = nurse.post("/threads/search", {"q": "grapefruit", "limit": 1}).json
    rest = nurse.post("/threads/search", {"q": "grapefruit", "limit": 1, "cursor": page["next"]})
    assert subjects(rest) == ["Else"]


def test_a_search_finds_nothing_of_others_patients(
    clinic: SmallClinic, colleague: Caller, caller: SignIn, patient: Caller
) -> None:
    started(patient, to_physician(clinic, subject="Grapefruit"))
    drain()
    stranger = caller(ActorKind.STAFF, clinic.liaison_officer.id)
    for who in (colleague, stranger, caller(ActorKind.PATIENT, clinic.other_patient.id)):
        assert subjects(who.post("/threads/search", {"q": "grapefruit"})) == []
    body = {"q": "grapefruit", "patient_id": str(clinic.patient.id)}
    assert subjects(colleague.post("/threads/search", body)) == []


def test_counts_are_of_ones_own_and_of_the_panel(
    clinic: SmallClinic, patient: Caller, nurse: Caller, physician: Caller, colleague: Caller
) -> None:
    one = started(patient, new_thread(clinic))
    started(patient, new_thread(clinic))
    write(patient, one, "And?")
    counts = nurse.get("/threads/summary").json
    assert counts == {
        "awaiting_care_team": 2,
        "urgent": 0,
        "late": 0,
        "unread_threads": 2,
        "unread_messages": 3,
    }
    assert physician.get("/threads/summary").json == counts
    assert colleague.get("/threads/summary").json["unread_messages"] == 0
    answer(nurse, one)
    assert nurse.get("/threads/summary").json["unread_messages"] == 1
    mine = patient.get("/threads/summary").json
    assert (mine["unread_threads"], mine["unread_messages"]) == (1, 1)
    opened(patient, one)
    assert patient.get("/threads/summary").json["unread_messages"] == 0


def count(call: Callable[[], Any]) -> int:
    with recorded() as seen:
        assert call().status_code in (200, 201)
    return len(seen)


@pytest.mark.parametrize("times", [1, 49])
def test_opening_takes_the_same_statements_whatever_its_length(
    clinic: SmallClinic, nurse: Caller, asked: UUID, times: int
) -> None:
    write_often(clinic, asked, times)
    assert count(lambda: nurse.get(f"/threads/{asked}")) == 10


def test_lists_counts_and_sending_take_few_statements(
    clinic: SmallClinic, patient: Caller, nurse: Caller
) -> None:
    for _ in range(5):
        id_ = started(patient, new_thread(clinic))
    assert count(lambda: patient.get("/threads")) <= 4
    assert count(lambda: nurse.get("/threads")) <= 4
    assert count(lambda: nurse.get("/threads/summary")) <= 3
    assert count(lambda: nurse.post("/threads/search", {"q": "tablets"})) <= 4
    assert count(lambda: write(patient, id_, "More.")) == 11


def test_to_many_takes_the_same_statements_whatever_their_number(
    clinic: SmallClinic, nurse: Caller
) -> None:
    body = {"category": "other", "subject": "Flu vaccine", "body": "It is here."}
    one, two = [str(clinic.patient.id)], [str(clinic.patient.id), str(clinic.other_patient.id)]
    first = count(lambda: nurse.post("/threads/many", {**body, "patient_ids": one}))
    assert count(lambda: nurse.post("/threads/many", {**body, "patient_ids": two})) == first


def test_the_counts_read_what_waits_and_nothing_else(
    clinic: SmallClinic, patient: Caller, nurse: Caller
) -> None:
    for _ in range(6):
        answer(nurse, started(patient, new_thread(clinic)))
    started(patient, new_thread(clinic))
    with transaction(staff_actor(clinic.nurse)) as session:
        by_indexes(session, "thread")
        before = rows_read(session, "thread")
        assert queries.counts(session).awaiting_care_team == 1
        assert rows_read(session, "thread") - before == 1
