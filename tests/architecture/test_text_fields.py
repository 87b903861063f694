"""Every text that comes in, in every request of the API: lines end as a text box ends them or not
at all, and nothing hides in one line."""

from collections.abc import Iterator
from typing import Any

import pytest
from marshmallow import ValidationError, fields

import portal.cli
from portal.core.schemas import Prose, Strict
from portal.messages.schemas import TextField

assert portal.cli.__name__  # every schema is known, those of the commands too

LINE_ENDS = ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"]
HIDDEN = ["\u200b", "\u2060", "\ufeff", "\u00ad", "\u200e", "\u202e", "\u2066", "\u200d", "\x00"]
# Nobody reads these: they are compared, or decoded, as they come.
UNREAD = {
    *("password", "current_password", "new_password", "token", "code", "passcode"),
    *("cursor", "after", "public_jwk"),
}
PHONES = {"phone", "fax", "callback_number"}
Named = tuple[str, fields.String]


def schemas(kind: type[Strict] = Strict) -> Iterator[type[Strict]]:
    for one in kind.__subclasses__():
        yield one
        yield from schemas(one)


def strings(name: str, field: fields.Field[Any]) -> Iterator[Named]:
    if isinstance(field, fields.List):
        yield from strings(f"{name}[]", field.inner)
    elif isinstance(field, fields.Dict):
        for part, inner in (("key", field.key_field), ("value", field.value_field)):
            if inner is not None:
                yield from strings(f"{name}.{part}", inner)
    elif field.__class__ != fields.UUID and isinstance(field, fields.String):
        yield name, field


EVERY: dict[str, fields.String] = {
    f"{schema.__module__.split('.')[1]}.{schema.__name__}.{name}": field
    for schema in schemas()
    if schema.__module__.startswith("portal.")
    for member, declared in schema._declared_fields.items()
    if not declared.dump_only
    for name, field in strings(member, declared)
    if name.rpartition(".")[2] not in UNREAD
}


def taken(field: fields.String, between: str) -> str | None:
    """What becomes of a text with something between its words; None where it is refused."""
    for word in ("some words", "a"):
        try:
            return str(field.deserialize(f"{word}{between}{word}"))
        except ValidationError:
            continue
    return None


def test_there_is_text_of_each_kind() -> None:
    lines = [name for name, field in EVERY.items() if taken(field, "\n") is not None]
    prose = [name for name, field in EVERY.items() if isinstance(field, (Prose, TextField))]
    plain = [name for name, field in EVERY.items() if taken(field, " ") is not None]
    assert len(lines) >= 15
    assert set(lines) <= set(prose), "several lines are taken by one kind of field"
    assert len(plain) >= 80


@pytest.mark.parametrize("name", sorted(EVERY))
def test_lines_end_as_a_text_box_ends_them_or_not_at_all(name: str) -> None:
    field = EVERY[name]
    several = "\n" in (taken(field, "\n") or "")
    if several:
        assert taken(field, "\r\n") == taken(field, "\n")
    for end in LINE_ENDS:
        kept = taken(field, end)
        if kept is not None:
            assert not set(kept) & set("\r\x0b\x0c\x1c\x85\u2028\u2029"), repr(end)
            assert several or "\n" not in kept, repr(end)


@pytest.mark.parametrize("name", sorted(EVERY))
def test_nothing_hides_in_one_line(name: str) -> None:
    field = EVERY[name]
    several = "\n" in (taken(field, "\n") or "")
    for sign in HIDDEN:
        kept = taken(field, sign)
        written = several or isinstance(field, TextField)  # with emoji, say
        if kept is not None and (not written or sign in "\u202e\u2066\x00"):
            assert sign not in kept, repr(sign)


@pytest.mark.parametrize("name", sorted(EVERY))
def test_no_text_is_blank(name: str) -> None:
    """Directions of blanks alone went to a pharmacy."""
    field = EVERY[name]
    for blank in (" ", "\u00a0", "\u3000", "\n", " \r\n", "\t"):
        for many in (1, 2, 4, 10, 20):
            try:
                kept = field.deserialize(blank * many)
            except ValidationError:
                continue
            assert kept in (None, ""), repr(blank * many)


PEOPLE = ["Núñez", "O\u2019Connor", "王小明", "ไทย", "\u0645\u06cc\u200c\u062e", "क्\u200dष"]


@pytest.mark.parametrize("name", PEOPLE)
def test_names_of_people_are_taken_as_they_are_written(name: str) -> None:
    assert EVERY["patients.RegisterPatientSchema.given_name"].deserialize(name) == name


@pytest.mark.parametrize("hidden", ["Ann\u200b", "A\u200dnn", "Ann\u2028", "Ann\x85", "\u202eAnn"])
def test_names_that_look_the_same_are_the_same(hidden: str) -> None:
    with pytest.raises(ValidationError, match="invisible characters"):
        EVERY["patients.RegisterPatientSchema.given_name"].deserialize(hidden)


CALLED = sorted(name for name in EVERY if name.rpartition(".")[2] in PHONES)


@pytest.mark.parametrize("name", CALLED)
def test_who_is_called_has_a_number(name: str) -> None:
    field = EVERY[name]
    for number in ("+1 518 555 0101", "(518) 555-0101", "555-0101", "518.555.0101 ext. 12"):
        assert field.deserialize(number) == number
    for other in ("call me", "none", "5", "555-0101 or the neighbour's", "555-0101\n"):
        with pytest.raises(ValidationError, match="A phone number"):
            field.deserialize(other)
