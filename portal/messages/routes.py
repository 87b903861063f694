"""The calls by which patients and their care team write to each other."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from portal.core import audit, problems
from portal.core.actor import Actor, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.errors import FieldError, Invalid
from portal.core.idempotency import UseCase, once
from portal.core.json import json_response
from portal.core.paging import decode_cursor, page_by
from portal.core.permissions import requires
from portal.core.versions import etag, expected_version
from portal.core.web import Blueprint, current_actor
from portal.messages import queries, service
from portal.messages.errors import RedFlagsFound
from portal.messages.schemas import (
    CloseThreadSchema,
    MessagesQuery,
    NothingToSaySchema,
    SearchThreadsSchema,
    StartThreadSchema,
    ThreadsQuery,
    WriteMessageSchema,
    WriteToManySchema,
    patients_command,
)
from portal.messages.service import Outcome, Write, WriteToPatients
from portal.messages.states import THREAD, CloseReason, Signature, WarnedOf
from portal.messages.view_schemas import (
    FullThreadSchema,
    RecipientList,
    ThreadOutcomesSchema,
    ThreadPage,
    ThreadSummarySchema,
)
from portal.messages.views import full_thread_view, recipient_view, thread_view
from portal.worklist import service as worklist

blueprint = Blueprint("messages", __name__, "Writing between patients and their care team")
MESSAGES_SHOWN = 50


def whose(actor: Actor, patient_id: UUID | None) -> UUID:
    """The patient whose list is read. Raises Invalid when the care team doesn't say whose."""
    if actor.kind == ActorKind.PATIENT:
        return actor.subject_id
    if patient_id is None:
        raise Invalid(errors=[FieldError("#query/patient_id", "Say whose list you want.")])
    return patient_id


def once_warned(actor: Actor, warned_of: WarnedOf, use_case: UseCase) -> Response:
    """once(), and where it ends in emergency guidance, that it was shown is kept."""
    try:
        return once(actor, use_case)
    except RedFlagsFound as found:
        with transaction(actor) as session:
            service.keep_warning(
                session=session, actor=actor, found=found, warned_of=warned_of, now=utcnow()
            )
        raise


@blueprint.route("/threads", methods=["GET"])
@requires("message.read")
@blueprint.arguments(ThreadsQuery, location="query")
@blueprint.response(200, ThreadPage)
def list_threads(query: dict[str, Any]) -> Response:
    """List a patient's threads, the last written in first"""
    actor, now, after = current_actor(), utcnow(), decode_cursor(query["cursor"])
    wanted = queries.Wanted(
        patient_id=whose(actor, query["patient_id"]),
        by_patient=actor.kind == ActorKind.PATIENT,
        statuses=_statuses(query["status"]),
        category=query["category"],
        unread=query["unread"],
    )
    with transaction(actor) as session:
        rows = queries.threads(session, wanted, after=after, limit=query["limit"])
        audit.record(session, actor, "read", "thread", patient_id=wanted.patient_id, at=now)
    page = page_by(rows, query["limit"], lambda row: (row.last_message_at, row.id))
    items = [thread_view(row, actor, now) for row in page.items]
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
        if actor.kind == ActorKind.PATIENT:
            rows = queries.own_threads_saying(
                session, actor.subject_id, body["q"], after=after, limit=limit
            )
        else:
            rows = queries.threads_saying(
                session, body["q"], body["patient_id"], after=after, limit=limit
            )
        page = page_by(rows, limit, lambda row: (row.last_message_at, row.id))
        for patient_id in sorted({row.patient_id for row in page.items}):
            audit.record(session, actor, "search", "thread", patient_id=patient_id, at=now)
    items = [thread_view(row, actor, now) for row in page.items]
    return json_response({"items": items, "next": page.next, "sources": []})


@blueprint.route("/threads/summary", methods=["GET"])
@requires("message.read")
@blueprint.response(200, ThreadSummarySchema)
def summarize_threads() -> Response:
    """Count what waits for an answer and what is unread: your own, or your whole panel's"""
    actor = current_actor()
    with transaction(actor) as session:
        if actor.kind == ActorKind.PATIENT:
            row = queries.own_counts(session, actor.subject_id)
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


@blueprint.route("/threads", methods=["POST"])
@requires("message.write")
@blueprint.arguments(StartThreadSchema)
@blueprint.response(201, FullThreadSchema)
def start_thread(body: dict[str, Any]) -> Response:
    """Start a thread

    Patients write to somebody who cares for them, or to a team. What may be an emergency is
    answered with a 409 that carries guidance (`red_flags_found`): show it, then send again with
    `acknowledged_red_flags` if they still want to; the nurses then get it as urgent.
    """
    actor, now = current_actor(), utcnow()
    if actor.kind != ActorKind.PATIENT:
        return once(actor, lambda session: _to_patient(session, actor, body, now))
    if body["to"] is None:
        raise Invalid(errors=[FieldError("/to", "Say whom it is for.")])
    command = patients_command(body)

    def use_case(session: Session) -> tuple[Any, int]:
        thread_id = service.start_thread(session=session, actor=actor, command=command, now=now)
        return _opened(session, actor, thread_id)[0], 201

    return once_warned(actor, WarnedOf.MESSAGE, use_case)


def _to_patient(session: Session, actor: Actor, body: dict[str, Any], now: Any) -> tuple[Any, int]:
    if body["patient_id"] is None:
        raise Invalid(errors=[FieldError("/patient_id", "Say to which patient.")])
    command = WriteToPatients(
        patient_ids=(body["patient_id"],),
        category=body["category"],
        subject=body["subject"],
        body=body["body"],
        about=body["about"],
        pool_id=body["pool_id"],
        signature=Signature(body["signature"]),
    )
    [outcome] = service.write_to_patients(session=session, actor=actor, command=command, now=now)
    if outcome.thread_id is None:
        raise outcome.error or Invalid()
    return _opened(session, actor, outcome.thread_id)[0], 201


@blueprint.route("/threads/many", methods=["POST"])
@requires("message.write_many")
@blueprint.arguments(WriteToManySchema)
@blueprint.response(201, ThreadOutcomesSchema)
@blueprint.alt_response(207, schema=ThreadOutcomesSchema, description="Some sent, some rejected")
@blueprint.alt_response(422, schema=ThreadOutcomesSchema, description="None sent")
def write_to_many(command: WriteToPatients) -> Response:
    """Write the same to up to 500 patients, a thread of its own to each

    No patient learns of the others. Each has their own outcome.
    """
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        outcomes = service.write_to_patients(session=session, actor=actor, command=command, now=now)
        sent = sum(outcome.error is None for outcome in outcomes)
        status = 201 if sent == len(outcomes) else 207 if sent else 422
        return {"items": [_outcome_view(outcome) for outcome in outcomes]}, status

    return once(actor, use_case)


def _outcome_view(outcome: Outcome) -> dict[str, Any]:
    error = outcome.error
    return {
        "patient_id": outcome.patient_id,
        "outcome": "sent" if error is None else "rejected",
        "thread_id": outcome.thread_id,
        "problem": None if error is None else problems.document(error),
    }


@blueprint.route("/threads/<uuid:thread_id>", methods=["GET"])
@requires("message.read")
@blueprint.arguments(MessagesQuery, location="query")
@blueprint.response(200, FullThreadSchema)
def read_thread(query: dict[str, Any], thread_id: UUID) -> Response:
    """Open a thread: its messages, the newest first, with who has read each

    What is shown counts as read by you from then on, and the other side can see it.
    """
    actor = current_actor()
    with transaction(actor) as session:
        view, version = _opened(session, actor, thread_id, query)
    return _with_etag(json_response(view), version)


def _opened(
    session: Session, actor: Actor, thread_id: UUID, query: dict[str, Any] | None = None
) -> tuple[dict[str, Any], int]:
    """A thread as it is shown to the actor, and its version."""
    limit = query["limit"] if query else MESSAGES_SHOWN
    now = utcnow()
    opened = service.open_thread(
        session=session,
        actor=actor,
        thread_id=thread_id,
        after=decode_cursor(query["cursor"]) if query else None,
        limit=limit,
        now=now,
    )
    page = page_by(opened.messages, limit, lambda row: (row.sent_at, row.id))
    parts = {
        "messages": page.items,
        "next": page.next,
        "reads": opened.reads,
        "history": queries.history(session, thread_id),
        "item": worklist.item_about(session, thread_id),
    }
    return full_thread_view(opened.thread, parts, actor, now), opened.thread.version


def _with_etag(response: Response, version: int) -> Response:
    response.headers["ETag"] = etag(version)
    return response


@blueprint.route("/threads/<uuid:thread_id>/messages", methods=["POST"])
@requires("message.write")
@blueprint.arguments(WriteMessageSchema)
@blueprint.response(201, FullThreadSchema)
def write_message(command: Write, thread_id: UUID) -> Response:
    """Write in a thread

    It then waits for the other side; a closed one opens again where its reason allows. Where
    somebody else wrote since `last_seen_message_id` you get a 409 (`newer_messages`) with what
    they wrote, before yours is sent.
    """
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        service.write_message(
            session=session, actor=actor, thread_id=thread_id, command=command, now=now
        )
        session.flush()
        return _opened(session, actor, thread_id)[0], 201

    return once_warned(actor, WarnedOf.MESSAGE, use_case)


@blueprint.route("/threads/<uuid:thread_id>/close", methods=["POST"])
@requires("message.write")
@blueprint.arguments(CloseThreadSchema)
@blueprint.response(200, FullThreadSchema)
def close_thread(body: dict[str, Any], thread_id: UUID) -> Response:
    """Close a thread, with a reason"""
    reason = CloseReason(body["reason"])
    return _change(service.close_thread, thread_id, reason=reason, note=body["note"])


@blueprint.route("/threads/<uuid:thread_id>/reopen", methods=["POST"])
@requires("message.write")
@blueprint.arguments(NothingToSaySchema)
@blueprint.response(200, FullThreadSchema)
def reopen_thread(_body: dict[str, Any], thread_id: UUID) -> Response:
    """Open a closed thread again

    A patient's then waits for the care team's answer, the care team's for the patient.
    """
    return _change(service.reopen_thread, thread_id)


def _change(use_case: Callable[..., None], thread_id: UUID, **more: Any) -> Response:
    actor, now, version = current_actor(), utcnow(), expected_version()
    with transaction(actor) as session:
        use_case(
            session=session, actor=actor, thread_id=thread_id, version=version, now=now, **more
        )
        view, current = _opened(session, actor, thread_id)
    return _with_etag(json_response(view), current)
