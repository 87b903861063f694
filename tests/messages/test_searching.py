"""A search by a word that stands everywhere finds the same as one that reads every message."""

from uuid import UUID

import pytest
from sqlalchemy import text

from portal.core.actor import ActorKind
from portal.core.db import transaction
from portal.messages import queries
from tests.messages.conftest import SignIn, new_thread, started, to_physician, write
from tests.messages.test_listing import read_of, subjects
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, staff_actor

EVERYWHERE, HERE_AND_THERE = 9, 3


@pytest.fixture
def written(clinic: SmallClinic, patient: Caller, caller: SignIn) -> list[UUID]:
    """Threads of two patients that tell of tablets, in the subject or in a message; a third of
    them of grapefruits as well."""
    other = caller(ActorKind.PATIENT, clinic.other_patient.id)
    ids = []
    for number in range(EVERYWHERE):
        who, words = (patient, other)[number % 2], ("tablets", "a thing")[number % 3 == 0]
        ids.append(started(who, new_thread(clinic, subject=f"{number}: {words}", body="Hello.")))
        if number % 3 == 0:
            write(who, ids[-1], "My tablets again, with grapefruit.")
    return ids


def test_every_thread_is_found_once_the_newest_first(
    clinic: SmallClinic, nurse: Caller, written: list[UUID]
) -> None:
    found = subjects(nurse.post("/threads/search", {"q": "tablets"}))
    assert [int(subject[0]) for subject in found] == [*range(EVERYWHERE - 1, -1, -1)]
    of_one = {"q": "tablets", "patient_id": str(clinic.other_patient.id)}
    found = subjects(nurse.post("/threads/search", of_one))
    assert [int(subject[0]) for subject in found] == [7, 5, 3, 1]


@pytest.mark.parametrize(("words", "times"), [("tablets", EVERYWHERE), ("grapefruit", 3)])
def test_pages_hold_each_thread_once(
    nurse: Caller, written: list[UUID], words: str, times: int
) -> None:
    found: list[str] = []
    cursor = None
    for _ in range(times):
        page = nurse.post("/threads/search", {"q": words, "limit": 2, "cursor": cursor}).json
        found += [item["id"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert len(found) == len(set(found)) == times


def test_others_patients_are_not_among_what_is_found(
    clinic: SmallClinic, patient: Caller, colleague: Caller, caller: SignIn
) -> None:
    for number in range(EVERYWHERE):
        started(patient, to_physician(clinic, subject=f"{number}: tablets"))
    liaison = caller(ActorKind.STAFF, clinic.liaison_officer.id)
    of_one = {"q": "tablets", "patient_id": str(clinic.patient.id)}
    for body in ({"q": "tablets"}, of_one):
        assert subjects(liaison.post("/threads/search", body)) == []


def test_a_page_of_a_common_word_reads_few_messages(
    clinic: SmallClinic, written: list[UUID]
) -> None:
    with transaction(staff_actor(clinic.nurse)) as session:
        session.execute(text("SET LOCAL enable_seqscan = off"))
        before = read_of("message", session)
        rows = queries.threads_saying(session, "tablets", None, after=None, limit=1)
        assert len(rows) == 2
        assert read_of("message", session) - before < EVERYWHERE + HERE_AND_THERE + 2
