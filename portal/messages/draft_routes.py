"""The calls by which somebody keeps what they have written and not sent."""

from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.idempotency import idempotent, once
from portal.core.json import json_response
from portal.core.paging import decode_cursor, page_by
from portal.core.permissions import requires
from portal.core.versions import etag, expected_version, required_version, tagged
from portal.core.web import Blueprint, current_actor
from portal.messages import service
from portal.messages.draft_schemas import DraftList, DraftSchema, DraftsQuery, SaveDraftSchema
from portal.messages.service import SaveDraft
from portal.messages.views import draft_view

blueprint = Blueprint("drafts", __name__, "What was written and not sent")


@blueprint.route("/drafts", methods=["GET"])
@requires("message.write")
@blueprint.arguments(DraftsQuery, location="query")
@blueprint.response(200, DraftList)
def list_drafts(query: dict[str, Any]) -> Response:
    """List your drafts, the last changed first"""
    actor, limit = current_actor(), query["limit"]
    with transaction(actor) as session:
        found = service.read_drafts(
            session=session,
            actor=actor,
            thread_id=query["thread_id"],
            after=decode_cursor(query["cursor"]),
            limit=limit,
            now=utcnow(),
        )
        page = page_by(found, limit, lambda kept: (kept.draft.updated_at, kept.draft.id))
        items = [draft_view(kept.draft, kept.files) for kept in page.items]
    return json_response({"items": items, "next": page.next, "sources": []})


@blueprint.route("/drafts", methods=["POST"])
@requires("message.write")
@idempotent()
@blueprint.arguments(SaveDraftSchema)
@blueprint.response(201, DraftSchema)
def add_draft(command: SaveDraft) -> Response:
    """Keep a new draft, for a thread or for a new one

    There may be many. Uploads that a draft holds are kept as long as the draft is. Whoever sends it
    names it as `draft` with the message, and it goes with that; no other does.
    """
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        kept = service.add_draft(session=session, actor=actor, command=command, now=now)
        return draft_view(kept.draft, kept.files), 201

    response = once(actor, use_case)
    response.headers["ETag"] = etag(1)
    return response


@blueprint.route("/drafts/<uuid:draft_id>", methods=["GET"])
@requires("message.write")
@blueprint.response(200, DraftSchema)
def read_draft(draft_id: UUID) -> Response:
    """Read a draft of yours"""
    actor = current_actor()
    with transaction(actor) as session:
        kept = service.read_draft(session=session, actor=actor, draft_id=draft_id, now=utcnow())
        view = draft_view(kept.draft, kept.files)
    return tagged(view, view["version"])


@blueprint.route("/drafts/<uuid:draft_id>", methods=["PUT"])
@requires("message.write")
@blueprint.arguments(SaveDraftSchema)
@blueprint.response(200, DraftSchema)
def change_draft(command: SaveDraft, draft_id: UUID) -> Response:
    """Write a draft anew

    If-Match says which version you read: where another window has changed it since, you get a 412
    and nothing is overwritten. It stays with its thread or patient.
    """
    actor, expected = current_actor(), required_version()
    with transaction(actor) as session:
        kept = service.change_draft(
            session=session,
            actor=actor,
            draft_id=draft_id,
            command=command,
            expected=expected,
            now=utcnow(),
        )
        view = draft_view(kept.draft, kept.files)
    return tagged(view, view["version"])


@blueprint.route("/drafts/<uuid:draft_id>", methods=["DELETE"])
@requires("message.write")
@blueprint.response(204)
def discard_draft(draft_id: UUID) -> None:
    """Throw a draft away"""
    actor, expected = current_actor(), expected_version()
    with transaction(actor) as session:
        service.discard_draft(
            session=session, actor=actor, draft_id=draft_id, expected=expected, now=utcnow()
        )
