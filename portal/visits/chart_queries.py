"""Reading vital signs and problems."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from portal.core.db import run
from portal.visits.chart_model import Problem, VitalSign
from portal.visits.states import ProblemStatus
from portal.visits.vital_rules import BMI, HEIGHT, WEIGHT

MOST_POINTS = 1000

# A weight with the last height before it, or of the same day. Who has not stopped growing is
# measured anew: until 20, as far as growth charts go, a height is good for a month.
_VITAL = f"""
    SELECT v.id, v.patient_id, v.visit_id, v.code, v.value, v.systolic, v.diastolic, v.unit,
           v.position, v.note, v.source, v.measured_at, v.recorded_at, v.withdrawn_at,
           v.withdrawn_reason, h.id AS height_id, h.value AS height, h.unit AS height_unit
    FROM vital_sign v
    LEFT JOIN LATERAL (
        SELECT s.id, s.value, s.unit
        FROM vital_sign s JOIN patient pa ON pa.id = s.patient_id
        WHERE v.code = '{WEIGHT}' AND s.patient_id = v.patient_id AND s.code = '{HEIGHT}'
          AND s.withdrawn_at IS NULL AND s.measured_at <= v.measured_at + interval '1 day'
          AND (s.measured_at >= v.measured_at - interval '30 days'
               OR pa.birth_date + interval '20 years' <= s.measured_at)
        ORDER BY s.measured_at DESC, s.id DESC LIMIT 1
    ) h ON true
"""
_VITALS = text(
    f"""
    {_VITAL}
    WHERE v.patient_id = :patient_id AND v.withdrawn_at IS NULL
      AND (CAST(:code AS text) IS NULL OR v.code = :code)
      AND (NOT :with_height OR h.id IS NOT NULL)
      AND (CAST(:moment AS timestamptz) IS NULL OR (v.measured_at, v.id) < (:moment, :id))
      AND (CAST(:since AS timestamptz) IS NULL OR v.measured_at BETWEEN :since AND :until)
    ORDER BY v.measured_at DESC, v.id DESC LIMIT :limit
    """
)
_OF_VISIT = text(
    f"""
    {_VITAL}
    WHERE v.visit_id = :visit_id AND v.withdrawn_at IS NULL ORDER BY v.measured_at, v.id
    """
)
_ONE_VITAL = text(f"{_VITAL} WHERE v.id = :id")

_PROBLEM = """
    SELECT p.id, p.patient_id, p.visit_id, p.code_system, p.code, p.text, p.status, p.onset_on,
           p.resolved_on, p.note, p.recorded_at, p.version, p.recorded_by,
           pr.name AS recorded_by_name
    FROM problem p JOIN practitioner pr ON pr.id = p.recorded_by
"""
_PROBLEMS = text(
    f"""
    {_PROBLEM}
    WHERE p.patient_id = :patient_id AND p.status = ANY(CAST(:statuses AS text[]))
      AND (CAST(:moment AS timestamptz) IS NULL OR (p.recorded_at, p.id) < (:moment, :id))
    ORDER BY p.recorded_at DESC, p.id DESC LIMIT :limit
    """
)
_SOME_PROBLEMS = text(
    f"{_PROBLEM} WHERE p.id = ANY(CAST(:ids AS uuid[])) AND p.status <> 'entered_in_error'"
)
_ONE_PROBLEM = text(f"{_PROBLEM} WHERE p.id = :id")
_VERSIONS = text(
    """
    SELECT w.number, w.text, w.status, w.onset_on, w.resolved_on, w.note, w.reason, w.at,
           pr.name AS written_by_name
    FROM problem_version w LEFT JOIN practitioner pr ON pr.id = w.written_by
    WHERE w.problem_id = :id ORDER BY w.number
    """
)


def vitals(
    session: Session,
    patient_id: UUID,
    code: str | None,
    *,
    after: tuple[datetime, UUID] | None,
    limit: int,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Sequence[Row[Any]]:
    """A patient's measurements, the newest first, one more than `limit`.

    The body mass index is computed from what is measured: for it, these are weights with a height.
    """
    moment, id_ = after or (None, None)
    values = {
        "patient_id": patient_id,
        "code": WEIGHT if code == BMI else code,
        "with_height": code == BMI,
        "moment": moment,
        "id": id_,
        "since": since,
        "until": until,
        "limit": limit + 1,
    }
    return run(session, _VITALS, values)


def vitals_of_visit(session: Session, visit_id: UUID) -> Sequence[Row[Any]]:
    """What was measured at a visit, in order."""
    return session.execute(_OF_VISIT, {"visit_id": visit_id}).all()


def vital(session: Session, vital_id: UUID) -> Row[Any] | None:
    return session.execute(_ONE_VITAL, {"id": vital_id}).first()


def vital_for_change(session: Session, vital_id: UUID) -> VitalSign | None:
    """A measurement, locked."""
    return session.scalars(
        select(VitalSign)
        .where(VitalSign.id == vital_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()


def vitals_for_change(session: Session, visit_id: UUID) -> Sequence[VitalSign]:
    """What was measured at a visit and not withdrawn, locked."""
    return session.scalars(
        select(VitalSign)
        .where(VitalSign.visit_id == visit_id, VitalSign.withdrawn_at.is_(None))
        .order_by(VitalSign.id)
        .with_for_update()
    ).all()


def problems(
    session: Session,
    patient_id: UUID,
    statuses: Sequence[str],
    *,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """A patient's problems, the latest found first, one more than `limit`."""
    moment, id_ = after or (None, None)
    values = {
        "patient_id": patient_id,
        "statuses": list(statuses),
        "moment": moment,
        "id": id_,
        "limit": limit + 1,
    }
    return run(session, _PROBLEMS, values)


def problems_by_id(session: Session, ids: Sequence[str]) -> Sequence[Row[Any]]:
    """Those of the problems that were not entered in error."""
    return session.execute(_SOME_PROBLEMS, {"ids": list(ids)}).all()


def problem(session: Session, problem_id: UUID) -> Row[Any] | None:
    return session.execute(_ONE_PROBLEM, {"id": problem_id}).first()


def problem_versions(session: Session, problem_id: UUID) -> Sequence[Row[Any]]:
    return session.execute(_VERSIONS, {"id": problem_id}).all()


def problem_for_change(session: Session, problem_id: UUID) -> Problem | None:
    """A problem, locked."""
    return session.scalars(
        select(Problem)
        .where(Problem.id == problem_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()


def open_problem(session: Session, patient_id: UUID, code_system: str, code: str) -> Problem | None:
    """The entry of this code that is neither resolved nor in error."""
    ended = (ProblemStatus.RESOLVED, ProblemStatus.ENTERED_IN_ERROR)
    return session.scalars(
        select(Problem)
        .where(
            Problem.patient_id == patient_id,
            Problem.code_system == code_system,
            Problem.code == code,
            Problem.status.not_in(ended),
        )
        .limit(1)
    ).first()
