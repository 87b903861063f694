"""Which acknowledgements are sent, and what they say."""

from datetime import UTC, datetime
from itertools import count, product

import pytest

from portal.hl7v2.acknowledging import ACCEPTED, Outcome, acknowledgements, outcome_of
from portal.hl7v2.errors import ErrorCondition, Fault, MessageRefused, Severity, refused, rejected
from portal.hl7v2.reading import header_of, read
from tests.support.hl7 import MSH, message

NOW = datetime(2026, 3, 1, 10, 20, 30, tzinfo=UTC)
FAULTS = (
    Fault("OBX^3^5", ErrorCondition.DATA_TYPE, "Not a number | at all."),
    Fault("PID^1^3^1", ErrorCondition.REQUIRED_FIELD_MISSING, "Whom?", Severity.WARNING),
)
ERROR, REJECT = Outcome("AE", FAULTS), Outcome("AR", FAULTS[:1])


def with_modes(accept: str = "", application: str = "", *, rest: str = "") -> bytes:
    return message(f"{MSH}|||{accept}|{application}{rest}", "PID|1")


def answers(raw: bytes, outcome: Outcome) -> list[bytes]:
    ids = (f"A{number}" for number in count(1))
    return acknowledgements(header_of(raw), outcome, now=NOW, new_id=lambda: next(ids))


def codes(raw: bytes, outcome: Outcome) -> list[str]:
    return [one.split(b"\rMSA|")[1][:2].decode() for one in answers(raw, outcome)]


def test_the_whole_of_one() -> None:
    raw = message(MSH.replace("LAB|HOSPITAL", "LAB^1.2^ISO|HOSP & SON\\F\\"))
    assert answers(raw, ACCEPTED) == [
        b"MSH|^~\\&|PORTAL|CLINIC|LAB^1.2^ISO|HOSP & SON\\F\\|20260301102030+0000||ACK^R01^ACK|A1"
        b"|P|2.5.1\rMSA|AA|M1\r"
    ]


def test_original_mode() -> None:
    for outcome in (ACCEPTED, ERROR, REJECT):
        assert codes(with_modes(), outcome) == [outcome.code]


# Written out from 2.9.3: for success, and for a refusal.
WANTED = {"AL": (True, True), "NE": (False, False), "ER": (False, True), "SU": (True, False)}


@pytest.mark.parametrize(("accept", "application"), list(product(["", *WANTED], repeat=2))[1:])
def test_enhanced_mode(accept: str, application: str) -> None:
    commit, apply = (WANTED.get(mode, (False, False)) for mode in (accept, application))
    raw = with_modes(accept, application)
    assert codes(raw, ACCEPTED) == ["CA"] * commit[0] + ["AA"] * apply[0]
    for outcome, said in ((ERROR, ["CE", "AE"]), (REJECT, ["CR", "AR"])):
        expected = said[:1] if commit[1] else said[1:] * apply[1]
        assert codes(raw, outcome) == expected


def test_a_mode_that_is_none_gets_an_answer() -> None:
    assert codes(with_modes("YES"), ACCEPTED) == ["CA"]


def test_two_acknowledgements_have_ids_of_their_own() -> None:
    first, second = (read(one) for one in answers(with_modes("AL", "AL"), ACCEPTED))
    assert (first.control_id, second.control_id) == ("A1", "A2")
    for one in (first, second):
        assert (one.type, one.event, one.structure) == ("ACK", "R01", "ACK")
        assert (one.receiver, one.sender) == ("LAB", "PORTAL")
        assert not one.enhanced


def test_errors() -> None:
    [answer] = answers(with_modes(), ERROR)
    assert answer.split(b"\r")[1:] == [
        b"MSA|AE|M1",
        b"ERR||OBX^3^5|102^Data type error^HL70357|E||||Not a number \\F\\ at all.",
        b"ERR||PID^1^3^1|101^Required field missing^HL70357|W||||Whom?",
        b"",
    ]


def test_errors_for_a_sender_of_before_v2_5() -> None:
    [answer] = answers(with_modes().replace(b"|2.5.1", b"|2.3.1"), ERROR)
    assert answer.split(b"\r")[1:] == [
        b"MSA|AE|M1|Not a number \\F\\ at all.",
        b"ERR|OBX^3^5^102&Data type error&HL70357~PID^1^3^101&Required field missing&HL70357",
        b"",
    ]
    [fine] = answers(with_modes().replace(b"|2.5.1", b"|2.3.1"), ACCEPTED)
    assert fine.split(b"\r")[1:] == [b"MSA|AA|M1", b""]


def test_delimiters_are_the_senders() -> None:
    raw = with_modes().decode().translate(str.maketrans("|^~\\&", "$%*!@")).encode()
    [answer] = answers(raw, Outcome("AE", FAULTS[1:]))
    assert answer.startswith(b"MSH$%*!@$PORTAL$CLINIC$LAB$HOSPITAL$")
    assert b"\rERR$$PID%1%3%1$101%Required field missing%HL70357$W$$$$Whom?\r" in answer
    assert read(answer).type == "ACK"


def test_processing_and_version_are_kept() -> None:
    raw = with_modes().replace(b"|P|2.5.1", b"|D^A|2.7")
    assert b"|D^A|2.7\r" in answers(raw, ACCEPTED)[0]


@pytest.mark.parametrize(
    ("charset", "name", "expected"),
    [
        ("", b"LAB", b"LAB"),
        ("8859/1", b"L\xc4B", b"L\xc4B"),
        ("UNICODE UTF-8", "LÄB".encode(), "LÄB".encode()),
        ("", "LÄB".encode(), "LÄB".encode()),
        ("KLINGON", "LÄB".encode(), "LÄB".encode()),
    ],
)
def test_character_sets(charset: str, name: bytes, expected: bytes) -> None:
    raw = with_modes(rest=f"||{charset}").replace(b"|LAB|", b"|" + name + b"|")
    [answer] = answers(raw, ACCEPTED)
    assert b"|" + expected + b"|" in answer
    declared = answer.split(b"\r")[0].split(b"|")[17:]
    known = charset if charset not in ("", "KLINGON") else "UNICODE UTF-8"
    assert declared == ([] if name == b"LAB" else [known.encode()])


def test_nobody_to_name() -> None:
    assert answers(b"what?", Outcome("AE", FAULTS[1:])) == [
        b"MSH|^~\\&|||||20260301102030+0000||ACK|A1|P|2.5.1\rMSA|AE\r"
        b"ERR||PID^1^3^1|101^Required field missing^HL70357|W||||Whom?\r"
    ]


def test_outcomes_of_refusals() -> None:
    fault = Fault("PID^1", ErrorCondition.SEGMENT_SEQUENCE, "Why.")
    arguments = (fault.location, fault.condition, fault.text)
    assert outcome_of(refused(*arguments)) == Outcome("AE", (fault,))
    assert outcome_of(rejected(*arguments)) == Outcome("AR", (fault,))
    assert not outcome_of(refused(*arguments)).accepted
    with pytest.raises(MessageRefused, match="100 PID"):
        raise refused(*arguments)
