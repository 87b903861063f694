"""Calls outside the API: health for whoever runs this."""

from flask import Blueprint, Response
from sqlalchemy import text

from portal.core.db import read_once
from portal.core.json import json_response
from portal.core.permissions import public

blueprint = Blueprint("pages", __name__)


@blueprint.get("/healthz")
@public
def healthz() -> Response:
    """The process answers."""
    return json_response({"status": "ok"})


@blueprint.get("/readyz")
@public
def readyz() -> Response:
    """Each dependency by name."""
    read_once(text("SELECT 1"), {})
    return json_response({"status": "ok"})
