"""What is known of a message before it is understood, and what became of its reports."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from portal.core.actor import NOBODY, Actor, ActorKind
from portal.results.states import CaseReason, IntakeTransport


@dataclass(frozen=True, slots=True)
class Source:
    """Who sent something, and how. Without a laboratory's id it goes by how it names itself."""

    transport: IntakeTransport
    laboratory_id: UUID | None = None
    application: str = ""
    facility: str = ""


@dataclass(frozen=True, slots=True)
class Sender:
    """The laboratory that a message comes from; without an id where nobody here knows it: then
    `named` is how it names itself, so that its numbers aren't taken for another one's."""

    laboratory_id: UUID | None
    name: str
    zone: ZoneInfo
    named: str = ""

    @property
    def actor(self) -> Actor:
        return Actor(ActorKind.LABORATORY, self.laboratory_id or NOBODY, name=self.name)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message as it came. `digest` is of all that makes it the same message."""

    content: bytes
    control_id: str | None
    message_type: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message that is being taken in, and the `twin` that was taken before under its control id.
    `sender_name` is whose control ids these are: see ReceivedMessage."""

    message_id: UUID
    sender: Sender
    sender_name: str
    transport: IntakeTransport
    envelope: Envelope
    twin: Any = None


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of one report: `new`, `updated`, `nothing_new`, `noted`, or `waiting`; and where
    something of it waits for somebody, the `reason` and the case. `beside`: where else in
    its message it stands."""

    place: str
    outcome: str
    report_id: UUID | None = None
    case_id: UUID | None = None
    reason: CaseReason | None = None
    beside: tuple[str, ...] = ()
