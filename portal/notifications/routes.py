"""The calls by which people read what they were told and choose how."""

from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from portal.core.actor import Actor, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.json import json_response
from portal.core.paging import decode_cursor, page_by
from portal.core.permissions import requires
from portal.core.web import Blueprint, current_actor
from portal.notifications import queries, service
from portal.notifications.schemas import (
    ChangePreferencesSchema,
    NotificationsPageSchema,
    NotificationsQuery,
    PreferencesSchema,
)
from portal.notifications.texts import link_of, words_of

blueprint = Blueprint("notifications", __name__, "What people are told, and how")


@blueprint.route("/notifications", methods=["GET"])
@requires("notification.read")
@blueprint.arguments(NotificationsQuery, location="query")
@blueprint.response(200, NotificationsPageSchema)
def list_notifications(query: dict[str, Any]) -> Response:
    """List your notifications, newest first"""
    actor, after = current_actor(), decode_cursor(query["cursor"])
    with transaction(actor) as session:
        rows = queries.notifications(
            session, actor.id, unread=query["unread"], after=after, limit=query["limit"]
        )
        unread = queries.unread(session, actor.id)
    page = page_by(rows, query["limit"], lambda row: (row.created_at, row.id))
    items = [_view(row) for row in page.items]
    return json_response({"items": items, "next": page.next, "sources": [], "unread": unread})


def _view(row: Any) -> dict[str, Any]:
    title, text = words_of(row.event, row.data, as_delegate=row.recipient_kind == "delegate")
    return {
        "id": row.id,
        "event": row.event,
        "title": title,
        "text": text,
        "subject_id": row.subject_id,
        "patient_id": row.patient_id,
        "link": link_of(row.event, row.subject_id),
        "created_at": row.created_at,
        "read_at": row.read_at,
    }


@blueprint.route("/notifications/<uuid:notification_id>/read", methods=["POST"])
@requires("notification.read")
@blueprint.response(204)
def mark_read(notification_id: UUID) -> None:
    """Mark a notification as read"""
    actor = current_actor()
    with transaction(actor) as session:
        service.mark_read(session=session, actor=actor, id_=notification_id, now=utcnow())


@blueprint.route("/notifications/read-all", methods=["POST"])
@requires("notification.read")
@blueprint.response(204)
def mark_all_read() -> None:
    """Mark all your notifications as read"""
    actor = current_actor()
    with transaction(actor) as session:
        service.mark_read(session=session, actor=actor, id_=None, now=utcnow())


@blueprint.route("/me/preferences", methods=["GET"])
@requires("notification.preferences")
@blueprint.response(200, PreferencesSchema)
def read_preferences() -> Response:
    """Read which events come to you by e-mail, and how you are told of results

    Every event is listed. `results` is null for those who get none.
    """
    actor = current_actor()
    with transaction(actor) as session:
        return json_response(_preferences(session, actor))


def _preferences(session: Session, actor: Actor) -> dict[str, Any]:
    results = None
    if actor.kind is ActorKind.PATIENT:
        contact = service.contact_of(session, actor.id)
        results = {"by": contact.results_by, "when": contact.results_when}
    return {"by_email": service.preferences(session, actor), "results": results}


@blueprint.route("/me/preferences", methods=["PATCH"])
@requires("notification.preferences")
@blueprint.arguments(ChangePreferencesSchema)
@blueprint.response(200, PreferencesSchema)
def change_preferences(body: dict[str, Any]) -> Response:
    """Choose which events come to you by e-mail, and how you are told of results

    What is not named stays as it is. Messages come one by one (`message_received`) or once a day
    (`message_digest`): choosing one ends the other. For results by letter there must be a mailing
    address on record, for calls a phone number.
    """
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        service.set_preferences(session=session, actor=actor, by_email=body["by_email"])
        if body["results"] is not None:
            service.choose_contact(session=session, actor=actor, now=now, **body["results"])
        return json_response(_preferences(session, actor))
