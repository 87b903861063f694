"""A search finds the same whichever way it goes: among the newest threads, on among the older ones,
or by the index of words."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from portal.core.actor import OPERATOR, ActorKind
from portal.core.db import transaction
from portal.messages import queries
from tests.messages.conftest import SignIn, started, to_physician
from tests.messages.test_listing import subjects
from tests.support.api import Caller
from tests.support.clinic import NOW, SmallClinic, staff_actor
from tests.support.statements import by_indexes, rows_read

THREADS = 260
# Every second thread tells of tablets, every thirtieth of grapefruits, two of a parrot.
EVERYWHERE, HERE_AND_THERE = [*range(0, THREADS, 2)], [*range(0, THREADS, 30)]
TWICE = [20, 240]

_THREADS = text(
    """
    WITH made AS (
        INSERT INTO thread (id, patient_id, pool_id, category, subject, status, status_at,
                            created_at, last_message_at)
        SELECT uuidv7(), CASE n % 3 WHEN 0 THEN CAST(:other AS uuid) ELSE :patient END, :pool,
               'other', n || CASE n % 4 WHEN 0 THEN ': tablets' ELSE ': a thing' END,
               'awaiting_patient', at, at, at
        FROM generate_series(0, :last) n
        CROSS JOIN LATERAL (SELECT CAST(:now AS timestamptz) + n * interval '1 minute' AS at) a
        RETURNING id, patient_id, last_message_at AS at, split_part(subject, ':', 1)::int AS n
    )
    INSERT INTO message (id, thread_id, patient_id, kind, author_kind, author_id, body, sent_at)
    SELECT uuidv7(), id, patient_id, 'message', 'patient', patient_id,
           'Hello.' || CASE n % 4 WHEN 2 THEN ' My tablets again.' ELSE '' END
           || CASE n % 30 WHEN 0 THEN ' With grapefruit.' ELSE '' END
           || CASE WHEN n = ANY(:twice) THEN ' My parrot too.' ELSE '' END, at
    FROM made
    """
)


@pytest.fixture
def written(clinic: SmallClinic) -> None:
    """Threads of two patients, one a minute; every third is the other's."""
    values = {
        "patient": clinic.patient.id,
        "other": clinic.other_patient.id,
        "pool": clinic.nurses.id,
        "last": THREADS - 1,
        "now": NOW - timedelta(days=1),
        "twice": TWICE,
    }
    with transaction(OPERATOR) as session:
        session.execute(_THREADS, values)


def numbers(found: list[str]) -> list[int]:
    return [int(subject.partition(":")[0]) for subject in found]


@pytest.mark.parametrize(
    ("words", "limit", "expected"),
    [
        ("tablets", 50, EVERYWHERE),
        ("tablets", 150, EVERYWHERE),
        ("grapefruit", 50, HERE_AND_THERE),
        ("parrot", 50, TWICE),
        ("budgerigar", 50, []),
    ],
)
def test_all_are_found_once_the_newest_first(
    nurse: Caller, written: None, words: str, limit: int, expected: list[int]
) -> None:
    found: list[str] = []
    body = {"q": words, "limit": limit, "cursor": None}
    while True:
        page = nurse.post("/threads/search", body)
        found += subjects(page)
        if page.json["next"] is None:
            break
        body["cursor"] = page.json["next"]
    assert numbers(found) == expected[::-1]


def test_of_one_patient_alone(clinic: SmallClinic, nurse: Caller, written: None) -> None:
    body = {"q": "tablets", "limit": 200, "patient_id": str(clinic.other_patient.id)}
    found = numbers(subjects(nurse.post("/threads/search", body)))
    assert found == [n for n in EVERYWHERE[::-1] if n % 3 == 0]


@pytest.mark.parametrize("words", ["tablets", "grapefruit", "parrot"])
def test_others_patients_are_not_among_what_is_found(
    clinic: SmallClinic, caller: SignIn, written: None, words: str
) -> None:
    liaison = caller(ActorKind.STAFF, clinic.liaison_officer.id)
    for of_one in ({}, {"patient_id": str(clinic.patient.id)}):
        assert subjects(liaison.post("/threads/search", {"q": words, **of_one})) == []


@pytest.mark.parametrize(("words", "limit", "most"), [("tablets", 5, 210), ("parrot", 5, 210)])
def test_a_search_reads_few_messages(
    clinic: SmallClinic, written: None, words: str, limit: int, most: int
) -> None:
    """The newest two hundred, and beyond them those alone that have the words."""
    with transaction(staff_actor(clinic.nurse)) as session:
        by_indexes(session, "thread", "message")
        before = rows_read(session, "message")
        assert queries.threads_saying(session, words, None, after=None, limit=limit)
        assert rows_read(session, "message") - before <= most


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("Señor Núñez\u2019s résumé", "senor NUNEZ'S resume"),
        ("Sen\u0303or Nu\u0301n\u0303ez", "Señor Núñez"),
        ("我有糖尿病和高血压。", "糖尿病"),
        ("我有糖尿病和高血压。", "血压"),
        ("血糖の薬を忘れました", "薬"),
        ("ฉันเป็นโรคเบาหวานค่ะ", "เบาหวาน"),
        ("Vitamin維生素を飲む", '"vitamin 維"'),
        ("Vitamin維生素を飲む", '"維生素"'),
        ("抗PD-1薬", '"pd-1薬"'),
    ],
)
def test_words_are_found_however_they_are_typed(
    clinic: SmallClinic, patient: Caller, nurse: Caller, written: str, words: str
) -> None:
    started(patient, to_physician(clinic, subject="Body", body=written))
    started(patient, to_physician(clinic, subject=written, body="In the subject."))
    started(patient, to_physician(clinic, subject="Another", body="Nothing of it: 和 病気 โรค n"))
    for who in (patient, nurse):
        assert subjects(who.post("/threads/search", {"q": words})) == [written, "Body"]
