"""Writing a visit's summary, releasing it, and releasing a corrected version."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy.orm import Session

from portal.core import outbox
from portal.core.actor import Actor
from portal.core.clock import local_day
from portal.core.errors import FieldError
from portal.core.ids import new_id
from portal.core.json import dumps
from portal.core.versions import check_version
from portal.patients import service as patients
from portal.visits import rules, summary_queries
from portal.visits.errors import NoDraft, SummaryAlreadyReleased, SummaryUnusable
from portal.visits.model import Visit
from portal.visits.service import moves
from portal.visits.service.composing import compose
from portal.visits.service.confidential import keep_with_what_it_says
from portal.visits.service.instructions import close_missing_summary, withdraw
from portal.visits.states import InstructionKind, InstructionStatus, SummaryStatus
from portal.visits.summary_model import VisitInstruction, VisitSummary


@dataclass(frozen=True, slots=True)
class MedicineNote:
    """What became of a medicine at a visit."""

    change: str
    name: str
    directions: str | None = None
    note: str | None = None
    prescription_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class WantedInstruction:
    """What is to be done. With the `id` of an earlier version's it stays the same instruction."""

    kind: InstructionKind
    text: str
    due_on: date | None = None
    target_id: UUID | None = None
    id: UUID | None = None


@dataclass(frozen=True, slots=True)
class WriteSummary:
    """What a practitioner writes for the patient; without a contact it is the clinic."""

    reason: str
    found: str | None
    problem_ids: Sequence[UUID]
    medicines: Sequence[MedicineNote]
    instructions: Sequence[WantedInstruction]
    contact: Mapping[str, str] | None = None


def write_summary(
    *,
    session: Session,
    actor: Actor,
    visit_id: UUID,
    command: WriteSummary,
    expected: int | None,
    now: datetime,
) -> VisitSummary:
    """Write the draft of a visit's next version, in place of the draft that there is.

    Raises VisitNotFound, VisitNotHeld, PreconditionFailed, SummaryUnusable naming what can't be
    used.
    """
    visit = moves.lock_held(session, visit_id)
    draft = summary_queries.draft_for_change(session, visit.id)
    released = summary_queries.last_released(session, visit.id)
    current = draft or released
    check_version(expected, current.version if current else 0)
    time_zone = patients.get_patient(session, visit.patient_id).time_zone
    problems = list(_problems(session, visit, command, local_day(now, time_zone)))
    if problems:
        raise SummaryUnusable(problems[0].message, errors=problems)
    if draft is None:
        draft = VisitSummary(
            id=new_id(),
            visit_id=visit.id,
            patient_id=visit.patient_id,
            number=released.number + 1 if released else 1,
            status=SummaryStatus.DRAFT,
            version=released.version if released else 0,
        )
        session.add(draft)
    draft.content = _content(command)
    draft.written_by = actor.id
    draft.written_at = now
    draft.version += 1
    moves.record(session, actor, "write", "visit_summary", visit.patient_id, draft.id, now)
    session.flush()
    return draft


def _content(command: WriteSummary) -> dict[str, Any]:
    """As JSON; each instruction has an id from here on."""
    named = [replace(one, id=one.id or new_id()) for one in command.instructions]
    content: dict[str, Any] = orjson.loads(dumps(asdict(replace(command, instructions=named))))
    return content


def _problems(
    session: Session, visit: Visit, command: WriteSummary, today: date
) -> Iterator[FieldError]:
    found = summary_queries.references(
        session,
        visit,
        problems=command.problem_ids,
        prescriptions=[one.prescription_id for one in command.medicines if one.prescription_id],
        targets=[one.target_id for one in command.instructions if one.target_id],
        instructions=[one.id for one in command.instructions if one.id],
    )
    for number, id_ in enumerate(command.problem_ids):
        if id_ not in found.problems:
            yield FieldError(f"/problem_ids/{number}", "No such problem on this patient's list.")
    for number, medicine in enumerate(command.medicines):
        if medicine.prescription_id not in {None, *found.prescriptions}:
            pointer = f"/medicines/{number}/prescription_id"
            yield FieldError(pointer, "No such prescription of this patient's.")
    for number, wanted in enumerate(command.instructions):
        yield from _misdirected(wanted, f"/instructions/{number}", found, today)


def _misdirected(
    wanted: WantedInstruction, pointer: str, found: summary_queries.References, today: date
) -> Iterator[FieldError]:
    if wanted.id is not None and wanted.id not in found.instructions:
        yield FieldError(f"{pointer}/id", "No such instruction of this visit's: leave `id` out.")
    if wanted.id is None and wanted.due_on is not None and wanted.due_on < today:
        yield FieldError(f"{pointer}/due_on", "A day from today on.")
    if wanted.target_id is None:
        return
    if wanted.kind == InstructionKind.OTHER:
        yield FieldError(f"{pointer}/target_id", "Nothing tells when this is done: leave it out.")
    known = found.targets.get(wanted.kind)
    if known is not None and wanted.target_id not in known:
        yield FieldError(f"{pointer}/target_id", f"This patient has no such {_NAMED[wanted.kind]}.")


_NAMED = {
    InstructionKind.FILL: "prescription",
    InstructionKind.TEST: "requisition",
    InstructionKind.VISIT: "visit",
    InstructionKind.REFERRAL: "referral",
    InstructionKind.MESSAGE: "thread",
}


def release_summary(
    *,
    session: Session,
    actor: Actor,
    visit_id: UUID,
    amendment: str | None,
    expected: int | None,
    now: datetime,
) -> VisitSummary:
    """Give the draft to the patient: from here on it never changes, and its instructions are
    followed. A later version says what was amended. What names something confidential makes the
    visit confidential.

    Raises VisitNotFound, VisitNotHeld, PreconditionFailed, NoDraft, SummaryAlreadyReleased,
    SummaryUnusable for one that says too little.
    """
    visit = moves.lock_held(session, visit_id)
    draft = _draft(session, visit)
    check_version(expected, draft.version)
    missing = list(_missing(draft, amendment))
    if missing:
        raise SummaryUnusable(missing[0].message, errors=missing)
    draft.content = compose(session, visit, draft.content)
    draft.move_to(SummaryStatus.RELEASED, actor=actor, now=now, amendment=amendment)
    visit.summary_due_at = None
    _follow_from_now(session, visit, draft.content["instructions"], actor, now)
    keep_with_what_it_says(session, actor, visit, draft.content, now)
    close_missing_summary(session, visit, actor=actor, outcome="released", now=now)
    moves.record(session, actor, "release", "visit_summary", visit.patient_id, draft.id, now)
    outbox.emit(session, "visit.summary_released", now=now, visit_id=visit.id, summary_id=draft.id)
    session.flush()
    return draft


def _draft(session: Session, visit: Visit) -> VisitSummary:
    draft = summary_queries.draft_for_change(session, visit.id)
    if draft is not None:
        return draft
    released = summary_queries.released(session, visit.id)
    if not released:
        raise NoDraft()
    last = released[0]
    raise SummaryAlreadyReleased(
        f"{last.released_by_name} released version {last.number} first. Write a draft to amend it.",
        number=last.number,
        released_by=last.released_by_name,
        released_at=last.released_at,
    )


def _missing(draft: VisitSummary, amendment: str | None) -> Iterator[FieldError]:
    if not draft.content["found"]:
        yield FieldError("/found", "Say what was found: PUT the summary with `found`.")
    if draft.number > 1 and not amendment:
        yield FieldError("/amendment", "The patient has a version: say what you amended.")


def _follow_from_now(
    session: Session,
    visit: Visit,
    wanted: Sequence[Mapping[str, Any]],
    actor: Actor,
    now: datetime,
) -> None:
    """Bring the instructions that are followed to what the released version says: those it still
    has stay what they are, open ones that it has no more are withdrawn."""
    time_zone = patients.get_patient(session, visit.patient_id).time_zone
    there = {one.id: one for one in summary_queries.instructions_for_change(session, visit.id)}
    for position, one in enumerate(wanted):
        id_ = UUID(one["id"])
        row = there.pop(id_, None)
        if row is None:
            row = VisitInstruction(
                id=id_,
                visit_id=visit.id,
                patient_id=visit.patient_id,
                status=InstructionStatus.OPEN,
                created_at=now,
            )
            session.add(row)
        elif row.status != InstructionStatus.OPEN:
            continue
        _write_instruction(row, one, position, time_zone)
    for gone in there.values():
        if gone.status == InstructionStatus.OPEN:
            withdraw(session, gone, actor=actor, now=now)


def _write_instruction(
    row: VisitInstruction, wanted: Mapping[str, Any], position: int, time_zone: str
) -> None:
    due_on = date.fromisoformat(wanted["due_on"]) if wanted["due_on"] else None
    row.position = position
    row.kind = wanted["kind"]
    row.text = wanted["text"]
    row.due_on = due_on
    row.due_at = rules.end_of_day(due_on, time_zone)
    row.target_id = UUID(wanted["target_id"]) if wanted["target_id"] else None
