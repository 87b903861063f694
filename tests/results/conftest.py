"""What the tests of results share: callers, and reports as the intake leaves them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from portal.core import outbox
from portal.core.actor import OPERATOR, WORKER
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.ids import new_id
from portal.notifications.model import Notification
from portal.notifications.outreach_model import ContactPreference
from portal.requisitions.model import Requisition
from portal.results.model import (
    DiagnosticReport,
    Observation,
    ReleaseEntry,
    ReportAttachment,
    ReportVersion,
)
from portal.worklist.model import WorkItem
from tests.support.clinic import SmallClinic, add
from tests.support.work import drain

POTASSIUM = "2823-3"


@dataclass(frozen=True)
class Value:
    """One observation: potassium, unless said otherwise."""

    text: str = "4.1"
    abnormality: str = "normal"
    code: str = POTASSIUM
    name: str = "Potassium"
    unit: str = "mmol/L"
    changes: dict[str, Any] = field(default_factory=dict)


NORMAL = (Value(),)
HIGH = (Value("5.6", "abnormal"),)
CRITICAL = (Value("6.8", "critical"),)
_WORST = ["normal", "unknown", "abnormal", "critical"]


def receive(
    small: SmallClinic, values: Sequence[Value] = NORMAL, status: str = "final", **changes: Any
) -> UUID:
    """A report of the first patient as the intake leaves it, its event in the outbox."""
    moment = changes.pop("at", utcnow())
    report = DiagnosticReport(
        **{
            "id": new_id(),
            "patient_id": small.patient.id,
            "laboratory_id": small.laboratory.id,
            "performer_name": small.laboratory.name,
            "responsible_id": small.physician.id,
            "placer_number": "",
            "filler_number": "",
            "code": "24323-8",
            "code_system": "LN",
            "name": "Comprehensive metabolic 2000 panel",
            "category": "LAB",
            "status": status,
            "abnormality": worst(values),
            "version_number": 1,
            "current_version_id": new_id(),
            "collected_at": moment,
            "reported_at": moment,
            "received_at": moment,
            "release_status": "pending",
            "version": 1,
            **changes,
        }
    )
    add(report)
    _write_version(report, values, moment, [])
    return report.id


def receive_next(
    report_id: UUID,
    values: Sequence[Value],
    status: str,
    *,
    changes: Sequence[dict[str, Any]] = (),
) -> None:
    """The next version of a report, as the intake leaves it."""
    moment = utcnow()
    with transaction(OPERATOR) as session:
        report = session.get_one(DiagnosticReport, report_id)
        report.status, report.abnormality = status, worst(values)
        report.version_number += 1
        report.current_version_id = new_id()
        report.received_at = moment
    _write_version(load(report_id), values, moment, changes)


def worst(values: Sequence[Value]) -> str:
    return max((value.abnormality for value in values), key=_WORST.index, default="unknown")


def _write_version(
    report: DiagnosticReport,
    values: Sequence[Value],
    moment: datetime,
    changes: Sequence[dict[str, Any]],
) -> None:
    version = ReportVersion(
        id=report.current_version_id,
        report_id=report.id,
        patient_id=report.patient_id,
        number=report.version_number,
        status=report.status,
        abnormality=report.abnormality,
        issued_at=moment,
        received_at=moment,
        digest=b"x",
        changes=list(changes),
    )
    with transaction(OPERATOR) as session:
        session.add(version)
        session.flush()
        for position, value in enumerate(values):
            session.add(_observation(report, position, value, moment))
        outbox.emit(session, "result.received", report_id=report.id, version_id=version.id)


def _observation(
    report: DiagnosticReport, position: int, value: Value, moment: datetime
) -> Observation:
    bare = value.text.lstrip("<>").replace(".", "", 1)
    number = Decimal(value.text.lstrip("<>")) if bare.isdigit() else None
    return Observation(
        **{
            "version_id": report.current_version_id,
            "position": position,
            "report_id": report.id,
            "patient_id": report.patient_id,
            "code": value.code,
            "code_system": "LN",
            "name": value.name,
            "sub_id": "",
            "kind": "text" if number is None else "quantity",
            "number": number,
            "comparator": "",
            "value_text": value.text,
            "unit": value.unit,
            "reference_low": Decimal("3.5"),
            "reference_high": Decimal("5.1"),
            "reference_text": "3.5-5.1",
            "flags": [],
            "abnormality": value.abnormality,
            "status": report.status if report.status in ("final", "preliminary") else "final",
            "observed_at": moment,
            **value.changes,
        }
    )


def attach(report_id: UUID, **changes: Any) -> UUID:
    """A document of the current version."""
    report = load(report_id)
    row = ReportAttachment(
        **{
            "id": new_id(),
            "version_id": report.current_version_id,
            "report_id": report.id,
            "patient_id": report.patient_id,
            "position": 0,
            "content_type": "application/pdf",
            "title": "Report",
            "size": 5,
            "digest": b"x",
            "content": b"%PDF-",
            **changes,
        }
    )
    add(row)
    return row.id


def order(clinic: SmallClinic, **changes: Any) -> Requisition:
    """A requisition of the first patient that the laboratory has; `changes` override columns."""
    now = utcnow()
    values: dict[str, Any] = {
        "id": new_id(),
        "placer_number": f"ORD-{new_id().hex[-8:]}",
        "group_number": "G-1",
        "patient_id": clinic.patient.id,
        "orderer_id": clinic.physician.id,
        "laboratory_id": clinic.laboratory.id,
        "kind": "laboratory",
        "test_code": "24323-8",
        "test_name": "Comprehensive metabolic 2000 panel",
        "status": "sent",
        "priority": "routine",
        "diagnoses": [],
        "fasting": False,
        "ordered_at": now,
        "status_at": now,
        "collect_by": now + timedelta(days=30),
        "expected_by": now + timedelta(days=30),
        **changes,
    }
    row = Requisition(**values)
    add(row)
    return row


def wish(small: SmallClinic, by: str = "portal", when: str = "at_once") -> None:
    """How and when the first patient wants to be told."""
    with transaction(OPERATOR) as session:
        row = ContactPreference(person_id=small.patient.id, results_by=by, results_when=when)
        session.merge(row)


def received(small: SmallClinic, *args: Any, **kwargs: Any) -> UUID:
    """A report that the workers have followed."""
    report_id = receive(small, *args, **kwargs)
    drain()
    return report_id


def load(report_id: UUID) -> DiagnosticReport:
    with transaction(OPERATOR) as session:
        return session.get_one(DiagnosticReport, report_id)


def set_report(report_id: UUID, **values: Any) -> None:
    """Put columns of a report to what they would be after time has passed."""
    with transaction(OPERATOR) as session:
        for name, value in values.items():
            session.execute(
                text(f"UPDATE diagnostic_report SET {name} = :value WHERE id = :id"),
                {"value": value, "id": report_id},
            )


def ledger(report_id: UUID) -> list[tuple[str, str]]:
    with transaction(OPERATOR) as session:
        rows = session.scalars(
            select(ReleaseEntry)
            .where(ReleaseEntry.report_id == report_id)
            .order_by(ReleaseEntry.at, ReleaseEntry.id)
        ).all()
    return [(row.action, row.rule) for row in rows]


def items(*, kind: str | None = None, still_open: bool = True) -> list[WorkItem]:
    with transaction(OPERATOR) as session:
        rows = session.scalars(select(WorkItem).order_by(WorkItem.id)).all()
    return [
        row
        for row in rows
        if (kind is None or row.kind == kind) and (row.closed_at is None or not still_open)
    ]


def told(recipient_id: UUID) -> list[str]:
    """What somebody was told about results, in order."""
    with transaction(OPERATOR) as session:
        rows = session.scalars(
            select(Notification)
            .where(Notification.recipient_id == recipient_id)
            .order_by(Notification.id)
        ).all()
    return [row.event for row in rows if row.event.startswith("result_")]


def as_worker(use_case: Callable[..., Any], **kwargs: Any) -> Any:
    """Run a use case of the workers' in a transaction of its own."""
    with transaction(WORKER) as session:
        return use_case(session=session, **kwargs)
