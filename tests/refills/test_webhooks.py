"""Orders pushed to a pharmacy's endpoint: signed, tried again, paused when it is dead."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text
from standardwebhooks import Webhook, WebhookVerificationError

from portal.core.actor import OPERATOR
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.errors import TransportError
from portal.refills import gateway
from portal.refills.errors import WebhookUnusable
from portal.refills.gateway import Push
from portal.refills.pharmacy_model import PharmacyWebhook, WebhookAttempt
from portal.refills.service.webhooks import FAILURES_BEFORE_PAUSE
from portal.worklist.model import WorkItem
from tests.refills.conftest import Make, ask_one, load
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.endpoint import Endpoint, listening
from tests.support.work import drain


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with listening() as found:
        yield found


@pytest.fixture
def secret(pharmacy: Caller, endpoint: Endpoint) -> str:
    """The secret of the webhook that the pharmacy registered."""
    answer = pharmacy.put("/pharmacy/webhook", {"url": endpoint.url})
    assert (answer.status_code, answer.json["status"]) == (200, "active")
    return str(answer.json["secret"])


def retry_all() -> None:
    """Make every waiting event due now, as time would."""
    with transaction(OPERATOR) as session:
        session.execute(
            text("UPDATE outbox_event SET due_at = now() WHERE status IN ('pending', 'published')")
        )
    drain_once()


def drain_once() -> None:
    """One attempt at each push that is due."""
    try:
        drain(rounds=1)
    except AssertionError:  # something waits for its next attempt
        return


def webhook(clinic: SmallClinic) -> PharmacyWebhook:
    row: PharmacyWebhook = load(PharmacyWebhook, clinic.pharmacy.id)
    return row


def attempts() -> list[tuple[str, int | None]]:
    with transaction(OPERATOR) as session:
        rows = session.execute(
            select(WebhookAttempt.outcome, WebhookAttempt.status_code).order_by(WebhookAttempt.id)
        )
        return [(row.outcome, row.status_code) for row in rows]


def test_a_push_is_signed_and_names_ids_alone(
    secret: str, endpoint: Endpoint, requested: UUID
) -> None:
    drain()
    [received] = endpoint.received
    said = Webhook(secret).verify(received.body, received.headers)
    assert said["type"] == "order.placed"
    assert said["data"]["refill_id"] == str(requested)
    assert received.headers["webhook-id"] == said["data"]["order_id"]
    assert set(said["data"]) == {"order_id", "refill_id"}
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(received.body.replace(b"placed", b"PLACED"), received.headers)
    assert attempts() == [("sent", 204)]
    drain()
    assert len(endpoint.received) == 1


def test_what_fails_is_tried_again_with_the_same_id(
    secret: str, endpoint: Endpoint, requested: UUID
) -> None:
    assert secret
    endpoint.status = 500
    drain_once()
    drain_once()
    retry_all()
    endpoint.status = 200
    retry_all()
    ids = {received.headers["webhook-id"] for received in endpoint.received}
    assert len(ids) == 1
    assert attempts()[-1] == ("sent", 200)
    assert ("failed", None) in attempts()


def test_what_was_pulled_meanwhile_is_not_pushed(
    secret: str, endpoint: Endpoint, pharmacy: Caller, requested: UUID
) -> None:
    assert secret
    endpoint.status = 503
    drain_once()
    drain_once()
    count = len(endpoint.received)
    pharmacy.post(f"/pharmacy/orders/{requested}/acknowledge")
    retry_all()
    assert len(endpoint.received) == count


def test_a_dead_endpoint_is_paused_and_somebody_calls(
    clinic: SmallClinic, secret: str, endpoint: Endpoint, pharmacy: Caller, requested: UUID
) -> None:
    assert secret
    endpoint.status = 500
    for _ in range(FAILURES_BEFORE_PAUSE + 2):
        retry_all()
    assert webhook(clinic).status == "paused"
    assert len(endpoint.received) == FAILURES_BEFORE_PAUSE
    with transaction(OPERATOR) as session:
        [item] = session.scalars(select(WorkItem).where(WorkItem.kind == "feed_paused"))
        assert item.subject_id == clinic.pharmacy.id
    assert [one["refill_id"] for one in pharmacy.get("/pharmacy/orders").json["items"]] == [
        str(requested)
    ]
    endpoint.status = 200
    resumed = pharmacy.post("/pharmacy/webhook/resume")
    assert (resumed.status_code, resumed.json["status"]) == (200, "active")
    retry_all()
    assert attempts()[-1] == ("sent", 200)


def test_an_endpoint_that_is_gone_is_paused_at_once(
    clinic: SmallClinic, secret: str, endpoint: Endpoint, requested: UUID
) -> None:
    assert secret
    endpoint.status = 410
    drain()
    assert webhook(clinic).status == "paused"
    assert len(endpoint.received) == 1


def test_a_redirect_is_not_followed(
    secret: str, endpoint: Endpoint, clinic: SmallClinic, requested: UUID
) -> None:
    assert secret
    with listening() as elsewhere:
        endpoint.status, endpoint.location = 307, elsewhere.url
        drain_once()
        drain_once()
        assert elsewhere.received == []
    assert webhook(clinic).last_failure == "HTTP 307"


def test_a_new_secret_is_good_at_once(
    secret: str, endpoint: Endpoint, pharmacy: Caller, requested: UUID
) -> None:
    fresh = pharmacy.post("/pharmacy/webhook/rotate").json["secret"]
    assert fresh != secret
    drain()
    [received] = endpoint.received
    assert Webhook(fresh).verify(received.body, received.headers)


def test_without_a_webhook_nothing_is_pushed(
    secret: str, endpoint: Endpoint, pharmacy: Caller, patient: Caller, refillable: Make
) -> None:
    assert secret
    assert pharmacy.delete("/pharmacy/webhook").status_code == 204
    ask_one(patient, refillable().id)
    drain()
    assert endpoint.received == []
    assert pharmacy.get("/pharmacy/webhook").status_code == 404


def test_the_health_says_how_the_webhook_is(
    secret: str, endpoint: Endpoint, pharmacy: Caller, requested: UUID
) -> None:
    assert secret
    drain()
    health = pharmacy.get("/pharmacy/feed").json["webhook"]
    assert (health["status"], health["failures"], health["url"]) == ("active", 0, endpoint.url)
    assert health["last_success_at"]


@pytest.mark.parametrize(
    "url",
    [
        "ftp://pharmacy.example/x",
        "https://",
        "https://user:secret@pharmacy.example/",
        "https://pharmacy.example/#part",
        "not an address",
        "javascript:alert(1)",
    ],
)
def test_an_unusable_address_is_refused(pharmacy: Caller, url: str) -> None:
    answer = pharmacy.put("/pharmacy/webhook", {"url": url})
    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == "/url"


@pytest.mark.parametrize(
    "url",
    [
        "http://pharmacy.example/",
        "https://127.0.0.1/",
        "https://10.0.0.7/hooks",
        "https://[::1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://localhost:8000/",
    ],
)
def test_in_production_our_own_network_is_out_of_reach(url: str) -> None:
    with pytest.raises(WebhookUnusable):
        gateway.check_url(url, private_hosts=False)


def test_a_host_that_turned_private_is_not_called(endpoint: Endpoint) -> None:
    values: dict[str, Any] = {"id": "1", "kind": "order.placed", "data": {}, "at": utcnow()}
    key = "whsec_" + "A" * 43 + "="
    with pytest.raises(TransportError):
        gateway.push(Push(url=endpoint.url, secret=key, **values), private_hosts=False)
    assert endpoint.received == []
