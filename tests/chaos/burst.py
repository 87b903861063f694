"""Patients who ask for many refills at once, and don't give up when the portal stumbles."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Condition
from typing import Any
from uuid import UUID, uuid4

import httpx

from portal.demo.seed.cli import PASSWORD

CONNECTIONS = 8
PATIENCE_SECONDS = 90
PAUSE_SECONDS = 0.2


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


@dataclass(slots=True)
class Burst:
    """Requests under way and their answers so far."""

    asks: Sequence[Ask]
    answers: list[Answer] = field(default_factory=list)
    seconds: float = 0.0
    _more: Condition = field(default_factory=Condition)

    def run(self, base_url: str) -> None:
        """Send all of them from several connections. Raises what any of them ran into."""
        started = time.monotonic()
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            shares = [self.asks[n::CONNECTIONS] for n in range(CONNECTIONS)]
            sending = [pool.submit(self._send, base_url, share) for share in shares]
        self.seconds = time.monotonic() - started
        for share in sending:
            share.result()

    def wait_for(self, count: int) -> None:
        """Wait until that many have been answered."""
        with self._more:
            assert self._more.wait_for(lambda: len(self.answers) >= count, PATIENCE_SECONDS)

    def _send(self, base_url: str, asks: Sequence[Ask]) -> None:
        with httpx.Client(base_url=base_url, timeout=30) as client:
            for ask in asks:
                answer = insist(client, ask)
                with self._more:
                    self.answers.append(answer)
                    self._more.notify_all()

    @property
    def accepted(self) -> list[UUID]:
        return [answer.refill_id for answer in self.answers if answer.refill_id]

    @property
    def retried(self) -> int:
        return sum(answer.tries > 1 for answer in self.answers)

    @property
    def replayed(self) -> int:
        return sum(answer.replayed for answer in self.answers)


def insist(client: httpx.Client, ask: Ask) -> Answer:
    """Try with the same key until there is an answer that is one."""
    headers = {"Authorization": f"Bearer {ask.token}", "Idempotency-Key": ask.key}
    body = {"items": [{"prescription_id": ask.prescription_id}]}
    deadline, tries = time.monotonic() + PATIENCE_SECONDS, 0
    while True:
        tries += 1
        try:
            response = client.post("/api/v1/refills", json=body, headers=headers)
            if response.status_code in (201, 422):
                return _answer(ask, response, tries)
            trouble = f"{response.status_code} {response.text[:300]}"
            assert response.status_code in (429, 503), trouble
        except httpx.TransportError as error:
            trouble = repr(error)
        assert time.monotonic() < deadline, f"no answer after {tries} tries: {trouble}"
        time.sleep(PAUSE_SECONDS)


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


def during(burst: Burst, base_url: str, count: int, disaster: Callable[[], Any]) -> None:
    """Run a burst, and the disaster once that many requests have been answered."""
    with ThreadPoolExecutor(1) as pool:
        running: Future[None] = pool.submit(burst.run, base_url)
        burst.wait_for(count)
        disaster()
        running.result()
