"""The calls by which letters are printed and people are called."""

from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.actor import Actor
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.idempotency import idempotent, once
from portal.core.json import json_response
from portal.core.paging import decode_cursor, page_by
from portal.core.permissions import requires
from portal.core.web import Blueprint, current_actor
from portal.notifications import outreach_queries as queries
from portal.notifications import service
from portal.notifications.errors import CallNotFound, LetterNotFound
from portal.notifications.outreach_schemas import (
    CallOutcomeSchema,
    CallSchema,
    LetterDetailSchema,
    LettersPageSchema,
    LettersQuery,
    LetterStatusSchema,
)
from portal.notifications.outreach_states import CallOutcome, LetterStatus
from portal.notifications.outreach_views import call_view, letter_detail, letter_view

blueprint = Blueprint("outreach", __name__, "Letters to print, and people to call")
PDF = "application/pdf"


def _audit_read(session: Session, actor: Actor, resource: str, patient_id: UUID, id_: UUID) -> None:
    audit.record(session, actor, "read", resource, patient_id=patient_id, resource_id=id_)


@blueprint.route("/letters", methods=["GET"])
@requires("letter.work")
@blueprint.arguments(LettersQuery, location="query")
@blueprint.response(200, LettersPageSchema)
def list_letters(query: dict[str, Any]) -> Response:
    """List your clinic's letters, oldest first

    With `status=queued` this is what has to be printed.
    """
    actor, after = current_actor(), decode_cursor(query["cursor"])
    with transaction(actor) as session:
        rows = queries.letters(session, status=query["status"], after=after, limit=query["limit"])
        page = page_by(rows, query["limit"], lambda row: (row.created_at, row.id))
        for letter in page.items:
            _audit_read(session, actor, "letter", letter.patient_id, letter.id)
    items = [letter_view(letter) for letter in page.items]
    return json_response({"items": items, "next": page.next, "sources": []})


@blueprint.route("/letters/<uuid:letter_id>", methods=["GET"])
@requires("letter.work")
@blueprint.response(200, LetterDetailSchema)
def read_letter(letter_id: UUID) -> Response:
    """Read a letter with every step so far"""
    actor = current_actor()
    with transaction(actor) as session:
        view = _letter(session, actor, letter_id)
    return json_response(view)


def _letter(session: Session, actor: Actor, letter_id: UUID) -> dict[str, Any]:
    letter = queries.get_letter(session, letter_id)
    if letter is None:
        raise LetterNotFound()
    _audit_read(session, actor, "letter", letter.patient_id, letter.id)
    return letter_detail(letter, queries.letter_history(session, letter_id))


@blueprint.route("/letters/<uuid:letter_id>/document", methods=["GET"])
@requires("letter.work")
@blueprint.response(
    200,
    {"type": "string", "format": "binary", "example": "%PDF-1.7"},
    content_type=PDF,
    description="The letter as it is printed",
)
def read_document(letter_id: UUID) -> Response:
    """Read a letter as a PDF, to print it

    On US Letter paper, folded in three, the address shows in the window of a No. 10 envelope.
    """
    actor = current_actor()
    with transaction(actor) as session:
        found = queries.document(session, letter_id)
        if found is None:
            raise LetterNotFound()
        _audit_read(session, actor, "letter", found.patient_id, letter_id)
    response = Response(bytes(found.document), content_type=PDF)
    response.headers["Content-Disposition"] = f'inline; filename="letter-{letter_id}.pdf"'
    return response


@blueprint.route("/letters/<uuid:letter_id>/status", methods=["POST"])
@requires("letter.work")
@blueprint.arguments(LetterStatusSchema)
@blueprint.response(200, LetterDetailSchema)
def move_letter(body: dict[str, Any], letter_id: UUID) -> Response:
    """Say that a letter was printed, came back, or is not to be sent

    One that came back becomes work of the clinic's staff. A letter moves once: whoever comes second
    gets a 409 with `status_now`.
    """
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        service.move_letter(
            session=session,
            actor=actor,
            letter_id=letter_id,
            status=LetterStatus(body["status"]),
            note=body["note"],
            now=now,
        )
        session.flush()
        view = _letter(session, actor, letter_id)
    return json_response(view)


@blueprint.route("/calls/<uuid:call_id>", methods=["GET"])
@requires("call.work")
@blueprint.response(200, CallSchema)
def read_call(call_id: UUID) -> Response:
    """Read whom to call, what to say, and what came of each attempt"""
    actor = current_actor()
    with transaction(actor) as session:
        view = _call(session, actor, call_id)
    return json_response(view)


def _call(session: Session, actor: Actor, call_id: UUID) -> dict[str, Any]:
    found = queries.call(session, call_id)
    if found is None:
        raise CallNotFound()
    call, patient = found
    _audit_read(session, actor, "phone_call", patient.id, call.id)
    return call_view(call, patient, queries.attempts(session, call_id))


@blueprint.route("/calls/<uuid:call_id>/outcome", methods=["POST"])
@requires("call.work")
@idempotent()
@blueprint.arguments(CallOutcomeSchema)
@blueprint.response(200, CallSchema)
def record_call(body: dict[str, Any], call_id: UUID) -> Response:
    """Say what came of a call

    `reached` closes it, `wrong_number` and the third `no_answer` give it up; otherwise it is due
    again in the clinic's business hours. Tell nothing to an answering machine or to anybody else.
    """
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        service.record_call(
            session=session,
            actor=actor,
            call_id=call_id,
            outcome=CallOutcome(body["outcome"]),
            note=body["note"],
            now=now,
        )
        return _call(session, actor, call_id), 200

    return once(actor, use_case)
