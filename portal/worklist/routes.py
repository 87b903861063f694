"""The HTTP calls of this slice."""

from portal.core.web import Blueprint

blueprint = Blueprint("worklist", __name__, "")
