"""A correspondence of years by set-based SQL: threads of several lengths over all patients, their
messages, receipts and work items, and threads that are alike at every scale, to be measured."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

import psycopg

PROCESSES = 2
BATCH = 20_000
MEAN_LENGTH = 5.4

_PEOPLE = """
    CREATE TABLE bench_person AS
    SELECT row_number() OVER (ORDER BY p.id)::int - 1 AS number, p.id AS patient_id,
           pr.id AS practitioner_id, pr.pool_id
    FROM patient p
    JOIN care_team_member c ON c.patient_id = p.id AND c.role = 'primary'
    JOIN practitioner pr ON pr.id = c.member_id;
    ALTER TABLE bench_person ADD PRIMARY KEY (number);
    ANALYZE bench_person
"""
# The physician's panel and nobody else, and all others another's.
_OTHERS = """
    UPDATE care_team_member SET member_id =
        (SELECT id FROM practitioner WHERE id <> %(practitioner_id)s ORDER BY id LIMIT 1)
    WHERE member_id = %(practitioner_id)s AND patient_id NOT IN
        (SELECT id FROM patient ORDER BY id LIMIT %(panel)s)
"""
_PANEL = """
    INSERT INTO care_team_member (patient_id, member_id, member_kind, role, started_on)
    SELECT patient_id, %(practitioner_id)s, 'practitioner', 'specialist', current_date
    FROM bench_person WHERE number < %(panel)s
    ON CONFLICT DO NOTHING
"""
# A thread of each row: who, since when, how long, and whether its last message waits to be read.
_PLAN = """
    CREATE TEMP TABLE planned ON COMMIT DROP AS
    SELECT uuidv7(t.began - now()) AS id, uuidv7(t.began - now()) AS item_id, t.*,
           t.began + (t.size - 1) * interval '3 hours' AS last_at
    FROM ({threads}) t
"""
# Those of four years, in the order of time; the newest wait for an answer, and not the panel's.
_OF_YEARS = """
    SELECT p.patient_id, p.practitioner_id, p.pool_id,
           now() - interval '7 days' - (%(count)s - n) * interval '4 years' / %(count)s AS began,
           CASE WHEN waits.so THEN 3 + 2 * (h %% 2) WHEN h %% 50 = 0 THEN 50 ELSE 3 + h %% 4 END
               AS size,
           CASE WHEN waits.so THEN 'awaiting_care_team' WHEN h %% 3 = 0 THEN 'awaiting_patient'
                ELSE 'closed' END AS status
    FROM generate_series(%(first)s::int, %(last)s::int) n
    CROSS JOIN LATERAL (SELECT abs(hashint4(n)) AS h, abs(hashint4(-n)) AS g) hashed
    CROSS JOIN LATERAL (SELECT n > %(count)s - %(waiting)s AS so) waits
    JOIN bench_person p ON p.number = CASE WHEN waits.so
        THEN %(panel)s + g %% (%(patients)s - %(panel)s) ELSE g %% %(patients)s END
"""
# Those that are measured, the physician's.
_ALIKE = """
    SELECT p.patient_id, %(practitioner_id)s::uuid AS practitioner_id, %(pool_id)s::uuid AS pool_id,
           now() - interval '7 days' - p.number * interval '1 day' - n * interval '1 hour' AS began,
           %(size)s AS size, %(status)s AS status
    FROM generate_series(1, %(each)s) n
    JOIN bench_person p ON p.number >= %(first)s AND p.number < %(first)s + %(people)s
"""
_WRITE = (
    """
    INSERT INTO thread (id, patient_id, pool_id, practitioner_id, category, subject, status,
        status_at, closed_reason, reply_due_at, created_at, last_message_at, unread_by_team)
    SELECT id, patient_id, pool_id, practitioner_id, 'other',
           (ARRAY['Tablets', 'Blood pressure', 'A question', 'My knee', 'Next visit'])
               [1 + abs(hashtext(id::text)) % 5],
           status, last_at, CASE status WHEN 'closed' THEN 'answered' END,
           CASE status WHEN 'awaiting_care_team' THEN last_at + interval '10 days' END, began,
           last_at, (status = 'awaiting_care_team')::int
    FROM planned
    """,
    """
    INSERT INTO thread_history (id, thread_id, patient_id, action, to_status, at, actor_kind,
                                actor_id)
    SELECT uuidv7(began - now()), id, patient_id, 'started', 'awaiting_care_team', began,
           'patient', patient_id
    FROM planned
    """,
    """
    INSERT INTO work_item (id, kind, subject_id, patient_id, status, priority, responsible_id,
        assignee_id, pool_id, due_at, routed_at, created_at, closed_at, closed_by, outcome)
    SELECT item_id, 'thread_reply', id, patient_id,
           CASE status WHEN 'awaiting_care_team' THEN 'open' ELSE 'done' END, 'routine',
           practitioner_id, CASE WHEN abs(hashtext(id::text)) % 10 > 0 THEN practitioner_id END,
           pool_id, last_at + interval '10 days', last_at, last_at,
           CASE WHEN status <> 'awaiting_care_team' THEN last_at + interval '1 hour' END,
           CASE WHEN status <> 'awaiting_care_team' THEN practitioner_id END,
           CASE WHEN status <> 'awaiting_care_team' THEN 'answered' END
    FROM planned
    """,
    """
    INSERT INTO work_item_hop (id, work_item_id, patient_id, at, assignee_id, pool_id,
        escalation_level, reason, actor_kind, actor_id)
    SELECT uuidv7(last_at - now()), item_id, patient_id, last_at, practitioner_id, pool_id, 0,
           'responsible', 'worker', '00000000-0000-0000-0000-000000000000'
    FROM planned
    """,
    """
    CREATE TEMP TABLE written ON COMMIT DROP AS
    SELECT uuidv7(w.at - now()) AS id, t.id AS thread_id, t.patient_id, t.practitioner_id, w.at,
           k % 2 = 1 AS asks, t.status = 'awaiting_care_team' AND k = t.size AS unread,
           abs(hashint8(hashtext(t.id::text)::bigint * 64 + k)) AS h
    FROM planned t CROSS JOIN generate_series(1, t.size) k
    CROSS JOIN LATERAL (SELECT t.began + (k - 1) * interval '3 hours' AS at) w
    ORDER BY w.at
    """,
    """
    INSERT INTO message (id, thread_id, patient_id, kind, author_kind, author_id, signature_kind,
                         signature, body, sent_at, read_at)
    SELECT id, thread_id, patient_id, 'message', CASE WHEN asks THEN 'patient' ELSE 'practitioner'
           END, CASE WHEN asks THEN patient_id ELSE practitioner_id END,
           CASE WHEN NOT asks THEN 'person' END, CASE WHEN NOT asks THEN 'Bench' END,
           (ARRAY['Good morning.', 'Thank you for your message.', 'I have a question.', 'Hello,'])
               [1 + h % 4] || ' ' ||
           (ARRAY['The tablets make me tired in the afternoon.', 'My knee hurts when I walk.',
                  'Please take the tablets with food, and call if it gets worse.',
                  'I measured my blood pressure for a week.', 'The appointment on Monday is fine.',
                  'Is it safe to take ibuprofen with it?', 'We can talk at the next visit.'])
               [1 + h / 4 % 7] || ' ' ||
           CASE WHEN h % 5003 = 0 THEN 'It may be the gabapentin.'
                ELSE (ARRAY['How long should I go on?', 'Let me know how it goes.',
                            'I will bring the list along.', 'It began last week.',
                            'That sounds right to me.'])[1 + h / 28 % 5] END,
           at, CASE WHEN NOT unread THEN at + interval '2 hours' END
    FROM written
    """,
    """
    INSERT INTO message_read (message_id, reader_id, reader_kind, patient_id, at)
    SELECT id, CASE WHEN asks THEN practitioner_id ELSE patient_id END,
           CASE WHEN asks THEN 'practitioner' ELSE 'patient' END, patient_id,
           at + interval '2 hours'
    FROM written WHERE NOT unread
    """,
    # The commit looks for the item of each thread that waits: by an index, once it is known how
    # many there are.
    "ANALYZE thread, work_item",
)
_SEARCHES = ("ix_thread_search", "ix_message_search")


@dataclass(frozen=True, slots=True)
class Years:
    """So many threads, the newest `waiting` of which wait, outside the physician's panel."""

    count: int
    waiting: int
    patients: int
    panel: int


@dataclass(frozen=True, slots=True)
class Alike:
    """`each` threads of `size` messages with each of some people of the physician's panel."""

    practitioner_id: UUID
    pool_id: UUID
    first: int
    people: int
    each: int
    size: int
    status: str

    @property
    def messages(self) -> int:
        return self.people * self.each * self.size


def gather_people(dsn: str, practitioner_id: UUID, panel: int) -> None:
    """Number the patients, and give the physician a panel of so many."""
    values = {"practitioner_id": practitioner_id, "panel": panel}
    with psycopg.connect(dsn) as connection:
        connection.execute(_OTHERS, values)
        connection.execute(_PEOPLE)
        connection.execute(_PANEL, values)


def write_years(dsn: str, years: Years) -> None:
    """Several processes of the server at once, each batch in one transaction."""
    firsts = range(1, years.count + 1, BATCH)
    with _without_searches(dsn), ThreadPoolExecutor(PROCESSES) as pool:
        shares = (
            {**asdict(years), "first": first, "last": min(years.count, first + BATCH - 1)}
            for first in firsts
        )
        list(pool.map(lambda values: _write(dsn, _OF_YEARS, values), shares))


def write_alike(dsn: str, alike: Alike) -> list[tuple[UUID, UUID]]:
    """The new threads, each with its patient."""
    return _write(dsn, _ALIKE, asdict(alike))


def _write(dsn: str, threads: str, values: Mapping[str, Any]) -> list[tuple[UUID, UUID]]:
    # A table made from a query takes no parameters: the client fills them in.
    with psycopg.connect(dsn, cursor_factory=psycopg.ClientCursor) as connection:
        connection.execute(_PLAN.format(threads=threads).encode(), values)
        for statement in _WRITE:
            connection.execute(statement.encode())
        return connection.execute("SELECT id, patient_id FROM planned ORDER BY id").fetchall()


@contextmanager
def _without_searches(dsn: str) -> Iterator[None]:
    """Full text is indexed afterwards, which takes a fraction of the time."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        found = connection.execute(
            "SELECT indexdef FROM pg_indexes WHERE indexname = ANY(%s)", [list(_SEARCHES)]
        ).fetchall()
        connection.execute(f"DROP INDEX {', '.join(_SEARCHES)}".encode())
        yield
        connection.execute("SET maintenance_work_mem = '512MB'")
        for (definition,) in found:
            connection.execute(definition.encode())
