"""From a request to its actor: a bearer token, or a browser's cookie with its CSRF token, and for
whom somebody acts."""

import hmac
from dataclasses import replace
from typing import Any
from uuid import UUID

from flask import request
from sqlalchemy import text

from portal.core.actor import PATIENT_SIDE, Actor, ActorKind
from portal.core.clock import utcnow
from portal.core.crypto import digest, keyed_digest
from portal.core.db import read_once
from portal.core.errors import (
    AccessEnded,
    FieldError,
    Forbidden,
    Malformed,
    NotDelegated,
    Unauthenticated,
)
from portal.core.web import extension

SESSION_COOKIE = "careloop_session"
CSRF_HEADER = "X-CSRF-Token"
ACTING_FOR = "Acting-For"
CLIENT_TOKEN_PREFIX = "client_"  # noqa: S105 - tells a system's token from a person's
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_SESSION = text("SELECT * FROM careloop_session_actor(:digest, :moment)")
_DELEGATE = text("SELECT * FROM careloop_delegate_actor(:digest, :moment, :patient_id)")
_CLIENT = text("SELECT * FROM careloop_client_actor(:digest, :moment)")


class CsrfRequired(Forbidden):
    code = "csrf_token_required"
    detail = f"Send the csrf_token that sign-in returned in the header {CSRF_HEADER}."


def csrf_token(session_token: str) -> str:
    """The CSRF token of a browser's session: an HMAC, so that nothing more need be kept."""
    return keyed_digest(extension("config").secret_key, "csrf", session_token)


def authenticate() -> Actor:
    """Who is calling.

    Raises Unauthenticated without a valid token, CsrfRequired for a cookie without its twin, and
    where the header says for whom somebody acts: Malformed, NotDelegated, AccessEnded.
    """
    token = _bearer()
    if token is None:
        token = request.cookies.get(SESSION_COOKIE)
        if not token:
            raise Unauthenticated()
        _check_csrf(token)
    patient_id = _acting_for()
    return actor_of(token) if patient_id is None else delegate_of(token, patient_id)


def actor_of(token: str) -> Actor:
    """The actor that a token stands for, in one look-up. Raises Unauthenticated."""
    statement = _CLIENT if token.startswith(CLIENT_TOKEN_PREFIX) else _SESSION
    return _actor(read_once(statement, {"digest": digest(token), "moment": utcnow()}))


def delegate_of(token: str, patient_id: UUID) -> Actor:
    """Whom a token stands for, acting for a patient: in the same one look-up, so that access that
    was revoked ends with the next request. Patients may name themselves.

    Raises Unauthenticated, NotDelegated, AccessEnded.
    """
    if token.startswith(CLIENT_TOKEN_PREFIX):
        actor_of(token)
        raise NotDelegated()
    values = {"digest": digest(token), "moment": utcnow(), "patient_id": patient_id}
    row = read_once(_DELEGATE, values)
    actor = _actor(row)
    if actor.kind is ActorKind.PATIENT and actor.id == patient_id:
        return actor
    if actor.kind not in PATIENT_SIDE or not (row.categories or row.ended):
        raise NotDelegated()
    if not row.categories:
        raise AccessEnded()
    return replace(
        actor,
        kind=ActorKind.DELEGATE,
        on_behalf_of=patient_id,
        categories=frozenset(row.categories),
        read_only=row.deceased,
    )


def _actor(row: Any) -> Actor:
    if row is None:
        raise Unauthenticated("The token is unknown, expired or revoked. Sign in again.")
    return Actor(
        kind=ActorKind(row.kind),
        id=row.id,
        credential_id=row.credential_id,
        session_id=row.session_id,
        name=row.name,
    )


def _acting_for() -> UUID | None:
    header = request.headers.get(ACTING_FOR)
    if header is None:
        return None
    try:
        return UUID(header)
    except ValueError:
        raise Malformed(
            errors=[FieldError(f"#header/{ACTING_FOR}", "The id of one patient.")]
        ) from None


def _bearer() -> str | None:
    header = request.headers.get("Authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("Send `Authorization: Bearer <token>`.")
    return token.strip()


def _check_csrf(token: str) -> None:
    if request.method in SAFE_METHODS:
        return
    if not hmac.compare_digest(request.headers.get(CSRF_HEADER, ""), csrf_token(token)):
        raise CsrfRequired()
