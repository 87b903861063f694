"""The calls by which files come in and go out."""

from typing import Any
from uuid import UUID

from flask import Response, request, send_file
from sqlalchemy.orm import Session

from portal.attachments import queries, service
from portal.attachments.content import check_content
from portal.attachments.formats import ALLOWED, BY_TYPE, UNDECLARED
from portal.attachments.names import clean_name, name_from_header
from portal.attachments.schemas import AttachedFileSchema, UploadQuery
from portal.attachments.service import Upload
from portal.attachments.storage import Storage
from portal.attachments.views import attachment_view
from portal.config import Config
from portal.core.actor import PATIENT_SIDE, Actor
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.errors import FieldError, Invalid
from portal.core.idempotency import idempotent, once
from portal.core.json import json_response
from portal.core.limits import limiter
from portal.core.permissions import requires
from portal.core.web import Blueprint, current_actor, extension, takes

blueprint = Blueprint("attachments", __name__, "Files that are sent along")

UPLOADS = "60 per minute"
# Whatever a browser makes of a file that somebody opens all the same: nothing runs, nothing loads.
_POLICY = "sandbox; default-src 'none'"
_BINARY = {"type": "string", "format": "binary", "example": "(the file's bytes)"}
_BODY = {
    "required": True,
    "description": "The file, as its type says; application/octet-stream where you don't know it",
    "content": {
        media_type: {"schema": _BINARY}
        for media_type in (*(one.media_type for one in ALLOWED), UNDECLARED)
    },
}
_NAME = {
    "name": "Content-Disposition",
    "in": "header",
    "required": True,
    "description": "The file's name (RFC 6266). It is cleaned, and its extension made to fit.",
    "schema": {"type": "string"},
    "example": "attachment; filename*=UTF-8''Blood%20pressure.pdf",
}
_CONTENT = {
    "description": "The file",
    "content": {UNDECLARED: {"schema": _BINARY}},
    "headers": {"ETag": {"description": "Its SHA-256", "schema": {"type": "string"}}},
}


def storage() -> Storage:
    return Storage(extension("config").attachments)


def _largest(config: Config) -> int:
    return config.attachment_bytes


def _whose(actor: Actor, patient_id: UUID | None) -> UUID:
    """Whose record an upload belongs to. Raises Invalid where the care team doesn't say."""
    if actor.kind in PATIENT_SIDE:
        if patient_id not in (None, actor.subject_id):
            raise Invalid(errors=[FieldError("#query/patient_id", "Leave this out: it is yours.")])
        return actor.subject_id
    if patient_id is None:
        raise Invalid(errors=[FieldError("#query/patient_id", "Say whose record it belongs to.")])
    return patient_id


@blueprint.route("/attachments", methods=["POST"])
@requires("attachment.upload")
@idempotent()
@limiter.limit(UPLOADS)
@takes(*BY_TYPE, UNDECLARED, most=_largest)
@blueprint.arguments(UploadQuery, location="query")
@blueprint.doc(requestBody=_BODY, parameters=[_NAME])
@blueprint.response(201, AttachedFileSchema)
def upload_attachment(query: dict[str, Any]) -> Response:
    """Upload a file, to be attached to something

    The body is the file. PDF, JPEG, PNG, GIF, WebP, HEIC and plain text (UTF-8) are taken, by what
    the content is; what is something else as well, damaged or sent as another type is refused. It
    is seen by you alone until it is part of a message or the like, and deleted after a day if it
    isn't. Where a scanner is set up it is `quarantined` until that has found it clean.
    """
    actor, now, config = current_actor(), utcnow(), extension("config")
    patient_id = _whose(actor, query["patient_id"])
    given = name_from_header(request.headers.get("Content-Disposition"))
    keeping = storage()
    with keeping.receive(
        request.stream, length=request.content_length, most=config.attachment_bytes
    ) as received:
        with received.content() as content:
            format_ = check_content(content, request.mimetype)
        command = Upload(patient_id, clean_name(given, format_), format_, received)

        def use_case(session: Session) -> tuple[Any, int]:
            id_ = service.keep_upload(
                session=session,
                actor=actor,
                command=command,
                storage=keeping,
                scanned=bool(config.clamav_url),
                now=now,
            )
            row = queries.attachment(session, id_)
            return attachment_view(row) if row is not None else None, 201

        same = b"\0".join((received.digest, patient_id.bytes, given.encode()))
        return once(actor, use_case, content=same)


@blueprint.route("/attachments/<uuid:attachment_id>", methods=["GET"])
@requires("attachment.read")
@blueprint.response(200, AttachedFileSchema)
def read_attached_file(attachment_id: UUID) -> Response:
    """Read what an attachment is, and whether it has been found clean"""
    actor = current_actor()
    with transaction(actor) as session:
        row = service.read_attachment(
            session=session, actor=actor, attachment_id=attachment_id, now=utcnow()
        )
    return json_response(attachment_view(row))


@blueprint.route("/attachments/<uuid:attachment_id>", methods=["DELETE"])
@requires("attachment.upload")
@blueprint.response(204)
def withdraw_attachment(attachment_id: UUID) -> Response:
    """Take an upload back that is part of nothing yet"""
    actor = current_actor()
    with transaction(actor) as session:
        service.withdraw(session=session, actor=actor, attachment_id=attachment_id, now=utcnow())
    return Response(status=204)


@blueprint.route("/attachments/<uuid:attachment_id>/content", methods=["GET"])
@requires("attachment.read")
@blueprint.doc(responses={"200": _CONTENT})
def read_attached_content(attachment_id: UUID) -> Response:
    """Read an attachment's content, once it is clean

    409 while it waits to be scanned or could not be, 410 when a virus was found in it.
    """
    actor = current_actor()
    with transaction(actor) as session:
        row, path = service.content_of(
            session=session,
            actor=actor,
            attachment_id=attachment_id,
            storage=storage(),
            now=utcnow(),
        )
    response = send_file(
        path,
        mimetype=row.content_type,
        as_attachment=True,
        download_name=row.name,
        etag=bytes(row.digest).hex(),
        conditional=True,
    )
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "no-store"
    return response
