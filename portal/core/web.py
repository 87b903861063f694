"""What every route stands on: who calls, whether they may, and a body that is what it says."""

from collections.abc import Callable
from dataclasses import dataclass
from json import JSONDecodeError
from time import perf_counter
from typing import Any, cast
from uuid import UUID

import orjson
import structlog
from flask import Flask, Request, Response, current_app, g, request
from flask_smorest import Blueprint as SmorestBlueprint
from marshmallow import missing
from webargs.flaskparser import FlaskParser

from portal.config import Config
from portal.core.actor import PATIENT_SIDE, Actor
from portal.core.errors import (
    FieldError,
    Invalid,
    NotFound,
    TooLarge,
    Unauthenticated,
    UnsupportedMediaType,
)
from portal.core.log import bind_request_id
from portal.core.metrics import REQUESTS
from portal.core.permissions import ANYONE, check_permission, declared

log = structlog.get_logger(__name__)

MAX_BODY_BYTES = 2 * 1024 * 1024
BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})
FORM_ROUTES = frozenset({"/oauth/token"})
WAIT_STATUSES = frozenset({429, 503})
QUIET_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})

Authenticator = Callable[[], Actor]
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


@dataclass(frozen=True, slots=True)
class Body:
    """What a route takes for a body: of which types, and how many bytes at most, which a setting
    may say."""

    types: tuple[str, ...] = ("application/json",)
    most: int | Callable[[Config], int] = MAX_BODY_BYTES

    def bytes_at_most(self) -> int:
        return self.most if isinstance(self.most, int) else self.most(extension("config"))


JSON_BODY = Body()


def takes(*types: str, most: int | Callable[[Config], int] = MAX_BODY_BYTES) -> Decorator:
    """Declare that a route takes other bodies than JSON, or longer ones."""

    def declare(view: Callable[..., Any]) -> Callable[..., Any]:
        view.__portal_body__ = Body(types, most)  # type: ignore[attr-defined]
        return view

    return declare


class StrictJson(FlaskParser):
    """Reads bodies by orjson: it refuses NaN, lone surrogates, which no database can store, and
    nesting without end, where the standard library gives them on or gives up."""

    def _raw_load_json(self, req: Request) -> Any:
        body = req.get_data(cache=True)
        if not (req.is_json and body):
            return missing
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:  # without a document it would pass for no body
            raise JSONDecodeError(error.msg, "a body", error.pos) from None


class Blueprint(SmorestBlueprint):  # type: ignore[misc]
    """A slice's routes, under /api/v1, each with the problem document as its error answer."""

    ARGUMENTS_PARSER = StrictJson()

    def __init__(
        self, name: str, import_name: str, description: str, templates: str | None = None
    ) -> None:
        super().__init__(
            name,
            import_name,
            url_prefix="/api/v1",
            description=description,
            template_folder=templates,
        )

    # The library's decorators carry no types; these say what they do to a view.
    def route(self, rule: str, **options: Any) -> Decorator:
        return cast(Decorator, super().route(rule, **options))

    def arguments(self, schema: Any, **options: Any) -> Decorator:
        if isinstance(schema, type):
            schema = schema()  # once, and not with each request
        # None: what the schema says of unknown members, also in a query string.
        options.setdefault("unknown", None)
        return cast(Decorator, super().arguments(schema, **options))

    def response(self, status_code: int, schema: Any = None, **options: Any) -> Decorator:
        return cast(Decorator, super().response(status_code, schema, **options))

    def doc(self, **options: Any) -> Decorator:
        return cast(Decorator, super().doc(**options))

    def alt_response(self, status_code: int, **options: Any) -> Decorator:
        return cast(Decorator, super().alt_response(status_code, **options))


def current_actor() -> Actor:
    """The signed-in actor of this request.

    Raises Unauthenticated when there is none.
    """
    actor: Actor | None = g.get("actor")
    if actor is None:
        raise Unauthenticated()
    return actor


def whose(actor: Actor, patient_id: UUID | None) -> UUID:
    """The patient whose list is read. Raises Invalid when the care team doesn't say whose."""
    if actor.kind in PATIENT_SIDE:
        return actor.subject_id
    if patient_id is None:
        raise Invalid(errors=[FieldError("#query/patient_id", "Say whose list you want.")])
    return patient_id


def _begin() -> None:
    g.started = perf_counter()
    g.request_id = bind_request_id(request.headers.get("X-Request-ID"))


def _check_permission() -> None:
    if request.endpoint is None:
        return
    permission = declared(current_app.view_functions[request.endpoint])
    if permission in (None, ANYONE):
        return
    authenticate: Authenticator = current_app.extensions["careloop.authenticate"]
    g.actor = authenticate()
    check_permission(g.actor, str(permission))


def _check_path() -> None:
    if "\0" in request.path:  # no text in the database has one
        raise NotFound()


def _body() -> Body:
    view = current_app.view_functions.get(request.endpoint or "")
    found: Body = getattr(view, "__portal_body__", JSON_BODY)
    return found


def _check_size() -> None:
    if request.method not in BODY_METHODS:
        return
    most = request.max_content_length = _body().bytes_at_most()
    if request.content_length is not None and request.content_length > most:
        raise TooLarge(f"At most {most} bytes a request.")


def _check_type() -> None:
    if request.method not in BODY_METHODS:
        return
    if request.path in FORM_ROUTES or not request.content_length:
        return
    types = _body().types
    if request.mimetype not in types:
        raise UnsupportedMediaType(f"Send the body as {' or '.join(types)}.")


def _finish(response: Response) -> Response:
    response.headers["X-Request-ID"] = g.get("request_id", "")
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["X-Content-Type-Options"] = "nosniff"
    if response.status_code not in WAIT_STATUSES:
        response.headers.pop("Retry-After", None)  # the limiter adds one to every answer
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    if request.path not in QUIET_PATHS and "started" in g:
        route = str(request.url_rule or "-")
        seconds = perf_counter() - g.started
        REQUESTS.labels(request.method, route, str(response.status_code)).observe(seconds)
        log.info(
            "request",
            method=request.method,
            route=route,
            status=response.status_code,
            duration_ms=round(seconds * 1000, 1),
        )
    return response


def register(app: Flask, authenticate: Authenticator) -> None:
    """Install the checks in their order: request id, size, who and whether, then type."""
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.extensions["careloop.authenticate"] = authenticate
    for check in (_begin, _check_path, _check_size, _check_permission, _check_type):
        app.before_request(check)
    app.after_request(_finish)


def extension(name: str) -> Any:
    """Something that the application factory put aside for the slices (config, vault, limiter)."""
    return current_app.extensions[f"careloop.{name}"]
