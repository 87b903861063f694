"""Pages for people: without scripts, and without anything from elsewhere."""

from flask import Response, render_template

from portal import __version__

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"


def page(template: str, **values: object) -> Response:
    """A template as an answer; what is filled in is escaped."""
    response = Response(render_template(template, version=__version__, **values))
    response.headers["Content-Security-Policy"] = POLICY
    return response
