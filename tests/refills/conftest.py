"""What the tests of refills share: callers, and prescriptions that are refillable today."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from portal.core import dates
from portal.core.actor import OPERATOR, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.prescriptions.model import Prescription
from portal.refills.model import Refill
from tests.refills.story import Story
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, prescription
from tests.support.work import drain

TODAY = utcnow().date()
Make = Callable[..., Prescription]


@pytest.fixture(autouse=True)
def story_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """What pharmacies report in a story is read by the story's clock, which may be years ahead."""
    Story.furthest = utcnow()
    monkeypatch.setattr(dates, "utcnow", lambda: max(utcnow(), Story.furthest))


@pytest.fixture
def refillable(clinic: SmallClinic) -> Make:
    """Makes prescriptions that are refillable by today's clock, since the API has no other."""

    def make(**changes: Any) -> Prescription:
        dates = {
            "last_filled_on": TODAY - timedelta(days=40),
            "written_on": TODAY - timedelta(days=100),
            "expires_on": TODAY + timedelta(days=200),
        }
        return prescription(clinic, **{**dates, **changes})

    return make


@pytest.fixture
def requested(patient: Caller, refillable: Make) -> UUID:
    """A refill on its way to the pharmacy."""
    return ask_one(patient, refillable().id)


@pytest.fixture
def waiting(patient: Caller, refillable: Make) -> UUID:
    """A renewal that waits for its prescriber."""
    return ask_one(patient, refillable(refills_used=5).id)


def ask(patient: Caller, *ids: UUID, **options: Any) -> Any:
    items = [{"prescription_id": str(id_), **options} for id_ in ids]
    return patient.post("/refills", {"items": items})


def ask_one(patient: Caller, prescription_id: UUID) -> UUID:
    answer = ask(patient, prescription_id)
    assert answer.status_code == 201, answer.text
    return UUID(answer.json["items"][0]["refill"]["id"])


def load(model: type[Any], id_: UUID) -> Any:
    """A row as it stands in the database."""
    with transaction(OPERATOR) as session:
        row = session.get(model, id_)
        assert row is not None
        return row


def refill(id_: UUID) -> Refill:
    row: Refill = load(Refill, id_)
    return row


def set_status(refill_id: UUID, status: str) -> None:
    """Put an open refill into another open status, as if the pharmacy had."""
    with transaction(OPERATOR) as session:
        row = session.get(Refill, refill_id)
        assert row is not None
        row.status = status


@pytest.fixture
def pharmacy(clinic: SmallClinic, caller: Callable[..., Caller]) -> Caller:
    return caller(ActorKind.PHARMACY, clinic.pharmacy.id, clinic.pharmacy.name)


@pytest.fixture
def other_pharmacy(clinic: SmallClinic, caller: Callable[..., Caller]) -> Caller:
    return caller(ActorKind.PHARMACY, clinic.other_pharmacy.id, clinic.other_pharmacy.name)


@pytest.fixture
def acknowledged(pharmacy: Caller, requested: UUID) -> UUID:
    """A refill that the pharmacy was sent and has acknowledged."""
    drain()
    answer = pharmacy.post(f"/pharmacy/orders/{requested}/acknowledge")
    assert (answer.status_code, answer.json["status"]) == (200, "with_pharmacy"), answer.text
    return requested


@pytest.fixture
def mailed(patient: Caller, pharmacy: Caller, refillable: Make) -> UUID:
    """A refill that is to be mailed, and that the pharmacy has acknowledged."""
    answer = ask(patient, refillable().id, delivery="mail")
    assert answer.status_code == 201, answer.text
    refill_id = UUID(answer.json["items"][0]["refill"]["id"])
    drain()
    assert pharmacy.post(f"/pharmacy/orders/{refill_id}/acknowledge").status_code == 200
    return refill_id


def event_of(refill_id: UUID, status: str, **changes: Any) -> dict[str, Any]:
    """A status update as a pharmacy sends it, of this moment."""
    return {
        "event_id": str(uuid4()),
        "refill_id": str(refill_id),
        "status": status,
        "occurred_at": utcnow().isoformat(),
        **changes,
    }


def post_all(pharmacy: Caller, *updates: Any) -> list[dict[str, Any]]:
    answer = pharmacy.post("/pharmacy/status-updates", {"updates": list(updates)})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json["items"]
    return items


def post_one(pharmacy: Caller, refill_id: UUID, status: str, **changes: Any) -> str:
    [item] = post_all(pharmacy, event_of(refill_id, status, **changes))
    return str(item["outcome"])
