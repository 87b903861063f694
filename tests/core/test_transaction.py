"""One transaction for each use case: whole or not at all, and as one actor."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlalchemy.orm import Session

from portal.core import audit, outbox
from portal.core.actor import OPERATOR, WORKER, ActorKind
from portal.core.db import NestedTransaction, db, read_once, transaction
from portal.core.ids import new_id
from portal.core.log import bind_request_id
from portal.core.tables import AuditEntry, OutboxEvent
from portal.directory.model import Clinic
from tests.support.clinic import SmallClinic, actor

pytestmark = pytest.mark.usefixtures("app")

WHO = text(
    "SELECT current_user AS role, current_setting('careloop.actor_id', true) AS actor, "
    "current_setting('careloop.credential_id', true) AS credential"
)


def counts() -> dict[str, int]:
    with transaction(OPERATOR) as session:
        return {
            table: int(session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())
            for table in ("clinic", "audit_entry", "outbox_event")
        }


def do_everything(session: Session) -> None:
    """A row, an audit row and an event."""
    session.add(Clinic(id=new_id(), name="New", time_zone="UTC", phone="555-0100"))
    session.flush()
    audit.record(session, OPERATOR, "create", "clinic", patient_id=None)
    outbox.emit(session, "test.work", clinic_id=new_id())


def do_and_run_into(error: BaseException) -> None:
    with transaction(OPERATOR) as session:
        do_everything(session)
        raise error


def do_and_leave(row: Clinic) -> None:
    """Do everything, and leave a row to be written with the commit."""
    with transaction(OPERATOR) as session:
        do_everything(session)
        session.add(row)


def test_everything_is_written_in_one_commit() -> None:
    before = counts()
    with transaction(OPERATOR) as session:
        do_everything(session)
    assert counts() == {table: number + 1 for table, number in before.items()}


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), SystemExit(1)])
def test_any_error_takes_everything_back(error: BaseException) -> None:
    before = counts()
    with pytest.raises(type(error)):
        do_and_run_into(error)
    assert counts() == before


def test_what_the_commit_itself_refuses_takes_everything_back() -> None:
    before = counts()
    with pytest.raises(IntegrityError):
        do_and_leave(Clinic(id=new_id(), name=None, time_zone="UTC", phone=""))
    assert counts() == before


def test_what_failed_is_not_written_with_what_follows() -> None:
    before = counts()
    with pytest.raises(ValueError, match="no"):
        do_and_run_into(ValueError("no"))
    with transaction(OPERATOR):
        """Nothing of its own."""
    assert counts() == before


def test_one_inside_another_is_refused_and_the_outer_one_stands() -> None:
    before = counts()
    with transaction(OPERATOR) as session:
        do_everything(session)
        with pytest.raises(NestedTransaction), transaction(WORKER):
            raise AssertionError("never gets here")
    assert counts() == {table: number + 1 for table, number in before.items()}


@pytest.mark.parametrize("kind", ActorKind)
def test_each_kind_of_actor_has_a_role_of_its_own(kind: ActorKind) -> None:
    somebody = actor(kind, new_id())
    with transaction(somebody) as session:
        row = session.execute(WHO).one()
    assert row.role == f"careloop_{kind.value}"
    assert (row.actor, row.credential) == (str(somebody.id), str(somebody.credential_id))


def test_nothing_of_an_actor_is_left_on_the_connection() -> None:
    connections = [db.engine.connect() for _ in range(2)]
    for connection in connections:
        connection.close()
    with transaction(actor(ActorKind.PATIENT, new_id())) as session:
        session.execute(text("SELECT 1"))
    after = read_once(WHO, {})
    assert after is not None
    assert (after.role, after.actor or "", after.credential or "") == ("careloop_app", "", "")


def test_outside_a_transaction_nothing_can_be_seen(clinic: SmallClinic) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        read_once(text("SELECT * FROM patient WHERE id = :id"), {"id": clinic.patient.id})


def test_what_was_loaded_is_forgotten_with_the_transaction(clinic: SmallClinic) -> None:
    with transaction(OPERATOR) as session:
        first = session.get_one(Clinic, clinic.clinic.id)
    with transaction(OPERATOR) as session:
        assert session.get_one(Clinic, clinic.clinic.id) is not first
        assert session.info["actor"] == OPERATOR


def test_audit_and_events_bear_the_request_that_they_came_from() -> None:
    assert bind_request_id("monday-morning") == "monday-morning"
    with transaction(OPERATOR) as session:
        do_everything(session)
    rows: list[Any] = []
    with transaction(OPERATOR) as session:
        for model in (AuditEntry, OutboxEvent):
            rows += session.query(model).all()
    assert [row.request_id for row in rows] == ["monday-morning"] * 2
