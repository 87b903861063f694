"""Calls outside the API: the start page, its documentation, health and metrics."""

from flask import Blueprint, Response, current_app

from portal import __version__
from portal.core.errors import NotFound
from portal.core.json import json_response
from portal.core.pages import page
from portal.core.permissions import public
from portal.core.web import extension
from portal.web import metrics, starting
from portal.web.demo_logins import demo_logins
from portal.web.problem_types import problem_types
from portal.web.readiness import dependencies
from portal.web.reference import reference

blueprint = Blueprint("pages", __name__, template_folder="templates")


@blueprint.get("/")
@public
def start() -> Response:
    """What is running here, and where to go on."""
    config = extension("config")
    return page(
        "start.html",
        dependencies=dependencies(config),
        environment=config.environment,
        base_url=config.base_url,
        logins=demo_logins(config),
        step=starting.read(config.var),
    )


@blueprint.get("/api/openapi.json")
@public
def openapi_json() -> Response:
    """The OpenAPI document."""
    return json_response(current_app.extensions["careloop.openapi"])


@blueprint.get("/api/docs")
@public
def docs() -> Response:
    """The OpenAPI document, to be read."""
    return page("docs.html", reference=reference(current_app.extensions["careloop.openapi"]))


@blueprint.get("/problems/")
@public
def list_problems() -> Response:
    """Every kind of problem."""
    return page("problems.html", problems=problem_types().values())


@blueprint.get("/problems/<name>")
@public
def show_problem(name: str) -> Response:
    """What a kind of problem means."""
    found = problem_types().get(name)
    if found is None:
        raise NotFound("There is no such kind of problem: see /problems/.")
    return page("problems.html", problems=[found])


@blueprint.get("/healthz")
@public
def healthz() -> Response:
    """The process answers."""
    return json_response({"status": "ok", "version": __version__})


@blueprint.get("/readyz")
@public
def readyz() -> Response:
    """Each dependency by name; 503 when one is away without which nothing can be served."""
    found = dependencies(extension("config"))
    ready = all(one.ready for one in found if one.needed)
    body = {
        "status": "ok" if ready else next(d.status for d in found if d.needed and not d.ready),
        "dependencies": {one.name: one.status for one in found},
    }
    return json_response(body, 200 if ready else 503)


@blueprint.get("/metrics")
@public
def show_metrics() -> Response:
    """For Prometheus: latencies, outbox lag, oldest open loops, feed health."""
    return Response(metrics.exposition(), content_type=metrics.CONTENT_TYPE)
