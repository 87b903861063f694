"""POST /oauth/token: client credentials (RFC 6749, 4.4) by secret or by signed assertion."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from flask import Blueprint, Response, request
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry

from portal.accounts import queries
from portal.accounts.service import clients
from portal.accounts.states import ClientStatus
from portal.core import limits
from portal.core.actor import ANONYMOUS
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
    now = utcnow()
    with transaction(ANONYMOUS) as session:
        client_id = _by_assertion(session, now) or _by_secret(session, now)
        if client_id is None:
            raise OAuthError("invalid_client", "The client's credentials are not right.", 401)
        token = clients.issue_token(session, client_id, now)
    return json_response(
        {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": int(clients.TOKEN_LIFETIME.total_seconds()),
        }
    )


def _by_secret(session: Any, now: datetime) -> UUID | None:
    given = request.authorization
    if given is None or given.type != "basic" or not given.username or not given.password:
        return None
    client_id = _uuid(given.username)
    if client_id and clients.secret_matches(session, client_id, given.password, now):
        return client_id
    return None


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None


def _by_assertion(session: Any, now: datetime) -> UUID | None:
    """private_key_jwt (RFC 7523, 3): signed with the registered key, for us, once, not for long."""
    if request.form.get("client_assertion_type") != ASSERTION:
        return None
    assertion = request.form.get("client_assertion", "")
    client_id = _uuid(_unverified_issuer(assertion))
    client = queries.client(session, client_id) if client_id else None
    if client is None or client.public_jwk is None or client.status != ClientStatus.ACTIVE:
        return None
    try:
        key = JWKRegistry.import_key(orjson.loads(client.public_jwk))
        claims = jwt.decode(assertion, key, algorithms=ALGORITHMS).claims
    except (JoseError, ValueError):
        return None
    until = _good_until(claims, client.id, now)
    if until is None or not clients.use_assertion(session, client.id, str(claims["jti"]), until):
        return None
    return client.id


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
