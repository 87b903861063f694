"""Errors as RFC 9457 problem documents: one table from error class to HTTP."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

import orjson
import structlog
from flask import Flask, Response
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as WerkzeugResponse

from portal.core import errors
from portal.core.log import request_id

log = structlog.get_logger(__name__)

STATUS: Mapping[type[errors.PortalError], tuple[int, str]] = {
    errors.Malformed: (400, "Malformed request"),
    errors.Unauthenticated: (401, "Not signed in"),
    errors.Forbidden: (403, "Not allowed"),
    errors.NotFound: (404, "Not found"),
    errors.Conflict: (409, "Conflict"),
    errors.Gone: (410, "Gone"),
    errors.PreconditionFailed: (412, "Precondition failed"),
    errors.TooLarge: (413, "Too large"),
    errors.UnsupportedMediaType: (415, "Unsupported media type"),
    errors.Invalid: (422, "Can't be used"),
    errors.PreconditionRequired: (428, "Precondition required"),
    errors.TooMany: (429, "Too many requests"),
    errors.Unavailable: (503, "Unavailable for the moment"),
}

TYPE_BASE = "/problems/"
RETRY_AFTER_SECONDS = 2
# Serialization failure and deadlock, lock not available (SQLSTATE).
_CONTENTION = ("40", "55P03")
_DISCONNECTED = re.compile(r"connection|server closed|terminat|shutting down|starting up", re.I)


def status_of(error: errors.PortalError) -> tuple[int, str]:
    for kind in type(error).__mro__:
        if kind in STATUS:
            return STATUS[kind]
    return 500, "Internal error"


def document(error: errors.PortalError) -> dict[str, Any]:
    """The problem document's members for `error`."""
    status, title = status_of(error)
    body: dict[str, Any] = {
        "type": TYPE_BASE + error.code.replace("_", "-"),
        "title": title,
        "status": status,
        "detail": error.detail,
        "code": error.code,
        "request_id": request_id(),
    }
    if error.errors:
        body["errors"] = [{"pointer": e.pointer, "message": e.message} for e in error.errors]
    body.update({key: value for key, value in error.extra.items() if key != "retry_after"})
    return body


def respond(error: errors.PortalError) -> Response:
    body = document(error)
    response = Response(
        orjson.dumps(body, default=str),
        status=body["status"],
        content_type="application/problem+json",
    )
    retry_after = error.extra.get("retry_after")
    if body["status"] == 503 and retry_after is None:
        retry_after = RETRY_AFTER_SECONDS
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    if body["status"] == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def pointers(messages: Any, prefix: str = "") -> Iterator[errors.FieldError]:
    """marshmallow's nested messages, flattened to JSON pointers."""
    if isinstance(messages, Mapping):
        for key, value in messages.items():
            token = str(key).replace("~", "~0").replace("/", "~1")
            yield from pointers(value, prefix if key == "_schema" else f"{prefix}/{token}")
    elif isinstance(messages, list):
        for value in messages:
            yield from pointers(value, prefix)
    else:
        yield errors.FieldError(prefix, str(messages))


_BY_STATUS: Mapping[int, type[errors.PortalError]] = {
    status: kind for kind, (status, _title) in STATUS.items()
}


def _from_http(error: HTTPException) -> WerkzeugResponse:
    if error.response is not None and error.code is None:
        return cast(WerkzeugResponse, error.response)
    status = error.code or 500
    if status in (400, 422) and (data := getattr(error, "data", None)):
        return respond(_from_validation(data))
    if status < 400:
        return error.get_response()
    kind = _BY_STATUS.get(status)
    problem = kind() if kind else errors.PortalError(error.description, code="http_error")
    response = respond(problem)
    if kind is None:
        body = orjson.loads(response.get_data())
        body.update(status=status, title=error.name, type="about:blank")
        response = Response(
            orjson.dumps(body), status=status, content_type="application/problem+json"
        )
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def _from_validation(data: Mapping[str, Any]) -> errors.PortalError:
    """webargs reports by location (`json`, `query`, …): only the body's are JSON pointers."""
    found: list[errors.FieldError] = []
    malformed = False
    for location, messages in dict(data.get("messages") or {}).items():
        if location in ("json", "json_or_form", "form"):
            malformed = malformed or messages == ["Invalid JSON body."]
            found.extend(pointers(messages))
        else:
            found.extend(pointers(messages, f"#{location}"))
    if malformed:
        return errors.Malformed("The body is not valid JSON.", errors=found)
    return errors.Invalid(errors=found)


def _from_database(error: DBAPIError) -> Response:
    """A connection that broke is our trouble and passes, and so does what two transactions did to
    each other; anything else is a defect."""
    if (getattr(error.orig, "sqlstate", None) or "").startswith(_CONTENTION):
        log.warning("database_contention", error=type(error.orig).__name__)
        return respond(errors.Unavailable())
    if error.connection_invalidated or (
        isinstance(error, OperationalError) and _DISCONNECTED.search(str(error.orig))
    ):
        log.warning("database_away", error=type(error.orig).__name__)
        return respond(errors.Unavailable())
    return _from_unexpected(error)


def _from_unexpected(error: Exception) -> Response:
    """A defect: logged with its traceback (never with parameters), told without details."""
    if isinstance(error, DBAPIError):
        error.hide_parameters = True
    log.error("unhandled", error=type(error).__name__, exc_info=error)
    return respond(errors.Internal())


def register(app: Flask) -> None:
    """Make every error that leaves a route a problem document."""
    app.register_error_handler(errors.PortalError, respond)
    app.register_error_handler(HTTPException, _from_http)
    app.register_error_handler(DBAPIError, _from_database)
    app.register_error_handler(PoolTimeout, lambda _error: respond(errors.Unavailable()))
    app.register_error_handler(Exception, _from_unexpected)
