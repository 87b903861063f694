"""Paper: what every PDF of ours has, on US Letter: letterhead, pages' numbers, tables.

Noto Sans is embedded, only with the glyphs that are used. What it has no glyph for, and scripts
whose letters join or reorder (Arabic, Devanagari), are written in Latin letters by anyascii, so
that a document is legible whatever a name is written in, and never fails over it.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import zip_longest
from pathlib import Path

from anyascii import anyascii
from fontpkg_noto_sans import ROOT
from fontTools.ttLib import TTFont
from fpdf import FPDF
from fpdf.enums import MethodReturnValue, TableBordersLayout
from fpdf.fonts import FontFace

FONT_FILE = Path(ROOT) / "files" / "NotoSans[wdth,wght].ttf"
FONT = "noto"
# In millimetres.
MARGIN = 25.4
LINE = 5.5
TEXT_SIZE, SMALL_SIZE, TITLE_SIZE, HEAD_SIZE = 11, 9, 14, 16
# Of a cell: what is longer goes on in a further row, since a row is never split between pages.
CELL_LINES = 10
MOST_COLUMNS = 8
_TOTAL = "{total number of pages}"
_NEEDS_SHAPING = ("DEVANAGARI", "VEDIC", "COMBINING DEVANAGARI")
_NOT_PRINTED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Whose paper it is, and the local time at which it is written."""

    clinic_name: str
    clinic_phone: str
    written_at: datetime


@dataclass(frozen=True, slots=True)
class Rendered:
    document: bytes
    pages: int


@cache
def _glyphs() -> frozenset[str]:
    """The characters that can be printed as they are."""
    with TTFont(FONT_FILE, lazy=True) as font:
        known = map(chr, font.getBestCmap())
        return frozenset(
            char
            for char in known
            if unicodedata.category(char) not in _NOT_PRINTED
            and not unicodedata.name(char, "").startswith(_NEEDS_SHAPING)
        )


def printable(text: str) -> str:
    """The text in characters that the font has; what it lacks is transliterated to ASCII."""
    glyphs = _glyphs()
    composed = unicodedata.normalize("NFC", text.replace("\t", " "))
    return "".join(char if char in glyphs or char == "\n" else _in_latin(char) for char in composed)


def _in_latin(char: str) -> str:
    return "" if char < " " or char == "\x7f" else anyascii(char)


class Paper(FPDF):
    """Pages: the letterhead on the first, the number and the clinic on each."""

    def __init__(self, head: Letterhead, title: str) -> None:
        super().__init__(format="letter")
        self._head = head
        self.add_font(FONT, "", FONT_FILE)
        self.set_margin(MARGIN)
        self.c_margin = 0
        self.set_auto_page_break(True, MARGIN)
        self.alias_nb_pages(_TOTAL)
        # Nothing of the patient's: a document's properties are shown by whatever handles the file.
        self.set_title(title)
        self.set_creator("Careloop")
        self.set_creation_date(head.written_at)

    def header(self) -> None:
        self.set_font(FONT, size=HEAD_SIZE if self.page == 1 else SMALL_SIZE)
        self.cell(0, 8, printable(self._head.clinic_name), new_x="LMARGIN", new_y="NEXT")
        if self.page == 1:
            self.set_font(FONT, size=SMALL_SIZE)
            phone = printable(f"Phone {self._head.clinic_phone}")
            self.cell(0, 5, phone, new_x="LMARGIN", new_y="NEXT")
        self.line(MARGIN, self.y + 1, self.w - MARGIN, self.y + 1)
        self.set_y(self.y + 6)

    def footer(self) -> None:
        self.set_y(-MARGIN + 8)
        self.set_font(FONT, size=SMALL_SIZE)
        self.cell(0, 5, f"Page {self.page} of {_TOTAL}")

    def put(self, text: str, *, size: float = TEXT_SIZE, after: float = 3) -> None:
        """A paragraph over the whole width, and the space after it in millimetres."""
        self.set_font(FONT, size=size)
        self.multi_cell(0, size / 2, printable(text), align="L", new_x="LMARGIN", new_y="NEXT")
        self.ln(after)

    def put_table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table; its heading stands on every page that it goes over."""
        self.set_font(FONT, size=SMALL_SIZE + 1)
        widths = _widths(columns, rows)
        with self.table(
            col_widths=widths,
            line_height=LINE,
            text_align="LEFT",
            padding=1,
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            headings_style=FontFace(fill_color=(230, 230, 230)),
        ) as table:
            table.row([printable(name) for name in columns])
            for row in rows:
                for part in _parts(self, row, widths):
                    table.row(part)
        self.ln(5)

    def finished(self) -> Rendered:
        return Rendered(bytes(self.output()), self.pages_count)


def _widths(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[int, ...]:
    """Shares of the width, by the longest text of each column within bounds."""
    found = zip(columns, *(_filled(row, len(columns)) for row in rows), strict=True)
    return tuple(min(max(8, *map(len, column)), 30) for column in found)


def _filled(row: Sequence[str], count: int) -> Sequence[str]:
    return [*row, *[""] * (count - len(row))][:count]


def _parts(paper: Paper, row: Sequence[str], widths: Sequence[int]) -> Iterator[list[str]]:
    """A row as rows of at most CELL_LINES lines."""
    unit = paper.epw / sum(widths)
    cells = [
        _lines(paper, printable(cell), unit * width - 2)
        for cell, width in zip(_filled(row, len(widths)), widths, strict=True)
    ]
    pieces = [
        ["\n".join(lines[at : at + CELL_LINES]) for at in range(0, len(lines), CELL_LINES)]
        for lines in cells
    ]
    for part in zip_longest(*pieces, fillvalue=""):
        yield list(part)


def _lines(paper: Paper, cell: str, width: float) -> list[str]:
    lines: list[str] = paper.multi_cell(  # type: ignore[assignment]
        width, LINE, cell, align="L", dry_run=True, output=MethodReturnValue.LINES
    )
    return lines or [""]
