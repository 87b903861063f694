"""The promise about messages: what would break it is impossible, or found."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from portal.core.actor import OPERATOR
from portal.core.clock import utcnow
from portal.core.db import transaction
from tests.messages.conftest import answer, broken, new_thread, started, to_physician
from tests.messages.story import CALL
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.work import drain


def tamper(statement: str, **values: Any) -> None:
    with transaction(OPERATOR) as session:
        session.execute(text(statement), values)


def test_a_thread_that_waits_has_an_owner_or_is_not_written(asked: UUID) -> None:
    close = "UPDATE work_item SET status = 'done', closed_at = now() WHERE subject_id = :id"
    with pytest.raises(IntegrityError, match="without an open work item"):
        tamper(close, id=asked)
    assert broken() == ["a work item was never routed"], "nothing was changed"


def test_a_thread_in_order_breaks_nothing(
    clinic: SmallClinic, patient: Caller, nurse: Caller, asked: UUID
) -> None:
    answer(nurse, asked)
    started(patient, to_physician(clinic))
    patient.post("/advice-calls", CALL)
    drain()
    assert broken() == []


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        (
            "UPDATE thread SET unread_by_team = unread_by_team + 1",
            "a thread's count of unread messages is wrong",
        ),
        ("UPDATE message SET read_at = now()", "a thread's count of unread messages is wrong"),
        (
            "UPDATE notification SET source_id = id",
            "a message was sent and the patient was not told",
        ),
        (
            "UPDATE advice_call SET status = 'advised', ended_at = now(), due_at = NULL",
            "a nurse's call is on a worklist for a patient who does not wait for it",
        ),
        (
            "UPDATE work_item SET status = 'done', closed_at = now() WHERE kind = 'advice_call'",
            "a patient waits for a nurse's call and nobody has it on a worklist",
        ),
        (
            "UPDATE thread SET status = 'awaiting_patient', reply_due_at = NULL",
            "an answer is on a worklist for a thread that does not await it",
        ),
    ],
)
def test_what_is_not_in_order_is_found(
    clinic: SmallClinic, patient: Caller, nurse: Caller, asked: UUID, statement: str, rule: str
) -> None:
    answer(nurse, asked)
    started(patient, new_thread(clinic))
    patient.post("/advice-calls", CALL)
    drain()
    tamper(statement)
    assert rule in broken()


def test_a_practitioner_who_left_is_found(clinic: SmallClinic, patient: Caller) -> None:
    started(patient, to_physician(clinic))
    drain()
    tamper("UPDATE care_team_member SET ended_on = CAST(now() AS date)")
    later = utcnow() + timedelta(days=2)
    rule = "an open thread is with a practitioner who no longer cares for the patient"
    assert rule in broken(later)
