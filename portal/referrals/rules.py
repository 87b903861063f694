"""Pure decisions about referrals: who has them, by when, and what happens next."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from portal.appointments.states import AppointmentStatus
from portal.referrals.states import ReferralKind, ReferralStatus, Urgency
from portal.worklist.states import Priority, WorkItemKind

S = ReferralStatus
K = WorkItemKind

# A draft that nobody sends in this time was given up.
DRAFT_KEPT_FOR = timedelta(days=30)
# How long ahead of its end an authorisation without an appointment becomes somebody's work.
WARN_AHEAD = timedelta(days=14)
# Staff have so long after an appointment to say whether the patient came.
APPOINTMENT_GRACE = timedelta(days=1)
# After so many missed appointments who referred decides whether there is another.
MOST_NO_SHOWS = 2
# How long a person may hold a note; after that the patient sees it.
LONGEST_HOLD = timedelta(days=30)
FURTHEST_AHEAD = timedelta(days=731)
# An appointment elsewhere has no end that we know: others at the same time are asked about.
TAKEN_TO_LAST = timedelta(minutes=30)

PRIORITIES: Mapping[Urgency, Priority] = {
    Urgency.ROUTINE: Priority.ROUTINE,
    Urgency.URGENT: Priority.URGENT,
    Urgency.STAT: Priority.STAT,
}
# Business hours for each waiting step, by urgency: routine, urgent, stat.
_HOURS: Mapping[WorkItemKind, tuple[float, float, float]] = {
    K.REFERRAL_DECISION: (16, 4, 1),
    K.REFERRAL_INFORMATION: (16, 4, 1),
    K.REFERRAL_DECLINED: (16, 4, 1),
    K.REFERRAL_SCHEDULING: (24, 4, 1),
    K.REFERRAL_ATTENDANCE: (8, 4, 2),
    K.REFERRAL_NO_SHOW: (16, 4, 1),
    K.REFERRAL_NOTE_MISSING: (24, 8, 4),
    K.REFERRAL_CLOSING: (40, 8, 4),
    K.REFERRAL_AUTHORIZATION: (16, 4, 1),
    K.REFERRAL_EXPIRED: (16, 4, 1),
}
# A colleague's question about a patient who is here now can't wait for the usual times.
_ANSWER_HOURS: tuple[float, float, float] = (16, 4, 1)

_ITEMS: Mapping[ReferralStatus, WorkItemKind] = {
    S.REQUESTED: K.REFERRAL_DECISION,
    S.NEEDS_INFORMATION: K.REFERRAL_INFORMATION,
    S.DECLINED: K.REFERRAL_DECLINED,
    S.ACCEPTED: K.REFERRAL_SCHEDULING,
    S.NO_SHOW: K.REFERRAL_NO_SHOW,
    S.ATTENDED: K.REFERRAL_NOTE_MISSING,
    S.REPORT_RECEIVED: K.REFERRAL_CLOSING,
    S.EXPIRED: K.REFERRAL_EXPIRED,
}
FOR_SPECIALIST = frozenset({K.REFERRAL_DECISION, K.REFERRAL_NOTE_MISSING})
FOR_REFERRER = frozenset(
    {K.REFERRAL_INFORMATION, K.REFERRAL_DECLINED, K.REFERRAL_CLOSING, K.REFERRAL_EXPIRED}
)


def urgency_of(urgency: Urgency, *, same_day: bool) -> Urgency:
    """What is asked for the same day is urgent at least."""
    return Urgency.URGENT if same_day and urgency == Urgency.ROUTINE else urgency


def item_of(kind: ReferralKind, status: ReferralStatus) -> WorkItemKind | None:
    """The work item that a referral in this status has; None where nobody has to do anything.

    An accepted consultation waits for its answer, and not for an appointment.
    """
    if status == S.ACCEPTED and kind == ReferralKind.CONSULTATION:
        return K.REFERRAL_NOTE_MISSING
    return _ITEMS.get(status)


def hours_for(item: WorkItemKind, kind: ReferralKind, urgency: Urgency) -> float:
    """Business hours until a step is due."""
    answer = item == K.REFERRAL_NOTE_MISSING and kind == ReferralKind.CONSULTATION
    return (_ANSWER_HOURS if answer else _HOURS[item])[list(Urgency).index(urgency)]


def goes_to_referrer(item: WorkItemKind, no_shows: int) -> bool:
    """Whether a step is the referrer's: their own, or what the staff could not arrange."""
    missed_often = item == K.REFERRAL_NO_SHOW and back_to_referrer(no_shows)
    return item in FOR_REFERRER or missed_often


def back_to_referrer(no_shows: int) -> bool:
    """Whether so many appointments were missed that who referred decides how to go on."""
    return no_shows >= MOST_NO_SHOWS


def attendance_due(starts_at: datetime) -> datetime:
    """By when it is known whether the patient came (UTC)."""
    return starts_at + APPOINTMENT_GRACE


def time_ends(
    status: ReferralStatus, appointment_at: datetime | None, now: datetime
) -> AppointmentStatus:
    """What becomes of the time that was booked for a referral which goes on to this status: one to
    which the patient did not come yet is free again."""
    if status == S.NO_SHOW:
        return AppointmentStatus.NO_SHOW
    begun = appointment_at is not None and appointment_at <= now
    if status == S.ATTENDED and begun:
        return AppointmentStatus.ATTENDED
    return AppointmentStatus.CANCELLED


def end_of(day: date | None, time_zone: str) -> datetime | None:
    """When an authorisation's last day is over where the patient is (UTC)."""
    if day is None:
        return None
    after = datetime.combine(day + timedelta(days=1), time.min, tzinfo=ZoneInfo(time_zone))
    return after.astimezone(UTC)


def is_covered(appointment_at: datetime | None, expires_at: datetime | None) -> bool:
    """Whether an appointment lies within the authorisation."""
    return expires_at is None or (appointment_at is not None and appointment_at < expires_at)


def is_late(expected: datetime | None, now: datetime) -> bool:
    return expected is not None and expected < now


def is_choosing(status: ReferralStatus, offered_until: datetime | None, now: datetime) -> bool:
    """Whether the patient has been offered times, and has not answered."""
    held = offered_until is not None and offered_until > now
    return held and status in (S.ACCEPTED, S.NO_SHOW)


def with_whom(
    kind: ReferralKind, status: ReferralStatus, no_shows: int, *, choosing: bool = False
) -> str | None:
    """Who has it now: referrer, specialist, staff, patient; None at an end."""
    if choosing:
        return "patient"
    if status == S.ACCEPTED and kind == ReferralKind.CONSULTATION:
        return "specialist"
    if status == S.NO_SHOW and back_to_referrer(no_shows):
        return "referrer"
    return _HOLDERS.get(status)


_HOLDERS: Mapping[ReferralStatus, str] = {
    S.DRAFT: "referrer",
    S.REQUESTED: "specialist",
    S.NEEDS_INFORMATION: "referrer",
    S.DECLINED: "referrer",
    S.ACCEPTED: "staff",
    S.SCHEDULED: "patient",
    S.NO_SHOW: "staff",
    S.ATTENDED: "specialist",
    S.REPORT_RECEIVED: "referrer",
}


def next_step(
    kind: ReferralKind,
    status: ReferralStatus,
    no_shows: int,
    specialist: str,
    *,
    choosing: bool = False,
) -> str:
    """What is outstanding, and who does it, in plain words for the patient."""
    if choosing:
        return f"Choose one of the times with {specialist} that are held for you, or decline them."
    if status == S.ACCEPTED and kind == ReferralKind.CONSULTATION:
        return f"You need do nothing now: {specialist} is answering your practitioner's question."
    if status == S.NO_SHOW and back_to_referrer(no_shows):
        return "Call your practitioner's office: appointments were missed, and they decide now."
    return _STEPS[status].format(specialist=specialist)


_STEPS: Mapping[ReferralStatus, str] = {
    S.DRAFT: "Your practitioner has not sent this referral yet.",
    S.REQUESTED: "You need do nothing now: {specialist} has been asked and will answer.",
    S.NEEDS_INFORMATION: "You need do nothing now: your practitioner was asked for more "
    "information.",
    S.DECLINED: "{specialist} could not take this. Your practitioner has been told and decides "
    "what comes next.",
    S.ACCEPTED: "Wait to hear of your appointment with {specialist}, or call to arrange it.",
    S.SCHEDULED: "Come to your appointment with {specialist}; call if you can't.",
    S.NO_SHOW: "You missed your appointment with {specialist}. Call to arrange another.",
    S.ATTENDED: "You need do nothing now: {specialist} will report to your practitioner.",
    S.REPORT_RECEIVED: "{specialist} has reported. Your practitioner reads it and tells you what "
    "comes next.",
    S.CLOSED: "This is complete. Read the note, and ask your practitioner if anything is unclear.",
    S.CANCELLED: "This was cancelled: there is nothing to do.",
    S.EXPIRED: "The authorization ended before you were seen. Ask your practitioner if it is "
    "still needed.",
}
