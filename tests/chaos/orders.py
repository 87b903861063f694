"""A practitioner who orders many tests at once at the laboratory that takes orders over MLLP, and
what must be true of each of them afterwards."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pyotp

from portal.demo.cast import CAPITAL, OKAFOR
from tests.chaos.crowd import Crowd, insist
from tests.chaos.evidence import Evidence

TEST = "24323-8"
_PATIENTS = """
    SELECT c.patient_id AS id FROM care_team_member c JOIN practitioner p ON p.id = c.member_id
    WHERE p.name = %s AND c.role = 'primary' ORDER BY 1
"""
_LABORATORY = "SELECT id FROM laboratory WHERE name = %s"
_PLACED = "SELECT id FROM requisition WHERE laboratory_id = %s AND ordered_at >= %s"
# One line for each order with what it left behind, everywhere.
_WAYS = """
    SELECT r.id, r.status, r.filler_number IS NOT NULL AS numbered,
      (SELECT count(*) FROM laboratory_message m WHERE m.requisition_id = r.id) AS messages,
      (SELECT count(*) FROM laboratory_message m WHERE m.requisition_id = r.id
         AND m.kind = 'new' AND m.status = 'accepted' AND m.attempts > 0
         AND m.laboratory_id = r.laboratory_id
         AND split_part(convert_from(m.content, 'UTF8'), '|', 10) = m.control_id) AS accepted,
      (SELECT string_agg(h.to_status, ' ' ORDER BY h.at, h.id) FROM requisition_history h
         WHERE h.requisition_id = r.id) AS steps,
      (SELECT count(*) FROM audit_entry a WHERE a.resource_id = r.id
         AND a.resource = 'requisition' AND a.action = 'create') AS audited,
      (SELECT count(*) FROM notification n WHERE n.subject_id = r.id
         AND n.recipient_id = r.patient_id AND n.event = 'requisition_placed') AS told
    FROM requisition r WHERE r.id = ANY(%s)
"""
EXPECTED = {
    "status": "accepted",
    "numbered": True,
    "messages": 1,
    "accepted": 1,
    "steps": "placed accepted",
    "audited": 1,
    "told": 1,
}
_MESSAGES = """
    SELECT id, xact::text AS xact, attempts, sent_at, answered_at FROM laboratory_message
    WHERE requisition_id = ANY(%s) ORDER BY answered_at
"""


@dataclass(frozen=True, slots=True)
class Order:
    """One order for one patient, with the key that stays the same at every try."""

    token: str
    patient_id: UUID
    laboratory_id: UUID
    key: str


@dataclass(frozen=True, slots=True)
class Placed:
    """What the practitioner got in the end."""

    requisition_id: UUID
    tries: int


class Orders(Crowd[Order, Placed]):
    """Orders under way and their answers so far."""

    __slots__ = ()

    def answers_to(self, address: str, asks: Sequence[Order]) -> Iterator[Placed]:
        with httpx.Client(base_url=address, timeout=30) as client:
            for ask in asks:
                yield _order(client, ask)

    @property
    def ids(self) -> list[UUID]:
        return [answer.requisition_id for answer in self.answers]

    @property
    def retried(self) -> int:
        return sum(answer.tries > 1 for answer in self.answers)


def _order(client: httpx.Client, ask: Order) -> Placed:
    headers = {"Authorization": f"Bearer {ask.token}", "Idempotency-Key": ask.key}
    body = {
        "patient_id": str(ask.patient_id),
        "laboratory_id": str(ask.laboratory_id),
        "tests": [{"code": TEST}],
        "diagnoses": [{"code": "E11.9", "text": "Type 2 diabetes mellitus"}],
    }
    response, tries = insist(client, "/api/v1/requisitions", body, headers)
    assert response.status_code == 201, response.text
    [item] = response.json()["items"]
    return Placed(UUID(item["id"]), tries)


def sign_in(base_url: str, var: Path) -> str:
    """The token of the demo's first physician."""
    accounts = json.loads((var / "demo.json").read_text(encoding="utf-8"))["accounts"]
    [login] = [one for one in accounts if one["name"] == OKAFOR.name]
    code = pyotp.TOTP(login["totp_secret"]).now()
    body = {"email": login["email"], "password": login["password"], "code": code}
    answer = httpx.post(f"{base_url}/api/v1/sessions", json=body, timeout=30)
    assert answer.status_code == 201, answer.text
    token: str = answer.json()["token"]
    return token


def orders_of(evidence: Evidence, token: str, count: int) -> Orders:
    """So many orders for the physician's own patients in turn."""
    patients = [row["id"] for row in evidence.ask(_PATIENTS, OKAFOR.name)]
    laboratory_id = laboratory_of(evidence)
    return Orders(
        [
            Order(token, patients[number % len(patients)], laboratory_id, str(uuid4()))
            for number in range(count)
        ]
    )


def laboratory_of(evidence: Evidence) -> UUID:
    """The demo's laboratory that is sent its orders, and reports, over MLLP."""
    [row] = evidence.ask(_LABORATORY, CAPITAL.name)
    id_: UUID = row["id"]
    return id_


def placed_since(evidence: Evidence, since: datetime) -> set[UUID]:
    return {row["id"] for row in evidence.ask(_PLACED, laboratory_of(evidence), since)}


def messages_of(evidence: Evidence, ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """The messages of orders, in the order in which they were answered."""
    return evidence.ask(_MESSAGES, list(ids))


def answered(evidence: Evidence, since: datetime) -> int:
    """How many of the orders since then the laboratory has answered."""
    ids = list(placed_since(evidence, since))
    return sum(row["answered_at"] is not None for row in messages_of(evidence, ids))


def astray(evidence: Evidence, ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """The orders that were not sent and accepted exactly once."""
    return [row for row in evidence.ask(_WAYS, list(ids)) if {**row, **EXPECTED} != row]


def out_of_turn(messages: Sequence[dict[str, Any]]) -> list[UUID]:
    """Messages that were sent before the one ahead of them was answered, or that overtook one
    which came into the queue by the same commit. (Across commits an id may become visible late.)
    """
    found = []
    last_of: dict[str, UUID] = {}
    for before, message in zip([None, *messages], messages, strict=False):
        hurried = before is not None and message["sent_at"] < before["answered_at"]
        if hurried or last_of.get(message["xact"], message["id"]) > message["id"]:
            found.append(message["id"])
        last_of[message["xact"]] = message["id"]
    return found
