"""A patient has died, or it turned out that they have not: each slice closes what is its own, or
gives it to a person, in one transaction."""

from datetime import datetime

from sqlalchemy.orm import Session

from portal.appointments import service as appointments
from portal.core.actor import WORKER
from portal.messages import service as messages
from portal.notifications import service as notifications
from portal.patients import deaths
from portal.patients.deaths import PatientDeath
from portal.prescriptions.duplicates import follow_duplicates
from portal.referrals import service as referrals
from portal.refills import service as refills
from portal.requisitions import service as requisitions
from portal.results import service as results
from portal.visits import service as visits
from portal.worklist import service as worklist
from portal.worklist.states import Priority, WorkItemKind
from portal.worklist.whose import who_answers
from workers.registry import Event, handles

# In the order in which everybody locks: what an appointment is about comes before it.
_SLICES = (
    deaths.withdraw_offered_access,
    refills.close_for_deceased,
    visits.close_for_deceased,
    referrals.close_for_deceased,
    requisitions.close_for_deceased,
    appointments.close_for_deceased,
    messages.close_for_deceased,
    notifications.close_for_deceased,
    results.close_for_deceased,
)


@handles("patient.died")
def close_loops(*, session: Session, event: Event, now: datetime) -> None:
    """patient.died {death_id}"""
    death = deaths.lock_death(session, event.uuid("death_id"))
    if not death.standing:
        return
    for close in _SLICES:
        close(session=session, death=death, now=now)
    session.flush()
    _ask(session, death, WorkItemKind.PATIENT_DIED, Priority.ROUTINE, now)


@handles("patient.death_revoked")
def ask_about_closed(*, session: Session, event: Event, now: datetime) -> None:
    """patient.death_revoked {death_id}: what was closed is a person's to look after."""
    death = deaths.lock_death(session, event.uuid("death_id"))
    worklist.close_item(
        session=session,
        actor=WORKER,
        kind=WorkItemKind.PATIENT_DIED,
        subject_id=death.id,
        outcome="revoked",
        now=now,
        cancelled=True,
    )
    _ask(session, death, WorkItemKind.DEATH_REVOKED, Priority.URGENT, now)
    follow_duplicates(session, death.patient_id, now)


def _ask(
    session: Session, death: PatientDeath, kind: WorkItemKind, priority: Priority, now: datetime
) -> None:
    """An item about a death, once, for the primary practitioner; for the clinic's staff where the
    patient has none."""
    if worklist.was_asked(session, kind, death.id):
        return
    owner = who_answers(session, death.patient_id)
    worklist.ask_pool(
        session=session,
        kind=kind,
        subject_id=death.id,
        patient_id=death.patient_id,
        responsible_id=owner.practitioner_id,
        pool_id=owner.pool_id,
        priority=priority,
        now=now,
    )
