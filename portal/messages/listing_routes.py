"""Finding threads: lists, search, counts, and to whom one can write."""

from typing import Any

from flask import Response

from portal.core import audit
from portal.core.actor import PATIENT_SIDE
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.json import json_response
from portal.core.paging import decode_cursor, page_by
from portal.core.permissions import requires
from portal.core.web import Blueprint, current_actor
from portal.messages import queries
from portal.messages.schemas import SearchThreadsSchema, ThreadsQuery
from portal.messages.states import THREAD
from portal.messages.view_schemas import RecipientList, ThreadPage, ThreadSummarySchema
from portal.messages.views import recipient_view, thread_view

blueprint = Blueprint("threads", __name__, "Finding conversations")


@blueprint.route("/threads", methods=["GET"])
@requires("message.read")
@blueprint.arguments(ThreadsQuery, location="query")
@blueprint.response(200, ThreadPage)
def list_threads(query: dict[str, Any]) -> Response:
    """List threads, the last written in first

    Those who care for patients say whose, or get those of their whole panel that wait for an
    answer or that nobody has read.
    """
    actor, now, after = current_actor(), utcnow(), decode_cursor(query["cursor"])
    wanted = queries.Wanted(
        patient_id=actor.subject_id if actor.kind in PATIENT_SIDE else query["patient_id"],
        statuses=_statuses(query["status"]),
        category=query["category"],
        unread=query["unread"],
    )
    with transaction(actor) as session:
        rows = queries.threads(session, wanted, actor.kind, after=after, limit=query["limit"])
        page = page_by(rows, query["limit"], lambda row: (row.last_message_at, row.id))
        shown = {row.patient_id for row in page.items}
        for patient_id in [wanted.patient_id] if wanted.patient_id else sorted(shown):
            audit.record(session, actor, "read", "thread", patient_id=patient_id, at=now)
    items = [thread_view(row, now) for row in page.items]
    return json_response({"items": items, "next": page.next, "sources": []})


def _statuses(wanted: str | None) -> list[str] | None:
    """A closed thread may be opened again, so that no status of the table is an end."""
    if wanted == "open":
        return sorted(status.value for status in THREAD.every if status.value != "closed")
    return None if wanted is None else [wanted]


@blueprint.route("/threads/search", methods=["POST"])
@requires("message.read")
@blueprint.arguments(SearchThreadsSchema)
@blueprint.response(200, ThreadPage)
def search_threads(body: dict[str, Any]) -> Response:
    """Find threads by words of their subject or messages, the last written in first

    A POST, since what is written about patients stands in no URL. The care team searches those of
    all its patients, or of one.
    """
    actor, now, after = current_actor(), utcnow(), decode_cursor(body["cursor"])
    limit = body["limit"]
    with transaction(actor) as session:
        if actor.kind in PATIENT_SIDE:
            rows = queries.own_threads_saying(
                session, actor.subject_id, actor.kind, body["q"], after=after, limit=limit
            )
        else:
            rows = queries.threads_saying(
                session, body["q"], body["patient_id"], after=after, limit=limit
            )
        page = page_by(rows, limit, lambda row: (row.last_message_at, row.id))
        for patient_id in sorted({row.patient_id for row in page.items}):
            audit.record(session, actor, "search", "thread", patient_id=patient_id, at=now)
    items = [thread_view(row, now) for row in page.items]
    return json_response({"items": items, "next": page.next, "sources": []})


@blueprint.route("/threads/summary", methods=["GET"])
@requires("message.read")
@blueprint.response(200, ThreadSummarySchema)
def summarize_threads() -> Response:
    """Count what waits for an answer and what is unread: your own, or your whole panel's"""
    actor = current_actor()
    with transaction(actor) as session:
        if actor.kind in PATIENT_SIDE:
            row = queries.own_counts(session, actor.subject_id, actor.kind)
        else:
            row = queries.counts(session)
    return json_response(dict(row._mapping))


@blueprint.route("/threads/recipients", methods=["GET"])
@requires("message.ask")
@blueprint.response(200, RecipientList)
def list_recipients() -> Response:
    """List to whom you can write: those who care for you, the primary first, then teams"""
    actor = current_actor()
    with transaction(actor) as session:
        rows = queries.recipients(session, actor.subject_id)
    items = [recipient_view(row) for row in rows]
    return json_response({"items": items, "next": None, "sources": []})
