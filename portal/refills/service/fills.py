"""Whether a fill may be made: every way to one asks here, with its prescription locked."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from portal.core.clock import local_day
from portal.prescriptions.errors import PrescriptionNotFound
from portal.refills import queries, rules
from portal.refills.model import Refill
from portal.refills.states import RefillKind, Way
from portal.refills.views import facts_of


@dataclass(frozen=True, slots=True)
class Permit:
    """A fill that may be made, of a prescription that stays locked until the transaction ends."""

    prescription: Row[Any]
    kind: RefillKind
    runs_out_on: date | None  # or from then on may have run out


def ask(
    candidate: Row[Any] | None, way: Way, now: datetime, *, instead_of: Refill | None = None
) -> Permit:
    """Decide about one of queries.candidates(), which locked it.

    `instead_of` is a refill that the new one would take the place of: what it took counts as given
    back. Raises PrescriptionNotFound, and RefillNotAllowed with every reason.
    """
    if candidate is None:
        raise PrescriptionNotFound()
    facts = facts_of(candidate)
    if instead_of is not None:
        facts = rules.without(facts, instead_of)
    kind, answer = rules.permit_fill(facts, local_day(now, candidate.time_zone), way)
    return Permit(candidate, kind, answer.runs_out_on or answer.runs_out_not_before)


def lock_and_ask(
    session: Session,
    prescription_id: UUID,
    way: Way,
    now: datetime,
    *,
    instead_of: Refill | None = None,
) -> Permit:
    """Lock a prescription and decide; see ask()."""
    session.flush()
    candidate = queries.candidates(session, [prescription_id]).get(prescription_id)
    return ask(candidate, way, now, instead_of=instead_of)
