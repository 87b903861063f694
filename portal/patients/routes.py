"""The HTTP calls of this slice."""

from portal.core.web import Blueprint

blueprint = Blueprint("patients", __name__, "")
