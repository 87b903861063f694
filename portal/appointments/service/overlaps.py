"""Nobody is at two places at once: a patient's other appointments at the time of a new one."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from portal.appointments import queries
from portal.appointments.errors import AppointmentsOverlap


@dataclass(frozen=True, slots=True)
class Other:
    """Another appointment of a patient; `ends_at` is None where nobody knows it."""

    kind: str
    id: UUID
    starts_at: datetime
    ends_at: datetime | None
    place: str
    link: str

    def view(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "id": str(self.id),
            "starts_at": self.starts_at.isoformat(),
            "ends_at": self.ends_at.isoformat() if self.ends_at else None,
            "place": self.place,
            "link": self.link,
        }


Elsewhere = Callable[[Session, UUID, datetime, datetime], Sequence[Other]]
_ELSEWHERE: list[Elsewhere] = []


def tell_elsewhere(elsewhere: Elsewhere) -> None:
    """Let a slice above tell of appointments that are no times of ours."""
    _ELSEWHERE.append(elsewhere)


def check_overlaps(
    session: Session,
    patient_id: UUID,
    starts_at: datetime,
    ends_at: datetime,
    *,
    confirmed: Collection[UUID] = (),
    besides: Collection[UUID] = (),
) -> None:
    """That a patient has no other appointment in a period, or that whoever makes this one has seen
    which. Until the transaction ends nobody else makes one for the patient.

    `besides` are what the new one is about or instead of. Those that the actor may not see, such as
    what is kept from delegates, are not told of. Raises AppointmentsOverlap.
    """
    queries.lock_for(session, patient_id)
    found = [_of_ours(row) for row in queries.overlapping(session, patient_id, starts_at, ends_at)]
    for elsewhere in _ELSEWHERE:
        found.extend(elsewhere(session, patient_id, starts_at, ends_at))
    others = [other for other in found if other.id not in besides]
    if any(other.id not in confirmed for other in others):
        raise AppointmentsOverlap(overlaps=[other.view() for other in others])


def _of_ours(row: Any) -> Other:
    return Other(
        "appointment",
        row.id,
        row.starts_at,
        row.ends_at,
        ", ".join(part for part in (row.place_name, row.room) if part),
        f"/api/v1/appointments/{row.id}",
    )
