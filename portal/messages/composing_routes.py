"""The calls that help while writing: red flags, quick replies."""

from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.idempotency import idempotent, once
from portal.core.json import json_response
from portal.core.permissions import requires
from portal.core.web import Blueprint, current_actor
from portal.messages import composing_queries as queries
from portal.messages import service
from portal.messages.composing_schemas import (
    AddQuickReplySchema,
    EditQuickReplySchema,
    QuickRepliesQuery,
    QuickReplyList,
    QuickReplySchema,
)
from portal.messages.schemas import CheckMessageSchema
from portal.messages.states import WarnedOf
from portal.messages.view_schemas import GuidanceSchema
from portal.messages.views import quick_reply_view

blueprint = Blueprint("composing", __name__, "Help while writing: red flags, quick replies")


@blueprint.route("/messages/check", methods=["POST"])
@requires("message.ask")
@blueprint.arguments(CheckMessageSchema)
@blueprint.response(200, GuidanceSchema)
def check_message(body: dict[str, Any]) -> Response:
    """Look through what you are about to send for signs of an emergency

    Where there are any, show `guidance` and the advice line before sending; that they were shown
    is kept.
    """
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        found = service.check(
            session=session,
            actor=actor,
            texts=(body["subject"], body["body"]),
            warned_of=WarnedOf.MESSAGE,
            now=now,
        )
    return json_response(found.view())


@blueprint.route("/quick-replies", methods=["GET"])
@requires("message.quick_reply")
@blueprint.arguments(QuickRepliesQuery, location="query")
@blueprint.response(200, QuickReplyList)
def list_quick_replies(query: dict[str, Any]) -> Response:
    """List your teams' quick replies, by title"""
    with transaction(current_actor()) as session:
        rows = queries.quick_replies(session, query["pool_id"])
        items = [quick_reply_view(row) for row in rows]
    return json_response({"items": items, "next": None, "sources": []})


@blueprint.route("/quick-replies", methods=["POST"])
@requires("message.quick_reply")
@idempotent()
@blueprint.arguments(AddQuickReplySchema)
@blueprint.response(201, QuickReplySchema)
def add_quick_reply(body: dict[str, Any]) -> Response:
    """Add a quick reply to a team of yours; it holds nothing about a patient"""
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        row = service.add_quick_reply(session=session, actor=actor, now=now, **body)
        return quick_reply_view(row), 201

    return once(actor, use_case)


@blueprint.route("/quick-replies/<uuid:quick_reply_id>", methods=["PUT"])
@requires("message.quick_reply")
@blueprint.arguments(EditQuickReplySchema)
@blueprint.response(200, QuickReplySchema)
def change_quick_reply(body: dict[str, Any], quick_reply_id: UUID) -> Response:
    """Change a quick reply"""
    with transaction(current_actor()) as session:
        row = service.change_quick_reply(session=session, id_=quick_reply_id, now=utcnow(), **body)
        view = quick_reply_view(row)
    return json_response(view)


@blueprint.route("/quick-replies/<uuid:quick_reply_id>", methods=["DELETE"])
@requires("message.quick_reply")
@blueprint.response(204)
def remove_quick_reply(quick_reply_id: UUID) -> None:
    """Remove a quick reply"""
    with transaction(current_actor()) as session:
        service.remove_quick_reply(session=session, id_=quick_reply_id)
