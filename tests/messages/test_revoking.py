"""A delegate's access ends while they write: what they sent is sent whole, or not at all."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from portal.core.actor import ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.errors import AccessEnded, Unavailable
from portal.messages import service
from portal.messages.service import Write
from portal.patients.delegation_model import Delegation
from tests.attachments.conftest import uploaded
from tests.messages.conftest import (
    SignIn,
    broken,
    close,
    code,
    messages,
    new_thread,
    open_items,
    opened,
    thread,
    write,
)
from tests.messages.story import CALL
from tests.patients.delegates import acting, give, new_person
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.races import at_once
from tests.support.work import drain

ENDED = (403, "access_ended")


@pytest.fixture
def given(clinic: SmallClinic) -> Delegation:
    """Access to messages that the first patient gave."""
    return give(clinic.patient, new_person(), categories=["messages"])


@pytest.fixture
def maria(clinic: SmallClinic, given: Delegation, caller: SignIn) -> Caller:
    return caller(ActorKind.DELEGATE, given.delegate_id).acting_for(clinic.patient.id)


def revoke(who: Caller, given: Delegation) -> Any:
    return who.post(f"/delegations/{given.id}/revoke", {"reason": "We parted"})


def test_in_mid_session_the_next_call_finds_the_access_gone(
    clinic: SmallClinic, maria: Caller, patient: Caller, given: Delegation, asked: UUID
) -> None:
    file = uploaded(maria)
    maria.post("/drafts", {"thread_id": str(asked), "body": "And at night"})
    key = {"Idempotency-Key": "one"}
    body = {"body": "And at night?"}
    assert maria.post(f"/threads/{asked}/messages", body, headers=key).status_code == 201
    assert revoke(patient, given).status_code == 200
    for refused in (
        maria.post(f"/threads/{asked}/messages", body, headers=key),
        write(maria, asked, "Are you there?", attachments=[str(file)]),
        maria.post("/threads", new_thread(clinic)),
        close(maria, asked),
        maria.get(f"/threads/{asked}"),
        maria.get("/threads"),
        maria.get("/drafts"),
        maria.post("/advice-calls", CALL),
        maria.get(f"/attachments/{file}/content"),
    ):
        assert code(refused) == ENDED
    assert [one.body for one in messages(asked)][1:] == ["And at night?"]
    assert len(patient.get("/threads").json["items"]) == 1
    assert opened(patient, asked)["messages"][0]["author"]["kind"] == "delegate"


@pytest.mark.parametrize("_attempt", range(4))
def test_a_message_as_the_access_ends_is_sent_before_or_refused(
    maria: Caller, patient: Caller, given: Delegation, asked: UUID, _attempt: int
) -> None:
    file = str(uploaded(maria))
    sent, ended = at_once(
        lambda: write(maria, asked, "And at night?", attachments=[file]),
        lambda: revoke(patient, given),
    )
    assert ended.status_code == 200, ended.text
    if sent.status_code == 201:
        [message, _] = opened(patient, asked)["messages"]
        assert [one["id"] for one in message["attachments"]] == [file]
        assert thread(asked).unread_by_team == 2
    else:
        assert code(sent) == ENDED
        assert (len(messages(asked)), thread(asked).unread_by_team) == (1, 1)
        assert patient.get(f"/attachments/{file}").status_code == 404
    assert len(open_items(asked)) == 1
    assert code(write(maria, asked, "Hello?")) == ENDED
    drain()
    assert broken() == []


@pytest.mark.parametrize("_attempt", range(4))
def test_a_closing_as_the_access_ends_leaves_no_loose_work(
    maria: Caller, patient: Caller, given: Delegation, asked: UUID, _attempt: int
) -> None:
    closed, ended = at_once(
        lambda: close(maria, asked),
        lambda: revoke(patient, given),
    )
    assert ended.status_code == 200, ended.text
    assert closed.status_code == 200 or code(closed) == ENDED
    done = closed.status_code == 200
    assert (thread(asked).status == "closed", open_items(asked) == []) == (done, done)
    drain()
    assert broken() == []


def ends(given: Delegation, patient: Caller) -> Any:
    return revoke(patient, given)


def is_narrowed(given: Delegation, patient: Caller) -> Any:
    return patient.patch(f"/delegations/{given.id}", {"categories": ["visits"]})


@pytest.mark.parametrize(
    ("change", "error"), [(ends, AccessEnded), (is_narrowed, Unavailable)], ids=["end", "narrow"]
)
def test_who_was_recognised_before_begins_nothing_after(
    clinic: SmallClinic,
    patient: Caller,
    given: Delegation,
    change: Callable[[Delegation, Caller], Any],
    error: type[Exception],
) -> None:
    """Between the look-up of the session and the transaction the patient may be quicker."""
    assert given.delegate_id is not None
    recognised = acting(given.delegate_id, clinic.patient)
    assert change(given, patient).status_code == 200
    with pytest.raises(error), transaction(recognised):
        pass


@pytest.mark.parametrize("change", [ends, is_narrowed])
def test_what_was_begun_is_done_before_the_access_changes(
    app: Flask,
    clinic: SmallClinic,
    patient: Caller,
    given: Delegation,
    asked: UUID,
    change: Callable[[Delegation, Caller], Any],
) -> None:
    assert given.delegate_id is not None
    author = acting(given.delegate_id, clinic.patient)

    def in_its_own_context() -> Any:
        with app.app_context():
            return change(given, patient)

    with ThreadPoolExecutor(1) as pool:
        with transaction(author) as session:
            changing = pool.submit(in_its_own_context)
            with pytest.raises(TimeoutError):
                changing.result(timeout=0.3)
            service.write_message(
                session=session,
                actor=author,
                thread_id=asked,
                command=Write("And at night?"),
                now=utcnow(),
            )
        assert changing.result(timeout=120).status_code == 200
    assert [one.body for one in messages(asked)][1:] == ["And at night?"]
    drain()
    assert broken() == []
