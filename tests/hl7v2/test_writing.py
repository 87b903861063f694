"""Segments that are written are read as they were meant."""

from hypothesis import example, given
from hypothesis import strategies as st

from portal.hl7v2.reading import read
from portal.hl7v2.writing import Encoded, Field, header_segment, message, segment

HEADER: dict[int, Field] = {9: ("ORU", "R01"), 10: "M1", 11: "P", 12: "2.5.1"}


def test_segments() -> None:
    assert segment("PID", {1: "1", 3: ("A", "", "", ("B", "1.2", "ISO"), "MR"), 5: ""}) == (
        "PID|1||A^^^B&1.2&ISO^MR"
    )
    assert segment("PID", {3: ["A", ("B", "C", "")], 4: Encoded("x^y&z")}) == "PID|||A~B^C|x^y&z"
    assert segment("OBX", {}) == "OBX"
    assert segment("OBX", {4: '""', 5: '"\x00"', 6: ("", '""')}) == (
        "OBX||||\\X2222\\|\\X2222\\|^\\X2222\\"
    )
    assert segment("NTE", {3: "a|b^c&d~e\\f\r\ng\x00"}) == (
        "NTE|||a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f\\.br\\g"
    )
    assert header_segment({3: "A", 9: ("ACK", "R01")}) == "MSH|^~\\&|A||||||ACK^R01"


def test_what_a_character_set_does_not_have() -> None:
    assert message(["NTE|1||ü€"], "iso8859_1") == b"NTE|1||\xfc?\r"


@example(['""'])
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1)))
def test_any_values_come_back(values: list[str]) -> None:
    shifted: dict[int, str] = dict(enumerate(values, 1))
    raw = message([header_segment(HEADER), segment("ZZZ", {**shifted})])
    written = read(raw).segments[1]
    assert [written.text(number) for number in shifted] == values
