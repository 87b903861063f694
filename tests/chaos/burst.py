"""Patients who ask for many refills at once, and don't give up when the portal stumbles."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import UUID, uuid4

import httpx

from portal.demo.seed.cli import PASSWORD
from tests.chaos.crowd import CONNECTIONS, Crowd, insist


@dataclass(frozen=True, slots=True)
class Ask:
    """One request of one patient, with the key that stays the same at every try."""

    token: str
    prescription_id: str
    key: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a patient got in the end. `refill_id` is None for what was rejected."""

    ask: Ask
    status: int
    refill_id: UUID | None
    tries: int
    replayed: bool


class Burst(Crowd[Ask, Answer]):
    """Requests for refills under way and their answers so far."""

    __slots__ = ()

    def answers_to(self, address: str, asks: Sequence[Ask]) -> Iterator[Answer]:
        with httpx.Client(base_url=address, timeout=30) as client:
            for ask in asks:
                headers = {"Authorization": f"Bearer {ask.token}", "Idempotency-Key": ask.key}
                body = {"items": [{"prescription_id": ask.prescription_id}]}
                yield _answer(ask, *insist(client, "/api/v1/refills", body, headers))

    @property
    def accepted(self) -> list[UUID]:
        return [answer.refill_id for answer in self.answers if answer.refill_id]

    @property
    def retried(self) -> int:
        return sum(answer.tries > 1 for answer in self.answers)

    @property
    def replayed(self) -> int:
        return sum(answer.replayed for answer in self.answers)


def _answer(ask: Ask, response: httpx.Response, tries: int) -> Answer:
    [item] = response.json()["items"]
    refill_id = UUID(item["refill"]["id"]) if item["outcome"] == "accepted" else None
    replayed = "Idempotent-Replayed" in response.headers
    return Answer(ask, response.status_code, refill_id, tries, replayed)


def asks_of(base_url: str, emails: Sequence[str]) -> list[Ask]:
    """Every current prescription of some patients, each asked for once, patient by patient."""

    def of_one(email: str) -> list[Ask]:
        with httpx.Client(base_url=base_url, timeout=30) as client:
            token = _sign_in(client, email)
            client.headers["Authorization"] = f"Bearer {token}"
            _want_mails(client)
            answer = client.get("/api/v1/prescriptions", params={"limit": 50})
            assert answer.status_code == 200, answer.text
        return [Ask(token, item["id"], str(uuid4())) for item in answer.json()["items"]]

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        return [ask for asks in pool.map(of_one, emails) for ask in asks]


def _sign_in(client: httpx.Client, email: str) -> str:
    answer = client.post("/api/v1/sessions", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 201, answer.text
    token: str = answer.json()["token"]
    return token


def _want_mails(client: httpx.Client) -> None:
    """These two are not mailed unless somebody wants them."""
    wanted = {"refill_sent": True, "refill_awaiting_prescriber": True}
    answer = client.patch("/api/v1/me/preferences", json={"by_email": wanted})
    assert answer.status_code == 200, answer.text
