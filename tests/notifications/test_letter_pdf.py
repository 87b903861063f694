"""The letter as a PDF: what stands on which page, whatever is written in it."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core.paper import printable
from portal.notifications.letter_pdf import Envelope, LetterText, render
from tests.support.examples import examples
from tests.support.pdf import pages_of, places_of

ENVELOPE = Envelope(
    "Elm Street Clinic",
    "555-0100",
    ["Avery Thompson", "2 Oak Lane", "Springfield, NY 12345"],
    datetime(2026, 3, 4, 11, tzinfo=UTC),
)
TEXT = LetterText("A new result", ["Dear Avery,", "There is a new result for you."])
COLUMNS = ("Test", "Value", "Usual range")


def table(*rows: tuple[str, ...]) -> LetterText:
    return replace(TEXT, columns=COLUMNS, rows=rows)


def test_a_letter_says_from_whom_to_whom_when_and_what() -> None:
    made = render(table(("Potassium", "5.9 mmol/L", "3.5 to 5.1")), ENVELOPE)
    [page] = pages_of(made.document)
    assert made.pages == 1
    assert page.splitlines() == [
        "Elm Street Clinic",
        "Phone 555-0100",
        "Avery Thompson",
        "2 Oak Lane",
        "Springfield, NY 12345",
        "March 4, 2026",
        "A new result",
        "Dear Avery,",
        "There is a new result for you.",
        "Test",
        "Value",
        "Usual range",
        "Potassium",
        "5.9 mmol/L",
        "3.5 to 5.1",
        "For Elm Street Clinic",
        "Page 1 of ",
        "1",
    ]


def test_a_long_table_has_its_heading_on_every_page() -> None:
    names = [f"Analyte {number}" for number in range(120)]
    made = render(table(*((name, "1", "0 to 2") for name in names)), ENVELOPE)
    pages = pages_of(made.document)
    assert made.pages == len(pages) > 3
    for number, page in enumerate(pages, start=1):
        assert ("Test\nValue\nUsual range" in page) == ("Analyte" in page)
        assert page.endswith(f"Page {number} of \n{len(pages)}")
        assert page.startswith("Elm Street Clinic")
    lines = [line for page in pages for line in page.splitlines()]
    assert [line for line in lines if line.startswith("Analyte")] == names
    assert [line for line in lines if line == "Phone 555-0100"] == ["Phone 555-0100"]


def test_a_cell_that_is_longer_than_a_page_goes_on() -> None:
    words = [f"word{number}" for number in range(2000)]
    made = render(table(("Report", " ".join(words), "")), ENVELOPE)
    found = re.findall(r"word\d+", " ".join(pages_of(made.document)))
    assert found == words
    assert made.pages > 2


def test_a_row_may_be_shorter_or_longer_than_the_columns() -> None:
    made = render(table((), ("only one",), ("a", "b", "c", "too many")), ENVELOPE)
    [page] = pages_of(made.document)
    assert "only one" in page
    assert "too many" not in page
    with pytest.raises(ValueError, match="at most 8"):
        LetterText("A", [], columns=tuple("abcdefghi"))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Łukasz Ødegård", "Łukasz Ødegård"),
        ("Ελένη Παπαδοπούλου", "Ελένη Παπαδοπούλου"),
        ("Юлия Щербакова", "Юлия Щербакова"),
        ("Nguyễn Thị Ánh", "Nguyễn Thị Ánh"),
        ("Zoe\u0308", "Zoë"),
        ("王小明", "WangXiaoMing"),
        ("محمد", "mhmd"),
        ("अमित", "amit"),
        ("გიორგი", "giorgi"),
        ("a\x00b\x1bc\td", "abc d"),
        ("co\u00adop\u202eerate", "cooperate"),
        ("{nb}", "{nb}"),
    ],
)
def test_names_of_any_script_are_legible(name: str, shown: str) -> None:
    made = render(
        replace(TEXT, title=name, paragraphs=[name], columns=("Name",), rows=[(name,)]),
        replace(ENVELOPE, addressee=[name, "2 Oak Lane"], clinic_name=name),
    )
    [page] = pages_of(made.document)
    assert page.splitlines().count(shown) == 5
    assert page.splitlines().count(f"For {shown}") == 1


@examples(25)
@given(st.lists(st.text(max_size=60), min_size=4, max_size=4), st.integers(0, 8))
def test_no_text_makes_it_fail(texts: list[str], count: int) -> None:
    title, paragraph, cell, addressee = texts
    text = LetterText(title, [paragraph], [(cell,) * count] * 2, (cell,) * count)
    made = render(text, replace(ENVELOPE, addressee=[addressee] * 3))
    assert made.document.startswith(b"%PDF-")
    assert len(pages_of(made.document)) == made.pages


def test_what_has_no_letters_at_all_vanishes() -> None:
    assert printable("\ud800\x7f\ue000") == ""


def test_the_same_letter_has_the_same_bytes_and_its_properties_name_nobody() -> None:
    first, second = (render(TEXT, ENVELOPE).document for _ in range(2))
    assert first == second
    properties = re.findall(rb"/(Title|Author|Subject|Keywords|Creator) \((.*?)\)", first)
    assert sorted(properties) == [(b"Creator", b"Careloop"), (b"Title", b"Letter")]
    assert b"Avery" not in first
    assert len(first) < 40_000


@pytest.mark.parametrize("name", ["Avery Thompson", "W" * 90])
def test_the_address_stands_in_the_envelopes_window(name: str) -> None:
    addressee = [name, "2 Oak Lane", "Springfield, NY 12345"]
    document = render(TEXT, replace(ENVELOPE, addressee=addressee)).document
    for left, top in places_of(document)[2:5]:
        assert 52 < top < 80
        assert 22 < left < 30
