"""Reports that no rule could match, or of which something could not be applied, become somebody's
work."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import WORKER, Actor
from portal.directory import service as directory
from portal.results import intake_rules as rules
from portal.results.envelope import Sender
from portal.results.incoming import IncomingObservation, IncomingReport, PatientIdentity
from portal.results.intake_rules import Whose
from portal.results.states import Abnormality, CaseReason
from portal.worklist import rules as due_times
from portal.worklist import service as worklist
from portal.worklist.service import NewItem
from portal.worklist.states import Priority, WorkItemKind

# Day and night: what can't wait for the laboratory's next message can't wait for opening hours.
_AT_ONCE = due_times.AROUND_THE_CLOCK[WorkItemKind.RESULT_CRITICAL]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A report of a message that waits for somebody. Of one whose patient is known, and of which
    something differs from what stands, `goes_to` and the result are known too."""

    case_id: UUID
    index: int
    report: IncomingReport
    reason: CaseReason
    goes_to: Whose | None = None
    report_id: UUID | None = None
    undecided: Sequence[IncomingObservation] = ()

    @property
    def is_critical(self) -> bool:
        what = self.undecided or self.report.observations
        return rules.worst_of(what) is Abnormality.CRITICAL


def open_cases(
    session: Session,
    sender: Sender,
    patient: PatientIdentity,
    waiting: Sequence[Waiting],
    now: datetime,
) -> list[dict[str, Any]]:
    """The rows of the cases, each with its work item. Raises NoPool where there is no team."""
    pools = [_pool(session, one) for one in waiting]
    items = [_item(session, one, pool_id, now) for one, pool_id in zip(waiting, pools, strict=True)]
    worklist.open_items(session=session, actor=WORKER, items=items, now=now)
    return [
        {
            "id": one.case_id,
            "report_index": one.index,
            "reason": one.reason,
            "pool_id": pool_id,
            "laboratory_id": sender.laboratory_id,
            "report_id": one.report_id,
            "summary": summary(sender, patient, one.report),
        }
        for one, pool_id in zip(waiting, pools, strict=True)
    ]


def _pool(session: Session, one: Waiting) -> UUID:
    """The staff who find out whose it is; where that is known, the team that answers for it."""
    if one.goes_to is None or one.goes_to.responsible_id is None:
        return directory.operations_pool(session)
    return directory.get_practitioner(session, one.goes_to.responsible_id).pool_id


def _item(session: Session, one: Waiting, pool_id: UUID, now: datetime) -> NewItem:
    priority, due_at = Priority.STAT, now + _AT_ONCE
    if not one.is_critical:
        priority = Priority.URGENT
        calendar = directory.calendar_of_pool(session, pool_id)
        due_at = due_times.due_at(calendar, priority, now)
    return NewItem(
        kind=WorkItemKind.RECONCILIATION,
        subject_id=one.case_id,
        patient_id=one.goes_to.patient_id if one.goes_to else None,
        responsible_id=None,
        pool_id=pool_id,
        priority=priority,
        due_at=due_at,
    )


def open_item(
    session: Session,
    actor: Actor,
    case_id: UUID,
    report: IncomingReport,
    pool_id: UUID,
    now: datetime,
) -> None:
    """The work item of a case that waits again."""
    waiting = Waiting(case_id, 0, report, CaseReason.TAKEN_BACK)
    item = _item(session, waiting, pool_id, now)
    worklist.open_items(session=session, actor=actor, items=[item], now=now)


def summary(sender: Sender, patient: PatientIdentity, report: IncomingReport) -> dict[str, Any]:
    """What somebody needs to see to find out whose a report is. By its `digest` the same once more
    is known."""
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
        "digest": rules.digest_of(report).hex(),
    }
