"""Clinical content: tables of words, bounds and rules that are data, and not code.

A file says who wrote it, who reviewed it and when, and whence it comes; and it has cases of its
own: a file whose cases don't hold is refused, with file, line and reason. docs/content.md is for
whoever writes one.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar

Table = TypeVar("Table")
Document = Mapping[str, Any]
_IMPRINT = ("version", "language", "author", "reviewed_by", "sources", "cases")
_BETWEEN = " \t\r\n,"


class ContentRefused(ValueError):
    """Content that can't be used: in which file, on which line, and why."""

    def __init__(self, path: Path, line: int, why: str) -> None:
        super().__init__(f"{path}:{line}: {why}")


@dataclass(frozen=True, slots=True)
class Imprint:
    """Who answers for a file, and whence it comes; `language` is BCP 47, `cases` how many there
    are. What nobody has reviewed has no `reviewed_on`, and says so in `reviewed_by`."""

    version: int
    language: str
    author: str
    reviewed_by: str
    reviewed_on: date | None
    sources: tuple[str, ...]
    cases: int


@dataclass(frozen=True)
class Content(Generic[Table]):
    """One kind of content: what is shipped, how a table is made of a document, and what is wrong
    with a case: nothing, or why it doesn't hold."""

    name: str
    about: str
    shipped: Path
    make: Callable[[Document], Table]
    wrong: Callable[[Table, Document], str | None]

    def load(self, path: Path) -> tuple[Imprint, Table]:
        """Raises ContentRefused where a file can't be read, or its own cases don't hold."""
        raw = path.read_text(encoding="utf-8")
        try:
            document = json.loads(raw)
        except ValueError as error:
            raise ContentRefused(path, getattr(error, "lineno", 1), str(error)) from None
        try:
            imprint, table = _imprint(document), self.make(document)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise ContentRefused(path, 1, f"This is not {self.about}: {error!r}.") from None
        for number, case in enumerate(document["cases"]):
            if (why := self.wrong(table, case)) is not None:
                raise ContentRefused(path, _line_of_case(raw, number), why)
        return imprint, table

    @cached_property
    def table(self) -> Table:
        """The table that is in force."""
        return self.load(self.shipped)[1]


# By name: each slice that has content declares it.
CONTENT: dict[str, Content[Any]] = {}


def declare(content: Content[Table]) -> Content[Table]:
    """Have the commands know content. Raises ValueError for a name that is taken."""
    if content.name in CONTENT:
        raise ValueError(f"two kinds of content are called {content.name}")
    CONTENT[content.name] = content
    return content


def _imprint(document: Document) -> Imprint:
    for name in _IMPRINT:
        if not document[name]:
            raise ValueError(f"{name} is empty")
    reviewed_on = document["reviewed_on"]
    return Imprint(
        version=int(document["version"]),
        language=str(document["language"]),
        author=str(document["author"]),
        reviewed_by=str(document["reviewed_by"]),
        reviewed_on=None if reviewed_on is None else date.fromisoformat(reviewed_on),
        sources=tuple(document["sources"]),
        cases=len(document["cases"]),
    )


def _line_of_case(raw: str, number: int) -> int:
    """On which line a case of a document begins, the first being 0: `cases` is its last member."""
    at = raw.index("[", raw.rindex('"cases"')) + 1
    decoder = json.JSONDecoder()
    for _ in range(number):
        _, at = decoder.raw_decode(raw, _past_blanks(raw, at))
    return raw.count("\n", 0, _past_blanks(raw, at)) + 1


def _past_blanks(raw: str, at: int) -> int:
    """Where the next value begins."""
    return next(place for place in range(at, len(raw)) if raw[place] not in _BETWEEN)
