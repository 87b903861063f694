"""Mail: what it says, who gets it, and what becomes of it when it does not arrive."""

from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from portal.accounts.model import Account
from portal.core.actor import OPERATOR, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.ids import new_id
from portal.notifications.model import Delivery
from portal.notifications.states import DeliveryStatus, NotificationEvent
from portal.worklist.model import WorkItem
from portal.worklist.states import WorkItemKind
from tests.notifications.conftest import (
    READY,
    Mailbox,
    Tell,
    deliveries,
    email_of,
    ledger,
)
from tests.refills.conftest import load, post_one
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.work import drain
from tests.workers.conftest import event, events, set_event
from tests.worklist.conftest import SignIn
from workers import outcomes
from workers.runner import run_events

KIND = "notification.deliver"


def run_again(id_: UUID) -> None:
    """Try a delivery once more, as if its next time had come."""
    set_event(id_, due_at=utcnow() - timedelta(seconds=1))
    run_events(KIND, [id_])


def failed_deliveries() -> list[UUID]:
    query = select(WorkItem).filter_by(kind=WorkItemKind.DELIVERY_FAILED, status="open")
    with transaction(OPERATOR) as session:
        return [item.subject_id for item in session.scalars(query)]


@pytest.fixture
def pending(patient: Caller, tell: Tell) -> tuple[Delivery, UUID]:
    """A mail that waits to be sent, and the event by which it will be."""
    assert patient.get("/notifications").json["items"] == []
    tell(new_id())
    [delivery], [left] = deliveries(), events(KIND)
    return delivery, left.id


def test_a_mail_says_no_more_than_that_there_is_something(
    app: Flask, mailbox: Mailbox, clinic: SmallClinic, pharmacy: Caller, acknowledged: UUID
) -> None:
    assert post_one(pharmacy, acknowledged, "ready_for_pickup") == "applied"
    drain()
    [message] = mailbox.messages
    patient = clinic.patient
    address = message["To"].addresses[0].addr_spec
    assert address == email_of(patient.id)
    assert app.extensions["careloop.config"].base_url in message.get_content()
    whole = message.as_string().replace(address, "").lower()
    private = [patient.given_name, patient.family_name, patient.mrn, patient.phone, "1980"]
    private += ["Lisinopril", "10 mg", "refill", "pharmacy", "prescription", "ready"]
    private += [clinic.pharmacy.name, clinic.physician.name, clinic.clinic.name]
    private += [str(acknowledged), str(patient.id)]
    assert [word for word in private if word and word.lower() in whole] == []


def test_a_mail_is_marked_as_made_by_a_machine_and_can_be_told_from_its_twin(
    mailbox: Mailbox, pending: tuple[Delivery, UUID]
) -> None:
    run_again(pending[1])
    [message] = mailbox.messages
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].startswith(f"<{pending[0].id}@")
    assert message["From"].addresses[0].addr_spec == "no-reply@careloop.example"
    assert message.get_content_type() == "text/plain"


def test_what_was_sent_is_in_the_ledger_and_is_not_sent_again(
    mailbox: Mailbox, pending: tuple[Delivery, UUID]
) -> None:
    delivery, id_ = pending
    run_again(id_)
    set_event(id_, status="published")  # its end was lost
    run_again(id_)
    assert len(mailbox.messages) == 1
    assert ledger(delivery) == [(1, "sent", None)]
    sent: Delivery = load(Delivery, delivery.id)
    assert (sent.status, sent.finished_at is None) == (DeliveryStatus.SENT, False)
    assert event(id_).status == "done"


def test_told_once_of_the_same_thing(mailbox: Mailbox, patient: Caller, tell: Tell) -> None:
    source = tell(new_id())
    tell(source)
    drain()
    assert len(mailbox.messages) == 1
    assert len(patient.get("/notifications").json["items"]) == 1


@pytest.mark.parametrize("answer", ["451 Try later", "421 Closing", "535 Who are you?"])
def test_what_passes_is_tried_again_and_both_tries_are_kept(
    mailbox: Mailbox, pending: tuple[Delivery, UUID], answer: str
) -> None:
    delivery, id_ = pending
    mailbox.answers = [answer]
    run_events(KIND, [id_])
    assert (mailbox.messages, event(id_).status) == ([], "pending")
    run_again(id_)
    assert len(mailbox.messages) == 1
    assert ledger(delivery) == [(1, "try_again", f"SMTP {answer[:3]}"), (2, "sent", None)]
    assert failed_deliveries() == []


@pytest.mark.parametrize("answer", ["550 No such user", "553 Not allowed"])
def test_an_address_that_nobody_has_is_somebodys_work_at_once(
    mailbox: Mailbox, pending: tuple[Delivery, UUID], answer: str
) -> None:
    delivery, id_ = pending
    mailbox.answers = [answer]
    run_events(KIND, [id_])
    assert ledger(delivery) == [(1, "refused", f"SMTP {answer[:3]}")]
    assert load(Delivery, delivery.id).status == DeliveryStatus.FAILED
    assert (failed_deliveries(), event(id_).status) == ([delivery.id], "done")


def test_a_malformed_address_is_somebodys_work_too(
    mailbox: Mailbox, clinic: SmallClinic, pending: tuple[Delivery, UUID]
) -> None:
    with transaction(OPERATOR) as session:
        account = session.scalars(select(Account).filter_by(person_id=clinic.patient.id)).one()
        account.email = "no address"
    run_again(pending[1])
    assert ledger(pending[0]) == [(1, "refused", "the address is malformed")]
    assert failed_deliveries() == [pending[0].id]


@pytest.mark.usefixtures("no_mail_server")
def test_without_a_mail_server_it_is_tried_until_it_is_somebodys_work(
    pending: tuple[Delivery, UUID],
) -> None:
    delivery, id_ = pending
    for _ in range(outcomes.MAX_ATTEMPTS - 1):
        run_again(id_)
    assert (event(id_).status, failed_deliveries()) == ("pending", [])
    assert load(Delivery, delivery.id).status == DeliveryStatus.PENDING
    run_again(id_)
    run_again(id_)
    tries = [(number, "try_again", "ConnectionRefusedError") for number in range(1, 12)]
    assert ledger(delivery) == [*tries, (12, "failed", "ConnectionRefusedError")]
    assert load(Delivery, delivery.id).status == DeliveryStatus.FAILED
    assert (event(id_).status, failed_deliveries()) == ("dead", [delivery.id])


@pytest.mark.usefixtures("no_mail_server")
def test_the_portal_does_not_wait_for_a_mail_server(patient: Caller, tell: Tell) -> None:
    tell(new_id())
    assert len(patient.get("/notifications").json["items"]) == 1


def test_an_account_that_was_closed_meanwhile_gets_none(
    mailbox: Mailbox, clinic: SmallClinic, pending: tuple[Delivery, UUID]
) -> None:
    with transaction(OPERATOR) as session:
        account = session.scalars(select(Account).filter_by(person_id=clinic.patient.id)).one()
        account.status = "disabled"
    run_again(pending[1])
    assert mailbox.messages == []
    assert ledger(pending[0]) == [(1, "no_address", None)]
    assert load(Delivery, pending[0].id).status == DeliveryStatus.SUPPRESSED


def test_without_an_account_it_is_in_the_portal_alone(mailbox: Mailbox, tell: Tell) -> None:
    tell(new_id())
    drain()
    assert mailbox.messages == []
    assert [delivery.status for delivery in deliveries()] == [DeliveryStatus.SUPPRESSED]


def test_an_event_that_is_not_wanted_by_mail_is_in_the_portal_alone(
    mailbox: Mailbox, patient: Caller, tell: Tell
) -> None:
    patient.patch("/me/preferences", {"by_email": {READY: False}})
    tell(new_id())
    tell(new_id(), NotificationEvent.REFILL_SHIPPED)
    drain()
    assert len(mailbox.messages) == 1, "the other event"
    assert [delivery.status for delivery in deliveries()] == [DeliveryStatus.SUPPRESSED]
    assert len(patient.get("/notifications").json["items"]) == 2


def test_a_step_in_between_comes_by_mail_to_who_wants_it(
    mailbox: Mailbox, clinic: SmallClinic, caller: SignIn, patient: Caller, tell: Tell
) -> None:
    preparing = NotificationEvent.REFILL_PREPARING
    tell(new_id(), preparing)
    drain()
    assert mailbox.messages == []
    patient.patch("/me/preferences", {"by_email": {preparing: True}})
    other = clinic.other_patient.id
    assert caller(ActorKind.PATIENT, other).get("/me").status_code == 200
    tell(new_id(), preparing)
    tell(new_id(), preparing, other)
    drain()
    assert [message["To"] for message in mailbox.messages] == [email_of(clinic.patient.id)]
