"""POST /oauth/token: client credentials (RFC 6749, 4.4) by secret or by signed assertion."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from flask import Blueprint, Response, request
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry
from sqlalchemy.orm import Session

from portal.accounts import queries
from portal.accounts.gate import gatekeeper
from portal.accounts.service import clients
from portal.accounts.states import ClientStatus
from portal.core import limits
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.json import json_response
from portal.core.limits import by_address, limiter
from portal.core.permissions import public
from portal.core.web import extension

blueprint = Blueprint("oauth", __name__)

TOKEN_PATH = "/oauth/token"  # noqa: S105
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = ["RS256", "PS256", "ES256", "ES384", "Ed25519", "EdDSA"]
LONGEST_ASSERTION_SECONDS = 300
LEEWAY_SECONDS = 30


class OAuthError(Exception):
    """An error in OAuth's own form (RFC 6749, 5.2)."""

    def __init__(self, code: str, description: str, status: int = 400) -> None:
        self.code, self.description, self.status = code, description, status
        super().__init__(code)


@blueprint.errorhandler(OAuthError)
def _respond(error: OAuthError) -> Response:
    view = {"error": error.code, "error_description": error.description}
    response = json_response(view, error.status)
    if error.status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="Careloop"'
    return response


@blueprint.post(TOKEN_PATH)
@public
@limiter.limit(limits.TOKENS, key_func=by_address)
def issue_token() -> Response:
    """Get a token as a system

    `grant_type=client_credentials`, with the client's id and secret by HTTP Basic, or with a
    signed assertion (private_key_jwt). Errors are in OAuth's own form.
    """
    if request.form.get("grant_type") != "client_credentials":
        raise OAuthError("unsupported_grant_type", "Send grant_type=client_credentials.")
    now, client_id = utcnow(), _claimed_id()
    with transaction(gatekeeper(client_id)) as session:
        if client_id is None or not _is_proven(session, client_id, now):
            raise OAuthError("invalid_client", "The client's credentials are not right.", 401)
        token = clients.issue_token(session, client_id, now)
    return json_response(
        {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": int(clients.TOKEN_LIFETIME.total_seconds()),
        }
    )


def _is_assertion() -> bool:
    return request.form.get("client_assertion_type") == ASSERTION


def _claimed_id() -> UUID | None:
    """Which client somebody says to be."""
    given = request.authorization
    if _is_assertion():
        claimed = _unverified_issuer(request.form.get("client_assertion", ""))
    else:
        claimed = given.username if given is not None and given.type == "basic" else None
    try:
        return UUID(str(claimed))
    except ValueError:
        return None


def _is_proven(session: Session, client_id: UUID, now: datetime) -> bool:
    if _is_assertion():
        return _assertion_holds(session, client_id, now)
    given = request.authorization
    secret = given.password if given is not None else None
    return bool(secret) and clients.secret_matches(session, client_id, str(secret), now)


def _assertion_holds(session: Session, client_id: UUID, now: datetime) -> bool:
    """private_key_jwt (RFC 7523, 3): signed with the registered key, for us, once, not for long."""
    client = queries.client(session, client_id)
    if client is None or client.public_jwk is None or client.status != ClientStatus.ACTIVE:
        return False
    try:
        key = JWKRegistry.import_key(orjson.loads(client.public_jwk))
        assertion = request.form.get("client_assertion", "")
        claims = jwt.decode(assertion, key, algorithms=ALGORITHMS).claims
    except (JoseError, ValueError):
        return False
    until = _good_until(claims, client.id, now)
    return until is not None and clients.use_assertion(
        session, client.id, str(claims["jti"]), until
    )


def _unverified_issuer(assertion: str) -> object:
    try:
        claims = orjson.loads(jws.extract_compact(assertion.encode()).payload)
    except (JoseError, ValueError):
        return None
    return claims.get("iss") if isinstance(claims, dict) else None


def _good_until(claims: dict[str, Any], client_id: UUID, now: datetime) -> datetime | None:
    expires = claims.get("exp")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    own = extension("config").base_url + TOKEN_PATH
    seconds = now.timestamp()
    if (
        claims.get("iss") != str(client_id)
        or claims.get("sub") != str(client_id)
        or own not in audiences
        or not claims.get("jti")
        or not isinstance(expires, int | float)
        or not seconds - LEEWAY_SECONDS < expires <= seconds + LONGEST_ASSERTION_SECONDS
    ):
        return None
    return datetime.fromtimestamp(expires + LEEWAY_SECONDS, UTC)
