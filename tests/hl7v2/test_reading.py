"""From bytes to a header and segments: line ends, marks, character sets, delimiters, bounds."""

import pytest

from portal.hl7v2.errors import MessageRefused
from portal.hl7v2.escaping import Delimiters
from portal.hl7v2.reading import LARGEST, Message, header_of, read
from tests.support.hl7 import MSH, OBR, OBX, ORC, PID, message, refusal_of, taken

LINES = (MSH, PID, ORC, OBR, OBX)


def refused(raw: bytes, limit: int = LARGEST) -> tuple[str, str, str]:
    with pytest.raises(MessageRefused) as caught:
        read(raw, limit=limit)
    [fault] = caught.value.faults
    return caught.value.code.value, fault.condition.code, fault.location


def with_header(values: dict[int, str]) -> bytes:
    fields = MSH.split("|") + [""] * 8
    for number, value in values.items():
        fields[number - 1] = value
    return message("|".join(fields), PID, OBR)


def named(name: bytes, charset: bytes = b"") -> Message:
    head = MSH.encode() + b"|" * 6 + charset
    return read(head + b"\rPID|1||1||" + name + b"\r")


def family_name(found: Message) -> str:
    return found.segments[1].text(5)


def test_the_header() -> None:
    found = read(with_header({3: "LAB^1.2^ISO", 9: "ORU^R01^ORU_R01", 15: "AL", 16: "ne", 18: ""}))
    assert (found.sending_application, found.sender) == ("LAB^1.2^ISO", "LAB")
    assert (found.sender_facility, found.receiver, found.receiver_facility) == (
        "HOSPITAL",
        "PORTAL",
        "CLINIC",
    )
    assert (found.type, found.event, found.structure) == ("ORU", "R01", "ORU_R01")
    assert (found.control_id, found.processing_id, found.version) == ("M1", "P", "2.5.1")
    assert (found.sent_at, found.accept_mode, found.application_mode) == (
        "20260301101500-0500",
        "AL",
        "NE",
    )
    assert [one.name for one in found.segments] == ["MSH", "PID", "OBR"]


@pytest.mark.parametrize(
    "raw",
    [
        message(*LINES, end="\n"),
        message(*LINES, end="\r\n"),
        message(*LINES, end="\r\r"),
        message(*LINES, end="\r\n \r\n"),
        b"\r\n\n" + message(*LINES) + b"\n\n",
        message(*LINES).rstrip(b"\r"),
        message(MSH, PID, end="\r") + message(ORC, OBR, OBX, end="\n"),
        b"\xef\xbb\xbf" + message(*LINES),
        b"\xef\xbb\xbf" + message(*LINES, end="\n"),
        message(*LINES).decode().encode("utf-16"),
        message(*LINES).decode().encode("utf-16-be"),
    ],
)
def test_line_ends_and_marks_change_nothing(raw: bytes) -> None:
    assert refusal_of(raw) is None
    found, expected = read(raw), read(message(*LINES))
    for one, other in zip(found.segments, expected.segments, strict=True):
        assert [one.raw(number) for number in range(30)] == [
            other.raw(number) for number in range(30)
        ]


@pytest.mark.parametrize("spoilt", [b"3\x008", b"3\x078", b"3\\X00\\8", b"3\\X410C\\8", b"3\x7f8"])
def test_a_control_character_is_refused_with_its_place(spoilt: bytes) -> None:
    raw = message(*LINES).replace(b"||4.2|", b"||" + spoilt + b"|")
    with pytest.raises(MessageRefused) as caught:
        read(raw)
    [fault] = caught.value.faults
    assert (caught.value.code, fault.location, fault.condition.code) == ("AE", "OBX^1^5", "102")


def test_results_of_old_versions_name_no_event() -> None:
    assert read(with_header({9: "ORU", 12: "2.2"})).kind == "ORU^R01"
    assert read(with_header({9: "ORU", 12: "2.5.1"})).kind == "ORU^"


def test_a_line_end_within_a_value() -> None:
    found = read(message(MSH, "NTE|1||first\nsecond", "OBX|1"))
    assert [one.name for one in found.segments] == ["MSH", "NTE", "OBX"]
    assert found.segments[1].text(3) == "first\nsecond"


@pytest.mark.parametrize(
    ("name", "charset", "expected"),
    [
        ("Müller".encode(), b"", "Müller"),
        (b"M\xfcller", b"", "Müller"),
        (b"\x80", b"", "€"),
        ("Müller".encode(), b"UNICODE UTF-8", "Müller"),
        ("Müller".encode(), b"UNICODE", "Müller"),
        (b"M\xfcller", b"8859/1", "Müller"),
        (b"\xa4", b"8859/15", "€"),
        (b"\xce", b"8859/5~", "Ю"),
        (b"Mueller", b"ASCII", "Mueller"),
    ],
)
def test_character_sets(name: bytes, charset: bytes, expected: str) -> None:
    assert family_name(named(name, charset)) == expected


@pytest.mark.parametrize(
    ("name", "charset", "condition"),
    [
        (b"x", b"KLINGON", "103"),
        (b"M\xfcller", b"UNICODE UTF-8", "102"),
        (b"M\xfcller", b"ASCII", "102"),
        (b"M\xfc\x81ller", b"", "102"),
    ],
)
def test_what_is_not_of_its_character_set(name: bytes, charset: bytes, condition: str) -> None:
    with pytest.raises(MessageRefused) as caught:
        named(name, charset)
    [fault] = caught.value.faults
    assert (fault.condition.code, fault.location) == (condition, "MSH^1^18")
    assert "ller" not in fault.text


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("|^~\\&", Delimiters()),
        ("|^~\\&#", Delimiters(truncation="#")),
        ("$%*!@", Delimiters("$", "%", "*", "!", "@")),
    ],
)
def test_delimiters(head: str, expected: Delimiters) -> None:
    text = message(MSH, "PID|1||A^^^B&1&ISO~C||x\\F\\y").decode().replace("|^~\\&", head, 1)
    moved = text.translate(str.maketrans("|^~\\&", head[:5])) if head[0] != "|" else text
    found = read(moved.encode())
    assert found.delimiters == expected
    pid = found.segments[1]
    assert [one.text() for one in pid.every(3)] == ["A", "C"]
    assert pid.text(3, 4, 2) == "1"
    assert pid.text(5) == f"x{head[0]}y"


@pytest.mark.parametrize("head", ["|^~\\", "|^", "||", "|^^\\&", "|abcd", '|^~"&', "|^~ &"])
def test_delimiters_that_can_not_be_told_apart(head: str) -> None:
    raw = message(*LINES).decode().replace("|^~\\&|", head + "|", 1).encode()
    assert refused(raw) == ("AE", "102", "MSH^1^2")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({9: ""}, ("AE", "101", "MSH^1^9")),
        ({10: ""}, ("AE", "101", "MSH^1^10")),
        ({10: " "}, ("AE", "101", "MSH^1^10")),
        ({10: "x" * 200}, ("AE", "102", "MSH^1^10")),
        ({11: ""}, ("AE", "101", "MSH^1^11")),
        ({12: '""'}, ("AE", "101", "MSH^1^12")),
        ({11: "X"}, ("AR", "202", "MSH^1^11")),
        ({12: "3.0"}, ("AR", "203", "MSH^1^12")),
    ],
)
def test_what_a_header_needs(values: dict[int, str], expected: tuple[str, str, str]) -> None:
    assert refused(with_header(values)) == expected
    assert read(with_header({10: "x" * 199})).control_id == "x" * 199


@pytest.mark.parametrize("version", ["2.1", "2.3.1", "2.5^USA", "2.8.2"])
@pytest.mark.parametrize("processing", ["P", "T", "D^T"])
def test_versions_and_processing_ids(version: str, processing: str) -> None:
    found = read(with_header({11: processing, 12: version}))
    assert (found.version, found.processing_id) == (version.partition("^")[0], processing[0])
    assert found.processing == processing


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", ("AE", "100", "MSH^1")),
        (b"PID|1\r", ("AE", "100", "MSH^1")),
        (message("EVN|1", *LINES), ("AE", "100", "MSH^1")),
        (message(MSH, "lower|1"), ("AE", "100", "")),
        (message(MSH, "PIDX|1"), ("AE", "100", "")),
        (message(MSH, PID, MSH), ("AE", "100", "")),
        (message(MSH, PID, "BTS|1"), ("AE", "100", "")),
    ],
)
def test_shapes(raw: bytes, expected: tuple[str, str, str]) -> None:
    assert refused(raw) == expected


def test_bounds() -> None:
    raw = message(*LINES)
    assert read(raw, limit=len(raw)).control_id == "M1"
    assert refused(raw, limit=len(raw) - 1) == ("AE", "207", "")
    assert refused(message(MSH, "OBX|" + "|" * 400_000)) == ("AE", "207", "")


def test_a_segment_that_is_its_name_alone() -> None:
    found = read(message(MSH, "PID", "PV1|"))
    assert [one.name for one in found.segments] == ["MSH", "PID", "PV1"]
    assert found.segments[1].text(3) == ""


@pytest.mark.parametrize(
    ("wanted", "condition"),
    [(("ORU^R01", "OML^O21"), None), (("ORU^R30",), "201"), (("OML^O21",), "200")],
)
def test_requiring_a_type(wanted: tuple[str, ...], condition: str | None) -> None:
    found = read(message(*LINES))
    if condition is None:
        found.require(*wanted)
        return
    with pytest.raises(MessageRefused) as caught:
        found.require(*wanted)
    assert caught.value.code == "AR"
    assert [one.condition.code for one in caught.value.faults] == [condition]


def test_a_header_out_of_what_can_not_be_read() -> None:
    found = header_of(message(MSH, "garbage") + b"\xff\x00")
    assert found is not None
    assert (found.control_id, found.sender, found.event) == ("M1", "LAB", "R01")
    cut = header_of(MSH.encode()[:40])
    assert cut is not None
    assert (cut.sender, cut.control_id) == ("LAB", "")
    whole, none = header_of(b"\xef\xbb\xbf" + message(*LINES, end="\n")), header_of(b"what?")
    assert whole is not None
    assert whole.control_id == "M1"
    assert none is None
    assert header_of(b"MSH|^^^^|") is None


def test_an_answer_may_lack_what_is_not_needed() -> None:
    raw = b"MSH|^~\\&|LAB||PORTAL\rMSA|AA|M1\r"
    msa = read(raw, answer=True).segment("MSA")
    assert msa is not None
    assert msa.text(2) == "M1"
    with pytest.raises(MessageRefused):
        read(raw)


def test_faults_name_nothing_of_the_patient() -> None:
    refusal = refusal_of(message(MSH, "PID|1||SECRET||||SECRET", "OBX|1|NM|SECRET||SECRET"))
    assert refusal is not None
    assert "SECRET" not in str(refusal)
    assert taken(PID, ORC, OBR, OBX).patient.family_name == "Doe"
