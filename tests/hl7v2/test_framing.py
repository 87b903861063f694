"""Frames, however a connection cuts them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.hl7v2.framing import Event, Frame, FrameReader, FramingError, FramingProblem, frame

GARBAGE = FramingError(FramingProblem.GARBAGE)
TRUNCATED = FramingError(FramingProblem.TRUNCATED)
LIMIT = 8


def events(stream: bytes, *cuts: int, limit: int = LIMIT) -> list[Event]:
    reader = FrameReader(limit)
    edges = [0, *sorted(cuts), len(stream)]
    return [event for start, end in pairwise(edges) for event in reader.feed(stream[start:end])]


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"\x0bMSH|1\x1c\r", [Frame(b"MSH|1")]),
        (b"\x0bone\x1c\r\x0btwo\x1c\r", [Frame(b"one"), Frame(b"two")]),
        (b"\r\n \x0bone\x1c\r\r\n\x0btwo\x1c\r", [Frame(b"one"), Frame(b"two")]),
        (b"\x0bone\x1c\x0btwo\x1c\r", [Frame(b"one"), Frame(b"two")]),
        (b"\x0bone\x1cx\x0btwo\x1c\r", [Frame(b"one"), GARBAGE, Frame(b"two")]),
        (b"GET / HTTP/1.1\r\n\r\nHost: x\r\n", [GARBAGE]),
        (b"abc\x1c\r\x0bone\x1c\rdef", [GARBAGE, Frame(b"one"), GARBAGE]),
        (b"\x0bunfin\x0bone\x1c\r", [TRUNCATED, Frame(b"one")]),
        (b"\x0b\x1c\r", [Frame(b"")]),
        (b"\x0b12345678\x1c\r", [Frame(b"12345678")]),
        (
            b"\x0b123456789\x1c\r\x0bone\x1c\r",
            [FramingError(FramingProblem.TOO_LONG, b"12345678"), Frame(b"one")],
        ),
        (
            b"\x0b1234567890\x0bone\x1c\r",
            [FramingError(FramingProblem.TOO_LONG, b"12345678"), Frame(b"one")],
        ),
        (b"\x0bunfinished", []),
    ],
)
def test_streams(stream: bytes, expected: list[Event]) -> None:
    assert events(stream) == expected
    assert events(stream, *range(len(stream))) == expected


@given(
    st.lists(
        st.sampled_from([b"\x0b", b"\x1c", b"\r", b"\n", b" ", b"a", b"MSH|", b"0123456789"]),
        max_size=40,
    ).map(b"".join),
    st.lists(st.integers(0, 200), max_size=10),
)
def test_any_cut_gives_the_same(stream: bytes, cuts: list[int]) -> None:
    within = [min(cut, len(stream)) for cut in cuts]
    assert events(stream, *within) == events(stream)


def test_a_frame_without_end_takes_no_memory() -> None:
    reader = FrameReader(100_000)
    reader.feed(b"\x0bMSH|^~\\&|")
    for _ in range(100):
        assert reader.feed(b"x" * 10_000) == []
    assert reader.within
    [event] = reader.feed(b"\x1c\r")
    assert isinstance(event, FramingError)
    assert event.problem == FramingProblem.TOO_LONG
    assert event.start.startswith(b"MSH|^~\\&|x")
    assert len(event.start) == 4096
    assert not reader.within


def test_framing() -> None:
    assert frame(b"MSH|") == b"\x0bMSH|\x1c\r"
    assert events(frame(b"MSH|")) == [Frame(b"MSH|")]
    for content in (b"a\x0bb", b"a\x1cb"):
        with pytest.raises(ValueError, match="neither"):
            frame(content)
