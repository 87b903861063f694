"""Pure decisions about visits: times, who may mark what, and what a summary says."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from portal.core.actor import PATIENT_SIDE, ActorKind
from portal.visits.states import COMING, DoneBy, InstructionKind, VisitKind, VisitStatus

# A visit may be written down after it was held, and planned for as long as calendars are kept.
FURTHEST_BACK = timedelta(days=366)
FURTHEST_AHEAD = timedelta(days=731)
# Clocks differ; what is further ahead is a mistake.
CLOCK_TOLERANCE = timedelta(minutes=5)

DONE_BY: Mapping[InstructionKind, DoneBy] = {
    InstructionKind.FILL: DoneBy.DISPENSED,
    InstructionKind.TEST: DoneBy.RESULTED,
    InstructionKind.REFERRAL: DoneBy.REFERRED,
    InstructionKind.VISIT: DoneBy.VISITED,
    InstructionKind.MESSAGE: DoneBy.ANSWERED,
    InstructionKind.OTHER: DoneBy.BY_HAND,
}


def usable_start(starts_at: datetime, now: datetime) -> bool:
    return now - FURTHEST_BACK <= starts_at <= now + FURTHEST_AHEAD


def is_future(moment: datetime, now: datetime) -> bool:
    """Whether a time at which something was measured can't have been yet."""
    return moment > now + CLOCK_TOLERANCE


def end_of_day(day: date | None, time_zone: str) -> datetime | None:
    """When a day is over for somebody in `time_zone` (UTC)."""
    if day is None:
        return None
    after = datetime.combine(day + timedelta(days=1), time.min, tzinfo=ZoneInfo(time_zone))
    return after.astimezone(UTC)


def kind_of(service_type: str) -> VisitKind:
    """How a patient is seen at a time for this: by its first word, else at the office."""
    first = service_type.split(maxsplit=1)[0].lower() if service_type.strip() else ""
    return next((kind for kind in VisitKind if kind.value == first), VisitKind.OFFICE)


def began_at(starts_at: datetime, ends_at: datetime, now: datetime) -> datetime:
    """When a visit began whose patient came: now while its time lasts, else when it was to."""
    return now if now < ends_at else starts_at


def is_late(status: VisitStatus, starts_at: datetime, now: datetime) -> bool:
    """Whether a visit that was to begin by now has not."""
    return status == VisitStatus.PLANNED and starts_at < now


def with_whom(status: VisitStatus, summary_number: int | None) -> str | None:
    """Who has to do something now: the practitioner until there is a summary; None afterwards."""
    if status in COMING or (status == VisitStatus.FINISHED and summary_number is None):
        return "practitioner"
    return None


def patient_may_mark(kind: ActorKind, target_known: bool) -> bool:
    """Whether somebody may say by hand that an instruction is done: the patient only where nothing
    else tells."""
    return kind not in PATIENT_SIDE or not target_known


def composed(
    draft: Mapping[str, Any], facts: Mapping[str, Any], problems: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """What a summary says: what was written, with what is known of the visit now.

    `problems` are those of the patient by their ids; one that is gone is left out.
    """
    return {
        **facts,
        "reason": draft["reason"],
        "found": draft["found"],
        "problem_ids": draft["problem_ids"],
        "problems": [problems[id_] for id_ in draft["problem_ids"] if id_ in problems],
        "medicines": draft["medicines"],
        "instructions": draft["instructions"],
        "contact": draft["contact"] or facts["clinic"],
    }


def to_ask_for(runs_out_on: date, today: date) -> str:
    """What a patient does about a medicine that does not last until a visit."""
    if runs_out_on < today:
        return f"It ran out on {runs_out_on.isoformat()}. Ask for a refill, if you have not."
    return f"It lasts until {runs_out_on.isoformat()}. Ask for a refill before, if you have not."
