"""The calls by which patients and their care team write to each other."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from portal.attachments import service as attachments
from portal.core import problems
from portal.core.actor import PATIENT_SIDE, Actor
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.errors import Invalid
from portal.core.idempotency import UseCase, idempotent, once
from portal.core.paging import decode_cursor, page_by
from portal.core.permissions import requires
from portal.core.versions import expected_version, tagged
from portal.core.web import Blueprint, current_actor
from portal.messages import queries, service
from portal.messages.errors import RedFlagsFound, ThreadNotFound
from portal.messages.schemas import (
    CloseThreadSchema,
    MessagesQuery,
    NothingToSaySchema,
    StartThreadSchema,
    WriteMessageSchema,
    WriteToManySchema,
    care_teams_command,
    patients_command,
)
from portal.messages.service import Outcome, Started, Write, WriteToPatients
from portal.messages.service.moves import OF_MESSAGE
from portal.messages.states import WarnedOf
from portal.messages.view_schemas import (
    FullThreadSchema,
    SentSchema,
    ThreadOutcomesSchema,
    ThreadSchema,
)
from portal.messages.views import full_thread_view, message_view, thread_view
from portal.patients.confidentiality import Confidential
from portal.patients.schemas import ConfidentialSchema
from portal.worklist import service as worklist

blueprint = Blueprint("messages", __name__, "Writing between patients and their care team")


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


@blueprint.route("/threads", methods=["POST"])
@requires("message.write")
@idempotent(required=True)
@blueprint.arguments(StartThreadSchema)
@blueprint.response(201, SentSchema)
def start_thread(body: dict[str, Any]) -> Response:
    """Start a thread

    Patients, and who acts for them, write to somebody who cares for the patient, or to a team. What
    may be an emergency is answered with a 409 that carries guidance (`red_flags_found`): show it,
    then send again with `acknowledged_red_flags` if they still want to; the nurses then get it as
    urgent.
    """
    actor, now = current_actor(), utcnow()
    if actor.kind not in PATIENT_SIDE:
        return once(actor, lambda session: _to_patient(session, actor, body, now))
    command = patients_command(body)

    def use_case(session: Session) -> tuple[Any, int]:
        started = service.start_thread(session=session, actor=actor, command=command, now=now)
        return _sent(session, actor, started), 201

    return once_warned(actor, WarnedOf.MESSAGE, use_case)


def _to_patient(session: Session, actor: Actor, body: dict[str, Any], now: Any) -> tuple[Any, int]:
    command = care_teams_command(body)
    [outcome] = service.write_to_patients(session=session, actor=actor, command=command, now=now)
    if outcome.started is None:
        raise outcome.error or Invalid()
    return _sent(session, actor, outcome.started), 201


def _sent(session: Session, actor: Actor, sent: Started) -> dict[str, Any]:
    """What was written, and where the thread stands; what others wrote is not opened by that."""
    row = _row(session, actor, sent.thread_id)
    files = attachments.of(session, OF_MESSAGE, [sent.message_id]).get(sent.message_id, ())
    message = message_view(queries.message(session, sent.message_id), (), files, actor)
    return {**thread_view(row, utcnow()), "message": message}


def _row(session: Session, actor: Actor, thread_id: UUID) -> Any:
    row = queries.thread(session, thread_id, actor.kind)
    if row is None:
        raise ThreadNotFound()
    return row


@blueprint.route("/threads/many", methods=["POST"])
@requires("message.write_many")
@idempotent(required=True)
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
        "thread_id": outcome.started.thread_id if outcome.started else None,
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
    actor, now, limit = current_actor(), utcnow(), query["limit"]
    with transaction(actor) as session:
        opened = service.open_thread(
            session=session,
            actor=actor,
            thread_id=thread_id,
            after=decode_cursor(query["cursor"]),
            limit=limit,
            now=now,
        )
        page = page_by(opened.messages, limit, lambda row: (row.sent_at, row.id))
        parts = {
            "messages": page.items,
            "next": page.next,
            "reads": opened.reads,
            "files": opened.files,
            "history": queries.history(session, thread_id),
            "item": worklist.item_about(session, thread_id),
        }
    view = full_thread_view(opened.thread, parts, actor, now)
    return tagged(view, opened.thread.version)


@blueprint.route("/threads/<uuid:thread_id>/messages", methods=["POST"])
@requires("message.write")
@idempotent(required=True)
@blueprint.arguments(WriteMessageSchema)
@blueprint.response(201, SentSchema)
def write_message(command: Write, thread_id: UUID) -> Response:
    """Write in a thread

    It then waits for the other side; a closed one opens again where its reason allows. Where
    somebody else wrote since `last_seen_message_id` you get a 409 (`newer_messages`) with what
    they wrote, before yours is sent.
    """
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        message_id = service.write_message(
            session=session, actor=actor, thread_id=thread_id, command=command, now=now
        )
        return _sent(session, actor, Started(thread_id, message_id)), 201

    return once_warned(actor, WarnedOf.MESSAGE, use_case)


@blueprint.route("/threads/<uuid:thread_id>/close", methods=["POST"])
@requires("message.write")
@blueprint.arguments(CloseThreadSchema)
@blueprint.response(200, ThreadSchema)
def close_thread(body: dict[str, Any], thread_id: UUID) -> Response:
    """Close a thread, with a reason

    Where somebody else wrote since `last_seen_message_id` you get a 409 (`newer_messages`) with
    what they wrote, and the thread stays open.
    """
    return _change(service.close_thread, thread_id, expected_version(), **body)


@blueprint.route("/threads/<uuid:thread_id>/reopen", methods=["POST"])
@requires("message.write")
@blueprint.arguments(NothingToSaySchema)
@blueprint.response(200, ThreadSchema)
def reopen_thread(_body: dict[str, Any], thread_id: UUID) -> Response:
    """Open a closed thread again

    A patient's then waits for the care team's answer, the care team's for the patient.
    """
    return _change(service.reopen_thread, thread_id, expected_version())


@blueprint.route("/threads/<uuid:thread_id>/confidential", methods=["POST"])
@requires("record.keep_confidential")
@blueprint.arguments(ConfidentialSchema)
@blueprint.response(200, ThreadSchema)
def keep_thread_confidential(command: Confidential, thread_id: UUID) -> Response:
    """Keep a thread from everybody who acts for the patient, or open it to them again

    With it its messages and files. A thread about a record that is kept is kept in any case. The
    patient sees it as before.
    """
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        service.keep_thread_confidential(
            session=session, actor=actor, thread_id=thread_id, command=command, now=now
        )
        row = _row(session, actor, thread_id)
    return tagged(thread_view(row, now), row.version)


def _change(
    use_case: Callable[..., None], thread_id: UUID, version: int | None, **more: Any
) -> Response:
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        use_case(
            session=session, actor=actor, thread_id=thread_id, version=version, now=now, **more
        )
        row = _row(session, actor, thread_id)
    return tagged(thread_view(row, now), row.version)
