"""The load: keep-alive connections in processes of their own, cheap enough not to be the limit."""

import selectors
import socket
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context
from statistics import quantiles
from typing import Any

CONNECTIONS = 8
PROCESSES = 2
RECEIVE = 65_536
TIMEOUT_SECONDS = 60
SPAWN = get_context("spawn")


@dataclass(slots=True)
class Load:
    """What came of a series of requests. Times are in seconds."""

    seconds: float
    statuses: Counter[int]
    latencies: list[float] = field(repr=False)
    answer: bytes = field(default=b"", repr=False)

    @property
    def count(self) -> int:
        return sum(self.statuses.values())

    @property
    def rate(self) -> float:
        return self.count / self.seconds

    @property
    def p95_ms(self) -> float:
        return quantiles(self.latencies, n=20)[-1] * 1000 if len(self.latencies) > 1 else 0.0

    def expect(self, *statuses: int) -> "Load":
        """Raises RuntimeError with an answer when others came."""
        if others := set(self.statuses) - set(statuses):
            raise RuntimeError(
                f"answers {dict(self.statuses)}, {others} for one: {self.answer[:2000]!r}"
            )
        return self


def http(method: str, path: str, token: str = "", body: bytes = b"", key: str = "") -> bytes:
    """One HTTP/1.1 request, ready to be sent."""
    lines = [f"{method} {path} HTTP/1.1", "Host: bench"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if key:
        lines.append(f"Idempotency-Key: {key}")
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


class Connection:
    """One request at a time on one socket."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""
        self._started = 0.0

    def send(self, request: bytes) -> None:
        self._received = b""
        self._started = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> tuple[int, float, bytes] | None:
        """Status, latency and the whole answer, once it is complete."""
        part = self.socket.recv(RECEIVE)
        if not part:
            raise ConnectionError(f"the server closed the connection: {self._received[:300]!r}")
        self._received += part
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or len(body) < _content_length(head):
            return None
        return int(head[9:12]), time.perf_counter() - self._started, self._received

    def close(self) -> None:
        self.socket.close()

    def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a request and wait for the answer: status and body."""
        self.send(request)
        while (answer := self.receive()) is None:
            pass
        return answer[0], answer[2].partition(b"\r\n\r\n")[2]


def _content_length(head: bytes) -> int:
    lowered = head.lower()
    at = lowered.find(b"\r\ncontent-length:")
    if at < 0:
        return 0
    end = lowered.find(b"\r\n", at + 2)
    return int(lowered[at + 17 : end if end > 0 else None])


def _drive(port: int, connections: int, requests: Sequence[bytes]) -> Load:
    waiting = iter(requests)
    selector = selectors.DefaultSelector()
    load = Load(0.0, Counter(), [])
    started = time.perf_counter()
    for _ in range(connections):
        if (request := next(waiting, None)) is not None:
            connection = Connection(port)
            connection.send(request)
            selector.register(connection.socket, selectors.EVENT_READ, connection)
    while selector.get_map():
        for key, _events in selector.select(TIMEOUT_SECONDS) or _nothing_came():
            _take(load, selector, key.data, waiting)
    load.seconds = time.perf_counter() - started
    return load


def _nothing_came() -> Any:
    raise TimeoutError(f"no answer within {TIMEOUT_SECONDS} s")


def _take(load: Load, selector: Any, connection: Connection, waiting: Any) -> None:
    answer = connection.receive()
    if answer is None:
        return
    status, latency, whole = answer
    load.statuses[status] += 1
    load.latencies.append(latency)
    if status >= 400 or not load.answer:
        load.answer = whole
    request = next(waiting, None)
    if request is None:
        selector.unregister(connection.socket)
        connection.socket.close()
    else:
        connection.send(request)


def _worker(
    port: int, connections: int, requests: Sequence[bytes], barrier: Any, outcome: Any
) -> None:
    barrier.wait()
    try:
        outcome.send(_drive(port, connections, requests))
    except Exception as error:
        outcome.send(error)


def drive(
    port: int,
    requests: Sequence[bytes],
    *,
    connections: int = CONNECTIONS,
    processes: int = PROCESSES,
) -> Load:
    """Send the requests as fast as the connections carry them; the last answer ends the clock."""
    processes = min(processes, connections)
    barrier = SPAWN.Barrier(processes + 1)
    running = []
    for number in range(processes):
        receiver, sender = SPAWN.Pipe(duplex=False)
        share = requests[number::processes]
        process = SPAWN.Process(
            target=_worker, args=(port, connections // processes, share, barrier, sender)
        )
        process.start()
        running.append((process, receiver))
    barrier.wait()
    started = time.perf_counter()
    loads: list[Load] = []
    for process, receiver in running:
        outcome = receiver.recv()
        process.join()
        if isinstance(outcome, Exception):
            raise outcome
        loads.append(outcome)
    return _together(loads, time.perf_counter() - started)


def _together(loads: Sequence[Load], seconds: float) -> Load:
    statuses: Counter[int] = Counter()
    latencies: list[float] = []
    for load in loads:
        statuses.update(load.statuses)
        latencies.extend(load.latencies)
    worst = max(loads, key=lambda load: max(load.statuses, default=0))
    return Load(seconds, statuses, latencies, worst.answer)
