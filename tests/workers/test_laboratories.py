"""The sender: each way in which a laboratory can answer, or not, and the end that it has."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from portal.config import Config
from portal.core.actor import OPERATOR, WORKER
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.directory.model import Laboratory
from portal.requisitions import service
from portal.requisitions.answer_rules import MOST_REJECTIONS
from portal.requisitions.laboratory_model import LaboratoryConnection
from portal.requisitions.orl import read_response
from portal.requisitions.service.sending import FAILURES_BEFORE_WORK
from tests.requisitions.conftest import (
    change,
    items,
    load,
    messages,
    order,
    sent,
)
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.laboratory import (
    TestLaboratory,
    acknowledges,
    commits_then,
    drops,
    listening_laboratory,
    responds,
    sends_garbage,
    stays_silent,
)
from tests.support.work import drain
from workers.laboratories import Pace, Sender

QUICK = Pace(patience=0.05, connect=2, answer=0.3, idle=30)


@contextmanager
def sending(app: Flask, config: Config, pace: Pace = QUICK) -> Iterator[Sender]:
    """A sender at work while the block lasts."""
    sender = Sender(app, config, pace)
    thread = Thread(target=sender.run, daemon=True)
    thread.start()
    try:
        yield sender
    finally:
        sender.stop()
        thread.join(15)
        assert not thread.is_alive()


@pytest.fixture
def partner(clinic: SmallClinic) -> Iterator[TestLaboratory]:
    """The laboratory's system, to which orders are pushed."""
    with listening_laboratory() as listening:
        connect(clinic.laboratory, listening)
        yield listening


def connect(laboratory: Laboratory, listening: TestLaboratory) -> None:
    change(laboratory, transport="mllp", mllp_host=listening.host, mllp_port=listening.port)


def until(wanted: Callable[[], Any], seconds: float = 15) -> Any:
    """What `wanted` gives, as soon as it gives something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := wanted():
            return found
        time.sleep(0.02)
    raise AssertionError("it never came about")


def stands(requisition_id: UUID, status: str) -> Any:
    return until(lambda: load(requisition_id).status == status)


def health(clinic: SmallClinic) -> LaboratoryConnection | None:
    with transaction(OPERATOR) as session:
        return session.get(LaboratoryConnection, clinic.laboratory.id)


@pytest.fixture
def queued(partner: TestLaboratory, clinic: SmallClinic, physician: Caller) -> UUID:
    """An order in the queue of a laboratory over MLLP."""
    assert partner.port
    [requisition_id] = order(physician, clinic)
    drain()
    return requisition_id


def test_an_order_arrives_as_written_and_is_accepted(
    app: Flask, config: Config, clinic: SmallClinic, partner: TestLaboratory, queued: UUID
) -> None:
    partner.answers.append(responds("OK", "F-77"))
    with sending(app, config):
        stands(queued, "accepted")
    [message] = partner.received
    assert (message.type, message.event, message.version) == ("OML", "O21", "2.5.1")
    orc, pid, obr = (message.segment(name) for name in ("ORC", "PID", "OBR"))
    assert orc is not None
    assert pid is not None
    assert obr is not None
    assert (orc.text(1), orc.text(2)) == ("NW", load(queued).placer_number)
    assert pid.text(3) == clinic.patient.mrn
    assert obr.text(4) == "24323-8"
    assert load(queued).filler_number == "F-77"
    [row] = messages(queued)
    assert (row.status, row.attempts, row.answer_code) == ("accepted", 1, "AA")
    connection = health(clinic)
    assert connection is not None
    assert connection.last_answer_at is not None
    assert connection.failures == 0


def test_what_was_committed_is_sent_again_when_it_is_asked_for(
    clinic: SmallClinic, queued: UUID
) -> None:
    """Not yet (AR), after the commit (CA): the same message again, until it was said too often."""

    def answered(code: str) -> None:
        [row] = messages(queued)
        answer = (
            f"MSH|^~\\&|L|L|C|C|2026||ACK^O21|1|P|2.5.1\rMSA|{code}|{row.control_id}\r".encode()
        )
        response = read_response(answer)
        with transaction(WORKER) as session:
            now, id_ = utcnow(), clinic.laboratory.id
            if code == "CA":
                service.take_message(session=session, message_id=row.id, now=now)
                service.record_answer(
                    session=session, message_id=row.id, response=response, now=now
                )
            else:
                service.take_response(
                    session=session, actor=WORKER, laboratory_id=id_, response=response, now=now
                )

    for tries in range(1, MOST_REJECTIONS):
        answered("CA")
        answered("AR")
        [row] = messages(queued)
        assert (row.status, row.rejections, row.answered_at) == ("queued", tries, None)
        assert row.sent_at is not None
        assert row.next_try_at > row.sent_at
        assert load(queued).status == "sent"
    answered("CA")
    answered("AR")
    assert (messages(queued)[0].status, load(queued).status) == ("accepted", "rejected")


def test_a_plain_acknowledgement_accepts_too(app: Flask, config: Config, queued: UUID) -> None:
    with sending(app, config):
        stands(queued, "accepted")


def test_committed_it_is_sent_and_the_answer_comes_later(
    app: Flask, config: Config, clinic: SmallClinic, partner: TestLaboratory, queued: UUID
) -> None:
    partner.answers.append(acknowledges("CA"))
    with sending(app, config):
        stands(queued, "sent")
    assert messages(queued)[0].status == "accepted"
    [later] = responds("OK", "F-5")(partner.received[0])
    for _ in range(2):
        with transaction(WORKER) as session:
            service.take_response(
                session=session,
                actor=WORKER,
                laboratory_id=clinic.laboratory.id,
                response=read_response(later),
                now=utcnow(),
            )
    row = load(queued)
    assert (row.status, row.filler_number) == ("accepted", "F-5")


def test_what_follows_the_commit_on_the_same_connection_is_taken(
    app: Flask, config: Config, partner: TestLaboratory, queued: UUID
) -> None:
    partner.answers.append(commits_then(responds("UA", reason="^No such test here")))
    with sending(app, config):
        stands(queued, "rejected")
    assert load(queued).reason == "No such test here"


@pytest.mark.parametrize(
    ("answer", "message_status", "reason_code"),
    [
        (responds("UA", ""), "accepted", "other"),
        (acknowledges("AE", "Patient unknown"), "refused", "message_refused"),
        (acknowledges("CE"), "refused", "message_refused"),
    ],
)
def test_what_is_refused_is_the_orderers_work(
    app: Flask,
    config: Config,
    clinic: SmallClinic,
    partner: TestLaboratory,
    queued: UUID,
    answer: Any,
    message_status: str,
    reason_code: str,
) -> None:
    partner.answers.append(answer)
    with sending(app, config):
        stands(queued, "rejected")
    assert messages(queued)[0].status == message_status
    assert load(queued).reason_code == reason_code
    drain()
    [item] = items("requisition_rejected")
    assert item.responsible_id == clinic.physician.id
    assert len(messages(queued)) == 1, "it is not sent again by itself"


@pytest.mark.parametrize("code", ["AR", "CR"])
def test_who_is_not_ready_is_asked_again(
    app: Flask, config: Config, partner: TestLaboratory, queued: UUID, code: str
) -> None:
    partner.answers.append(acknowledges(code))
    with sending(app, config):
        stands(queued, "accepted")
    assert partner.control_ids == [messages(queued)[0].control_id] * 2
    assert messages(queued)[0].rejections == 1


def test_who_is_never_ready_has_refused(
    app: Flask, config: Config, partner: TestLaboratory, queued: UUID
) -> None:
    partner.answers.append(acknowledges("AR"))
    change(messages(queued)[0], rejections=MOST_REJECTIONS - 1)
    with sending(app, config):
        stands(queued, "rejected")
    assert load(queued).reason_code == "message_refused"


@pytest.mark.parametrize("trouble", [stays_silent, drops, sends_garbage])
def test_without_an_answer_the_same_message_is_sent_again(
    app: Flask,
    config: Config,
    clinic: SmallClinic,
    physician: Caller,
    partner: TestLaboratory,
    queued: UUID,
    trouble: Any,
) -> None:
    [behind] = order(physician, clinic)
    drain()
    partner.answers.append(trouble)
    with sending(app, config):
        stands(behind, "accepted")
    first, second = messages(queued)[0], messages(behind)[0]
    assert partner.control_ids == [first.control_id, first.control_id, second.control_id]
    assert (first.attempts, load(queued).status) == (2, "accepted")
    connection = health(clinic)
    assert connection is not None
    assert (connection.failures, connection.last_failure is None) == (0, False)


def test_what_a_crash_left_between_receipt_and_record_is_sent_again(
    app: Flask, config: Config, partner: TestLaboratory, queued: UUID
) -> None:
    [row] = messages(queued)
    with transaction(WORKER) as session:
        lost = service.take_message(session=session, message_id=row.id, now=utcnow())
    assert lost is not None
    assert lost.attempt == 1
    with sending(app, config):
        stands(queued, "accepted")
    assert partner.control_ids == [row.control_id]
    assert messages(queued)[0].attempts == 2


def test_a_laboratory_that_is_away_becomes_work_until_it_answers(
    app: Flask, config: Config, clinic: SmallClinic, partner: TestLaboratory, queued: UUID
) -> None:
    [row] = messages(queued)
    for number in range(FAILURES_BEFORE_WORK):
        assert (len(items("laboratory_unreachable")), number) == (0, number)
        with transaction(WORKER) as session:
            service.record_failure(
                session=session, message_id=row.id, error="MLLP: TimeoutError", now=utcnow()
            )
    [item] = items("laboratory_unreachable")
    assert (item.subject_id, item.patient_id) == (clinic.laboratory.id, None)
    assert messages(queued)[0].next_try_at > utcnow()
    change(messages(queued)[0], next_try_at=utcnow())
    with sending(app, config):
        stands(queued, "accepted")
    assert [one.status for one in items("laboratory_unreachable")] == ["done"]


def test_a_cancellation_follows_its_order(
    app: Flask,
    config: Config,
    physician: Caller,
    partner: TestLaboratory,
    queued: UUID,
) -> None:
    with sending(app, config):
        stands(queued, "accepted")
        physician.post(f"/requisitions/{queued}/cancel", {"reason": "Done elsewhere"})
        drain()
        until(lambda: [one for one in sent(queued) if one[1:] == ("cancel", "accepted")])
    controls = [message.segment("ORC") for message in partner.received]
    assert [orc.text(1) for orc in controls if orc] == ["NW", "CA"]
    assert load(queued).status == "cancelled"
    assert partner.connections == 1, "one connection for both"


@pytest.mark.parametrize(
    "answer",
    [
        acknowledges("AE", "Too late"),
        responds("UC", reason="Too late"),
        commits_then(responds("UC", reason="Too late")),
        commits_then(acknowledges("AE", "Too late")),
    ],
    ids=["AE", "UC", "UC later", "AE later"],
)
def test_a_cancellation_that_is_refused_is_somebodys_work(
    app: Flask,
    config: Config,
    clinic: SmallClinic,
    physician: Caller,
    partner: TestLaboratory,
    queued: UUID,
    answer: Any,
) -> None:
    with sending(app, config):
        stands(queued, "accepted")
        partner.answers.append(answer)
        physician.post(f"/requisitions/{queued}/cancel", {"reason": "Done elsewhere"})
        drain()
        until(lambda: items("cancellation_refused"))
    [item] = items("cancellation_refused")
    assert (item.subject_id, item.pool_id) == (queued, clinic.physician.pool_id)
    assert load(queued).status == "cancelled"


def test_what_was_never_sent_is_withdrawn_without_a_word(
    clinic: SmallClinic, physician: Caller, queued: UUID
) -> None:
    physician.post(f"/requisitions/{queued}/cancel", {"reason": "Done elsewhere"})
    drain()
    assert [one[1:] for one in sent(queued)] == [("new", "withdrawn")]


def test_of_two_senders_one_serves_a_laboratory_in_order(
    app: Flask, config: Config, clinic: SmallClinic, physician: Caller, partner: TestLaboratory
) -> None:
    with sending(app, config), sending(app, config):
        ordered = [order(physician, clinic)[0] for _ in range(8)]
        drain()
        for one in ordered:
            stands(one, "accepted")
    queue = sorted((messages(one)[0] for one in ordered), key=lambda row: row.id)
    assert partner.control_ids == [row.control_id for row in queue]
    assert partner.connections == 1


def test_one_that_is_silent_does_not_keep_the_others(
    app: Flask, config: Config, clinic: SmallClinic, physician: Caller, partner: TestLaboratory
) -> None:
    partner.otherwise = stays_silent
    with listening_laboratory() as other:
        connect(clinic.other_laboratory, other)
        [stuck] = order(physician, clinic)
        [quick] = order(physician, clinic, laboratory_id=str(clinic.other_laboratory.id))
        drain()
        with sending(app, config):
            stands(quick, "accepted")
            partner.wait_for(1)
    assert load(stuck).status == "placed"
