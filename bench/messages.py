"""Messages: sending, opening, the physician's worklist, counts and lists of a panel, searching."""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import cycle, islice

import orjson
import psycopg

from bench.client import Load, drive, http
from bench.conversations import MEAN_LENGTH, Alike, Years, gather_people, write_alike, write_years
from bench.measures import APP
from bench.recording import Recorder
from bench.report import Report
from bench.stage import Stage
from bench.supplies import patient_at, sign_in
from bench.turns import in_turns, p95s, rates, slower
from portal.demo.seed.loading import load
from portal.demo.seed.plan import Plan, Table, row_id

PANEL = 5_000
OTHERS = 100  # patients outside the panel, at least
MESSAGES_EACH = 50  # of a patient, at the large scale
MESSAGES_AN_ITEM = 40  # 2,000,000 messages with 50,000 open items
SESSIONS = 20
LONG, SHORT = 50, 4
COMMON, RARE = "tablets", "gabapentin"
API = "/api/v1"

_UNREAD = (
    """
    DELETE FROM message_read r USING message m
    WHERE m.id = r.message_id AND m.thread_id = ANY(%(ids)s)
    """,
    "UPDATE message SET read_at = NULL WHERE thread_id = ANY(%(ids)s)",
    "UPDATE thread SET unread_by_patient = %(half)s, unread_by_team = %(half)s "
    "WHERE id = ANY(%(ids)s)",
    "VACUUM thread, message, message_read",
)
_UNSENT = (
    "TRUNCATE outbox_event, idempotency_key",
    """
    DELETE FROM work_item_hop h USING work_item w
    WHERE w.id = h.work_item_id AND w.subject_id = ANY(%(ids)s) AND w.created_at >= %(since)s
    """,
    "DELETE FROM work_item WHERE subject_id = ANY(%(ids)s) AND created_at >= %(since)s",
    "DELETE FROM thread_history WHERE thread_id = ANY(%(ids)s) AND at >= %(since)s",
    "DELETE FROM message WHERE thread_id = ANY(%(ids)s) AND sent_at >= %(since)s",
    "UPDATE thread SET status = 'awaiting_patient', reply_due_at = NULL, unread_by_team = 0, "
    "unread_by_patient = 0 WHERE id = ANY(%(ids)s)",
    "VACUUM thread, thread_history, message, work_item, work_item_hop",
)
_NEWEST = (
    "SELECT DISTINCT ON (thread_id) thread_id, id FROM message WHERE thread_id = ANY(%s) "
    "ORDER BY thread_id, sent_at DESC"
)


@dataclass(frozen=True, slots=True)
class Letters:
    """One scale: its servers, whoever writes, and the threads that are alike at every scale."""

    stage: Stage
    messages: int
    practitioner: Sequence[str]
    nurse: Sequence[str]
    patients: dict[uuid.UUID, list[str]]
    long: Sequence[tuple[uuid.UUID, uuid.UUID]]
    short: Sequence[tuple[uuid.UUID, uuid.UUID]]


def set_up(stage: Stage, messages: int) -> Letters:
    """A panel of 5,000 in a clinic with so many messages, and the server."""
    patients = max(PANEL + OTHERS, messages // MESSAGES_EACH)
    plan = Plan(patients=patients, seed=1, as_of=datetime.now(UTC).date())
    load(stage.dsn, plan)
    practitioner_id, nurse_id, pool_id = (
        uuid.UUID(row_id(plan.tail, table, 0))
        for table in (Table.PRACTITIONER, Table.STAFF_MEMBER, Table.POOL)
    )
    gather_people(stage.dsn, practitioner_id, PANEL)
    alike = partial(Alike, practitioner_id, pool_id)
    readers = alike(first=0, people=20, each=2, size=LONG, status="awaiting_patient")
    senders = alike(first=20, people=40, each=10, size=SHORT, status="awaiting_patient")
    waiting = alike(first=60, people=400, each=1, size=3, status="awaiting_care_team")
    count = int((messages - sum(one.messages for one in (readers, senders, waiting))) / MEAN_LENGTH)
    open_items = min(count // 2, messages // MESSAGES_AN_ITEM)
    write_years(stage.dsn, Years(count, open_items, patients, PANEL))
    long, short = write_alike(stage.dsn, readers), write_alike(stage.dsn, senders)
    write_alike(stage.dsn, waiting)
    with psycopg.connect(stage.dsn) as connection:
        letters = Letters(
            stage,
            messages,
            sign_in(connection, practitioner_id, "practitioner", SESSIONS),
            sign_in(connection, nurse_id, "staff", SESSIONS),
            {
                id_: sign_in(connection, id_)
                for id_ in (patient_at(plan, number) for number in range(60))
            },
            long,
            short,
        )
    with psycopg.connect(stage.dsn, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
    stage.serve(APP, "wsgi:app")
    return letters


def _drive(letters: Letters, requests: Sequence[bytes], status: int = 200) -> Load:
    return drive(letters.stage.port(APP), requests).expect(status)


def _run(letters: Letters, statements: Sequence[str], values: dict[str, object]) -> None:
    with psycopg.connect(letters.stage.dsn, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode(), values if "%(" in statement else None)


def send(letters: Letters, count: int) -> tuple[Load, Load]:
    """(h): patients write in threads that then wait; the physician answers in the same ones."""
    since = datetime.now(UTC)
    threads = letters.short[:count]
    ids = [id_ for id_, _ in threads]
    asked = _drive(letters, [_ask(letters, n, *one) for n, one in enumerate(threads)], 201)
    with psycopg.connect(letters.stage.dsn) as connection:
        newest = connection.execute(_NEWEST, [ids]).fetchall()
    tokens = islice(cycle(letters.practitioner), len(newest))
    answers = [_answer(token, *one) for token, one in zip(tokens, newest, strict=True)]
    answered = _drive(letters, answers, 201)
    _run(letters, _UNSENT, {"ids": ids, "since": since})
    return asked, answered


def _ask(letters: Letters, number: int, thread_id: uuid.UUID, patient_id: uuid.UUID) -> bytes:
    tokens = letters.patients[patient_id]
    body = {"body": "I took the tablets for a week, and have a question about the next one."}
    return _message(tokens[number % len(tokens)], thread_id, body)


def _answer(token: str, thread_id: uuid.UUID, seen: uuid.UUID) -> bytes:
    body = {"body": "Go on for another week, please.", "last_seen_message_id": seen}
    return _message(token, thread_id, body)


def _message(token: str, thread_id: uuid.UUID, body: Mapping[str, object]) -> bytes:
    path = f"{API}/threads/{thread_id}/messages"
    return http("POST", path, token, orjson.dumps(body), f"bench-{uuid.uuid4()}")


def open_threads(letters: Letters, by_patient: bool, count: int) -> Load:
    """(i): threads of 50, nothing of which was read before; each is opened again and again."""
    _run(letters, _UNREAD, {"ids": [id_ for id_, _ in letters.long], "half": LONG // 2})
    return _drive(letters, list(islice(_opening(letters, by_patient), count)))


def _opening(letters: Letters, by_patient: bool) -> Iterator[bytes]:
    for number, (thread_id, patient_id) in enumerate(cycle(letters.long)):
        tokens = letters.patients[patient_id] if by_patient else letters.practitioner
        yield http("GET", f"{API}/threads/{thread_id}?limit={LONG}", tokens[number % len(tokens)])


def get(path: str, letters: Letters, count: int, *, nurse: bool = False) -> Load:
    """Reads of the physician's, or a nurse's."""
    tokens = letters.nurse if nurse else letters.practitioner
    return _drive(
        letters, [http("GET", f"{API}{path}", one) for one in islice(cycle(tokens), count)]
    )


def search(words: str, letters: Letters, count: int) -> Load:
    """The physician's search over the panel."""
    body = orjson.dumps({"q": words})
    tokens = islice(cycle(letters.practitioner), count)
    return _drive(letters, [http("POST", f"{API}/threads/search", one, body) for one in tokens])


READS: Sequence[tuple[str, Callable[[Letters, int], Load]]] = (
    ("(i) open a thread of 50, a patient", lambda one, count: open_threads(one, True, count)),
    ("(i) open a thread of 50, a physician", lambda one, count: open_threads(one, False, count)),
    ("(j) worklist page, a physician", partial(get, "/worklist?limit=50")),
    ("(j) worklist page, a nurse", partial(get, "/worklist?limit=50", nurse=True)),
    (f"(k) counts of a panel of {PANEL:,}", partial(get, "/threads/summary")),
    (f"(k) what waits of a panel of {PANEL:,}", partial(get, "/threads?limit=50")),
)
# These take longer for a panel that has written more, and no longer for what others wrote.
SEARCHES: Sequence[tuple[str, Callable[[Letters, int], Load]]] = (
    ("(l) search by a common word", partial(search, COMMON)),
    ("(l) search by a rare word", partial(search, RARE)),
)
STATEMENTS = {"open, 50 messages and 4": 10, "worklist page": 5, "counts": 3}


def measure(sides: Sequence[Letters], rounds: int, count: int, report: Report) -> None:
    """Everything about messages, at both scales in turns."""
    for side in sides:
        send(side, 100)
    found = in_turns(sides, rounds, lambda side: send(side, count))
    asked, answered = ([[both[n] for both in turns] for turns in found] for n in range(2))
    for name, loads in (("a patient", asked), ("a physician", answered)):
        _report(report, f"(h) send a message, {name}", loads)
    for name, read in (*READS, *SEARCHES):
        for side in sides:
            read(side, 40)
        loads = in_turns(sides, rounds, partial(_counted, read, count))
        _report(report, name, loads, scales=(name, read) in READS)
    counted = [count_statements(side) for side in sides]
    for name, most in STATEMENTS.items():
        report.counts(f"    SQL statements: {name}", [one[name] for one in counted], most)


def _report(
    report: Report, name: str, loads: Sequence[Sequence[Load]], *, scales: bool = True
) -> None:
    report.rates(name, rates(loads), p95s(loads), scales=scales, slower=slower(loads))


def _counted(read: Callable[[Letters, int], Load], count: int, letters: Letters) -> Load:
    return read(letters, count)


def count_statements(letters: Letters) -> dict[str, int]:
    """The most statements of each, for much and for little."""
    recorder = Recorder(letters.stage)
    token = letters.practitioner[0]
    threads = [f"{API}/threads/{one[0][0]}?limit={LONG}" for one in (letters.long, letters.short)]
    return {
        "open, 50 messages and 4": max(recorder.count(path, token) for path in threads),
        "worklist page": max(
            recorder.count(f"{API}/worklist?limit={limit}", token) for limit in (50, 2)
        ),
        "counts": recorder.count(f"{API}/threads/summary", token),
    }
