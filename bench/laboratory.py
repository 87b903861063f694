"""A laboratory's load: ORU messages over MLLP, and the floors beside it, parsing with python-hl7
alone and the inserts alone by psycopg."""

import hashlib
import socket
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from multiprocessing import get_context
from typing import Any, NamedTuple

import hl7
import psycopg
from psycopg.types.json import Jsonb

from portal.core.ids import new_id
from portal.demo.seed.results import ANALYTES, PANEL
from portal.hl7v2.framing import Frame, FrameReader, frame

SPAWN = get_context("spawn")
RECEIVE = 65_536
TIMEOUT_SECONDS = 60
LARGEST = 1_000_000
AT = "20260301080000-0500"
Work = Callable[[Any, Sequence[Any]], float]


def message(control_id: str, placer: str, patient: tuple[str, str, str]) -> bytes:
    """A final panel of five analytes that answers an order. `patient` is MRN, name, birth date."""
    mrn, name, born = patient
    head = (
        rf"MSH|^~\&|SEED1|SEEDLAB|CARELOOP|CLINIC|{AT}||ORU^R01^ORU_R01|{control_id}|P|2.5.1",
        f"PID|1||{mrn}^^^CLINIC^MR||{name}||{born}|F",
        f"ORC|RE|{placer}|F{control_id}",
        f"OBR|1|{placer}|F{control_id}|{PANEL[0]}^{PANEL[1]}^LN|||{AT}|||||||||||||||{AT}||CH|F",
    )
    results = (
        f"OBX|{number}|NM|{code}^{analyte}^LN||{low}|{unit}^^UCUM|{low}-{high}|N|||F|||{AT}"
        for number, (code, analyte, unit, low, high) in enumerate(ANALYTES, 1)
    )
    return "\r".join([*head, *results, ""]).encode()


def _send(port: int, messages: Sequence[bytes]) -> float:
    """Seconds for one connection to have every message acknowledged, one after another."""
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_SECONDS) as connection:
        frames = FrameReader(LARGEST)
        started = time.perf_counter()
        for one in messages:
            connection.sendall(frame(one))
            answers: list[Any] = []
            while not answers:
                answers = frames.feed(connection.recv(RECEIVE))
            answer = answers[0].content if isinstance(answers[0], Frame) else b""
            if b"\rMSA|AA|" not in answer:
                raise RuntimeError(f"answered {answer!r}")
        return time.perf_counter() - started


def _parse(_nothing: object, messages: Sequence[bytes]) -> float:
    started = time.perf_counter()
    for one in messages:
        hl7.parse(one.decode())
    return time.perf_counter() - started


# The rows that the intake writes, by the login and the role that it writes them with.
_BEGIN = "BEGIN; SET LOCAL ROLE careloop_worker"
_MESSAGE = (
    "INSERT INTO received_message (id, transport, laboratory_id, sender, control_id, message_type, "
    "digest, content, received_at, outcome, answers) "
    "VALUES (%s, 'mllp', %s, %s, %s, 'ORU^R01', %s, %s, %s, 'taken_in', %s)"
)
_REPORT = (
    "INSERT INTO diagnostic_report (id, patient_id, requisition_id, laboratory_id, "
    "performer_name, responsible_id, placer_number, filler_number, code, code_system, name, "
    "category, status, abnormality, version_number, current_version_id, collected_at, "
    "reported_at, received_at, release_status) VALUES "
    "(%s, %s, %s, %s, 'Bench', %s, %s, %s, %s, 'LN', %s, 'CH', 'final', 'normal', 1, %s, %s, %s, "
    "%s, 'pending')"
)
_VERSION = (
    "INSERT INTO report_version (id, report_id, patient_id, number, status, abnormality, "
    "message_id, issued_at, received_at, digest, changes) "
    "VALUES (%s, %s, %s, 1, 'final', 'normal', %s, %s, %s, %s, '[]')"
)
_OBSERVATION = (
    "INSERT INTO observation (version_id, position, report_id, patient_id, code, code_system, "
    "name, sub_id, kind, number, comparator, value_text, unit, reference_low, reference_high, "
    "reference_text, flags, abnormality, status, observed_at) "
    "VALUES (%s, %s, %s, %s, %s, 'LN', %s, '', 'quantity', %s, '', %s, %s, %s, %s, %s, '{N}', "
    "'normal', 'final', %s)"
)
_OBSERVATIONS = ", ".join([_OBSERVATION.partition("VALUES ")[2]] * len(ANALYTES))
_ALL_OBSERVATIONS = f"{_OBSERVATION.partition('VALUES ')[0]}VALUES {_OBSERVATIONS}"
_AUDIT = (
    "INSERT INTO audit_entry (id, at, actor_kind, actor_id, credential_id, patient_id, action, "
    "resource, resource_id, purpose, request_id) VALUES "
    "(%s, %s, 'laboratory', %s, %s, %s, 'create', 'result', %s, 'treatment', '')"
)
_OUTBOX = (
    "INSERT INTO outbox_event (id, kind, payload, status, created_at, due_at, attempts, "
    "request_id) VALUES (%s, 'result.received', %s, 'pending', %s, %s, 0, '')"
)


class Order(NamedTuple):
    """An order, and the message that reports on it."""

    id: uuid.UUID
    placer_number: str
    patient_id: uuid.UUID
    message: bytes


def _insert(place: tuple[str, str, str], orders: Sequence[Order]) -> float:
    """Seconds for one connection to insert what the messages bring, a transaction each."""
    dsn, laboratory, responsible = place
    with psycopg.connect(dsn, autocommit=True, options="-c timezone=UTC -c jit=off") as connection:
        started = time.perf_counter()
        for order in orders:
            connection.execute(_BEGIN, prepare=False)
            _insert_one(connection, laboratory, responsible, order)
            connection.commit()
        return time.perf_counter() - started


def _insert_one(
    connection: psycopg.Connection[Any], laboratory: str, responsible: str, order: Order
) -> None:
    now = datetime.now(UTC)
    received, report, version, audit, event = (new_id() for _ in range(5))
    number, patient, content = order.placer_number, order.patient_id, order.message
    digest = hashlib.sha256(content).digest()
    run = connection.execute
    whose = [received, laboratory, laboratory, number]
    run(_MESSAGE, [*whose, digest, content, now, [content[:160]]])
    whose = [report, patient, order.id, laboratory, responsible, number, f"F{number}"]
    run(_REPORT, [*whose, *PANEL, version, now, now, now])
    run(_VERSION, [version, report, patient, received, now, now, digest])
    run(
        _ALL_OBSERVATIONS.encode(),
        [
            value
            for position, (code, name, unit, low, high) in enumerate(ANALYTES, 1)
            for value in (
                *(version, position, report, patient, code, name),
                *(low, str(low), unit, low, high, f"{low}-{high}", now),
            )
        ],
    )
    run(_AUDIT, [audit, now, laboratory, laboratory, patient, report])
    payload = Jsonb({"report_id": str(report), "version_id": str(version)})
    run(_OUTBOX, [event, payload, now, now])


def _worker(work: Work, place: Any, share: Sequence[Any], barrier: Any, outcome: Any) -> None:
    barrier.wait()
    try:
        outcome.send(work(place, share))
    except Exception as error:
        outcome.send(error)


def _rate(work: Work, place: Any, items: Sequence[Any], connections: int) -> float:
    """Items a second, by so many connections in processes of their own, which begin together."""
    barrier = SPAWN.Barrier(connections + 1)
    running = []
    for number in range(connections):
        receiver, sender = SPAWN.Pipe(duplex=False)
        share = items[number::connections]
        process = SPAWN.Process(target=_worker, args=(work, place, share, barrier, sender))
        process.start()
        running.append((process, receiver))
    barrier.wait()
    longest = 0.0
    for process, receiver in running:
        outcome = receiver.recv()
        process.join()
        if isinstance(outcome, Exception):
            raise outcome
        longest = max(longest, outcome)
    return len(items) / longest


def sending_rate(port: int, messages: Sequence[bytes], connections: int) -> float:
    """Messages a second from the first byte to the last acknowledgement."""
    return _rate(_send, port, messages, connections)


def parsing_rate(messages: Sequence[bytes], processes: int) -> float:
    """Messages a second that python-hl7 alone parses."""
    return _rate(_parse, None, messages, processes)


def inserting_rate(place: tuple[str, str, str], orders: Sequence[Order], connections: int) -> float:
    """Messages a second whose rows psycopg alone inserts. `place` is a DSN, the laboratory and
    who is responsible."""
    return _rate(_insert, place, orders, connections)
