"""A summary in words, for the page and for paper: pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from portal.visits.vital_rules import SHOWN, plain

TITLE = "After Visit Summary"
_KINDS = {
    "office": "Visit at the clinic",
    "telehealth": "Video visit",
    "phone": "Telephone visit",
    "home": "Home visit",
}
_CHANGES = {
    "started": "New",
    "changed": "Changed",
    "stopped": "Stop taking",
    "unchanged": "Continue",
}
_TASKS = {
    "fill": "Medicine to pick up",
    "test": "Test",
    "referral": "Referral",
    "visit": "Visit",
    "message": "Message",
    "other": "To do",
}
_DONE = {
    "dispensed": "Done: handed over by the pharmacy",
    "resulted": "Done: there is a result",
    "visited": "Done: you were seen",
    "referred": "Done: the specialist has answered",
    "answered": "Done: answered",
    "by_hand": "Done",
}


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the summary: paragraphs, or a table."""

    heading: str
    paragraphs: Sequence[str] = ()
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()


@dataclass(frozen=True, slots=True)
class SummaryText:
    """Everything that a summary says, in its order. Times are the clinic's."""

    clinic_name: str
    clinic_phone: str
    released_at: datetime
    about: Sequence[str]
    sections: Sequence[Section] = field(default_factory=tuple)


def in_words(view: Mapping[str, Any], *, completion: bool) -> SummaryText:
    """The words of a released version; with `completion`, also what became of its instructions."""
    local = view["released_at"].astimezone(ZoneInfo(view["visit"]["time_zone"]))
    return SummaryText(
        clinic_name=view["clinic"]["name"],
        clinic_phone=view["clinic"]["phone"],
        released_at=local,
        about=tuple(_about(view, local)),
        sections=tuple(_sections(view, completion)),
    )


def _about(view: Mapping[str, Any], released_at: datetime) -> Iterator[str]:
    patient, visit = view["patient"], view["visit"]
    yield f"{patient['name']}, born {_day(patient['birth_date'])}"
    held = f"{_day(visit['held_on'])}, {visit['local_time']}"
    yield f"{_KINDS[visit['kind']]} on {held}, with {view['practitioner']['name']}"
    version = f"Version {view['number']} of {_written(released_at.date())}"
    amended = f". Changed: {view['amendment']}" if view["amendment"] else ""
    yield version + amended


def _sections(view: Mapping[str, Any], completion: bool) -> Iterator[Section]:
    yield Section("Why you came", [view["reason"]])
    yield Section("What was found", (view["found"] or "").splitlines() or [""])
    if view["vitals"]:
        rows = [(one["name"], measured(one)) for one in view["vitals"]]
        yield Section("What was measured", (), ("Measurement", "Value"), rows)
    if view["problems"]:
        problems = [(one["text"], one["status"].capitalize()) for one in view["problems"]]
        yield Section("What we looked after", (), ("Problem", "Status"), problems)
    if view["medicines"]:
        yield _medicines(view["medicines"])
    if view["instructions"]:
        yield _instructions(view["instructions"], completion)
    contact = view["contact"]
    yield Section("Whom to call", [f"{contact['name']}, phone {contact['phone']}"])


def _medicines(medicines: Sequence[Mapping[str, Any]]) -> Section:
    rows = [
        (
            _CHANGES[one["change"]],
            one["name"],
            " ".join(part for part in (one["directions"], one["note"]) if part),
        )
        for one in medicines
    ]
    return Section("Your medicines", (), ("", "Medicine", "How"), rows)


def _instructions(instructions: Sequence[Mapping[str, Any]], completion: bool) -> Section:
    rows = []
    for one in instructions:
        row = [_TASKS[one["kind"]], one["text"], _day(one["due_on"]) if one["due_on"] else ""]
        rows.append([*row, stands(one)] if completion else row)
    columns = ("", "What to do", "By")
    return Section("What is next", (), (*columns, "So far") if completion else columns, rows)


def stands(instruction: Mapping[str, Any]) -> str:
    """What became of an instruction."""
    if instruction["status"] == "done":
        return _DONE[instruction["done_by"]]
    if instruction["status"] == "cancelled":
        return "Not needed any more"
    return "Overdue" if instruction["late"] else "Still to be done"


def measured(vital: Mapping[str, Any]) -> str:
    """A measurement as people write it."""
    values = [part["value"] for part in vital["components"]] or [vital["value"]]
    number = "/".join(plain(Decimal(str(value))) for value in values)
    unit = SHOWN.get(vital["unit"], vital["unit"])
    notes = [vital["position"], "computed" if vital["computed"] else None]
    said = ", ".join(note for note in notes if note)
    return f"{number} {unit}" + (f" ({said})" if said else "")


def _day(day: str) -> str:
    return _written(date.fromisoformat(day))


def _written(day: date) -> str:
    return f"{day:%B} {day.day}, {day.year}"
