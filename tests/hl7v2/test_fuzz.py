"""Whatever comes, it is read or refused: nothing else is raised, and nothing takes long."""

import random
import time
from collections.abc import Callable, Mapping

import hl7
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portal.core.clock import utcnow
from portal.hl7v2.acknowledging import acknowledgements, outcome_of
from portal.hl7v2.reading import header_of, read
from tests.support.examples import at_night, examples
from tests.support.hl7 import MSH, OBR, OBX, ORC, PID, message, refusal_of

NTE = "NTE|1|L|a note"
SPM = "SPM|1|||119364003^Serum^SCT|||||||||||||20260301080000-0500"
TEXT = "OBX|2|FT|8251-1^Comment^LN||one\\.br\\two~three||||||F"
DOCUMENT = "OBX|3|ED|11526-1^Study^LN||LAB^Application^PDF^Base64^JVBERi0xLjQK||||||F"
LINES = [MSH, PID, ORC, OBR, NTE, OBX, NTE, TEXT, TEXT, DOCUMENT, SPM]
BYTES = [b"|", b"^", b"&", b"~", b"\\", b"\r", b"\n", b"\x00", b"\x0b", b'""', b"\xff", b"MSH"]
# Of the processor, and far more than it takes: what is quadratic would take hours.
SECONDS = 60.0


def survives(raw: bytes) -> None:
    """Reads, or refuses and can say so."""
    refusal = refusal_of(raw)
    if refusal is None:
        return
    assert refusal.faults
    outcome = outcome_of(refusal)
    for one in acknowledgements(header_of(raw), outcome, now=utcnow(), new_id=lambda: "A1"):
        said = read(one, answer=True).segment("MSA")
        assert said is not None
        assert said.text(1) in ("AE", "AR", "CE", "CR")


@given(st.binary(max_size=300))
@example(b"")
@example(b"MSH")
@example(b"MSH|")
@example(b"MSH|^~\\&")
@example(b"MSH|^~\\&|\rMSH")
@example(b"\xff\xfeM\x00")
@example(b"\xef\xbb\xbf")
def test_any_bytes(raw: bytes) -> None:
    survives(raw)
    survives(b"MSH|^~\\&|" + raw)
    survives(message(MSH, PID, OBR) + raw)
    survives(message(MSH, PID, OBR, OBX)[:-1] + raw)


@given(st.lists(st.integers(0, len(LINES) - 1), max_size=30))
def test_segments_in_any_order(order: list[int]) -> None:
    survives(message(MSH, *(LINES[place] for place in order)))


@given(st.text("aB1|^~&\\ ", max_size=40))
def test_splitting_is_that_of_the_library(fields: str) -> None:
    text = f"MSH|^~\\&|A|B|C|D|20260301||ORU^R01|1|P|2.5.1\rZZZ|{fields}x"
    expected = [str(field) for field in hl7.parse(text).segment("ZZZ")]
    found = read(text.encode()).segments[1]
    assert [found.raw(number) for number in range(len(expected))] == expected
    assert not found.has(len(expected))


@given(st.integers(0, 1100))
def test_cut_off(length: int) -> None:
    survives(message(*LINES)[:length])


@examples(300)
@given(
    st.lists(
        st.tuples(st.integers(0, 1100), st.integers(0, 6), st.sampled_from(BYTES)),
        min_size=1,
        max_size=6,
    )
)
def test_spoiled(changes: list[tuple[int, int, bytes]]) -> None:
    raw = message(*LINES)
    for place, removed, put in changes:
        raw = raw[:place] + put + raw[place + removed :]
    survives(raw)


@given(
    st.integers(1, 26),
    st.text(st.characters(codec="utf-8"), max_size=40),
    st.sampled_from(["NM", "SN", "TS", "DT", "TM", "CWE", "ED", "RP", "XCN", "ST", "NA", "", "?"]),
)
def test_any_value_of_any_type(number: int, value: str, kind: str) -> None:
    fields = OBX.split("|") + [""] * 30
    fields[2] = kind
    fields[number] = value
    survives(message(MSH, PID, ORC, OBR, "|".join(fields)))


@given(st.permutations("|^~\\&"), st.text("|^~\\&#@!$;:%", min_size=4, max_size=6))
def test_other_delimiters(swapped: list[str], made_up: str) -> None:
    text = message(*LINES).decode()
    survives(text.translate(str.maketrans("|^~\\&", "".join(swapped))).encode())
    survives(text.replace("|^~\\&", made_up, 1).encode())


MEGABYTE = 1_000_000
# Delimiters, escapes and numbers without end: ten of `n` octets, or as many segments and fields as
# one message may have.
LARGE: Mapping[str, Callable[[int], str]] = {
    "text": lambda n: OBX + "|" * 20 + "\rOBX|2|TX|8251-1^C^LN||" + "word " * 2 * n + "||||||F",
    "fields": lambda n: OBX + "|" * 10 * n,
    "as many fields as may be": lambda n: OBX + "|a" * (n * 39 // 100),
    "components": lambda n: OBX + "|^" * 5 * n,
    "repetitions": lambda n: "OBX|1|NM|2823-3^P^LN||" + "1~" * 5 * n + "||||||F",
    "escapes": lambda n: "OBX|1|FT|2823-3^P^LN||" + "\\" * 10 * n + "||||||F",
    "hexadecimals": lambda n: "OBX|1|FT|2823-3^P^LN||" + "\\X41" * 2 * n + "||||||F",
    "digits": lambda n: "OBX|1|NM|2823-3^P^LN||" + "9" * 10 * n + "||||||F",
    "range": lambda n: "OBX|1|NM|2823-3^P^LN||9||" + "9" * 10 * n + "-||||F",
    "time": lambda n: OBX + "|" * 4 + "2" * 10 * n,
    "short segments": lambda n: "PID\r" * 2 * n,
    "blank lines": lambda n: "PID\r \r" * n,
    "spaces": lambda n: "PID|" + "\r" + " " * 10 * n + "x",
    "lines of text": lambda n: "OBX|1|TX|8251-1^C^LN||line||||||F\r" * (n // 40),
    "documents": lambda n: "OBX|1|ED|8251-1^C^LN||^Application^PDF^Base64^" + "JVBERi0x" * n,
    "notes": lambda n: "NTE|1|L|text\r" * (n // 20),
}


def size() -> int:
    """A tenth of a large message: ten megabytes at night, two by day."""
    return MEGABYTE if at_night() else MEGABYTE // 5


@pytest.mark.nightly
@pytest.mark.parametrize("large", LARGE)
def test_what_is_large_is_soon_done(large: str) -> None:
    raw = message(MSH, PID, ORC, OBR, LARGE[large](size()))
    started = time.process_time()
    survives(raw)
    assert time.process_time() - started < SECONDS


@pytest.mark.nightly
def test_large_noise() -> None:
    raw = random.Random(1).randbytes(10 * size())
    started = time.process_time()
    survives(raw)
    survives(message(MSH) + raw)
    assert time.process_time() - started < SECONDS
