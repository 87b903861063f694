"""The calls by which people sign in and look after their accounts."""

from typing import Any
from uuid import UUID

from flask import Response, request

from portal.accounts import gate, passwords, queries, service
from portal.accounts.authentication import SESSION_COOKIE, csrf_token
from portal.accounts.errors import AccountNotFound, CodeUnusable
from portal.accounts.schemas import (
    AccountSchema,
    ActivatedSchema,
    ActivationSchema,
    ChangePasswordSchema,
    CodeSchema,
    ConfirmResetSchema,
    EnrolmentSchema,
    PasswordResetSchema,
    RecoveryCodesSchema,
    SessionsSchema,
    SignedInSchema,
    SignInSchema,
)
from portal.accounts.service import second_factor, sessions
from portal.accounts.service.sessions import Device
from portal.accounts.sign_in import check_own_password, sign_in
from portal.core import limits
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.json import json_response
from portal.core.limits import by_address, by_email, limiter
from portal.core.permissions import public, requires
from portal.core.web import Blueprint, current_actor, extension

blueprint = Blueprint("accounts", __name__, "Signing in, and looking after one's account")


@blueprint.route("/sessions", methods=["POST"])
@public
@limiter.limit(limits.SIGN_IN, key_func=by_address)
@limiter.limit(limits.ENUMERABLE, key_func=by_email)
@blueprint.arguments(SignInSchema)
@blueprint.response(201, SignedInSchema)
def open_session(body: dict[str, Any]) -> Response:
    """Sign in

    Answers with a bearer token and, for browsers, sets an HttpOnly cookie; with the cookie, send
    `csrf_token` in `X-CSRF-Token` on everything but GET. The answer to an unknown address, a
    wrong password and a locked account is the same. Whether a code is needed is said only after
    the right password.
    """
    config = extension("config")
    device = Device(request.headers.get("User-Agent", ""), request.remote_addr or "")
    signed_in = sign_in(
        config=config, vault=extension("vault"), device=device, now=utcnow(), **body
    )
    view = {
        "token": signed_in.token,
        "csrf_token": csrf_token(signed_in.token),
        "expires_at": signed_in.session.expires_at,
        "account": AccountSchema().dump(signed_in.account),
    }
    response = json_response(view, 201)
    response.set_cookie(
        SESSION_COOKIE,
        signed_in.token,
        expires=signed_in.session.expires_at,
        secure=config.secure_cookies,
        httponly=True,
        samesite="Strict",
    )
    return response


@blueprint.route("/sessions", methods=["GET"])
@requires("session.manage_own")
@blueprint.response(200, SessionsSchema)
def list_sessions() -> Response:
    """List your sessions"""
    actor = current_actor()
    with transaction(actor) as session:
        rows = queries.sessions(session, actor.credential_id, utcnow())
    items = [
        {
            "id": row.id,
            "created_at": row.created_at,
            "expires_at": row.expires_at,
            "user_agent": row.user_agent,
            "address": row.address,
            "current": row.id == actor.session_id,
        }
        for row in rows
    ]
    return json_response({"items": items, "next": None, "sources": []})


@blueprint.route("/sessions/current", methods=["DELETE"])
@requires("session.manage_own")
@blueprint.response(204)
def sign_out() -> Response:
    """Sign out"""
    actor = current_actor()
    with transaction(actor) as session:
        sessions.revoke_session(
            session=session, actor=actor, session_id=actor.session_id, now=utcnow()
        )
    response = Response(status=204)
    response.delete_cookie(SESSION_COOKIE, samesite="Strict", httponly=True)
    return response


@blueprint.route("/sessions/<uuid:session_id>", methods=["DELETE"])
@requires("session.manage_own")
@blueprint.response(204)
def revoke_session(session_id: UUID) -> None:
    """Sign out one of your sessions"""
    actor = current_actor()
    with transaction(actor) as session:
        sessions.revoke_session(session=session, actor=actor, session_id=session_id, now=utcnow())


@blueprint.route("/sessions", methods=["DELETE"])
@requires("session.manage_own")
@blueprint.response(204)
def revoke_others() -> None:
    """Sign out everywhere but here"""
    actor = current_actor()
    with transaction(actor) as session:
        sessions.revoke_others(session=session, actor=actor, now=utcnow())


@blueprint.route("/password-resets", methods=["POST"])
@public
@limiter.limit(limits.SIGN_IN, key_func=by_address)
@limiter.limit(limits.ENUMERABLE, key_func=by_email)
@blueprint.arguments(PasswordResetSchema)
@blueprint.response(202)
def request_reset(body: dict[str, Any]) -> Response:
    """Ask for a link to choose a new password

    The answer is the same whether or not there is an account.
    """
    with transaction(gate.for_email(body["email"])) as session:
        service.passwords.request_reset(session=session, email=body["email"], now=utcnow())
    return json_response({}, 202)


@blueprint.route("/password-resets/confirm", methods=["POST"])
@public
@limiter.limit(limits.ENUMERABLE, key_func=by_address)
@blueprint.arguments(ConfirmResetSchema)
@blueprint.response(204)
def confirm_reset(body: dict[str, Any]) -> None:
    """Choose a new password by a link: it works once, and signs out everywhere"""
    passwords.check_usable(body["password"])
    hashed = passwords.hash_password(body["password"])
    with transaction(gate.for_reset_token(body["token"])) as session:
        service.passwords.set_by_link(
            session=session, token=body["token"], password_hash=hashed, now=utcnow()
        )


@blueprint.route("/activations", methods=["POST"])
@public
@limiter.limit(limits.ENUMERABLE, key_func=by_address)
@blueprint.arguments(ActivationSchema)
@blueprint.response(201, ActivatedSchema)
def activate(body: dict[str, Any]) -> Response:
    """Open an invited account

    With the code of the invitation and, for patients, the date of birth. A role that needs a
    second factor gets what the authenticator app needs, and recovery codes, shown this once.
    """
    passwords.check_usable(body["password"])
    hashed = passwords.hash_password(body["password"])
    code = service.administration.code_digest(extension("config").secret_key, body["code"])
    with transaction(gate.for_invitation(code)) as session:
        outcome = service.administration.activate(
            session=session,
            code=code,
            birth_date=body["birth_date"],
            password_hash=hashed,
            vault=extension("vault"),
            now=utcnow(),
        )
    if isinstance(outcome, CodeUnusable):
        raise outcome
    return json_response(ActivatedSchema().dump(outcome), 201)


@blueprint.route("/me", methods=["GET"])
@requires("account.read_own")
@blueprint.response(200, AccountSchema)
def read_me() -> Any:
    """Read your account"""
    actor = current_actor()
    with transaction(actor) as session:
        account = queries.account(session, actor.credential_id)
        if account is None:
            raise AccountNotFound()
        return account


@blueprint.route("/me/password", methods=["POST"])
@requires("account.change_own")
@limiter.limit(limits.ENUMERABLE)
@blueprint.arguments(ChangePasswordSchema)
@blueprint.response(204)
def change_password(body: dict[str, Any]) -> None:
    """Choose a new password; signs out everywhere, here too"""
    actor = current_actor()
    email = check_own_password(actor, body["current_password"])
    passwords.check_usable(body["password"], email=email)
    hashed = passwords.hash_password(body["password"])
    with transaction(actor) as session:
        service.passwords.change_password(
            session=session, actor=actor, password_hash=hashed, now=utcnow()
        )


@blueprint.route("/me/second-factor", methods=["POST"])
@requires("account.change_own")
@blueprint.response(201, EnrolmentSchema)
def enrol() -> Any:
    """Begin to use an authenticator app: what it needs, shown this once"""
    actor = current_actor()
    with transaction(actor) as session:
        return second_factor.enrol(session=session, actor=actor, vault=extension("vault"))


@blueprint.route("/me/second-factor/confirm", methods=["POST"])
@requires("account.change_own")
@limiter.limit(limits.ENUMERABLE)
@blueprint.arguments(CodeSchema)
@blueprint.response(200, RecoveryCodesSchema)
def confirm(body: dict[str, Any]) -> Any:
    """Confirm the authenticator app with its first code; answers with recovery codes"""
    actor = current_actor()
    with transaction(actor) as session:
        codes = second_factor.confirm(
            session=session,
            actor=actor,
            code=body["code"],
            vault=extension("vault"),
            now=utcnow(),
        )
    return {"recovery_codes": codes}


@blueprint.route("/me/second-factor/remove", methods=["POST"])
@requires("account.change_own")
@limiter.limit(limits.ENUMERABLE)
@blueprint.arguments(CodeSchema)
@blueprint.response(204)
def remove(body: dict[str, Any]) -> None:
    """Do without an authenticator app, for a code of it; not for roles that need one"""
    actor = current_actor()
    with transaction(actor) as session:
        second_factor.remove(
            session=session,
            actor=actor,
            code=body["code"],
            vault=extension("vault"),
            now=utcnow(),
        )


@blueprint.route("/me/recovery-codes", methods=["POST"])
@requires("account.change_own")
@limiter.limit(limits.ENUMERABLE)
@blueprint.arguments(CodeSchema)
@blueprint.response(201, RecoveryCodesSchema)
def renew_recovery_codes(body: dict[str, Any]) -> Any:
    """Get ten new recovery codes; the former ones are void"""
    actor = current_actor()
    with transaction(actor) as session:
        codes = second_factor.renew_recovery_codes(
            session=session,
            actor=actor,
            code=body["code"],
            vault=extension("vault"),
            now=utcnow(),
        )
    return {"recovery_codes": codes}
