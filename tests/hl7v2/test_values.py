"""Escapes, elements, times, numbers and composite types."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.hl7v2.errors import Unreadable
from portal.hl7v2.escaping import STANDARD, Delimiters, escape, unescape
from portal.hl7v2.fields import CX, ED, EI, XPN, Code, codes, cx, ed, ei, xcn, xpn
from portal.hl7v2.numbers import (
    Compared,
    Range,
    compared,
    number,
    range_of,
    reference_range,
    structured,
)
from portal.hl7v2.reading import read
from portal.hl7v2.segments import Element, Segment
from portal.hl7v2.times import clock, day, moment, stamp
from tests.support.hl7 import MSH, message

EASTERN = ZoneInfo("America/New_York")


def segment(fields: str) -> Segment:
    return read(message(MSH, f"ZZZ|{fields}")).segments[1]


def element(value: str) -> Element:
    return segment(value).first(1)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f", "a|b^c&d~e\\f"),
        ("one\\.br\\two\\.sp2\\three", "one\ntwo\n\nthree"),
        ("\\.in+4\\\\.ti-2\\\\.fi\\x\\.nf\\\\.ce\\y\\.sk3\\z", "x\ny   z"),
        ("\\.sp999999999999\\", "\n"),
        ("\\.sk999\\x", " " * 20 + "x"),
        ("\\H\\bold\\N\\ text", "bold text"),
        ("\\X41\\\\X0D0A\\\\XC3BC\\\\XFC\\", "A\nüü"),
        ("\\X00\\\\X\\\\X4\\", "\\X4\\"),
        ("3\\Z.\\8\\C2842\\", "3\\Z.\\8\\C2842\\"),
        ("C:\\dir and \\q\\", "C:\\dir and \\q\\"),
        ("ends in \\", "ends in \\"),
        ("\\P\\", "#"),
    ],
)
def test_unescaping(text: str, meant: str) -> None:
    assert unescape(text, STANDARD) == meant


@given(st.text())
def test_what_is_escaped_comes_back(text: str) -> None:
    marks = Delimiters("$", "%", "*", "!", "@", "#")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    kept = "".join(one for one in lines if one == "\n" or (one >= " " and one != "\x7f"))
    for delimiters in (STANDARD, marks):
        escaped = escape(text, delimiters)
        assert not set(escaped) & {delimiters.field, delimiters.component, "\r", "\n", "\x00"}
        assert unescape(escaped, delimiters) == kept


def test_elements() -> None:
    found = segment('a^b&c^""~d^^e&&f|x| |""|~~y')
    assert [one.text() for one in found.every(1)] == ["a", "d"]
    assert [found.text(1, number) for number in (1, 2, 3, 4)] == ["a", "b", "", ""]
    assert found.text(1, 2, 2) == "c"
    assert found.every(1)[1].subcomponents(3) == ["e", "", "f"]
    assert found.every(1)[0].components() == ["a", "b", ""]
    assert found.raw(1) == 'a^b&c^""~d^^e&&f'
    assert (found.text(2, 1, 2), found.text(2, 2), found.text(9)) == ("", "", "")
    assert (found.every(3), found.text(4), found.every(9)) == ([], "", [])
    assert [one.text() for one in found.every(5)] == ["y"]
    assert element("Smith & Sons ^ Co").whole() == "Smith & Sons ^ Co"
    assert segment("one~two\\F\\").whole(1) == "one\ntwo|"
    assert found.place(3) == "ZZZ^1^3"
    assert found.place(3, 2) == "ZZZ^1^3^2"


@pytest.mark.parametrize(
    ("text", "value", "shown"),
    [
        ("2026", datetime(2026, 1, 1, tzinfo=EASTERN), "2026"),
        ("202603", datetime(2026, 3, 1, tzinfo=EASTERN), "2026-03"),
        ("20260301", datetime(2026, 3, 1, tzinfo=EASTERN), "2026-03-01"),
        ("2026070108", datetime(2026, 7, 1, 8, tzinfo=EASTERN), "2026-07-01T08:00-04:00"),
        ("202603010830", datetime(2026, 3, 1, 8, 30, tzinfo=EASTERN), "2026-03-01T08:30-05:00"),
        (
            "20260301083059.1234-0330",
            datetime(2026, 3, 1, 8, 30, 59, 123400, timezone(-timedelta(hours=3, minutes=30))),
            "2026-03-01T08:30:59-03:30",
        ),
        (
            "20260301083059+0000",
            datetime(2026, 3, 1, 8, 30, 59, 0, UTC),
            "2026-03-01T08:30:59+00:00",
        ),
        ("20260301-0500", datetime(2026, 3, 1, 5, tzinfo=UTC), "2026-03-01"),
    ],
)
def test_times(text: str, value: datetime, shown: str) -> None:
    found = moment(text, EASTERN)
    assert found is not None
    assert found.value == value
    assert found.value.utcoffset() is not None
    assert found.text == shown


@pytest.mark.parametrize("text", ["", "0", "0000", "00000000"])
def test_no_time(text: str) -> None:
    assert moment(text, EASTERN) is None


@pytest.mark.parametrize(
    "text",
    [
        *("20261301", "20260230", "2026030125", "202603010861", "20260301083060", "0001", "9999"),
        *("20260301-0560", "20260301+1500", "2026-03-01", "202", "20260301 0830", "x" * 100),
        *("20260301083059.", "20260301083059.1234567", "２０２６"),  # noqa: RUF001
    ],
)
def test_impossible_times(text: str) -> None:
    with pytest.raises(Unreadable):
        moment(text, EASTERN)


def test_days_and_clocks() -> None:
    assert day("19800415235959-0500") == date(1980, 4, 15)
    assert day("1980") is None
    assert day("") is None
    assert [clock(text) for text in ("08", "0830", "083059.5+0200")] == [
        "08:00",
        "08:30",
        "08:30:59+02:00",
    ]
    for text in ("25", "8", "0860", "083", "", "08:30"):
        with pytest.raises(Unreadable):
            clock(text)
    assert stamp(datetime(2026, 3, 1, 8, 30, 59, tzinfo=EASTERN)) == "20260301083059-0500"


@pytest.mark.parametrize(
    ("text", "value"),
    [("5", "5"), ("+5", "5"), ("-0.50", "-0.50"), (".5", "0.5"), ("5.", "5"), ("1" * 28, "1" * 28)],
)
def test_numbers(text: str, value: str) -> None:
    assert str(number(text)) == value


@pytest.mark.parametrize(
    "text", ["", "NaN", "inf", "1e5", "1E999999999", "1" * 29, "1,5", "- 5", "0x1", "٣", "1.2.3"]
)
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(Unreadable):
        number(text)


def test_numbers_beyond_limits() -> None:
    assert compared("<5") == Compared("<", Decimal(5))
    assert compared(" >= 90.0 ") == Compared(">=", Decimal("90.0"))
    assert compared("≤5").comparator == "<="
    assert compared("=5") == Compared("", Decimal(5))
    for text in ("NEG", "<", "<5 mg", "5-6"):
        with pytest.raises(Unreadable):
            compared(text)


@pytest.mark.parametrize(
    ("value", "parts", "shown"),
    [
        ("^20", ("", "20", "", None), "20"),
        (">^100", (">", "100", "", None), ">100"),
        ("^10^-^20", ("", "10", "-", "20"), "10-20"),
        ("^1^:^128", ("", "1", ":", "128"), "1:128"),
        ("^1^/^2", ("", "1", "/", "2"), "1/2"),
        ("^3^+", ("", "3", "+", None), "3+"),
        ("=^7^.^5", ("", "7.5", "", None), "7.5"),
    ],
)
def test_structured_numbers(
    value: str, parts: tuple[str, str, str, str | None], shown: str
) -> None:
    found = structured(element(value))
    second = None if found.second is None else str(found.second)
    assert (found.comparator, str(found.first), found.separator, second) == parts
    assert found.text == shown


@pytest.mark.parametrize("value", ["x", "~^5", "^", "^x", "^5^-", "^5^^6", "^5^x^6", "about^5"])
def test_what_is_no_structured_number(value: str) -> None:
    with pytest.raises(Unreadable):
        structured(element(value))


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("3.5-5.1", "3.5", "5.1"),
        ("3.5 - 5.1 mg/dL", "3.5", "5.1"),
        ("3.5 – 5.1", "3.5", "5.1"),  # noqa: RUF001
        ("-2.0-2.0", "-2.0", "2.0"),
        ("-5--2", "-5", "-2"),
        ("3 to 5", "3", "5"),
        ("<5", None, "5"),
        ("<10 ug/dL", None, "10"),
        (">=60", "60", None),
        ("> 60 mL/min/1.73m2", "60", None),
        ("5.1-3.5", None, None),
        ("<9 mcg/dL:  Acceptable background", None, None),
        ("Negative", None, None),
        ("1:40-1:80", None, None),
        ("2026-03-01", None, None),
        ("", None, None),
    ],
)
def test_reference_ranges(text: str, low: str | None, high: str | None) -> None:
    found = reference_range(text)
    assert [None if one is None else str(one) for one in (found.low, found.high)] == [low, high]
    assert found.text == text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0.00&10000.00", Range(Decimal("0.00"), Decimal("10000.00"), "0.00-10000.00")),
        ("^^10.0", Range(None, Decimal("10.0"), "<=10.0")),
        ("2^^10", Range(Decimal(2), Decimal(10), "2-10")),
        ("2^", Range(text="2")),
        ("&5", Range(None, Decimal(5), "<=5")),
        ("low^to^high", Range(text="low to high")),
        ("<5", Range(None, Decimal(5), "<5", high_open=True)),
    ],
)
def test_ranges_that_delimiters_split(value: str, expected: Range) -> None:
    assert range_of(element(value)) == expected


def test_whether_a_range_holds_a_number() -> None:
    assert reference_range("3.5-5.1").holds(Decimal("5.1"))
    assert not reference_range("3.5-5.1").holds(Decimal("5.11"))
    assert not reference_range("3.5-5.1").holds(Decimal("3.49"))
    assert not reference_range("<5").holds(Decimal(5))
    assert reference_range("<=5").holds(Decimal(5))
    assert not reference_range(">5").holds(Decimal(5))


def test_codes() -> None:
    local, loinc = Code("470", "HB", "LAB"), Code("4546-8", "Hemoglobin", "LN")
    assert codes(element("470^HB^LAB ^4546-8^Hemoglobin^LN")) == (loinc, local)
    assert codes(element("4546-8^Hemoglobin^LN^470^HB^LAB")) == (loinc, local)
    assert codes(element("470^HB^LAB^471^HB2^OLD")) == (local, Code("471", "HB2", "OLD"))
    assert codes(element("470^HB^LAB")) == (local, None)
    assert codes(element("^^^470^HB^LAB")) == (local, None)
    assert codes(element("^as written")) == (Code("", "as written", ""), None)
    assert codes(element("^^^^^^^^original")) == (Code("", "original", ""), None)


def test_identifiers_and_names() -> None:
    assert cx(element("MRN-1^^^CLINIC&1.2&ISO^MR")) == CX("MRN-1", "CLINIC", "MR")
    assert cx(element("5^^^&1.2.3&ISO^SS")) == CX("5", "1.2.3", "SS")
    assert ei(element("ORD-1^PORTAL^1.2^ISO")) == EI("ORD-1", "PORTAL")
    assert xpn(element("van Dyk&van&Dyk^Jo^^^^^L")) == XPN("van Dyk", "Jo")


@pytest.mark.parametrize(
    ("value", "npi"),
    [
        ("1888888888^Who^Some^^^^^^NPI&2.16.840.1.113883.4.6&ISO^L^^^NPI", "1888888888"),
        ("1888888888^Who^Some^^^^^^X&2.16.840.1.113883.4.6&ISO", "1888888888"),
        ("1888888888^Who^Some", "1888888888"),
        ("1888888888^Who^Some^^^^^^HOSPITAL", ""),
        ("1888888888^Who^Some^^^^^^^^^^MD", ""),
        ("1234^Who^Some^^^^^^NPI", ""),
    ],
)
def test_which_identifier_is_an_npi(value: str, npi: str) -> None:
    found = xcn(element(value))
    assert (found.family, found.given, found.npi) == ("Who", "Some", npi)


@pytest.mark.parametrize(
    ("value", "content"),
    [
        ("LAB^Application^PDF^Base64^JVBERi0x", b"%PDF-1"),
        ("^application^pdf^BASE64^JVBE Ri\\.br\\0x", b"%PDF-1"),
        ("^Application^PDF^Hex^255044462D", b"%PDF-"),
        ("^TEXT^PLAIN^A^Hello", b"Hello"),
    ],
)
def test_documents(value: str, content: bytes) -> None:
    found = ed(element(value))
    assert found == ED(found.type, found.subtype, content)
    assert found.subtype in ("PDF", "PLAIN")


@pytest.mark.parametrize(
    "value", ["^A^PDF^Base64^JVBE*", "^A^PDF^Base64^JVB", "^A^PDF^Hex^2", "^A^PDF^Zip^x"]
)
def test_documents_that_can_not_be_decoded(value: str) -> None:
    with pytest.raises(Unreadable):
        ed(element(value))


def test_nothing_reads_as_nothing() -> None:
    nothing = segment("x").first(9)
    assert codes(nothing) == (Code("", "", ""), None)
    assert cx(nothing) == CX("", "", "")
    assert xcn(nothing).npi == ""
    assert range_of(nothing) == Range()
