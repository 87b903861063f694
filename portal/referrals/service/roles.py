"""Whose step it is: the specialist's, the referrer's, or somebody's who stands in for them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import Actor, ActorKind
from portal.directory import service as directory
from portal.referrals import queries, rules
from portal.referrals.errors import NotYours
from portal.referrals.model import Referral
from portal.worklist.states import WorkItemKind


def check_specialist(
    session: Session, actor: Actor, referral: Referral, item: WorkItemKind, now: datetime
) -> None:
    """Raises NotYours for anybody but the specialist, who covers for them, and who has the item.

    What a specialist elsewhere says is recorded by the staff who arrange it.
    """
    if referral.specialist_id is None:
        if actor.kind != ActorKind.STAFF:
            raise NotYours("The specialist is elsewhere: the staff record what that office says.")
        return
    own = actor.kind == ActorKind.PRACTITIONER and actor.id != referral.referrer_id
    if not (own and _stands_for(session, actor, referral, referral.specialist_id, item, now)):
        name = directory.get_practitioner(session, referral.specialist_id).name
        raise NotYours(f"This was sent to {name}: they, or who covers for them, answer it.")


def check_referrer(
    session: Session, actor: Actor, referral: Referral, item: WorkItemKind | None, now: datetime
) -> None:
    """Raises NotYours for anybody but who referred, who covers for them, and who has the item; that
    is the specialist too, once they answer for the patient."""
    if item is not None and not rules.goes_to_referrer(item, referral.no_shows):
        item = None  # it is with the staff
    own = actor.kind == ActorKind.PRACTITIONER
    if actor.id == referral.specialist_id:
        own = own and item is not None and queries.answers(session, referral.id, item, actor.id)
    if not (own and _stands_for(session, actor, referral, referral.referrer_id, item, now)):
        name = directory.get_practitioner(session, referral.referrer_id).name
        raise NotYours(f"{name} referred this patient: they, or who covers for them, do this.")


def _stands_for(
    session: Session,
    actor: Actor,
    referral: Referral,
    practitioner_id: UUID,
    item: WorkItemKind | None,
    now: datetime,
) -> bool:
    if actor.id == practitioner_id:
        return True
    if item is not None and queries.has_item(session, referral.id, item, actor.id):
        return True
    return directory.covering(session, practitioner_id, now) == actor.id
