"""Pure decisions about orders: due times, which move goes ahead, what to do next."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from portal.directory.model import LaboratoryKind
from portal.requisitions.states import (
    REQUISITION,
    UNCOLLECTED,
    UNRESULTED,
    RequisitionKind,
    RequisitionPriority,
    RequisitionStatus,
)

S = RequisitionStatus
P = RequisitionPriority

# How long after its first day a test should be done, and after how long it no longer will be: half
# a year is what laboratories commonly keep an order open.
COLLECT_WITHIN = {P.ROUTINE: timedelta(days=30), P.URGENT: timedelta(days=3), P.STAT: timedelta(1)}
EXPIRES_AFTER = {P.ROUTINE: timedelta(days=180), P.URGENT: timedelta(days=30), P.STAT: timedelta(7)}
# A draft that nobody places in this time was given up.
DRAFT_KEPT_FOR = timedelta(days=30)
# The part of a place's usual time that an order of this priority may take.
TURNAROUND_SHARE = {P.ROUTINE: 1.0, P.URGENT: 0.5, P.STAT: 0.25}
SHORTEST_TURNAROUND = timedelta(hours=1)
# Radiology has so long after an appointment to say whether the patient came.
APPOINTMENT_GRACE = timedelta(days=1)
# How long ahead of its day the next one of a standing order is made: never before the one before.
STANDING_AHEAD_DAYS = 7
# Clocks differ; what is further ahead is a mistake.
CLOCK_TOLERANCE = timedelta(minutes=5)

KIND_OF_PLACE = {
    RequisitionKind.LABORATORY: LaboratoryKind.LABORATORY,
    RequisitionKind.IMAGING: LaboratoryKind.RADIOLOGY,
}
# The way that an order goes: a later step may come without those before it.
_WAY = (S.DRAFT, S.PLACED, S.SENT, S.ACCEPTED, S.SCHEDULED, S.COLLECTED, S.IN_PROGRESS, S.RESULTED)
NO_SHOW = "no_show"


@dataclass(frozen=True, slots=True)
class Clocks:
    """When an order is due, and when it ends if it was never collected (UTC)."""

    collect_by: datetime
    expires_at: datetime


def clocks(
    priority: RequisitionPriority, starts_at: datetime, interval_days: int | None = None
) -> Clocks:
    """The clocks of an order from the first moment at which it may be done.

    One of a standing order ends when the next one takes its place.
    """
    within, expires = COLLECT_WITHIN[priority], EXPIRES_AFTER[priority]
    if interval_days is not None:
        interval = timedelta(days=interval_days)
        within, expires = min(within, interval), min(expires, interval)
    return Clocks(starts_at + within, starts_at + expires)


def starts_at(not_before: date | None, now: datetime, time_zone: str) -> datetime:
    """The first moment at which a test may be done (UTC): now, or when its first day begins."""
    if not_before is None:
        return now
    first = datetime.combine(not_before, time.min, tzinfo=ZoneInfo(time_zone)).astimezone(UTC)
    return max(first, now)


def result_due(
    priority: RequisitionPriority, turnaround_hours: int, collected_at: datetime
) -> datetime:
    """By when a result is expected of a specimen (UTC)."""
    usual = timedelta(hours=turnaround_hours * TURNAROUND_SHARE[priority])
    return collected_at + max(usual, SHORTEST_TURNAROUND)


def appointment_due(ends_at: datetime) -> datetime:
    """By when it is known whether the patient came (UTC)."""
    return ends_at + APPOINTMENT_GRACE


def goes_ahead(before: RequisitionStatus, after: RequisitionStatus) -> bool:
    """Whether a step leads on: an earlier one that comes late does not."""
    if after not in _WAY:
        return after != before
    return before in _WAY and _WAY.index(after) > _WAY.index(before)


class ReportOutcome(StrEnum):
    """What became of a step that a laboratory reported."""

    APPLIED = "applied"
    LATE = "late"
    NO_CHANGE = "no_change"
    IMPOSSIBLE = "impossible"


def judge_report(before: RequisitionStatus, after: RequisitionStatus) -> ReportOutcome:
    """LATE: a later step was reported before. IMPOSSIBLE: nothing leads there from here."""
    if before == after:
        return ReportOutcome.NO_CHANGE
    if goes_ahead(before, after):
        allowed = REQUISITION.allows(before, after)
        return ReportOutcome.APPLIED if allowed else ReportOutcome.IMPOSSIBLE
    return ReportOutcome.LATE if before in _WAY else ReportOutcome.IMPOSSIBLE


def with_whom(status: RequisitionStatus) -> str | None:
    """Who has it now: practitioner, careloop, laboratory, patient; None at an end."""
    return _HOLDERS.get(status)


_HOLDERS: Mapping[RequisitionStatus, str] = {
    S.DRAFT: "practitioner",
    S.PLACED: "careloop",
    S.SENT: "laboratory",
    S.ACCEPTED: "patient",
    S.SCHEDULED: "patient",
    S.COLLECTED: "laboratory",
    S.IN_PROGRESS: "laboratory",
}


@dataclass(frozen=True, slots=True)
class Place:
    """What the patient is told of the place and of when."""

    name: str
    not_before: date | None = None
    fasting_hours: int | None = None


def next_step(kind: RequisitionKind, status: RequisitionStatus, place: Place) -> str:
    """What is outstanding, and who does it, in plain words."""
    if status in UNCOLLECTED and status != S.SCHEDULED:
        return _go(kind, place)
    return _STEPS[status].format(place=place.name)


def _go(kind: RequisitionKind, place: Place) -> str:
    if kind == RequisitionKind.IMAGING:
        return f"Book an appointment at {place.name}, or at another radiology department."
    day = f" on {place.not_before.isoformat()} or later" if place.not_before else ""
    fast = f" Eat nothing for {place.fasting_hours} hours before." if place.fasting_hours else ""
    return f"Go to {place.name}{day} to have the sample taken.{fast}"


_STEPS: Mapping[RequisitionStatus, str] = {
    S.DRAFT: "Your practitioner has not placed this order yet.",
    S.SCHEDULED: "Come to your appointment at {place}.",
    S.COLLECTED: "You need do nothing now: {place} has what it needs and will report.",
    S.IN_PROGRESS: "You need do nothing now: {place} is working on it.",
    S.RESULTED: "{place} has reported. Look at your results.",
    S.REJECTED: "{place} could not do this. Your practitioner has been told and decides.",
    S.CANCELLED: "This was cancelled: there is nothing to do.",
    S.EXPIRED: "This was not done in time. Your practitioner was told; ask if it is still needed.",
}


def is_late(expected: datetime | None, now: datetime) -> bool:
    return expected is not None and expected < now


def is_uncollected_late(
    status: RequisitionStatus, reason_code: str | None, expected: datetime | None, now: datetime
) -> bool:
    """Whether somebody has to ask why the patient did not come."""
    missed = status == S.ACCEPTED and reason_code == NO_SHOW
    return status in UNCOLLECTED and (missed or is_late(expected, now))


def is_unresulted(status: RequisitionStatus) -> bool:
    return status in UNRESULTED


def is_future(moment: datetime, now: datetime) -> bool:
    """Whether a time that somebody reports can't have been yet."""
    return moment > now + CLOCK_TOLERANCE


def split_name(name: str) -> tuple[str, str]:
    """A practitioner's name as (family name, given names), without titles."""
    words = [word for word in name.split() if word.rstrip(".").lower() not in _TITLES]
    return (words[-1], " ".join(words[:-1])) if words else (name, "")


_TITLES = frozenset({"dr", "prof", "md", "do", "np", "pa"})
