"""A letter as the PDF that is printed, on US Letter paper for a No. 10 window envelope."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from portal.core.paper import (
    FONT,
    MARGIN,
    MOST_COLUMNS,
    SMALL_SIZE,
    TEXT_SIZE,
    TITLE_SIZE,
    Letterhead,
    Paper,
    Rendered,
    printable,
)

# In millimetres. The window of a No. 10 envelope shows what stands from 52 to 80 mm below the
# paper's upper edge and from 22 mm to the right, when the paper is folded in three.
WINDOW_LEFT, WINDOW_TOP, WINDOW_WIDTH = 25.4, 55, 100
WINDOW_LINE = 4.6
BODY_TOP = 95


@dataclass(frozen=True, slots=True)
class LetterText:
    """What a letter says. `rows` make a table under the `columns`; without columns there is none.

    Raises ValueError for more columns than a page is wide.
    """

    title: str
    paragraphs: Sequence[str]
    rows: Sequence[tuple[str, ...]] = ()
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.columns) > MOST_COLUMNS:
            raise ValueError(f"a letter's table has at most {MOST_COLUMNS} columns")


@dataclass(frozen=True, slots=True)
class Envelope:
    """From whom and to whom, with the local time at which it is written."""

    clinic_name: str
    clinic_phone: str
    addressee: Sequence[str]
    written_at: datetime


def render(text: LetterText, envelope: Envelope) -> Rendered:
    """The letter. The same text and envelope make the same bytes."""
    head = Letterhead(envelope.clinic_name, envelope.clinic_phone, envelope.written_at)
    paper = Paper(head, "Letter")
    paper.add_page()
    _address(paper, envelope)
    day = envelope.written_at
    paper.put(f"{day:%B} {day.day}, {day.year}", after=5)
    paper.put(text.title, size=TITLE_SIZE)
    for paragraph in text.paragraphs:
        paper.put(paragraph)
    if text.columns and text.rows:
        paper.put_table(text.columns, text.rows)
    _signature(paper, envelope)
    return paper.finished()


def _address(paper: Paper, envelope: Envelope) -> None:
    """As many lines as the window shows; a longer one is made narrower, not broken."""
    for number, line in enumerate(envelope.addressee):
        shown = printable(line).replace("\n", " ")
        paper.set_font(FONT, size=TEXT_SIZE)
        wide = paper.get_string_width(shown)
        if wide > WINDOW_WIDTH:
            paper.set_font(FONT, size=TEXT_SIZE * WINDOW_WIDTH / wide)
        paper.text(WINDOW_LEFT, WINDOW_TOP + (number + 1) * WINDOW_LINE, shown)
    paper.set_y(BODY_TOP)


def _signature(paper: Paper, envelope: Envelope) -> None:
    """A line to sign on, kept together with the name under it."""
    height = 26
    if paper.will_page_break(height):
        paper.add_page()
    y = paper.y + 16
    paper.line(MARGIN, y, MARGIN + 70, y)
    paper.set_y(y + 1)
    paper.put(f"For {envelope.clinic_name}", size=SMALL_SIZE, after=0)
