"""The calls of administrators: accounts of people, and clients."""

from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from portal.accounts import queries, service
from portal.accounts.model import Account
from portal.accounts.schemas import (
    AccountPage,
    AccountSchema,
    ClientPage,
    ClientSchema,
    CreateClientSchema,
    InvitedSchema,
    InviteSchema,
    NewSecretSchema,
)
from portal.accounts.service import CreateClient, Invite
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.idempotency import idempotent, once
from portal.core.paging import decode_cursor, page_by
from portal.core.permissions import requires
from portal.core.schemas import PageQuery
from portal.core.web import Blueprint, current_actor, extension

blueprint = Blueprint("administration", __name__, "Accounts of people, and clients")


@blueprint.route("/accounts", methods=["GET"])
@requires("account.administer")
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, AccountPage)
def list_accounts(query: dict[str, Any]) -> dict[str, Any]:
    """List accounts, newest first"""
    after = decode_cursor(query["cursor"])
    with transaction(current_actor()) as session:
        rows = queries.accounts(session, after=after, limit=query["limit"])
    page = page_by(rows, query["limit"], lambda row: (row.created_at, row.id))
    return {"items": page.items, "next": page.next, "sources": []}


@blueprint.route("/accounts", methods=["POST"])
@requires("account.administer")
@blueprint.arguments(InviteSchema)
@blueprint.response(201, InvitedSchema)
def invite(command: Invite) -> dict[str, str]:
    """Invite somebody: the activation code is shown this once"""
    actor = current_actor()
    with transaction(actor) as session:
        code = service.invite(
            session=session,
            actor=actor,
            command=command,
            secret_key=extension("config").secret_key,
            now=utcnow(),
        )
    return {"activation_code": code}


def _set_status(account_id: UUID, *, enabled: bool) -> Account:
    actor = current_actor()
    with transaction(actor) as session:
        return service.administration.set_status(
            session=session, actor=actor, account_id=account_id, enabled=enabled, now=utcnow()
        )


@blueprint.route("/accounts/<uuid:account_id>/disable", methods=["POST"])
@requires("account.administer")
@blueprint.response(200, AccountSchema)
def disable_account(account_id: UUID) -> Account:
    """Close an account: it is signed out everywhere at once"""
    return _set_status(account_id, enabled=False)


@blueprint.route("/accounts/<uuid:account_id>/enable", methods=["POST"])
@requires("account.administer")
@blueprint.response(200, AccountSchema)
def enable_account(account_id: UUID) -> Account:
    """Open a closed account again"""
    return _set_status(account_id, enabled=True)


@blueprint.route("/accounts/<uuid:account_id>/second-factor/reset", methods=["POST"])
@requires("account.administer")
@blueprint.response(200, InvitedSchema)
def reset_second_factor(account_id: UUID) -> dict[str, str]:
    """Void a lost second factor: answers with a code to set up a new one"""
    actor = current_actor()
    with transaction(actor) as session:
        code = service.administration.reset_second_factor(
            session=session,
            actor=actor,
            account_id=account_id,
            secret_key=extension("config").secret_key,
            now=utcnow(),
        )
    return {"activation_code": code}


@blueprint.route("/clients", methods=["GET"])
@requires("account.administer")
@blueprint.response(200, ClientPage)
def list_clients() -> dict[str, Any]:
    """List clients"""
    with transaction(current_actor()) as session:
        return {"items": queries.clients(session), "next": None, "sources": []}


@blueprint.route("/clients", methods=["POST"])
@requires("account.administer")
@idempotent()
@blueprint.arguments(CreateClientSchema)
@blueprint.response(201, NewSecretSchema)
def create_client(command: CreateClient) -> Response:
    """Create a client: its secret is shown this once"""
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        client, secret = service.create_client(session=session, command=command, now=now)
        view = {"client": client, "client_id": client.id, "client_secret": secret}
        return NewSecretSchema().dump(view), 201

    return once(actor, use_case, keep_body=False)


@blueprint.route("/clients/<uuid:client_id>/rotate", methods=["POST"])
@requires("account.administer")
@blueprint.response(200, NewSecretSchema)
def rotate_secret(client_id: UUID) -> dict[str, Any]:
    """Give a client a new secret; the present one stays good for a day"""
    with transaction(current_actor()) as session:
        secret = service.clients.rotate_secret(session=session, client_id=client_id, now=utcnow())
        client = service.clients.get_client(session, client_id)
        return {"client": client, "client_id": client_id, "client_secret": secret}


@blueprint.route("/clients/<uuid:client_id>/disable", methods=["POST"])
@requires("account.administer")
@blueprint.response(200, ClientSchema)
def disable_client(client_id: UUID) -> Any:
    """Shut a client out: its tokens are void at once"""
    with transaction(current_actor()) as session:
        return service.clients.set_status(session=session, client_id=client_id, enabled=False)


@blueprint.route("/clients/<uuid:client_id>/enable", methods=["POST"])
@requires("account.administer")
@blueprint.response(200, ClientSchema)
def enable_client(client_id: UUID) -> Any:
    """Let a client in again"""
    with transaction(current_actor()) as session:
        return service.clients.set_status(session=session, client_id=client_id, enabled=True)
