"""The HTTP calls of this slice."""

from portal.core.web import Blueprint

blueprint = Blueprint("prescriptions", __name__, "")
