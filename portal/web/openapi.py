"""The OpenAPI document: what the schemas don't say is filled in from the code that decides it."""

import inspect
import re
from collections.abc import Callable, Collection, Iterator
from typing import Any

from flask import Flask
from flask_smorest import Api

from portal import __version__
from portal.accounts import authentication
from portal.core import idempotency
from portal.core.permissions import ANYONE, DELEGATED, PERMISSIONS, declared
from portal.web.examples import example_of

SETTINGS: dict[str, Any] = {
    "API_TITLE": "Careloop",
    "API_VERSION": "v1",
    "OPENAPI_VERSION": "3.1.0",
    "API_SPEC_OPTIONS": {
        "info": {
            "version": __version__,
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
            "description": (
                "Care coordination in which every request is a loop that closes. People sign in "
                "with `POST /api/v1/sessions`; systems get a token at `POST /oauth/token`. "
                "Errors are problem documents (RFC 9457); times are RFC 3339."
            ),
        },
        "servers": [{"url": "/", "description": "This server"}],
    },
}
_PARAMETER = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")
_JSON = "application/json"
_PROBLEM = "application/problem+json"
_SECURITY: list[dict[str, list[str]]] = [{"bearer": []}, {"session": []}]
_OF_CLIENTS: list[dict[str, list[str]]] = [{"client": []}]
_CLIENTS = frozenset({"pharmacy", "laboratory", "phone"})

SECURITY_SCHEMES: dict[str, Any] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "The token that `POST /api/v1/sessions` gave.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "careloop_session",
        "description": "For browsers: set at sign-in. What changes something needs X-CSRF-Token.",
    },
    "client": {
        "type": "oauth2",
        "description": "For pharmacies, laboratories and phone systems.",
        "flows": {"clientCredentials": {"tokenUrl": "/oauth/token", "scopes": {}}},
    },
}
PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "What went wrong, which member it was, and what to do (RFC 9457).",
    "required": ["type", "title", "status", "detail", "request_id"],
    "properties": {
        "type": {"type": "string", "example": "/problems/invalid"},
        "title": {"type": "string", "example": "Can't be used"},
        "status": {"type": "integer", "example": 422},
        "detail": {"type": "string", "example": "Some members of the request can't be used."},
        "code": {"type": "string", "example": "invalid"},
        "request_id": {"type": "string", "example": "01a20b583a50712fb343caba8b24de47"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "message"],
                "properties": {
                    "pointer": {"type": "string", "example": "/items/0/delivery"},
                    "message": {"type": "string", "example": "Must be one of: pickup, mail."},
                },
            },
        },
    },
    "additionalProperties": True,
}
TOKEN: dict[str, Any] = {
    "post": {
        "operationId": "token",
        "tags": ["systems"],
        "summary": "Get a token for a system",
        "description": (
            "OAuth 2 client credentials (RFC 6749, 4.4): HTTP Basic with client id and secret, or "
            "a signed assertion (private_key_jwt, RFC 7523)."
        ),
        "security": [{"basic": []}],
        "x-permission": ANYONE,
        "requestBody": {
            "required": True,
            "content": {
                "application/x-www-form-urlencoded": {
                    "schema": {
                        "type": "object",
                        "required": ["grant_type"],
                        "properties": {
                            "grant_type": {"type": "string", "enum": ["client_credentials"]},
                            "client_assertion_type": {"type": "string"},
                            "client_assertion": {"type": "string"},
                        },
                    },
                    "example": {"grant_type": "client_credentials"},
                }
            },
        },
        "responses": {
            "200": {
                "description": "A token",
                "content": {
                    _JSON: {
                        "schema": {
                            "type": "object",
                            "properties": {
                                "access_token": {"type": "string", "example": "client_9f…"},
                                "token_type": {"type": "string", "example": "Bearer"},
                                "expires_in": {"type": "integer", "example": 3600},
                            },
                        }
                    }
                },
            },
            "default": {
                "description": "Why there is none (RFC 6749, 5.2)",
                "content": {
                    _JSON: {
                        "schema": {
                            "type": "object",
                            "properties": {
                                "error": {"type": "string", "example": "invalid_client"},
                                "error_description": {"type": "string"},
                            },
                        }
                    }
                },
            },
        },
    }
}
IDEMPOTENCY_KEY: dict[str, Any] = {
    "name": idempotency.HEADER,
    "in": "header",
    "required": False,
    "description": "The same key and body give the same answer again, for 48 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": idempotency.MAX_LENGTH},
    "example": "6f1f0d0e-8d54-4e6a-9d1c-2b1f0f3c7a11",
}
ACTING_FOR: dict[str, Any] = {
    "name": authentication.ACTING_FOR,
    "in": "header",
    "required": False,
    "description": (
        "The id of the patient for whom you act, of `GET /me/patients`; you need one of the "
        "categories in `x-delegated`. Without it patients act for themselves."
    ),
    "schema": {"type": "string", "format": "uuid"},
    "example": "01890a5d-ac96-774b-bcce-b302099a8057",
}
IF_MATCH: dict[str, Any] = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The ETag of the version that you read; another one gives 412.",
    "schema": {"type": "string"},
    "example": '"3"',
}


def document(api: Api, app: Flask) -> dict[str, Any]:
    """The whole document. Raises KeyError for an operation without a route."""
    found: dict[str, Any] = api.spec.to_dict()
    components = found["components"]
    components.pop("responses", None)
    for unused in ("Error", "PaginationMetadata"):
        components["schemas"].pop(unused, None)
    components["schemas"]["Problem"] = PROBLEM
    basic = {"basic": {"type": "http", "scheme": "basic"}}
    components["securitySchemes"] = {**SECURITY_SCHEMES, **basic}
    views = dict(_views(app))
    for path, item in found["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                _complete(operation, views[path, method], components["schemas"])
    found["paths"]["/oauth/token"] = TOKEN
    found["tags"].append({"name": "systems", "description": "How systems sign in"})
    return found


def _views(app: Flask) -> Iterator[tuple[tuple[str, str], Callable[..., Any]]]:
    for rule in app.url_map.iter_rules():
        for method in rule.methods or ():
            path = _PARAMETER.sub(r"{\1}", rule.rule)
            yield (path, method.lower()), app.view_functions[rule.endpoint]


def _complete(operation: dict[str, Any], view: Callable[..., Any], schemas: dict[str, Any]) -> None:
    permission = str(declared(view))
    operation["operationId"] = view.__name__
    operation["x-permission"] = permission
    operation["security"] = _security(permission)
    if permission != ANYONE:
        operation["x-actors"] = sorted(kind.value for kind in PERMISSIONS[permission])
    names = inspect.unwrap(view).__code__.co_names
    parameters = operation.setdefault("parameters", [])
    if (required := idempotency.key_required(view)) is not None:
        parameters.append({**IDEMPOTENCY_KEY, "required": required})
        if required:
            operation["responses"]["400"] = _problem(f"Without an {idempotency.HEADER}")
    if permission in DELEGATED:
        parameters.append(ACTING_FOR)
        operation["x-delegated"] = sorted(DELEGATED[permission])
    parameters.extend(_versions(names))
    _complete_answers(operation, permission)
    for content, sent in _contents(operation):
        for media in content.values():
            if "schema" in media:
                media.setdefault("example", example_of(media["schema"], schemas, sent=sent))


def _versions(names: Collection[str]) -> Iterator[dict[str, Any]]:
    if "required_version" in names:
        yield {**IF_MATCH, "required": True}
    elif "expected_version" in names:
        yield IF_MATCH


def _security(permission: str) -> list[dict[str, list[str]]]:
    if permission == ANYONE:
        return []
    kinds = {kind.value for kind in PERMISSIONS[permission]}
    return _OF_CLIENTS if kinds <= _CLIENTS else _SECURITY


def _complete_answers(operation: dict[str, Any], permission: str) -> None:
    answers = operation["responses"]
    answers["default"] = _problem("Something went wrong")
    if permission != ANYONE:
        answers["401"] = _problem("Not signed in")
        answers["403"] = _problem("Not allowed")
    if "requestBody" in operation:
        answers["415"] = _problem("Not JSON")
        if "422" not in answers or "$ref" in answers["422"]:
            answers["422"] = _problem("A member can't be used")
    elif "$ref" in answers.get("422", {}):
        answers["422"] = _problem("A parameter can't be used")


def _problem(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {_PROBLEM: {"schema": schema}}}


def _contents(operation: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bool]]:
    """The contents of an operation's bodies, and whether each is one that is sent."""
    if "requestBody" in operation:
        yield operation["requestBody"]["content"], True
    for status, answer in operation["responses"].items():
        if status.startswith("2") and "content" in answer:
            yield answer["content"], False
