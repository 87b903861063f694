"""Telling people: in the portal at once, by e-mail through the workers."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.core import outbox
from portal.core.actor import WORKER, Actor, ActorKind
from portal.core.ids import new_id
from portal.notifications import queries, rules
from portal.notifications.calls import cancel_calls_about, open_call, record_call
from portal.notifications.contact import Contact, choose_contact, contact_of
from portal.notifications.deceased import close_for_deceased
from portal.notifications.errors import NotificationNotFound
from portal.notifications.gateway import send_mail
from portal.notifications.letter_pdf import LetterText
from portal.notifications.letters import (
    cancel_letters_about,
    close_outdated,
    find_another_way,
    follow_clinic,
    follow_correction,
    move_letter,
    queue_letter,
)
from portal.notifications.model import Channel, Delivery, DeliveryAttempt, Preference
from portal.notifications.states import DeliveryStatus, NotificationEvent
from portal.patients import delegating as delegations
from portal.worklist import service as worklist
from portal.worklist.states import Priority, WorkItemKind

__all__ = [
    "Contact",
    "LetterText",
    "cancel_calls_about",
    "cancel_letters_about",
    "choose_contact",
    "close_for_deceased",
    "close_outdated",
    "contact_of",
    "find_another_way",
    "follow_clinic",
    "follow_correction",
    "mark_read",
    "move_letter",
    "notify",
    "open_call",
    "preferences",
    "queue_letter",
    "record_attempt",
    "record_call",
    "send_mail",
    "set_preferences",
    "tell_delegates",
    "tell_patient",
]

NOTHING: Mapping[str, Any] = {}


def notify(
    *,
    session: Session,
    recipient_kind: ActorKind,
    recipient_ids: Sequence[UUID],
    event: NotificationEvent,
    source_id: UUID,
    subject_id: UUID | None,
    patient_id: UUID | None,
    data: Mapping[str, Any],
    until: datetime | None = None,
    now: datetime,
) -> None:
    """Tell people of one kind of something that happened, once for each `source_id`.

    Those who want the event by e-mail, and have an account, get one from the workers. What a
    patient is told, their delegates in its category are told too. What lost its sense at `until`
    (required of what is to come: rules.COMING) is told to nobody, and is not mailed later.
    """
    if until is None and event in rules.COMING:
        raise ValueError(f"{event} speaks of something to come: until when has it a sense?")
    if until is not None and until <= now:
        return
    if recipient_kind is ActorKind.PATIENT and patient_id is not None:
        tell_delegates(
            session=session,
            event=event,
            source_id=source_id,
            subject_id=subject_id,
            patient_id=patient_id,
            data=data,
            until=until,
            now=now,
        )
    if not recipient_ids:
        return
    lapsing = {} if until is None else {"until": until.isoformat()}
    rows = [{"id": new_id(), "recipient_id": id_, "delivery_id": new_id()} for id_ in recipient_ids]
    pending = session.execute(
        queries.TELL,
        {
            "rows": orjson.dumps(rows).decode(),
            "kind": recipient_kind,
            "event": event,
            "source_id": source_id,
            "subject_id": subject_id,
            "patient_id": patient_id,
            "category": rules.category_of(event),
            "data": orjson.dumps({**data, **lapsing}).decode(),
            "by_default": rules.by_email(event),
            "now": now,
        },
    )
    for row in pending:
        outbox.emit(session, "notification.deliver", now=now, delivery_id=row.id)


def tell_patient(
    session: Session,
    patient_id: UUID,
    event: NotificationEvent,
    *,
    source_id: UUID,
    subject_id: UUID | None,
    data: Mapping[str, Any] = NOTHING,
    until: datetime | None = None,
    now: datetime,
) -> None:
    """Tell a patient, and their delegates, of something about them, once for each `source_id`."""
    notify(
        session=session,
        recipient_kind=ActorKind.PATIENT,
        recipient_ids=[patient_id],
        event=event,
        source_id=source_id,
        subject_id=subject_id,
        patient_id=patient_id,
        data=data,
        until=until,
        now=now,
    )


def tell_delegates(
    *,
    session: Session,
    event: NotificationEvent,
    source_id: UUID,
    subject_id: UUID | None,
    patient_id: UUID,
    data: Mapping[str, Any],
    until: datetime | None = None,
    now: datetime,
) -> None:
    """Tell those who act for a patient, in the event's category and wish to be told; nobody of
    what is about the patient alone, or is kept from delegates."""
    category = rules.category_of(event)
    if category is None or event in rules.NOT_PASSED_ON:
        return
    notify(
        session=session,
        recipient_kind=ActorKind.DELEGATE,
        recipient_ids=delegations.told_with(session, patient_id, category, subject_id, now),
        event=event,
        source_id=source_id,
        subject_id=subject_id,
        patient_id=patient_id,
        data=data,
        until=until,
        now=now,
    )


def mark_read(*, session: Session, actor: Actor, id_: UUID | None, now: datetime) -> int:
    """Mark one notification as read, or all of them. Raises NotificationNotFound."""
    changed = session.execute(
        queries.MARK_READ, {"recipient_id": actor.id, "id": id_, "now": now}
    ).all()
    if id_ is not None and not changed:
        raise NotificationNotFound()
    return len(changed)


def preferences(session: Session, actor: Actor) -> dict[NotificationEvent, bool]:
    """Which events the actor gets by e-mail; those never chosen have their default."""
    chosen = {
        row.event: row.enabled
        for row in session.scalars(select(Preference).where(Preference.person_id == actor.id))
    }
    return {event: chosen.get(event, rules.by_email(event)) for event in NotificationEvent}


def set_preferences(
    *, session: Session, actor: Actor, by_email: Mapping[NotificationEvent, bool]
) -> None:
    """Choose which events come by e-mail; those not named stay as they are.

    Messages come one by one or in a daily digest: who chooses one has not the other.
    """
    for event, enabled in rules.as_chosen(by_email).items():
        values = {
            "person_id": actor.id,
            "event": event,
            "channel": Channel.EMAIL,
            "enabled": enabled,
        }
        session.execute(
            insert(Preference)
            .values(**values)
            .on_conflict_do_update(
                index_elements=["person_id", "event", "channel"], set_={"enabled": enabled}
            )
        )


def record_attempt(
    *,
    session: Session,
    delivery_id: UUID,
    number: int,
    outcome: str,
    detail: str | None,
    status: DeliveryStatus,
    now: datetime,
) -> None:
    """Keep one attempt in the ledger. A delivery that failed for good becomes a work item."""
    session.add(
        DeliveryAttempt(
            id=new_id(),
            delivery_id=delivery_id,
            number=number,
            at=now,
            outcome=outcome,
            detail=detail,
        )
    )
    if status == DeliveryStatus.PENDING:
        return
    delivery = session.get_one(Delivery, delivery_id)
    delivery.move_to(status, actor=WORKER, now=now)
    if status == DeliveryStatus.FAILED:
        worklist.open_for_operations(
            session=session,
            kind=WorkItemKind.DELIVERY_FAILED,
            subject_id=delivery_id,
            priority=Priority.ROUTINE,
            now=now,
        )
