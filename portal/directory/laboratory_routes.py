"""The calls by which laboratories are found, added and changed."""

from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from portal.core.actor import Actor, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.idempotency import idempotent, once
from portal.core.json import json_response
from portal.core.paging import decode_key, page_by
from portal.core.permissions import requires
from portal.core.web import Blueprint, current_actor
from portal.directory import administration, listings, service
from portal.directory.laboratory_schemas import (
    EditLaboratorySchema,
    LaboratoryPage,
    LaboratoryQuery,
    LaboratorySchema,
    WiredLaboratorySchema,
    WriteLaboratorySchema,
)
from portal.directory.model import Laboratory

blueprint = Blueprint("laboratory_directory", __name__, "Laboratories and radiologies")

_PUBLIC, _WIRED = LaboratorySchema(), WiredLaboratorySchema()


def _view(actor: Actor, laboratory: Laboratory) -> Any:
    schema = _WIRED if actor.kind is ActorKind.ADMINISTRATOR else _PUBLIC
    return schema.dump(laboratory)


@blueprint.route("/laboratories", methods=["GET"])
@requires("directory.read")
@blueprint.arguments(LaboratoryQuery, location="query")
@blueprint.response(200, LaboratoryPage)
def list_laboratories(query: dict[str, Any]) -> Response:
    """Find a laboratory or a radiology

    By name, city or postal code, in the order of their names.
    """
    actor, after = current_actor(), decode_key(query.pop("cursor"), str, UUID)
    with transaction(actor) as session:
        rows = listings.laboratories_like(session, after=after, **query)
    page = page_by(rows, query["limit"], lambda row: (row.name, row.id))
    items = [_view(actor, row) for row in page.items]
    return json_response({"items": items, "next": page.next, "sources": []})


@blueprint.route("/laboratories/<uuid:laboratory_id>", methods=["GET"])
@requires("directory.read")
@blueprint.response(200, WiredLaboratorySchema)
def read_laboratory(laboratory_id: UUID) -> Response:
    """Read a laboratory

    How it names itself and how it gets its orders is shown to administrators alone.
    """
    actor = current_actor()
    with transaction(actor) as session:
        return json_response(_view(actor, service.get_laboratory(session, laboratory_id)))


@blueprint.route("/laboratories", methods=["POST"])
@requires("directory.write")
@idempotent()
@blueprint.arguments(WriteLaboratorySchema)
@blueprint.response(201, WiredLaboratorySchema)
def add_laboratory(command: dict[str, Any]) -> Response:
    """Add a laboratory or a radiology"""
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        added = administration.add_laboratory(
            session=session, actor=actor, command=command, now=now
        )
        return _view(actor, added), 201

    return once(actor, use_case)


@blueprint.route("/laboratories/<uuid:laboratory_id>", methods=["PATCH"])
@requires("directory.write")
@blueprint.arguments(EditLaboratorySchema(partial=True))
@blueprint.response(200, WiredLaboratorySchema)
def edit_laboratory(command: dict[str, Any], laboratory_id: UUID) -> Response:
    """Change a laboratory

    `active: false` keeps it from being chosen; what it has already runs on.
    """
    actor = current_actor()
    with transaction(actor) as session:
        laboratory = administration.change_laboratory(
            session=session,
            actor=actor,
            laboratory_id=laboratory_id,
            command=command,
            now=utcnow(),
        )
        return json_response(_view(actor, laboratory))
