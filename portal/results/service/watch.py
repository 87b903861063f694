"""Results that nobody has looked at, and patients whom nobody has told."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from portal.core.actor import WORKER
from portal.directory import service as directory
from portal.directory.rules import Calendar
from portal.notifications import service as notifications
from portal.notifications.states import NotificationEvent
from portal.results import follow_queries, rules
from portal.results.states import Abnormality
from portal.worklist import rules as due_times
from portal.worklist import service as worklist
from portal.worklist.service import NewItem
from portal.worklist.states import Priority, WorkItemKind


def find_unseen(*, session: Session, now: datetime, limit: int) -> int:
    """Released results that their patient has not looked at in the portal: a reminder first, then
    an item for the team, each once. Returns how many were found."""
    rows = follow_queries.unseen(
        session,
        limit=limit,
        remind=now - rules.REMIND_AFTER[False],
        remind_soon=now - rules.REMIND_AFTER[True],
        ask=now - rules.ASK_AFTER[False],
        ask_soon=now - rules.ASK_AFTER[True],
    )
    late = [row for row in rows if row.reminded_at is None]
    for row in late:
        _remind(session, row, now)
    follow_queries.mark_reminded(session, [row.id for row in late], now)
    _open_for_team(session, [row for row in rows if row.ask], WorkItemKind.RESULT_UNSEEN, now)
    return len(rows)


def _remind(session: Session, row: Row[Any], now: datetime) -> None:
    notifications.tell_patient(
        session,
        row.patient_id,
        NotificationEvent.RESULT_REMINDER,
        source_id=row.id,
        subject_id=row.id,
        now=now,
    )


def find_uncommunicated(*, session: Session, now: datetime, limit: int) -> int:
    """Reviewed results whose patient was not told, three business days on: an item for the team of
    who is responsible. Returns how many were found."""
    calendars = directory.calendars_of(session, follow_queries.clinics(session))
    before = {
        clinic_id: rules.business_hours_ago(calendar, now, rules.UNTOLD_HOURS)
        for clinic_id, calendar in calendars.items()
    }
    rows = follow_queries.uncommunicated(session, before, limit)
    _open_for_team(session, rows, WorkItemKind.RESULT_COMMUNICATION, now)
    return len(rows)


def _open_for_team(
    session: Session, rows: Sequence[Row[Any]], kind: WorkItemKind, now: datetime
) -> None:
    """An item about each of the reports, in one statement, for the team of who is responsible."""
    if not rows:
        return
    calendars = directory.calendars_of(session, {row.clinic_id for row in rows})
    new = [_item(row, kind, calendars[row.clinic_id], now) for row in rows]
    worklist.open_items(session=session, actor=WORKER, items=new, now=now)


def _item(row: Row[Any], kind: WorkItemKind, calendar: Calendar, now: datetime) -> NewItem:
    notable = row.abnormality in rules.NOTABLE
    priority = rules.priority_of(Abnormality.ABNORMAL) if notable else Priority.ROUTINE
    return NewItem(
        kind=kind,
        subject_id=row.id,
        patient_id=row.patient_id,
        responsible_id=None,
        pool_id=row.pool_id,
        priority=priority,
        due_at=due_times.due_at(calendar, priority, now),
    )
