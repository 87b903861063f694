"""Reading summaries and what is to be done after visits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from portal.core.db import run
from portal.visits.model import Visit
from portal.visits.states import InstructionKind, InstructionStatus, SummaryStatus
from portal.visits.summary_model import VisitInstruction, VisitSummary

_SUMMARY = """
    SELECT s.id, s.visit_id, s.patient_id, s.number, s.status, s.content, s.written_at,
           s.released_at, s.amendment, s.version, rp.name AS released_by_name,
           coalesce(wp.name, ws.name) AS written_by_name
    FROM visit_summary s
    LEFT JOIN practitioner rp ON rp.id = s.released_by
    LEFT JOIN practitioner wp ON wp.id = s.written_by
    LEFT JOIN staff_member ws ON ws.id = s.written_by
"""
_RELEASED = text(
    f"{_SUMMARY} WHERE s.visit_id = :visit_id AND s.status = 'released' ORDER BY s.number DESC"
)
_LATEST = text(
    f"""
    {_SUMMARY}
    WHERE s.visit_id = :visit_id AND (CAST(:number AS int) IS NULL OR s.number = :number)
      AND (:drafts OR s.status = 'released')
    ORDER BY s.number DESC LIMIT 1
    """
)
_INSTRUCTION = """
    SELECT i.id, i.visit_id, i.patient_id, i.kind, i.text, i.due_on, i.due_at, i.target_id,
           i.status, i.created_at, i.closed_at, i.closed_by_kind, i.done_by,
           coalesce(pr.name, st.name, CASE WHEN i.closed_by_kind = 'delegate'
                THEN careloop_delegate_name(i.closed_by, i.patient_id) END) AS closed_by_name
    FROM visit_instruction i
    LEFT JOIN practitioner pr ON i.closed_by_kind = 'practitioner' AND pr.id = i.closed_by
    LEFT JOIN staff_member st ON i.closed_by_kind = 'staff' AND st.id = i.closed_by
"""
_OF_VISIT = text(f"{_INSTRUCTION} WHERE i.visit_id = :visit_id ORDER BY i.position, i.id")
_ONE_INSTRUCTION = text(f"{_INSTRUCTION} WHERE i.id = :id")
_INSTRUCTIONS = text(
    f"""
    {_INSTRUCTION}
    WHERE i.patient_id = :patient_id
      AND (CAST(:statuses AS text[]) IS NULL OR i.status = ANY(CAST(:statuses AS text[])))
      AND (CAST(:id AS uuid) IS NULL OR i.id < :id)
    ORDER BY i.id DESC LIMIT :limit
    """
)
_REFERENCES = text(
    """
    SELECT 'problem' AS what, id FROM problem
    WHERE patient_id = :patient_id AND id = ANY(:problems) AND status <> 'entered_in_error'
    UNION ALL
    SELECT 'prescription', id FROM prescription
    WHERE patient_id = :patient_id AND id = ANY(:prescriptions)
    UNION ALL
    SELECT 'requisition', id FROM requisition WHERE patient_id = :patient_id AND id = ANY(:targets)
    UNION ALL
    SELECT 'visit', id FROM visit
    WHERE patient_id = :patient_id AND id = ANY(:targets) AND id <> :visit_id
    UNION ALL
    SELECT 'referral', id FROM referral
    WHERE patient_id = :patient_id AND id = ANY(:targets) AND requested_at IS NOT NULL
    UNION ALL
    SELECT 'thread', id FROM thread WHERE patient_id = :patient_id AND id = ANY(:targets)
    UNION ALL
    SELECT 'instruction', id FROM visit_instruction
    WHERE visit_id = :visit_id AND id = ANY(:instructions)
    UNION ALL
    SELECT 'instruction', CAST(i ->> 'id' AS uuid)
    FROM visit_summary s, jsonb_array_elements(s.content -> 'instructions') i
    WHERE s.visit_id = :visit_id AND s.status = 'draft'
    """
)


@dataclass(frozen=True, slots=True)
class References:
    """What a summary points to and may: ids of the patient's, and of the visit's instructions.
    `targets` has the kinds of which it is known."""

    problems: frozenset[UUID]
    prescriptions: frozenset[UUID]
    instructions: frozenset[UUID]
    targets: Mapping[InstructionKind, frozenset[UUID]]


def references(
    session: Session,
    visit: Visit,
    *,
    problems: Sequence[UUID],
    prescriptions: Sequence[UUID],
    targets: Sequence[UUID],
    instructions: Sequence[UUID],
) -> References:
    """Those of the ids that there are, in one statement."""
    values = {
        "patient_id": visit.patient_id,
        "visit_id": visit.id,
        "problems": list(problems),
        "prescriptions": [*prescriptions, *targets],
        "targets": list(targets),
        "instructions": list(instructions),
    }
    rows = run(session, _REFERENCES, values)

    def ids(what: str) -> frozenset[UUID]:
        return frozenset(row.id for row in rows if row.what == what)

    return References(
        problems=ids("problem"),
        prescriptions=ids("prescription"),
        instructions=ids("instruction"),
        targets={
            InstructionKind.FILL: ids("prescription"),
            InstructionKind.TEST: ids("requisition"),
            InstructionKind.VISIT: ids("visit"),
            InstructionKind.REFERRAL: ids("referral"),
            InstructionKind.MESSAGE: ids("thread"),
        },
    )


def summary(
    session: Session, visit_id: UUID, *, number: int | None, drafts: bool
) -> Row[Any] | None:
    """A version of a visit's summary by its number, or the last one; with `drafts` also the one
    that is being written."""
    values = {"visit_id": visit_id, "number": number, "drafts": drafts}
    return session.execute(_LATEST, values).first()


def released(session: Session, visit_id: UUID) -> Sequence[Row[Any]]:
    """Every version that the patient was given, the last first."""
    return session.execute(_RELEASED, {"visit_id": visit_id}).all()


def get_summary(session: Session, summary_id: UUID) -> VisitSummary | None:
    return session.get(VisitSummary, summary_id)


def draft_for_change(session: Session, visit_id: UUID) -> VisitSummary | None:
    """The version that is being written, locked."""
    return session.scalars(
        select(VisitSummary)
        .where(VisitSummary.visit_id == visit_id, VisitSummary.status == SummaryStatus.DRAFT)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()


def last_released(session: Session, visit_id: UUID) -> VisitSummary | None:
    return session.scalars(
        select(VisitSummary)
        .where(VisitSummary.visit_id == visit_id, VisitSummary.status == SummaryStatus.RELEASED)
        .order_by(VisitSummary.number.desc())
        .limit(1)
    ).first()


def instructions_of(session: Session, visit_id: UUID) -> Sequence[Row[Any]]:
    """What is to be done after a visit, in the order in which the summary says it."""
    return session.execute(_OF_VISIT, {"visit_id": visit_id}).all()


def instructions(
    session: Session,
    patient_id: UUID,
    *,
    statuses: Sequence[str] | None,
    after: UUID | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """What a patient is to do after any visit, the latest first, one more than `limit`."""
    values = {
        "patient_id": patient_id,
        "statuses": None if statuses is None else list(statuses),
        "id": after,
        "limit": limit + 1,
    }
    return run(session, _INSTRUCTIONS, values)


def instruction(session: Session, instruction_id: UUID) -> Row[Any] | None:
    return session.execute(_ONE_INSTRUCTION, {"id": instruction_id}).first()


def instruction_for_change(session: Session, instruction_id: UUID) -> VisitInstruction | None:
    """An instruction, locked."""
    return session.scalars(
        select(VisitInstruction)
        .where(VisitInstruction.id == instruction_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()


def instructions_for_change(session: Session, visit_id: UUID) -> Sequence[VisitInstruction]:
    """All of a visit's instructions, locked in the order of their ids."""
    return session.scalars(
        select(VisitInstruction)
        .where(VisitInstruction.visit_id == visit_id)
        .order_by(VisitInstruction.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def open_instructions(session: Session, visit_id: UUID) -> Sequence[VisitInstruction]:
    """Those of a visit's that are still open, locked."""
    found = instructions_for_change(session, visit_id)
    return [one for one in found if one.status == InstructionStatus.OPEN]
