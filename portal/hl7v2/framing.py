"""MLLP's frames: VT content FS CR (HL7 v2.5.1, appendix C; MLLP Release 1). Knows no socket."""

from dataclasses import dataclass
from enum import StrEnum

START = b"\x0b"
END = b"\x1c"
CARRIAGE_RETURN = b"\r"
# What some senders put between frames.
_BETWEEN = b"\r\n\t \x00"
_START, _END = START[0], END[0]


class FramingProblem(StrEnum):
    """GARBAGE: bytes outside of any frame. TRUNCATED: a frame that another one's start cut off.
    TOO_LONG: a frame over the limit; nothing of it was kept."""

    GARBAGE = "garbage"
    TRUNCATED = "truncated"
    TOO_LONG = "too_long"


@dataclass(frozen=True, slots=True)
class Frame:
    content: bytes


@dataclass(frozen=True, slots=True)
class FramingError:
    """`start` is what is left of a frame too long to be taken: enough for its MSH."""

    problem: FramingProblem
    start: bytes = b""


Event = Frame | FramingError
_KEPT = 4096


def frame(content: bytes) -> bytes:
    """A message as a frame. Raises ValueError for content that would end it early."""
    if _START in content or _END in content:
        raise ValueError("a message holds neither VT nor FS")
    return START + content + END + CARRIAGE_RETURN


class FrameReader:
    """Finds frames in what a connection brings, however it is cut into pieces.

    A frame ends with FS; the CR that follows may be missing. Its content is at most `limit` bytes.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._content: bytearray | None = None
        self._too_long = False
        self._garbage = False
        self._events: list[Event] = []

    @property
    def within(self) -> bool:
        """Whether a frame has begun that hasn't ended."""
        return self._content is not None

    def feed(self, data: bytes) -> list[Event]:
        """What `data` completes, in order."""
        self._events = []
        position = 0
        while position < len(data):
            step = self._outside if self._content is None else self._inside
            position = step(data, position)
        return self._events

    def _outside(self, data: bytes, position: int) -> int:
        start = data.find(_START, position)
        end = len(data) if start < 0 else start
        # Told once for each run of garbage, when it begins.
        if not self._garbage and data[position:end].strip(_BETWEEN):
            self._garbage = True
            self._events.append(FramingError(FramingProblem.GARBAGE))
        if start < 0:
            return end
        self._begin()
        return start + 1

    def _begin(self) -> None:
        self._content = bytearray()
        self._too_long = self._garbage = False

    def _inside(self, data: bytes, position: int) -> int:
        end = data.find(_END, position)
        stop = len(data) if end < 0 else end
        start = data.find(_START, position, stop)
        if start >= 0:
            self._keep(data[position:start])
            self._cut_off()
            self._begin()
            return start + 1
        self._keep(data[position:stop])
        if end < 0:
            return stop
        self._finish()
        return stop + 1

    def _keep(self, data: bytes) -> None:
        content = self._content
        if content is None or self._too_long:
            return
        content += data
        if len(content) > self._limit:
            self._too_long = True
            del content[min(_KEPT, self._limit) :]

    def _cut_off(self) -> None:
        self._events.append(
            self._problem() if self._too_long else FramingError(FramingProblem.TRUNCATED)
        )

    def _finish(self) -> None:
        content = self._content
        if content is not None:
            self._events.append(self._problem() if self._too_long else Frame(bytes(content)))
        self._content = None

    def _problem(self) -> FramingError:
        return FramingError(FramingProblem.TOO_LONG, bytes(self._content or b""))
