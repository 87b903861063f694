"""Re-routing what is open when a practitioner leaves, or a pharmacy or laboratory closes: in
batches, each of which finds what is still with who left, until one finds nothing."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy.orm import Session

from portal.accounts import service as accounts
from portal.appointments import service as appointments
from portal.core.actor import ActorKind
from portal.directory import departures
from portal.directory import service as directory
from portal.directory.departure_model import Departure, DepartureKind
from portal.directory.model import PoolKind
from portal.messages import service as messages
from portal.patients import departing as patient_departures
from portal.patients import service as patients
from portal.referrals import service as referrals
from portal.refills import service as refills
from portal.requisitions import service as requisitions
from portal.results import service as results
from portal.visits import service as visits
from portal.worklist import departing as work_departures
from workers.registry import Event, handles

BATCH = 200


class Step(Protocol):
    """Re-routes at most `limit` of what is with who left; returns how many were looked at."""

    def __call__(
        self, *, session: Session, departure: Departure, now: datetime, limit: int
    ) -> int: ...


def leave_care_teams(*, session: Session, departure: Departure, now: datetime, limit: int) -> int:
    """Patients who have no primary practitioner now are their clinic's staff's to look after."""
    left = patient_departures.leave_care_teams(
        session=session, departure=departure, now=now, limit=limit
    )
    for patient_id in left.without_primary:
        clinic_id = patients.clinic_of(session, patient_id)
        work_departures.leave_to_person(
            session=session,
            departure=departure,
            resource="patient",
            subject_id=patient_id,
            patient_id=patient_id,
            pool_id=directory.pool_of(session, clinic_id, PoolKind.CLINIC_STAFF),
            why="no_primary_practitioner",
            now=now,
        )
    return left.count


# Of a practitioner first the things, then their items: those follow whoever has the things now.
STEPS: Mapping[DepartureKind, Sequence[Step]] = {
    DepartureKind.PRACTITIONER: (
        leave_care_teams,
        appointments.leave_times,
        visits.hand_over_visits,
        referrals.hand_over_referrals,
        requisitions.hand_over_orders,
        results.hand_over_results,
        messages.leave_threads,
        work_departures.hand_over,
    ),
    DepartureKind.PHARMACY: (
        patient_departures.forget_choice,
        refills.ask_for_other_pharmacies,
    ),
    DepartureKind.LABORATORY: (
        patient_departures.forget_choice,
        appointments.leave_times,
        requisitions.send_elsewhere,
    ),
}
_CLOSE: Mapping[DepartureKind, Callable[..., None]] = {
    DepartureKind.PRACTITIONER: accounts.close_of_person,
    DepartureKind.PHARMACY: accounts.clients.close_of_organization,
    DepartureKind.LABORATORY: accounts.clients.close_of_organization,
}


@handles("directory.departed")
def reroute(*, session: Session, event: Event, now: datetime) -> None:
    """directory.departed {departure_id, batch}"""
    departure = departures.for_change(session, event.uuid("departure_id"))
    if departure.batches != event.payload["batch"]:
        return
    kind = DepartureKind(departure.kind)
    departures.strike_out(session=session, departure=departure, now=now)
    _CLOSE[kind](session=session, kind=ActorKind(kind), id_=departure.subject_id, now=now)
    moved = sum(
        step(session=session, departure=departure, now=now, limit=BATCH) for step in STEPS[kind]
    )
    departures.go_on(session=session, departure=departure, moved=moved, now=now)
