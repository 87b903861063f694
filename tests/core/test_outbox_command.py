"""`portal outbox`: what waits, what died, and giving it to the workers again."""

from uuid import UUID, uuid4

from flask import Flask
from sqlalchemy import text

from portal.cli import portal
from portal.core import outbox
from portal.core.actor import OPERATOR
from portal.core.db import transaction
from portal.core.ids import new_id
from tests.support.work import drain


def run(app: Flask, *arguments: str) -> tuple[int, str]:
    done = app.test_cli_runner().invoke(portal, ["outbox", *arguments])
    return done.exit_code, done.output


def emit() -> UUID:
    with transaction(OPERATOR) as session:
        return outbox.emit(session, "pharmacy_update.quarantined", refill_id=new_id())


def change(event_id: UUID, values: str) -> None:
    with transaction(OPERATOR) as session:
        session.execute(text(f"UPDATE outbox_event SET {values} WHERE id = :id"), {"id": event_id})


def status(event_id: UUID) -> str:
    with transaction(OPERATOR) as session:
        query = text("SELECT status FROM outbox_event WHERE id = :id")
        return str(session.execute(query, {"id": event_id}).scalar())


def test_nothing_to_do(app: Flask) -> None:
    assert run(app, "status") == (0, "Everything is done.\n")


def test_what_waits_is_counted_and_lateness_fails_the_check(app: Flask) -> None:
    event_id = emit()
    assert run(app, "status", "--max-lag", "60")[0] == 0
    change(event_id, "due_at = now() - interval '5 minutes'")
    code, said = run(app, "status", "--max-lag", "60")
    assert (code, "pharmacy_update.quarantined" in said) == (1, True)
    assert run(app, "status")[0] == 0


def test_a_dead_letter_is_named_and_given_to_the_workers_again(app: Flask) -> None:
    event_id = emit()
    change(event_id, "status = 'dead', attempts = 12, last_error = 'the reason'")
    code, said = run(app, "status")
    assert (code, str(event_id) in said, "the reason" in said) == (0, True, True)
    assert run(app, "retry", str(uuid4()))[0] == 1
    assert run(app, "retry")[0] == 2
    assert run(app, "retry", str(event_id)) == (0, "1 dead letters go to the workers again.\n")
    drain()
    assert status(event_id) == "done"


def test_all_of_them_at_once(app: Flask) -> None:
    events = [emit() for _ in range(3)]
    for event_id in events:
        change(event_id, "status = 'dead'")
    assert run(app, "retry", "--all")[0] == 0
    assert {status(event_id) for event_id in events} == {"pending"}
