"""Reading threads and messages. Whose rows come back is decided by the database."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from portal.core.actor import ActorKind
from portal.core.db import run
from portal.core.folding import sought
from portal.messages.model import Thread
from portal.messages.states import AboutKind
from portal.messages.unread import UNREAD, for_each_reader


def _thread(unread: str) -> str:
    return f"""
    SELECT t.id, t.patient_id, t.pool_id, t.practitioner_id, t.category, t.subject, t.about_kind,
           t.about_id, t.status, t.status_at, t.closed_reason, t.urgent, t.reply_due_at,
           t.created_at, t.last_message_at, {unread} AS unread, t.version,
           t.confidential
           OR (t.about_id IS NOT NULL AND careloop_confidential(t.about_id)) AS confidential,
           po.name AS pool_name, pr.name AS practitioner_name,
           btrim(pa.given_name || ' ' || pa.family_name) AS patient_name
    FROM thread t
    JOIN pool po ON po.id = t.pool_id
    JOIN patient pa ON pa.id = t.patient_id
    LEFT JOIN practitioner pr ON pr.id = t.practitioner_id
"""


def _page(unread: str) -> str:
    return f"""
      AND (CAST(:statuses AS text[]) IS NULL OR t.status = ANY(CAST(:statuses AS text[])))
      AND (CAST(:category AS text) IS NULL OR t.category = :category)
      AND (NOT :unread OR {unread} > 0)
      AND (CAST(:moment AS timestamptz) IS NULL OR (t.last_message_at, t.id) < (:moment, :id))
    ORDER BY t.last_message_at DESC, t.id DESC LIMIT :limit
"""


_LIST = for_each_reader(
    lambda unread: f"{_thread(unread)} WHERE t.patient_id = :patient_id {_page(unread)}"
)
_OF_PANEL = _thread(UNREAD[ActorKind.PRACTITIONER])
_WAITING = text(
    f"""
    {_OF_PANEL}
    WHERE t.id = ANY(ARRAY(SELECT id FROM careloop_waiting_threads(
        CAST(:statuses AS text[]), :category, :unread, :moment, :id, :limit)))
    ORDER BY t.last_message_at DESC, t.id DESC
    """
)
_ONE = for_each_reader(lambda unread: f"{_thread(unread)} WHERE t.id = :id")
_OWN_SAYING = for_each_reader(
    lambda unread: (
        f"""
    {_thread(unread)}
    WHERE t.patient_id = :patient_id
      AND (CAST(:moment AS timestamptz) IS NULL OR (t.last_message_at, t.id) < (:moment, :id))
      AND (t.search @@ websearch_to_tsquery('english', :words)
           OR EXISTS (SELECT FROM message m WHERE m.thread_id = t.id
                      AND m.search @@ websearch_to_tsquery('english', :words)))
    ORDER BY t.last_message_at DESC, t.id DESC LIMIT :limit
    """
    )
)
_SAYING = text(
    f"""
    {_OF_PANEL}
    WHERE t.id = ANY(ARRAY(
        SELECT id FROM careloop_threads_saying(:words, :patient_id, :moment, :id, :limit)))
    ORDER BY t.last_message_at DESC, t.id DESC
    """
)
_MESSAGE = """
    SELECT m.id, m.thread_id, m.kind, m.author_kind, m.author_id, m.signature_kind, m.signature,
           m.body, m.sent_at, m.read_at, m.red_flag_version, m.red_flags,
           coalesce(p.name, s.name, CASE WHEN m.author_kind = 'delegate'
                    THEN careloop_delegate_name(m.author_id, m.patient_id)
                    ELSE btrim(pa.given_name || ' ' || pa.family_name) END) AS author_name,
           btrim(pa.given_name || ' ' || pa.family_name) AS author_for
    FROM message m
    LEFT JOIN practitioner p ON m.author_kind = 'practitioner' AND p.id = m.author_id
    LEFT JOIN staff_member s ON m.author_kind = 'staff' AND s.id = m.author_id
    LEFT JOIN patient pa ON m.author_kind IN ('patient', 'delegate') AND pa.id = m.patient_id
"""
_ONE_MESSAGE = text(f"{_MESSAGE} WHERE m.id = :id")
_MESSAGES = text(
    f"""
    {_MESSAGE}
    WHERE m.thread_id = :thread_id
      AND (CAST(:moment AS timestamptz) IS NULL OR (m.sent_at, m.id) < (:moment, :id))
    ORDER BY m.sent_at DESC, m.id DESC LIMIT :limit
    """
)
# The two ids come from one clock for each process: the time decides first, as in the pages.
_NEWER = text(
    f"""
    {_MESSAGE}
    WHERE m.thread_id = :thread_id AND m.kind = 'message' AND m.author_id <> :me
      AND (m.sent_at, m.id) > (SELECT o.sent_at, o.id FROM message o
                               WHERE o.id = :seen AND o.thread_id = :thread_id)
    ORDER BY m.sent_at, m.id LIMIT :limit
    """
)
_IN_THREAD = text("SELECT 1 FROM message WHERE id = :id AND thread_id = :thread_id")
_READS = text(
    """
    SELECT r.message_id, r.reader_kind, r.at,
           coalesce(p.name, s.name, CASE WHEN r.reader_kind = 'delegate'
                    THEN careloop_delegate_name(r.reader_id, r.patient_id)
                    ELSE btrim(pa.given_name || ' ' || pa.family_name) END) AS name,
           btrim(pa.given_name || ' ' || pa.family_name) AS reader_for
    FROM message_read r
    LEFT JOIN practitioner p ON r.reader_kind = 'practitioner' AND p.id = r.reader_id
    LEFT JOIN staff_member s ON r.reader_kind = 'staff' AND s.id = r.reader_id
    LEFT JOIN patient pa ON r.reader_kind IN ('patient', 'delegate') AND pa.id = r.patient_id
    WHERE r.message_id = ANY(:ids) ORDER BY r.at, r.reader_id
    """
)
_HISTORY = text(
    """
    SELECT h.action, h.from_status, h.to_status, h.at, h.actor_kind, h.reason_code, h.note,
           coalesce(p.name, s.name, CASE WHEN h.actor_kind = 'delegate'
                    THEN careloop_delegate_name(h.actor_id, h.patient_id) END) AS actor_name
    FROM thread_history h
    LEFT JOIN practitioner p ON h.actor_kind = 'practitioner' AND p.id = h.actor_id
    LEFT JOIN staff_member s ON h.actor_kind = 'staff' AND s.id = h.actor_id
    WHERE h.thread_id = :id ORDER BY h.at, h.id
    """
)
_OWN_COUNTS = for_each_reader(
    lambda unread: (
        f"""
    SELECT count(*) FILTER (WHERE status = 'awaiting_care_team') AS awaiting_care_team,
           count(*) FILTER (WHERE urgent AND status = 'awaiting_care_team') AS urgent,
           count(*) FILTER (WHERE reply_due_at < now()) AS late,
           count(*) FILTER (WHERE unread > 0) AS unread_threads,
           coalesce(sum(unread), 0) AS unread_messages
    FROM (SELECT t.*, {unread} AS unread FROM thread t WHERE t.patient_id = :patient_id) mine
    """
    )
)
_COUNTS = text("SELECT * FROM careloop_count_threads()")
# Those who care for a patient, and the teams of the clinics where they do.
_RECIPIENTS = text(
    """
    SELECT * FROM (
    SELECT p.id AS practitioner_id, p.name, p.specialty AS role, p.pool_id,
           c.role = 'primary' AS is_primary
    FROM care_team_member c JOIN practitioner p ON p.id = c.member_id AND p.active
    WHERE c.patient_id = :patient_id AND c.ended_on IS NULL
    UNION ALL
    SELECT NULL, po.name, po.kind, po.id, false
    FROM pool po
    WHERE po.clinic_id = (SELECT clinic_id FROM patient WHERE id = :patient_id)
       OR po.id IN (SELECT p.pool_id FROM care_team_member c JOIN practitioner p
                    ON p.id = c.member_id AND p.active
                    WHERE c.patient_id = :patient_id AND c.ended_on IS NULL)
    ) r ORDER BY is_primary DESC, practitioner_id IS NULL, careloop_name_key(name), pool_id
    """
)
_SENDER = text(
    """
    SELECT p.id, p.name, NULL AS title, p.pool_id, po.name AS pool_name, c.name AS clinic_name
    FROM practitioner p JOIN pool po ON po.id = p.pool_id JOIN clinic c ON c.id = po.clinic_id
    WHERE p.id = :id
    UNION ALL
    (SELECT s.id, s.name, s.title, po.id, po.name, c.name
     FROM staff_member s JOIN pool_member m ON m.member_id = s.id
     JOIN pool po ON po.id = m.pool_id JOIN clinic c ON c.id = po.clinic_id
     WHERE s.id = :id ORDER BY po.id LIMIT 1)
    """
)
_PATIENTS = text(
    "SELECT id, careloop_deceased(id) AS deceased FROM patient "
    "WHERE id = ANY(:ids) AND merged_into_id IS NULL ORDER BY id"
)
_NAMES = text(
    "SELECT po.name AS pool_name, c.name AS clinic_name, c.phone, c.id AS clinic_id "
    "FROM pool po JOIN clinic c ON c.id = po.clinic_id WHERE po.id = :pool_id"
)
# Where each kind is; a draft and what was entered in error are nothing to talk about.
_ABOUT: Mapping[AboutKind, str] = {
    AboutKind.PRESCRIPTION: "prescription",
    AboutKind.REFILL: "refill",
    AboutKind.REQUISITION: "requisition",
    AboutKind.RESULT: "diagnostic_report",
    AboutKind.REFERRAL: "(SELECT * FROM referral WHERE requested_at IS NOT NULL) sent",
    AboutKind.APPOINTMENT: "appointment",
    AboutKind.VISIT: "(SELECT * FROM visit WHERE status <> 'entered_in_error') stands",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which threads a list shows: a patient's, or without one those of the actor's whole panel that
    wait for an answer or were not read."""

    patient_id: UUID | None
    statuses: list[str] | None = None
    category: str | None = None
    unread: bool = False


After = tuple[datetime, UUID] | None


def threads(
    session: Session, wanted: Wanted, reader: ActorKind, *, after: After, limit: int
) -> Sequence[Row[Any]]:
    """The threads of a list, the last written in first: one statement."""
    moment, id_ = after or (None, None)
    values = {**asdict(wanted), "moment": moment, "id": id_, "limit": limit + 1}
    return run(session, _WAITING if wanted.patient_id is None else _LIST[reader], values)


def own_threads_saying(
    session: Session, patient_id: UUID, reader: ActorKind, words: str, *, after: After, limit: int
) -> Sequence[Row[Any]]:
    """A patient's threads in whose subject or messages the words stand."""
    moment, id_ = after or (None, None)
    values = {"patient_id": patient_id, "words": sought(words), "moment": moment, "id": id_}
    return session.execute(_OWN_SAYING[reader], {**values, "limit": limit + 1}).all()


def threads_saying(
    session: Session, words: str, patient_id: UUID | None, *, after: After, limit: int
) -> Sequence[Row[Any]]:
    """The threads of the actor's patients, or of one of them, in which the words stand."""
    moment, id_ = after or (None, None)
    values = {"words": sought(words), "patient_id": patient_id, "moment": moment, "id": id_}
    return session.execute(_SAYING, {**values, "limit": limit + 1}).all()


def thread(session: Session, thread_id: UUID, reader: ActorKind) -> Row[Any] | None:
    return session.execute(_ONE[reader], {"id": thread_id}).first()


def messages(session: Session, thread_id: UUID, *, after: After, limit: int) -> Sequence[Row[Any]]:
    """A thread's messages that the actor may see, the newest first."""
    moment, id_ = after or (None, None)
    values = {"thread_id": thread_id, "moment": moment, "id": id_, "limit": limit + 1}
    return run(session, _MESSAGES, values)


def message(session: Session, message_id: UUID) -> Row[Any]:
    return session.execute(_ONE_MESSAGE, {"id": message_id}).one()


def newer_messages(
    session: Session, thread_id: UUID, me: UUID, seen: UUID, limit: int
) -> Sequence[Row[Any]]:
    """What others wrote in a thread after the message `seen`, oldest first."""
    values = {"thread_id": thread_id, "me": me, "seen": seen, "limit": limit}
    return session.execute(_NEWER, values).all()


def has_message(session: Session, thread_id: UUID, message_id: UUID) -> bool:
    values = {"id": message_id, "thread_id": thread_id}
    return session.execute(_IN_THREAD, values).first() is not None


def reads(session: Session, message_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """Who has opened these messages when, in one query."""
    return run(session, _READS, {"ids": list(message_ids)})


def history(session: Session, thread_id: UUID) -> Sequence[Row[Any]]:
    return session.execute(_HISTORY, {"id": thread_id}).all()


def own_counts(session: Session, patient_id: UUID, reader: ActorKind) -> Row[Any]:
    """How many of a patient's threads wait, and how much they, or their delegate, have not read."""
    return session.execute(_OWN_COUNTS[reader], {"patient_id": patient_id}).one()


def counts(session: Session) -> Row[Any]:
    """The same over the actor's whole panel, in one statement."""
    return session.execute(_COUNTS).one()


def recipients(session: Session, patient_id: UUID) -> Sequence[Row[Any]]:
    """To whom a patient may write: those who care for them, then the teams."""
    return session.execute(_RECIPIENTS, {"patient_id": patient_id}).all()


def sender(session: Session, id_: UUID) -> Row[Any] | None:
    """Somebody of the care team, with the team for which they write first of all."""
    return session.execute(_SENDER, {"id": id_}).first()


def seen_patients(session: Session, ids: Sequence[UUID]) -> dict[UUID, bool]:
    """Those of the patients that the actor may see, without records that were merged; and whether
    each has died."""
    rows = session.execute(_PATIENTS, {"ids": list(ids)})
    return {row.id: row.deceased for row in rows}


def team(session: Session, pool_id: UUID) -> Row[Any]:
    """A team's name, and its clinic's with the phone number."""
    return session.execute(_NAMES, {"pool_id": pool_id}).one()


def is_about(session: Session, kind: AboutKind, id_: UUID, patient_id: UUID) -> bool:
    """Whether there is such a record of this patient that the actor may see."""
    statement = text(f"SELECT 1 FROM {_ABOUT[kind]} WHERE id = :id AND patient_id = :patient_id")
    return session.execute(statement, {"id": id_, "patient_id": patient_id}).first() is not None


def for_change(session: Session, thread_id: UUID) -> Thread | None:
    """A thread, locked until the transaction ends: who writes at the same time waits."""
    return session.scalars(
        select(Thread)
        .where(Thread.id == thread_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()


def open_threads_with(
    session: Session, patient_id: UUID, practitioner_id: UUID
) -> Sequence[Thread]:
    """A patient's threads with a practitioner that are not closed, locked."""
    return session.scalars(
        select(Thread)
        .where(
            Thread.practitioner_id == practitioner_id,
            Thread.patient_id == patient_id,
            Thread.status != "closed",
        )
        .order_by(Thread.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
