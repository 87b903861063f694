"""The OpenAPI document: what the schemas don't say is filled in from the code that decides it."""

from typing import Any

from flask import Flask
from flask_smorest import Api

from portal import __version__

SETTINGS: dict[str, Any] = {
    "API_TITLE": "Careloop",
    "API_VERSION": "v1",
    "OPENAPI_VERSION": "3.1.0",
    "OPENAPI_URL_PREFIX": "/api",
    "OPENAPI_JSON_PATH": "openapi.json",
    "API_SPEC_OPTIONS": {"info": {"version": __version__}},
}


def complete(api: Api, app: Flask) -> None:
    """Add to each operation who may call it, and the problem document as its error answer."""
