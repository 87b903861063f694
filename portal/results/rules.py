"""Release, review, critical values and communication: pure decisions."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from portal.directory.rules import Calendar
from portal.notifications.outreach_states import ContactChannel, ReleaseWish
from portal.notifications.states import NotificationEvent
from portal.requisitions.states import RequisitionStatus
from portal.results.states import (
    FINALS,
    WITH_VALUES,
    Abnormality,
    FollowUpKind,
    ReleaseRule,
    ReleaseStatus,
    ReportStatus,
)
from portal.worklist.states import Priority

# How long a patient may let a result wait for their doctor's comment.
LONGEST_WAIT = timedelta(days=7)
# How long a person may hold a result; after that it is released, or held anew for a new reason.
LONGEST_HOLD = timedelta(days=30)
# Business hours from the review until somebody finds out why the patient was not told: three days.
UNTOLD_HOURS = 24
MOST_ALTERNATES = 2
# How long a released result may stay unseen until the patient is reminded, and until somebody asks.
REMIND_AFTER: Mapping[bool, timedelta] = {True: timedelta(days=1), False: timedelta(days=3)}
ASK_AFTER: Mapping[bool, timedelta] = {True: timedelta(days=3), False: timedelta(days=7)}

_PRIORITIES: Mapping[Abnormality, Priority] = {
    Abnormality.UNKNOWN: Priority.ROUTINE,
    Abnormality.NORMAL: Priority.ROUTINE,
    Abnormality.ABNORMAL: Priority.URGENT,
    Abnormality.CRITICAL: Priority.STAT,
}
NOTABLE = frozenset({Abnormality.ABNORMAL, Abnormality.CRITICAL})
# Within how many days a follow-up is due where the review doesn't say.
WITHIN_DAYS: Mapping[FollowUpKind, int] = {
    FollowUpKind.REPEAT_TEST: 30,
    FollowUpKind.VISIT: 14,
    FollowUpKind.REFERRAL: 7,
    FollowUpKind.MESSAGE: 2,
}

S = ReportStatus
# What was reported before does not hold any more.
TAKEN_BACK = frozenset({S.CANCELLED, S.ENTERED_IN_ERROR})
_PROGRESS: Mapping[ReportStatus, RequisitionStatus] = {
    S.PARTIAL: RequisitionStatus.IN_PROGRESS,
    S.PRELIMINARY: RequisitionStatus.IN_PROGRESS,
    S.FINAL: RequisitionStatus.RESULTED,
    S.CORRECTED: RequisitionStatus.RESULTED,
    S.AMENDED: RequisitionStatus.RESULTED,
    S.CANCELLED: RequisitionStatus.REJECTED,
}


@dataclass(frozen=True, slots=True)
class ReleaseFacts:
    """What a release is decided by. `first_values_at` is when values first came."""

    status: ReportStatus
    release_status: ReleaseStatus
    wish: ReleaseWish
    commented: bool
    first_values_at: datetime | None


@dataclass(frozen=True, slots=True)
class Release:
    """How to move a release, by which rule; `due_at` is when a deferred one releases itself."""

    status: ReleaseStatus
    rule: ReleaseRule
    due_at: datetime | None = None


def release_decision(facts: ReleaseFacts, now: datetime) -> Release | None:
    """What to do with a result that nothing was decided about: at once, unless the patient wants
    their doctor's comment first; None where there is nothing to decide."""
    if facts.release_status != ReleaseStatus.PENDING or facts.status not in WITH_VALUES:
        return None
    if facts.wish == ReleaseWish.AT_ONCE:
        return Release(ReleaseStatus.RELEASED, ReleaseRule.AT_ONCE)
    if facts.commented:
        return Release(ReleaseStatus.RELEASED, ReleaseRule.COMMENTED)
    due_at = (facts.first_values_at or now) + LONGEST_WAIT
    if due_at <= now:
        return Release(ReleaseStatus.RELEASED, ReleaseRule.WAITED_LONG_ENOUGH)
    return Release(ReleaseStatus.DEFERRED, ReleaseRule.PATIENT_PREFERENCE, due_at)


def rule_of_expiry(
    status: ReleaseStatus, due_at: datetime | None, wish: ReleaseWish, now: datetime
) -> ReleaseRule | None:
    """By which rule a deferred or held result is released by itself now; None when it is not."""
    if due_at is not None and due_at <= now:
        held = status == ReleaseStatus.HELD
        return ReleaseRule.HOLD_EXPIRED if held else ReleaseRule.WAITED_LONG_ENOUGH
    if status == ReleaseStatus.DEFERRED and wish == ReleaseWish.AT_ONCE:
        return ReleaseRule.BY_PATIENT
    return None


def progress_of(status: ReportStatus) -> RequisitionStatus | None:
    """What a report says about the requisition that it answers; None where it says nothing."""
    return _PROGRESS.get(status)


def priority_of(abnormality: Abnormality) -> Priority:
    """How soon a result with the worst of its values so far from normal is reviewed."""
    return _PRIORITIES[abnormality]


def needs_review(status: ReportStatus, number: int, reviewed: int | None) -> bool:
    """Whether a practitioner has to look at version `number`, `reviewed` being the last that was
    reviewed."""
    return status in FINALS and (reviewed is None or reviewed < number)


def new_criticals(
    current: Sequence[Mapping[str, Any]], alerted: Sequence[Mapping[str, Any]]
) -> bool:
    """Whether a critical value is among the current ones that no alert was about yet."""
    known = {(one["code"], one["value"]) for one in alerted}
    return any((one["code"], one["value"]) not in known for one in current)


def merged_criticals(
    current: Sequence[dict[str, Any]], open_ones: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """What an open alert is about after more came: a newer value of the same test replaces it."""
    codes = {one["code"] for one in current}
    return [*(one for one in open_ones if one["code"] not in codes), *current]


_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def _numbers(text: str) -> list[Decimal | str]:
    """The numbers in a text, so that 6.80 is 6.8 and a decimal comma is a point."""
    found: list[Decimal | str] = []
    for token in _NUMBER.findall(text):
        plain = token.replace(",", ".")
        found.append(Decimal(plain) if plain.count(".") <= 1 else plain)
    return found


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def missing_from_read_back(
    read_back: str, criticals: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """The critical values that a read-back lacks: numbers are compared as numbers, words as words.

    A number said once counts for one value only.
    """
    said, words = _numbers(read_back), _plain(read_back)
    missing = []
    for one in criticals:
        wanted = _numbers(one["value"])
        if wanted and all(said.count(number) >= wanted.count(number) for number in wanted):
            for number in wanted:
                said.remove(number)
        elif wanted or _plain(one["value"]) not in words:
            missing.append(one)
    return missing


def channel_of(wanted: ContactChannel, *, has_address: bool, has_phone: bool) -> ContactChannel:
    """The way by which somebody is told: who has no address is called, who has no telephone finds
    it in the portal."""
    if wanted == ContactChannel.LETTER and not has_address:
        wanted = ContactChannel.PHONE
    if wanted == ContactChannel.PHONE and not has_phone:
        return ContactChannel.PORTAL
    return wanted


@dataclass(frozen=True, slots=True)
class TellingFacts:
    """What a patient is told by: the version that was current when it was released, and now.

    `withdrew`: whether the version takes back a value of the one before.
    `saw_earlier`: whether the patient has looked at a version before this one; who is told by
    letter or telephone has heard of it.
    """

    released: bool
    status: ReportStatus
    number: int
    changed: bool
    released_number: int
    released_status: ReportStatus
    saw_earlier: bool
    withdrew: bool = False


def events_for_patient(facts: TellingFacts) -> list[NotificationEvent]:
    """What the patient is to be told of the current version; each once."""
    if not facts.released:
        return []
    told = [NotificationEvent.RESULT_AVAILABLE] if facts.status in WITH_VALUES else []
    if facts.number <= facts.released_number or facts.released_status not in WITH_VALUES:
        return told
    if facts.withdrew and facts.saw_earlier:
        return [*told, NotificationEvent.RESULT_CORRECTED]
    if facts.status == S.FINAL and (facts.released_status not in FINALS or facts.changed):
        return [*told, NotificationEvent.RESULT_UPDATED]
    if is_correction(facts.status) and facts.saw_earlier:
        return [*told, NotificationEvent.RESULT_CORRECTED]
    return told


def is_correction(status: ReportStatus) -> bool:
    """Whether a version takes back or changes what an earlier one said."""
    return status in (S.CORRECTED, S.AMENDED) or status in TAKEN_BACK


def business_hours_ago(calendar: Calendar, now: datetime, hours: float) -> datetime:
    """The latest moment, to the minute, from which on `hours` of opening time have passed."""
    near, far = now, now - timedelta(days=60)
    while near - far > timedelta(minutes=1):
        middle = far + (near - far) / 2
        if calendar.add_business(middle, hours) <= now:
            far = middle
        else:
            near = middle
    return far
