"""What a letter says of a result, and what is said on the telephone: in plain words."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from portal.notifications.states import NotificationEvent
from portal.results.states import Abnormality, ObservationStatus

E = NotificationEvent
COLUMNS = ("Test", "Your value", "Expected", "What it means")

_OPENINGS = {
    E.RESULT_AVAILABLE: "Here is a new result of yours.",
    E.RESULT_UPDATED: "A result that we told you of before is complete now.",
    E.RESULT_CORRECTED: "A result that we told you of before has been corrected.",
    E.RESULT_COMMENTED: "Your practitioner has commented on a result of yours.",
}
_MEANINGS = {
    Abnormality.UNKNOWN: "",
    Abnormality.NORMAL: "as expected",
    Abnormality.ABNORMAL: "outside of what is expected",
    Abnormality.CRITICAL: "far outside of what is expected",
}
_STANDINGS = {
    ObservationStatus.PRELIMINARY: "not final yet",
    ObservationStatus.PARTIAL: "not final yet",
    ObservationStatus.CANCELLED: "was not done",
    ObservationStatus.ENTERED_IN_ERROR: "was a mistake and does not count",
    ObservationStatus.NOT_ASKED: "was not asked for",
}
_OF_A_REPORT = {
    "preliminary": "It is not final yet: more may follow.",
    "partial": "It is not complete yet: more will follow.",
    "cancelled": "The laboratory has cancelled this test: what was reported before does not count.",
    "entered_in_error": "What was reported before was a mistake and does not count.",
}


def title_of(report: Any) -> str:
    return f"Your result: {report.name}"


def range_of(row: Row[Any]) -> str:
    """What is expected, as a text: of the laboratory's own words, or its bounds."""
    if row.reference_text:
        return str(row.reference_text)
    low, high = row.reference_low, row.reference_high
    if low is not None and high is not None:
        return f"{low:f} to {high:f}"
    if low is not None:
        return f"{low:f} or more"
    return "" if high is None else f"{high:f} or less"


def value_of(row: Row[Any]) -> str:
    return f"{row.value_text} {row.unit}".strip()


def table_of(observations: Sequence[Row[Any]]) -> list[tuple[str, ...]]:
    """A line for each value, as COLUMNS names them."""
    return [(row.name, value_of(row), range_of(row), _meaning(row)) for row in observations]


def _meaning(row: Row[Any]) -> str:
    standing = _STANDINGS.get(ObservationStatus(row.status), "")
    return ", ".join(part for part in (_MEANINGS[Abnormality(row.abnormality)], standing) if part)


def paragraphs_of(
    event: NotificationEvent,
    report: Any,
    *,
    changes: Sequence[Any],
    comments: Sequence[Row[Any]],
    practitioner: str,
) -> list[str]:
    """What is said beside the values: what it is, what changed, what the doctor says of it."""
    said = [f"{_OPENINGS[event]} The test is: {report.name}, done by {report.performer_name}."]
    if report.status in _OF_A_REPORT:
        said.append(_OF_A_REPORT[report.status])
    if event == E.RESULT_CORRECTED:
        said.extend(_change(change) for change in changes)
    said.extend(f"{row.name} says: {row.comment}" for row in comments if row.comment)
    said.append(f"If you have questions, ask {practitioner} or the team.")
    return said


def _change(change: Any) -> str:
    before, after = change["before"] or "nothing", change["after"] or "nothing"
    return f"{change['name']} was {before} and is now {after}."


def script_of(
    event: NotificationEvent, paragraphs: Sequence[str], observations: Sequence[Row[Any]]
) -> list[str]:
    """What to say on the telephone, line by line; nothing is left on an answering machine."""
    return [
        "Make sure that you speak with the patient: ask for the full name and date of birth.",
        *paragraphs[:-1],
        *(_spoken(row) for row in observations),
        paragraphs[-1],
        "Ask the patient to say in their own words what they have heard.",
    ]


def _spoken(row: Row[Any]) -> str:
    expected, meaning = range_of(row), _meaning(row)
    line = f"{row.name}: {value_of(row)}"
    if expected:
        line += f"; expected is {expected}"
    return f"{line}: {meaning}." if meaning else f"{line}."
