"""What appointments are about: the slices above say here how theirs take one.

The appointments know neither orders nor referrals. Whoever owns something that is done at an
appointment registers it, and is asked in the same transaction; the workers hear of each move by the
event `appointment.moved` besides.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy.orm import Session

from portal.appointments.errors import AboutUnknown
from portal.appointments.model import Appointment
from portal.appointments.rules import Needs
from portal.appointments.states import AboutKind
from portal.core.actor import Actor
from portal.core.errors import FieldError


@dataclass(frozen=True, slots=True)
class Booking:
    """Something is to have an appointment, by whose decision; None where that was decided before:
    who takes one of the times that they were offered decides no more."""

    by: Actor | None
    now: datetime


class Subject(Protocol):
    """Something that is done at an appointment."""

    def lock(self, session: Session, about_id: UUID, booking: Booking | None) -> Needs:
        """Lock it, before any appointment is, and say what it needs.

        Raises NotFound where the actor may not see it; for a booking also Conflict where it doesn't
        wait for an appointment, and Forbidden where that isn't theirs to decide.
        """

    def placed(
        self,
        *,
        session: Session,
        actor: Actor,
        appointment: Appointment,
        instead: Appointment | None,
        now: datetime,
    ) -> None:
        """It has an appointment now, perhaps instead of another one. Raises what forbids it."""

    def ended(
        self, *, session: Session, actor: Actor, appointment: Appointment, now: datetime
    ) -> None:
        """Its appointment was called off, kept or missed: see its status and reason."""


_SUBJECTS: dict[str, Subject] = {}


def register(kind: AboutKind, subject: Subject) -> None:
    """Let appointments be about this kind of thing."""
    _SUBJECTS[kind] = subject


def subject_of(kind: str) -> Subject:
    """Raises AboutUnknown for a kind that no slice has registered."""
    found = _SUBJECTS.get(kind)
    if found is None:
        known = ", ".join(sorted(_SUBJECTS))
        message = f"An appointment can be about: {known}."
        raise AboutUnknown(message, errors=[FieldError("/about/kind", message)])
    return found
