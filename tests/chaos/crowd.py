"""Many who ask at once, each over a connection of its own, and don't give up on a stumble."""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Condition
from typing import Any, Generic, TypeVar

import httpx

CONNECTIONS = 8
PATIENCE_SECONDS = 90
PAUSE_SECONDS = 0.2

Ask = TypeVar("Ask")
Answer = TypeVar("Answer")


@dataclass(slots=True)
class Crowd(Generic[Ask, Answer]):
    """What is asked for, and the answers so far."""

    asks: Sequence[Ask]
    answers: list[Answer] = field(default_factory=list)
    seconds: float = 0.0
    _more: Condition = field(default_factory=Condition)

    def answers_to(self, address: str, asks: Sequence[Ask]) -> Iterable[Answer]:
        """Ask one after another at an address until there is an answer to each."""
        raise NotImplementedError

    def run(self, address: str) -> None:
        """Ask for all of it over several connections. Raises what any of them ran into."""
        started = time.monotonic()
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            shares = [self.asks[n::CONNECTIONS] for n in range(CONNECTIONS)]
            asking = [pool.submit(self._share, address, share) for share in shares]
        self.seconds = time.monotonic() - started
        for share in asking:
            share.result()

    def wait_for(self, count: int) -> None:
        """Wait until that many have been answered."""
        with self._more:
            assert self._more.wait_for(lambda: len(self.answers) >= count, PATIENCE_SECONDS)

    def _share(self, address: str, asks: Sequence[Ask]) -> None:
        for answer in self.answers_to(address, asks):
            with self._more:
                self.answers.append(answer)
                self._more.notify_all()


def insist(
    client: httpx.Client, path: str, body: dict[str, Any], headers: dict[str, str]
) -> tuple[httpx.Response, int]:
    """Post the same again until there is an answer that is one; returns it and the tries."""
    deadline, tries = time.monotonic() + PATIENCE_SECONDS, 0
    while True:
        tries += 1
        try:
            response = client.post(path, json=body, headers=headers)
            if response.status_code in (201, 422):
                return response, tries
            trouble = f"{response.status_code} {response.text[:300]}"
            assert response.status_code in (429, 503), trouble
        except httpx.TransportError as error:
            trouble = repr(error)
        assert time.monotonic() < deadline, f"no answer after {tries} tries: {trouble}"
        time.sleep(PAUSE_SECONDS)


def during(crowd: Crowd[Any, Any], address: str, count: int, disaster: Callable[[], Any]) -> None:
    """Have a crowd ask, and the disaster once that many have been answered."""
    with ThreadPoolExecutor(1) as pool:
        running: Future[None] = pool.submit(crowd.run, address)
        crowd.wait_for(count)
        disaster()
        running.result()
