"""Looking at a result: who has seen which version first when."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.actor import PATIENT_SIDE, Actor
from portal.results import queries
from portal.results.errors import AttachmentNotFound, ResultNotFound, VersionNotFound
from portal.results.service import items
from portal.worklist.states import WorkItemKind


def look(*, session: Session, actor: Actor, report_id: UUID, now: datetime) -> Row[Any]:
    """A result as the actor may see it; the first look at its current version is kept.

    Raises ResultNotFound.
    """
    report = _found(session, actor, report_id, now)
    _see(session, actor, report, report.version_number, now)
    if actor.kind in PATIENT_SIDE and queries.note_seen(session, report_id, now):
        for kind in (WorkItemKind.RESULT_UNSEEN, WorkItemKind.RESULT_COMMUNICATION):
            items.close_item(session, actor, report_id, kind, f"seen by the {actor.kind}", now)
    return report


def look_at_version(
    *, session: Session, actor: Actor, report_id: UUID, number: int, now: datetime
) -> Row[Any]:
    """A version of a result; the first look at it is kept.

    Raises ResultNotFound, VersionNotFound.
    """
    report = _found(session, actor, report_id, now)
    version = next(
        (row for row in queries.versions(session, report_id) if row.number == number), None
    )
    if version is None:
        raise VersionNotFound()
    _see(session, actor, report, number, now)
    return version


def look_at_attachment(
    *, session: Session, actor: Actor, report_id: UUID, attachment_id: UUID, now: datetime
) -> Row[Any]:
    """A document of a result. Raises AttachmentNotFound."""
    row = queries.attachment(session, report_id, attachment_id)
    if row is None:
        raise AttachmentNotFound()
    audit.record(
        session,
        actor,
        "read",
        "result_attachment",
        patient_id=row.patient_id,
        resource_id=row.id,
        at=now,
    )
    return row


def _found(session: Session, actor: Actor, report_id: UUID, now: datetime) -> Row[Any]:
    report = queries.result(session, report_id)
    if report is None:
        raise ResultNotFound()
    audit.record(
        session,
        actor,
        "read",
        "result",
        patient_id=report.patient_id,
        resource_id=report.id,
        at=now,
    )
    return report


def _see(session: Session, actor: Actor, report: Row[Any], number: int, now: datetime) -> None:
    queries.note_view(
        session,
        {
            "report_id": report.id,
            "number": number,
            "viewer_id": actor.id,
            "viewer_kind": actor.kind,
            "patient_id": report.patient_id,
            "now": now,
        },
    )
