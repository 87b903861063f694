"""What is wrong with a message, as a sender is told of it (ERR, HL7 v2.5.1, 2.15.5)."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, StrEnum

# A sender learns enough from so many; a message of garbage would make thousands.
MOST_FAULTS = 20


class ErrorCondition(Enum):
    """HL7 table 0357."""

    SEGMENT_SEQUENCE = ("100", "Segment sequence error")
    REQUIRED_FIELD_MISSING = ("101", "Required field missing")
    DATA_TYPE = ("102", "Data type error")
    TABLE_VALUE_NOT_FOUND = ("103", "Table value not found")
    UNSUPPORTED_MESSAGE_TYPE = ("200", "Unsupported message type")
    UNSUPPORTED_EVENT_CODE = ("201", "Unsupported event code")
    UNSUPPORTED_PROCESSING_ID = ("202", "Unsupported processing id")
    UNSUPPORTED_VERSION_ID = ("203", "Unsupported version id")
    UNKNOWN_KEY_IDENTIFIER = ("204", "Unknown key identifier")
    DUPLICATE_KEY_IDENTIFIER = ("205", "Duplicate key identifier")
    APPLICATION_RECORD_LOCKED = ("206", "Application record locked")
    APPLICATION_INTERNAL_ERROR = ("207", "Application internal error")

    def __init__(self, code: str, text: str) -> None:
        self.code = code
        self.text = text


class Severity(StrEnum):
    """HL7 table 0516."""

    ERROR = "E"
    WARNING = "W"
    INFORMATION = "I"


class RefusalCode(StrEnum):
    """AE: the sender must mend the content. AR: not supported here, or trouble of ours."""

    ERROR = "AE"
    REJECT = "AR"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. `location` as in ERR-2 (`OBX^3^5`: segment, which, field,
    component); empty where there is none. `text` holds nothing of a patient's."""

    location: str
    condition: ErrorCondition
    text: str
    severity: Severity = Severity.ERROR


class MessageRefused(Exception):
    """A message that is not taken; nothing of it was kept."""

    def __init__(self, code: RefusalCode, faults: Iterable[Fault]) -> None:
        self.code = code
        self.faults = tuple(faults)
        super().__init__(
            "; ".join(f"{one.condition.code} {one.location} {one.text}" for one in self.faults)
        )


class Unreadable(ValueError):
    """A value that is not of its data type. The message says what was expected, not the value."""


def refused(location: str, condition: ErrorCondition, text: str) -> MessageRefused:
    """Content that the sender must mend (AE)."""
    return MessageRefused(RefusalCode.ERROR, [Fault(location, condition, text)])


def rejected(location: str, condition: ErrorCondition, text: str) -> MessageRefused:
    """What is not supported here, or can't be taken now (AR)."""
    return MessageRefused(RefusalCode.REJECT, [Fault(location, condition, text)])


class Faults:
    """Gathers what is wrong, so that a sender can mend it all at once."""

    __slots__ = ("found",)

    def __init__(self) -> None:
        self.found: list[Fault] = []

    def add(self, location: str, condition: ErrorCondition, text: str) -> None:
        """Raises MessageRefused when there are as many as a sender is told of."""
        self.found.append(Fault(location, condition, text))
        if len(self.found) >= MOST_FAULTS:
            self.check()

    def check(self) -> None:
        """Raises MessageRefused (AE) when there are any."""
        if self.found:
            raise MessageRefused(RefusalCode.ERROR, self.found)
