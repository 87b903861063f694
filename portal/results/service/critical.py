"""Critical values: somebody is asked at once, and reads back what they were told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import NOBODY, WORKER, Actor
from portal.core.errors import FieldError
from portal.core.ids import new_id
from portal.directory import rules as coverage
from portal.directory import service as directory
from portal.results import follow_queries, rules
from portal.results.errors import AlreadyAcknowledged, NotCritical, ReadBackIncomplete
from portal.results.model import DiagnosticReport
from portal.results.review_model import CriticalAlert
from portal.results.service import items
from portal.worklist import service as worklist
from portal.worklist.rules import AROUND_THE_CLOCK
from portal.worklist.states import Priority, WorkItemKind


@dataclass(frozen=True, slots=True)
class Acknowledge:
    read_back: str
    note: str | None = None


def raise_for(*, session: Session, report_id: UUID, now: datetime) -> None:
    """As raise_alert(), in the transaction that wrote a critical version."""
    report = follow_queries.for_change(session, report_id)
    if report is not None:
        raise_alert(session=session, report=report, now=now)
        session.flush()


def raise_alert(*, session: Session, report: DiagnosticReport, now: datetime) -> None:
    """Ask for an acknowledgement of critical values that nobody was asked about yet.

    Once: while an alert is open, what comes later is added to it.
    """
    if report.status in rules.TAKEN_BACK:
        return
    current = follow_queries.criticals(session, report.current_version_id)
    alerts = follow_queries.alerts_of(session, report.id)
    alerted = [critical for alert in alerts for critical in alert.criticals]
    if not rules.new_criticals(current, alerted):
        return
    waiting = _open(alerts)
    if waiting is not None:
        waiting.criticals = rules.merged_criticals(current, waiting.criticals)
        waiting.version_number = report.version_number
        return
    session.add(
        CriticalAlert(
            id=new_id(),
            report_id=report.id,
            patient_id=report.patient_id,
            version_number=report.version_number,
            criticals=current,
            raised_at=now,
        )
    )
    _open_item(session, report, now)


def _open(alerts: Sequence[CriticalAlert]) -> CriticalAlert | None:
    return next((alert for alert in alerts if alert.acknowledged_at is None), None)


def _open_item(session: Session, report: DiagnosticReport, now: datetime) -> None:
    responsible = directory.get_practitioner(session, report.responsible_id)
    answers = coverage.who_answers(directory.coverage_chain(session, responsible.id, now))
    worklist.open_item(
        session=session,
        actor=WORKER,
        kind=WorkItemKind.RESULT_CRITICAL,
        subject_id=report.id,
        patient_id=report.patient_id,
        responsible_id=responsible.id,
        pool_id=responsible.pool_id,
        priority=Priority.STAT,
        due_at=now + AROUND_THE_CLOCK[WorkItemKind.RESULT_CRITICAL],
        now=now,
        alternate_ids=follow_queries.alternates(
            session,
            patient_id=report.patient_id,
            pool_id=responsible.pool_id,
            asked=[responsible.id, answers or responsible.id],
            limit=rules.MOST_ALTERNATES,
        ),
    )


def acknowledge(
    *, session: Session, actor: Actor, report_id: UUID, command: Acknowledge, now: datetime
) -> CriticalAlert:
    """Take over a critical result, with the read-back of its values.

    Raises ResultNotFound, NotCritical, AlreadyAcknowledged naming who and when, and
    ReadBackIncomplete naming what is missing.
    """
    report = items.lock(session, report_id)
    alerts = follow_queries.alerts_of(session, report.id)
    if not alerts:
        raise NotCritical()
    alert = _open(alerts)
    if alert is None:
        raise _already_acknowledged(session, alerts[-1])
    missing = rules.missing_from_read_back(command.read_back, alert.criticals)
    if missing:
        raise ReadBackIncomplete(
            errors=[FieldError("/read_back", _what_is_missing(one)) for one in missing]
        )
    alert.acknowledged_at = now
    alert.acknowledged_by = actor.id
    alert.read_back = command.read_back
    alert.note = command.note
    session.flush()
    items.close_item(session, actor, report.id, WorkItemKind.RESULT_CRITICAL, "acknowledged", now)
    items.remember(session, actor, report, "acknowledge", now)
    return alert


def _what_is_missing(critical: Mapping[str, Any]) -> str:
    value = f"{critical['value']} {critical['unit']}".strip()
    return f"Missing: {critical['name']}, {value}."


def _already_acknowledged(session: Session, alert: CriticalAlert) -> AlreadyAcknowledged:
    who = directory.get_practitioner(session, alert.acknowledged_by or NOBODY).name
    return AlreadyAcknowledged(
        f"{who} has acknowledged this already.",
        acknowledged_by=who,
        acknowledged_at=alert.acknowledged_at,
    )


def is_unacknowledged(session: Session, report: DiagnosticReport) -> bool:
    """Whether a critical value of the current version waits for somebody, or will in a moment."""
    alerts = follow_queries.alerts_of(session, report.id)
    if _open(alerts) is not None:
        return True
    current = follow_queries.criticals(session, report.current_version_id)
    alerted = [critical for alert in alerts for critical in alert.criticals]
    return rules.new_criticals(current, alerted)
