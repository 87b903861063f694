"""The problem list."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import Actor
from portal.core.clock import local_day
from portal.core.errors import FieldError
from portal.core.ids import new_id
from portal.core.versions import check_version
from portal.patients import service as patients
from portal.visits import chart_queries, queries
from portal.visits.chart_model import Problem, ProblemVersion
from portal.visits.errors import ProblemKnown, ProblemNotFound, ProblemUnusable
from portal.visits.service import moves
from portal.visits.service.visiting import usable_patient
from portal.visits.states import CodeSystem, ProblemStatus


@dataclass(frozen=True, slots=True)
class AddProblem:
    """A problem of a patient's, found at a visit or known before; days are the patient's."""

    patient_id: UUID
    code_system: CodeSystem
    code: str
    text: str
    status: ProblemStatus
    onset_on: date | None
    resolved_on: date | None
    note: str | None
    visit_id: UUID | None


def add_problem(*, session: Session, actor: Actor, command: AddProblem, now: datetime) -> Problem:
    """Put a problem on the patient's list.

    Raises VisitUnusable for a patient, ProblemUnusable for a visit or days that can't be used,
    ProblemKnown naming the entry that there is.
    """
    patient = usable_patient(session, command.patient_id)
    _check_visit(session, command)
    today = local_day(now, patient.time_zone)
    _check_days(command.onset_on, command.resolved_on, patient.birth_date, today)
    known = chart_queries.open_problem(session, patient.id, command.code_system, command.code)
    if known is not None:
        raise ProblemKnown(
            f"This is on the list already, as {known.status}: change that entry.",
            problem_id=known.id,
        )
    problem = Problem(
        id=new_id(),
        patient_id=patient.id,
        visit_id=command.visit_id,
        code_system=command.code_system,
        code=command.code,
        text=command.text,
        status=command.status,
        onset_on=command.onset_on,
        resolved_on=_resolved_on(command.status, command.resolved_on, today),
        note=command.note,
        recorded_by=actor.id,
        recorded_at=now,
        version=1,
    )
    session.add(problem)
    session.flush()
    _remember(session, problem, actor=actor, action="create", reason=None, now=now)
    return problem


def _check_visit(session: Session, command: AddProblem) -> None:
    if command.visit_id is None:
        return
    visit = queries.get_visit(session, command.visit_id)
    if visit is None or visit.patient_id != command.patient_id:
        raise _unusable("/visit_id", "This patient has no such visit.")


def _check_days(
    onset_on: date | None, resolved_on: date | None, born_on: date, today: date
) -> None:
    for pointer, day in (("/onset_on", onset_on), ("/resolved_on", resolved_on)):
        if day is not None and not born_on <= day <= today:
            raise _unusable(pointer, "A day from the patient's birth to today.")
    if onset_on is not None and resolved_on is not None and resolved_on < onset_on:
        raise _unusable("/resolved_on", "Not before `onset_on`.")


def _unusable(pointer: str, message: str) -> ProblemUnusable:
    return ProblemUnusable(message, errors=[FieldError(pointer, message)])


def _resolved_on(status: str, resolved_on: date | None, today: date) -> date | None:
    """Today unless said, for what is resolved; for anything else there is no such day."""
    return (resolved_on or today) if status == ProblemStatus.RESOLVED else None


def change_problem(
    *,
    session: Session,
    actor: Actor,
    problem_id: UUID,
    changes: Mapping[str, Any],
    expected: int | None,
    now: datetime,
) -> Problem:
    """Change a problem's status, words or days; `reason` among the changes says why.

    Raises ProblemNotFound, PreconditionFailed, IllegalTransition, ProblemUnusable.
    """
    problem = chart_queries.problem_for_change(session, problem_id)
    if problem is None:
        raise ProblemNotFound()
    check_version(expected, problem.version)
    values = dict(changes)
    reason = values.pop("reason", None)
    status = values.pop("status", problem.status)
    patient = patients.get_patient(session, problem.patient_id)
    today = local_day(now, patient.time_zone)
    if status != problem.status:
        problem.move_to(ProblemStatus(status), actor=actor)
    for name, value in values.items():
        setattr(problem, name, value)
    if values.get("resolved_on") is not None and status != ProblemStatus.RESOLVED:
        raise _unusable("/resolved_on", "Only what is resolved has such a day: change `status`.")
    problem.resolved_on = _resolved_on(status, problem.resolved_on, today)
    _check_days(problem.onset_on, problem.resolved_on, patient.birth_date, today)
    problem.version += 1
    _remember(session, problem, actor=actor, action="update", reason=reason, now=now)
    session.flush()
    return problem


def _remember(
    session: Session,
    problem: Problem,
    *,
    actor: Actor,
    action: str,
    reason: str | None,
    now: datetime,
) -> None:
    session.add(ProblemVersion.of(problem, actor=actor, now=now, reason=reason))
    moves.record(session, actor, action, "problem", problem.patient_id, problem.id, now)
