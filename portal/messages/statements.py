"""The hot writes of messages, set-based: a new thread or five hundred, a page's receipts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.core.actor import PATIENT_SIDE, Actor, ActorKind
from portal.core.db import run

_THREADS = text(
    """
    WITH wanted AS (
        SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
            id uuid, patient_id uuid, pool_id uuid, practitioner_id uuid, category text,
            subject text, about_kind text, about_id uuid, status text, urgent boolean,
            reply_due_at timestamptz, unread_by_patient int, unread_by_team int, history_id uuid)
    ), created AS (
        INSERT INTO thread (id, patient_id, pool_id, practitioner_id, category, subject,
                            about_kind, about_id, status, status_at, urgent, reply_due_at,
                            created_at, last_message_at, unread_by_patient, unread_by_team)
        SELECT id, patient_id, pool_id, practitioner_id, category, subject, about_kind, about_id,
               status, :now, urgent, reply_due_at, :now, :now, unread_by_patient, unread_by_team
        FROM wanted ORDER BY id
    )
    INSERT INTO thread_history (id, thread_id, patient_id, action, to_status, at, actor_kind,
                                actor_id)
    SELECT history_id, id, patient_id, 'started', status, :now, :actor_kind, :actor_id
    FROM wanted
    """
)
# A notice is written once a thread: whoever is second writes nothing.
_MESSAGES = text(
    """
    INSERT INTO message (id, thread_id, patient_id, kind, author_kind, author_id, signature_kind,
                         signature, body, sent_at, red_flag_version, red_flags)
    SELECT id, thread_id, patient_id, kind, :actor_kind, :actor_id, signature_kind, signature,
           body, :now, red_flag_version, coalesce(red_flags, '{}')
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        id uuid, thread_id uuid, patient_id uuid, kind text, signature_kind text, signature text,
        body text, red_flag_version int, red_flags text[])
    ON CONFLICT DO NOTHING
    RETURNING id
    """
)
# The thread first, as whoever writes in it locks it first. Of a message that two open at once, one
# is the first to have read it.
_READ = text(
    """
    WITH locked AS (
        SELECT id, patient_id FROM thread WHERE id = :thread_id FOR NO KEY UPDATE
    ), opened AS (
        SELECT m.id, m.patient_id FROM message m JOIN locked ON locked.id = m.thread_id
        WHERE m.id = ANY(:ids) AND m.kind <> 'internal_note'
          AND (m.author_kind IN ('patient', 'delegate')) <> :by_patient
    ), receipts AS (
        INSERT INTO message_read (message_id, reader_id, reader_kind, patient_id, at)
        SELECT id, :reader_id, :reader_kind, patient_id, :now FROM opened
        ON CONFLICT DO NOTHING
    ), first AS (
        UPDATE message m SET read_at = :now FROM opened
        WHERE m.id = opened.id AND m.read_at IS NULL
        RETURNING m.id
    ), counted AS (SELECT count(*)::int AS read FROM first)
    UPDATE thread t SET
        unread_by_patient = t.unread_by_patient - CASE WHEN :by_patient THEN c.read ELSE 0 END,
        unread_by_team = t.unread_by_team - CASE WHEN :by_patient THEN 0 ELSE c.read END
    FROM counted c WHERE t.id = :thread_id AND c.read > 0
    """
)
# What a delegate has opened, the patient has not: neither count changes.
_READ_BY_DELEGATE = text(
    """
    INSERT INTO message_read (message_id, reader_id, reader_kind, patient_id, at)
    SELECT m.id, :reader_id, :reader_kind, m.patient_id, :now FROM message m
    WHERE m.thread_id = :thread_id AND m.id = ANY(:ids)
      AND m.kind <> 'internal_note' AND m.author_kind NOT IN ('patient', 'delegate')
    ON CONFLICT DO NOTHING
    """
)


def write_threads(
    session: Session, actor: Actor, rows: Sequence[Mapping[str, Any]], now: datetime
) -> None:
    """New threads with the first row of their history; their messages are written apart."""
    by = {"actor_kind": actor.kind.value, "actor_id": actor.id, "now": now}
    run(session, _THREADS, {"rows": orjson.dumps(rows).decode(), **by})


def write_messages(
    session: Session, actor: Actor, rows: Sequence[Mapping[str, Any]], now: datetime
) -> set[UUID]:
    """Messages of one author; the ids of those written."""
    by = {"actor_kind": actor.kind.value, "actor_id": actor.id, "now": now}
    written = run(session, _MESSAGES, {"rows": orjson.dumps(rows).decode(), **by})
    return {row.id for row in written}


def mark_read(
    session: Session, actor: Actor, thread_id: UUID, message_ids: Sequence[UUID], now: datetime
) -> None:
    """Receipts for what the other side wrote among these messages, and the thread's count of what
    is unread, which a delegate's look leaves as it is. Twice is the same as once."""
    values = {
        "thread_id": thread_id,
        "ids": list(message_ids),
        "by_patient": actor.kind in PATIENT_SIDE,
        "reader_id": actor.id,
        "reader_kind": actor.kind.value,
        "now": now,
    }
    by_delegate = actor.kind == ActorKind.DELEGATE
    run(session, _READ_BY_DELEGATE if by_delegate else _READ, values)
