"""The audit trail's months and its seals: a chain of hashes over closed batches of rows.

A batch is what a range of transaction ids wrote, taken once no transaction of the range can still
be running. The range, the digest of each row and the hash before it go into a batch's hash, so that
a row that was altered, removed or slipped in afterwards is found, and named.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text
from sqlalchemy.orm import Session

from portal.core import rls

BATCH = 10_000
MONTHS_AHEAD = 3
GENESIS = b"\0" * 32
SEAL_LOCK = 7_246_103

_DIGEST = (
    "sha256(convert_to(jsonb_build_array(id, at, actor_kind, actor_id, credential_id, "
    "on_behalf_of, patient_id, action, resource, resource_id, purpose, request_id, "
    "xact::text)::text, 'UTF8'))"
)
_LAST = text(
    "SELECT to_xact::text::bigint AS to_xact, hash FROM audit_seal ORDER BY number DESC LIMIT 1"
)
# Where the next batch ends: before the oldest transaction that still runs, and after BATCH rows.
_END = text(
    """
    WITH next AS (
        SELECT xact FROM audit_entry
        WHERE xact >= CAST(CAST(:start AS text) AS xid8)
          AND xact < pg_snapshot_xmin(pg_current_snapshot())
        ORDER BY xact LIMIT :batch
    )
    SELECT (max(xact::text::bigint) + 1) FROM next
    """
)
_ROWS = text(
    f"""
    SELECT id, {_DIGEST} AS digest FROM audit_entry
    WHERE xact >= CAST(CAST(:start AS text) AS xid8) AND xact < CAST(CAST(:stop AS text) AS xid8)
    ORDER BY xact, id
    """
)
_SEAL = text(
    """
    INSERT INTO audit_seal (sealed_at, from_xact, to_xact, entry_ids, entry_digests,
                            previous_hash, hash)
    VALUES (:now, CAST(CAST(:start AS text) AS xid8), CAST(CAST(:stop AS text) AS xid8),
            :ids, :digests, :previous, :hash)
    """
)
_SEALS = text(
    """
    SELECT number, from_xact::text::bigint AS from_xact, to_xact::text::bigint AS to_xact,
           entry_ids, entry_digests, previous_hash, hash
    FROM audit_seal ORDER BY number
    """
)


# Runs as the owner, since only the owner may add a partition; a month that is there stays.
rls.owned_function(
    "careloop_make_audit_months(moment timestamptz)",
    "void",
    f"""
    DECLARE first date := date_trunc('month', moment AT TIME ZONE 'UTC'); month date;
    BEGIN
        FOR step IN 0..{MONTHS_AHEAD - 1} LOOP
            month := first + make_interval(months => step);
            EXECUTE format(
                'CREATE TABLE IF NOT EXISTS %I PARTITION OF audit_entry '
                'FOR VALUES FROM (%L) TO (%L)',
                'audit_entry_' || to_char(month, 'YYYY_MM'),
                month::timestamp AT TIME ZONE 'UTC',
                (month + interval '1 month')::timestamp AT TIME ZONE 'UTC');
        END LOOP;
    END
    """,
    language="plpgsql",
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verification found: how much stands under seal, and the first thing that is wrong."""

    seals: int
    entries: int
    head: str
    problem: str | None


def ensure_months(session: Session | Connection, now: datetime) -> None:
    """Make the partitions of this month and the next ones, where they are missing."""
    session.execute(text("SELECT careloop_make_audit_months(:now)"), {"now": now})


def chain_hash(
    previous: bytes, start: int, stop: int, ids: Sequence[UUID], digests: Sequence[bytes]
) -> bytes:
    """The hash of a batch: over the hash before it, its range, and each row's id and digest."""
    running = hashlib.sha256(previous)
    running.update(f"{start}:{stop}:{len(ids)}".encode())
    for id_, digest in zip(ids, digests, strict=True):
        running.update(id_.bytes)
        running.update(digest)
    return running.digest()


def seal(session: Session, *, now: datetime) -> int:
    """Seal the next closed batch. Returns how many rows it holds; 0 when there is none."""
    session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": SEAL_LOCK})
    last = session.execute(_LAST).first()
    start = last.to_xact if last else 0
    previous = bytes(last.hash) if last else GENESIS
    stop = session.execute(_END, {"start": str(start), "batch": BATCH}).scalar()
    if stop is None:
        return 0
    rows = _rows_of(session, start, stop)
    ids = [row.id for row in rows]
    digests = [bytes(row.digest) for row in rows]
    session.execute(
        _SEAL,
        {
            "now": now,
            "start": str(start),
            "stop": str(stop),
            "ids": ids,
            "digests": digests,
            "previous": previous,
            "hash": chain_hash(previous, start, stop, ids, digests),
        },
    )
    return len(ids)


def _rows_of(session: Session, start: int, stop: int) -> Sequence[Row[Any]]:
    return session.execute(_ROWS, {"start": str(start), "stop": str(stop)}).all()


def verify(session: Session) -> Verdict:
    """Recompute the whole chain. The first problem names the row or the seal."""
    seals, entries, previous, expected_start = 0, 0, GENESIS, 0
    for sealed in session.execute(_SEALS):
        problem = next(_problems(session, sealed, previous, expected_start), None)
        if problem:
            return Verdict(seals, entries, previous.hex(), problem)
        seals += 1
        entries += len(sealed.entry_ids)
        previous, expected_start = bytes(sealed.hash), sealed.to_xact
    return Verdict(seals, entries, previous.hex(), None)


def _problems(
    session: Session, sealed: Row[Any], previous: bytes, expected_start: int
) -> Iterator[str]:
    if bytes(sealed.previous_hash) != previous or sealed.from_xact != expected_start:
        yield f"the seal before number {sealed.number} was removed or altered"
    kept = dict(zip(sealed.entry_ids, map(bytes, sealed.entry_digests), strict=True))
    if (
        chain_hash(previous, sealed.from_xact, sealed.to_xact, list(kept), list(kept.values()))
        != sealed.hash
    ):
        yield f"seal number {sealed.number} was altered"
    found = {
        row.id: bytes(row.digest) for row in _rows_of(session, sealed.from_xact, sealed.to_xact)
    }
    for id_, digest in kept.items():
        if id_ not in found:
            yield f"row {id_} of seal number {sealed.number} was removed"
        elif found[id_] != digest:
            yield f"row {id_} of seal number {sealed.number} was altered"
    for id_ in found.keys() - kept.keys():
        yield f"row {id_} was slipped into seal number {sealed.number}"
