"""Undoing a match: a report leaves the chart that it wasn't for, and waits to be matched again."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.core import audit, outbox
from portal.core.actor import Actor
from portal.core.db import lock
from portal.core.ids import new_id
from portal.notifications import service as notifications
from portal.requisitions import service as requisitions
from portal.results import follow_queries
from portal.results import unmatch_statements as statements
from portal.results.intake_errors import CaseNotFound, NotMatched
from portal.results.intake_model import PrivacyIncident, ReceivedMessage, ReconciliationCase
from portal.results.model import DiagnosticReport, ReleaseEntry, ReportVersion
from portal.results.service import communicate, items, reconcile
from portal.results.service.cases import open_item, summary
from portal.results.service.placing import order_locks
from portal.results.states import (
    FINALS,
    CaseReason,
    CaseStatus,
    MessageOutcome,
    ReleaseAction,
    ReleaseRule,
    ReleaseStatus,
    ReportStatus,
)
from portal.worklist import service as worklist
from portal.worklist.states import Priority, WorkItemKind

NOTE = "What was filed here was not this patient's and was taken back."
_OUTCOME = "taken back: not this patient's"
_KINDS = (
    WorkItemKind.RESULT_REVIEW,
    WorkItemKind.RESULT_CRITICAL,
    WorkItemKind.RESULT_COMMUNICATION,
    WorkItemKind.RESULT_UNSEEN,
)


def unmatch(
    *, session: Session, actor: Actor, case_id: UUID, reason: str, now: datetime
) -> ReconciliationCase:
    """Take a report that was matched by mistake back from its chart.

    With it every later version, since they came for the same report; each message that brought one
    waits to be matched again. What the chart said before stands again. Who saw it is told, and a
    privacy incident is opened (45 CFR 164.308(a)(6), 164.402), which somebody has to assess.

    `session` is the workers', as for match(). Raises CaseNotFound, NotMatched.
    """
    case = session.get(ReconciliationCase, case_id, with_for_update=True)
    if case is None:
        raise CaseNotFound()
    if case.status != CaseStatus.MATCHED:
        raise NotMatched(status_now=case.status)
    lock(session, order_locks(case.summary["placer_number"], case.summary["filler_number"]))
    report = follow_queries.for_change(session, case.report_id) if case.report_id else None
    brought: Sequence[ReportVersion] = ()
    if report is not None:
        brought = _brought(session, report, case)
    if report is not None and brought:
        _put_back(session, actor, report, case, brought, now)
        _take_from_chart(session, actor, report, case, brought, reason, now)
    else:
        _reopen(session, actor, case, now)
    patient_id = report.patient_id if report is not None else None
    _audit(session, actor, "unmatched", case.id, patient_id, now)
    return case


def _brought(
    session: Session, report: DiagnosticReport, case: ReconciliationCase
) -> Sequence[ReportVersion]:
    """The versions from the one on that the case brought; none where it said nothing new."""
    standing = statements.versions(session, report.id)
    first = next((one.number for one in standing if one.message_id == case.message_id), None)
    return [] if first is None else [one for one in standing if one.number >= first]


def _put_back(
    session: Session,
    actor: Actor,
    report: DiagnosticReport,
    case: ReconciliationCase,
    brought: Sequence[ReportVersion],
    now: datetime,
) -> None:
    """Each message of which the chart had a version waits to be matched again."""
    matched = session.scalars(
        select(ReconciliationCase)
        .where(
            ReconciliationCase.report_id == report.id,
            ReconciliationCase.status == CaseStatus.MATCHED,
        )
        .order_by(ReconciliationCase.id)
        .with_for_update()
    ).all()
    of_message = {one.message_id: one for one in matched}
    for version in brought:
        if version.message_id is None:
            continue
        there = of_message.get(version.message_id)
        if there is not None:
            _reopen(session, actor, there, now)
        else:
            _open_new(session, actor, report, case, version.message_id, now)


def _reopen(session: Session, actor: Actor, case: ReconciliationCase, now: datetime) -> None:
    case.reopen(actor=actor)
    session.flush()
    message = session.get_one(ReceivedMessage, case.message_id)
    message.outcome = MessageOutcome.RECONCILING
    sender = reconcile.sender_of(session, case, message)
    report = reconcile.reread(message, sender.zone).reports[case.report_index]
    open_item(session, actor, case.id, report, case.pool_id, now)


def _open_new(
    session: Session,
    actor: Actor,
    report: DiagnosticReport,
    case: ReconciliationCase,
    message_id: UUID,
    now: datetime,
) -> None:
    """A case of a message that went to the chart by itself, because the report was there."""
    message = session.get_one(ReceivedMessage, message_id)
    sender = reconcile.sender_of(session, case, message)
    said = reconcile.reread(message, sender.zone)
    for index, one in enumerate(said.reports):
        if (one.code.code, one.filler_number) != (report.code, case.summary["filler_number"]):
            continue
        row = ReconciliationCase(
            id=new_id(),
            message_id=message.id,
            report_index=index,
            reason=CaseReason.TAKEN_BACK,
            status=CaseStatus.OPEN,
            clinic_id=case.clinic_id,
            pool_id=case.pool_id,
            laboratory_id=case.laboratory_id,
            summary=orjson.loads(orjson.dumps(summary(sender, said.patient, one))),
            opened_at=now,
        )
        session.add(row)
        message.outcome = MessageOutcome.RECONCILING
        session.flush()
        open_item(session, actor, row.id, one, case.pool_id, now)


def _take_from_chart(
    session: Session,
    actor: Actor,
    report: DiagnosticReport,
    case: ReconciliationCase,
    brought: Sequence[ReportVersion],
    reason: str,
    now: datetime,
) -> None:
    number = brought[0].number
    before = [one for one in statements.versions(session, report.id) if one.number < number]
    seen = statements.seen_by(session, report.id, number)
    holders = statements.holders(session, report.id)
    was_released = report.release_status == ReleaseStatus.RELEASED
    _end_what_is_open(session, actor, report, now)
    followed = statements.take_back(session, report.id, number)
    _end_follow_ups(session, actor, followed, now)
    version = _restate(session, report, before[-1] if before else None, now)
    _write_ledger(session, actor, report, reason, now)
    _free_requisition(session, actor, report, now)
    session.flush()
    # What was read before is read anew: what is not this patient's isn't here any more.
    session.expire_all()
    communicate.tell_taken_back(
        session=session, report=report, version=version, seen=seen, holders=holders, now=now
    )
    outbox.emit(session, "result.received", now=now, report_id=report.id, version_id=version.id)
    items.remember(session, actor, report, "taken_back", now)
    incident = PrivacyIncident(
        id=new_id(),
        clinic_id=case.clinic_id,
        case_id=case.id,
        report_id=report.id,
        patient_id=report.patient_id,
        reason=reason,
        was_released=was_released,
        seen_by=[{**row._asdict(), "id": str(row.id), "at": row.at.isoformat()} for row in seen],
        follow_ups=[
            {name: str(value) for name, value in row._asdict().items() if value is not None}
            for row in followed
        ],
        opened_at=now,
        opened_by=actor.id,
    )
    session.add(incident)
    session.flush()
    worklist.open_for_operations(
        session=session,
        kind=WorkItemKind.PRIVACY_INCIDENT,
        subject_id=case.id,
        priority=Priority.URGENT,
        now=now,
    )


def _end_what_is_open(
    session: Session, actor: Actor, report: DiagnosticReport, now: datetime
) -> None:
    """Nobody goes on with it: what still has to be done follows from where the report stands."""
    for kind in _KINDS:
        items.close_item(session, actor, report.id, kind, _OUTCOME, now, cancelled=True)
    for cancel in (notifications.cancel_letters_about, notifications.cancel_calls_about):
        cancel(session=session, actor=actor, subject_id=report.id, note=_OUTCOME, now=now)


def _end_follow_ups(session: Session, actor: Actor, followed: Sequence[Any], now: datetime) -> None:
    for row in followed:
        items.close_item(
            session, actor, row.id, WorkItemKind.RESULT_FOLLOW_UP, _OUTCOME, now, cancelled=True
        )


def _restate(
    session: Session, report: DiagnosticReport, before: ReportVersion | None, now: datetime
) -> ReportVersion:
    """A further version, which says what the chart said before; without such, that it was an
    error. It names no value that was taken back."""
    status = ReportStatus.ENTERED_IN_ERROR
    if before is not None:
        final = ReportStatus(before.status) in FINALS
        status = ReportStatus.CORRECTED if final else ReportStatus(before.status)
    version = ReportVersion(
        id=new_id(),
        report_id=report.id,
        patient_id=report.patient_id,
        number=report.version_number + 1,
        status=status,
        abnormality=before.abnormality if before else "unknown",
        message_id=None,
        issued_at=before.issued_at if before else now,
        received_at=now,
        note="\n".join(filter(None, (before.note if before else None, NOTE))),
        reason=NOTE,
        digest=before.digest if before else hashlib.sha256(NOTE.encode()).digest(),
        changes=[],
    )
    session.add(version)
    session.flush()
    if before is not None:
        statements.copy_observations(session, before.id, version.id)
    report.status, report.abnormality = version.status, version.abnormality
    report.version_number, report.current_version_id = version.number, version.id
    report.received_at = now
    report.reviewed_at = report.reviewed_by = report.reviewed_version = None
    return version


def _write_ledger(
    session: Session, actor: Actor, report: DiagnosticReport, reason: str, now: datetime
) -> None:
    if report.status == ReportStatus.ENTERED_IN_ERROR and report.release_due_at is not None:
        report.move_release(ReleaseStatus.PENDING, actor=actor, now=now)
    session.add(
        ReleaseEntry(
            id=new_id(),
            report_id=report.id,
            patient_id=report.patient_id,
            version_number=report.version_number,
            action=ReleaseAction.WITHDRAWN,
            rule=ReleaseRule.NOT_THIS_PATIENTS,
            reason=reason,
            at=now,
            actor_kind=actor.kind,
            actor_id=actor.id,
        )
    )


def _free_requisition(
    session: Session, actor: Actor, report: DiagnosticReport, now: datetime
) -> None:
    """An order that the wrong report ended waits for its own; a report that holds nothing more
    answers none, and leaves the laboratory's number to whose it is."""
    requisition_id, filler = report.requisition_id, report.filler_number
    if report.status == ReportStatus.ENTERED_IN_ERROR:
        report.requisition_id, report.filler_number = None, ""
    elif report.status in FINALS:
        return
    session.flush()
    if requisition_id is None or statements.is_answered(session, requisition_id, report.id):
        return
    requisitions.reopen(
        session=session,
        actor=actor,
        requisition_id=requisition_id,
        filler_number=filler if report.requisition_id is None else "",
        reason=NOTE,
        now=now,
    )


def _audit(
    session: Session,
    actor: Actor,
    action: str,
    case_id: UUID,
    patient_id: UUID | None,
    now: datetime,
) -> None:
    audit.record(
        session,
        actor,
        action,
        "reconciliation",
        patient_id=patient_id,
        resource_id=case_id,
        at=now,
    )
