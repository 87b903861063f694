"""Reports that no rule could match become somebody's work."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from portal.core.actor import WORKER
from portal.directory import service as directory
from portal.results.envelope import Placed, Sender
from portal.results.incoming import IncomingMessage, IncomingReport, PatientIdentity
from portal.worklist import rules as due_times
from portal.worklist import service as worklist
from portal.worklist.service import NewItem
from portal.worklist.states import Priority, WorkItemKind


def open_cases(
    session: Session,
    sender: Sender,
    message: IncomingMessage,
    placed: Sequence[Placed],
    now: datetime,
) -> list[dict[str, Any]]:
    """The rows of the cases, each with its work item. Raises NoPool where there is no team."""
    waiting = [(index, one) for index, one in enumerate(placed) if one.case_id is not None]
    if not waiting:
        return []
    pool_id = directory.operations_pool(session)
    calendar = directory.calendar_of_pool(session, pool_id)
    items = [
        NewItem(
            kind=WorkItemKind.RECONCILIATION,
            subject_id=one.case_id,
            patient_id=None,
            responsible_id=None,
            pool_id=pool_id,
            priority=Priority.URGENT,
            due_at=due_times.due_at(calendar, Priority.URGENT, now),
        )
        for _, one in waiting
        if one.case_id is not None
    ]
    worklist.open_items(session=session, actor=WORKER, items=items, now=now)
    return [
        {
            "id": one.case_id,
            "report_index": index,
            "reason": one.outcome,
            "pool_id": pool_id,
            "laboratory_id": sender.laboratory_id,
            "summary": _summary(sender, message.patient, message.reports[index]),
        }
        for index, one in waiting
    ]


def _summary(sender: Sender, patient: PatientIdentity, report: IncomingReport) -> dict[str, Any]:
    """What somebody needs to see to find out whose a report is."""
    return {
        "laboratory": sender.name,
        "patient": {
            "family_name": patient.family_name,
            "given_name": patient.given_name,
            "birth_date": patient.birth_date,
            "sex": patient.sex,
            "identifiers": [
                {"value": one.value, "authority": one.authority, "type": one.type}
                for one in patient.identifiers
            ],
        },
        "test": {"code": report.code.code, "name": report.code.display},
        "status": report.status,
        "placer_number": report.placer_number,
        "filler_number": report.filler_number,
        "issued_at": report.issued_at,
    }
