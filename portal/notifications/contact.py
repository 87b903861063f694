"""How and when people want to be told of results."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.actor import Actor, ActorKind
from portal.core.errors import FieldError
from portal.notifications import outreach_queries, rules
from portal.notifications.errors import MailingAddressMissing, NoResultsForYou, PhoneNumberMissing
from portal.notifications.outreach_states import ContactChannel, ReleaseWish
from portal.patients import service as patients
from portal.patients.model import Patient


@dataclass(frozen=True, slots=True)
class Contact:
    """How and when somebody is told of results."""

    results_by: ContactChannel = ContactChannel.PORTAL
    results_when: ReleaseWish = ReleaseWish.AT_ONCE


def contact_of(session: Session, person_id: UUID) -> Contact:
    """What somebody wants; by the portal and at once where they never said.

    For the person themselves and for the workers: to others the database shows no wishes.
    """
    row = outreach_queries.contact(session, person_id)
    if row is None:
        return Contact()
    return Contact(ContactChannel(row.results_by), ReleaseWish(row.results_when))


def choose_contact(
    *,
    session: Session,
    actor: Actor,
    results_by: ContactChannel | None,
    results_when: ReleaseWish | None,
    now: datetime,
) -> None:
    """Choose how and when one is told of results; None leaves it as it is.

    Raises NoResultsForYou for anybody but a patient, MailingAddressMissing and PhoneNumberMissing
    where a letter or a call could not reach them.
    """
    if actor.kind is not ActorKind.PATIENT:
        raise NoResultsForYou()
    _check_reachable(patients.get_patient(session, actor.id), results_by)
    before = contact_of(session, actor.id)
    after = Contact(results_by or before.results_by, results_when or before.results_when)
    outreach_queries.put_contact(session, actor.id, after.results_by, after.results_when)
    audit.record(session, actor, "update", "contact_preference", patient_id=actor.id, at=now)


def _check_reachable(patient: Patient, channel: ContactChannel | None) -> None:
    where = "/results/by"
    if channel is ContactChannel.LETTER and rules.addressee(patient) is None:
        missing = MailingAddressMissing.detail
        raise MailingAddressMissing(errors=[FieldError(where, missing)])
    if channel is ContactChannel.PHONE and not patient.phone:
        raise PhoneNumberMissing(errors=[FieldError(where, PhoneNumberMissing.detail)])
