"""The calls of pharmacies: orders, status updates, renewals, health, webhook."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy import Row

from portal.core import problems
from portal.core.actor import WORKER, Actor
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.errors import Conflict
from portal.core.json import json_response
from portal.core.paging import aware_time, decode_key, encode_key, page_by
from portal.core.permissions import requires
from portal.core.web import Blueprint, current_actor, extension
from portal.refills import pharmacy_queries as queries
from portal.refills import service
from portal.refills.errors import FeedNotFound, RefillNotFound
from portal.refills.pharmacy_schemas import (
    AcknowledgedSchema,
    AcknowledgeSchema,
    AnswerSchema,
    AnswersSchema,
    BatchSchema,
    CancellationAnswerSchema,
    CancellationStandsSchema,
    FeedSchema,
    OrdersPageSchema,
    OrdersQuery,
    RegisteredSchema,
    RenewalAnswerSchema,
    RenewalRequestSchema,
    UpdatePage,
    UpdatesQuery,
    WebhookHealthSchema,
    WebhookSchema,
    read_update,
)
from portal.refills.pharmacy_views import (
    cancellation_view,
    feed_view,
    order_view,
    problem_view,
    update_view,
)
from portal.refills.service import Answer, AnswerCancellation, RequestRenewal

blueprint = Blueprint("pharmacies", __name__, "The pharmacies' side of refills")


def _transaction_id(value: str) -> int:
    number = int(value)
    if not 0 <= number < 2**63:
        raise ValueError("not a transaction id")
    return number


@blueprint.route("/pharmacy/orders", methods=["GET"])
@requires("pharmacy.orders")
@blueprint.arguments(OrdersQuery, location="query")
@blueprint.response(200, OrdersPageSchema)
def list_orders(query: dict[str, Any]) -> Response:
    """Pull orders

    Without a cursor: what you have not acknowledged yet. With `next` of the page before: what
    came since. A cursor never passes over an order; poll with the last one you got.
    """
    actor = current_actor()
    after: Any = decode_key(query["after"], _transaction_id, UUID, pointer="#query/after")
    with transaction(actor) as session:
        rows = service.read_orders(
            session=session, actor=actor, after=after, limit=query["limit"], now=utcnow()
        )
    cursor = encode_key(rows[-1].row.xact, rows[-1].row.id) if rows else query["after"]
    return json_response(
        {"items": [order_view(*row) for row in rows], "next": cursor, "sources": []}
    )


@blueprint.route("/pharmacy/orders/<uuid:refill_id>/acknowledge", methods=["POST"])
@requires("pharmacy.orders")
@blueprint.arguments(AcknowledgeSchema)
@blueprint.response(200, AcknowledgedSchema)
def acknowledge(_body: dict[str, Any], refill_id: UUID) -> dict[str, Any]:
    """Acknowledge an order: you have it

    Twice is the same as once. `withdrawn`, `cancelled` and `held` mean: leave it.
    """
    actor = current_actor()
    with transaction(actor) as session:
        status = service.acknowledge(
            session=session, actor=actor, refill_id=refill_id, now=utcnow()
        )
    return {"refill_id": refill_id, "status": status}


@blueprint.route("/pharmacy/orders/<uuid:refill_id>/cancellation", methods=["POST"])
@requires("pharmacy.orders")
@blueprint.arguments(CancellationAnswerSchema)
@blueprint.response(200, CancellationStandsSchema)
def answer_cancellation(command: AnswerCancellation, refill_id: UUID) -> Response:
    """Answer a `cancel`: you left it, or had handed it over already

    As NCPDP SCRIPT has it (CancelRxResponse). The same answer again changes nothing. What you
    handed over counts from `handed_over_at`, or from now.
    """
    actor = current_actor()
    with transaction(actor) as session:
        refill = service.answer_cancellation(
            session=session,
            by=actor,
            refill_id=refill_id,
            command=command,
            now=utcnow(),
        )
        view = cancellation_view(refill)
    return json_response(view)


@blueprint.route("/refills/<uuid:refill_id>/cancellation", methods=["POST"])
@requires("refill.liaise")
@blueprint.arguments(CancellationAnswerSchema)
@blueprint.response(200, CancellationStandsSchema)
def record_cancellation(command: AnswerCancellation, refill_id: UUID) -> Response:
    """Record what a pharmacy that you called says about an order that was taken back"""
    actor = current_actor()
    with transaction(actor) as session:
        if queries.refill_is_seen(session, refill_id) is None:
            raise RefillNotFound()
    with transaction(WORKER) as session:
        refill = service.answer_cancellation(
            session=session,
            by=actor,
            refill_id=refill_id,
            command=command,
            now=utcnow(),
        )
        view = cancellation_view(refill)
    return json_response(view)


@blueprint.route("/pharmacy/status-updates", methods=["POST"])
@requires("pharmacy.report")
@blueprint.arguments(BatchSchema)
@blueprint.response(200, AnswersSchema)
def post_updates(body: dict[str, Any]) -> Response:
    """Post status updates

    Up to 1,000 at once, each with its own outcome, in the order in which you sent them. The same
    `event_id` with the same content is a `duplicate`, with another content a `conflict`. What is
    `late` or `quarantined` is kept, can be listed and replayed.
    """
    actor, now = current_actor(), utcnow()
    items = [read_update(content) for content in body["updates"]]
    with transaction(actor) as session:
        answers = service.take_updates(session=session, actor=actor, items=items, now=now)
    return json_response({"items": [_answer_view(answer) for answer in answers]})


def _answer_view(answer: Answer) -> dict[str, Any]:
    view: dict[str, Any] = {"event_id": answer.event_id, "outcome": answer.outcome}
    if answer.refill_status is not None:
        view["refill_status"] = answer.refill_status
    if answer.problem is not None:
        view["problem"] = problem_view(answer.outcome, answer.problem)
    return view


@blueprint.route("/pharmacy/renewal-requests", methods=["POST"])
@requires("pharmacy.report")
@blueprint.arguments(RenewalRequestSchema)
@blueprint.response(201, RenewalAnswerSchema)
def request_renewal(body: dict[str, Any]) -> Response:
    """Ask the prescriber to renew a prescription without refills

    By the refill number on the label. The same `event_id` again changes nothing.
    """
    actor, now = current_actor(), utcnow()
    with transaction(actor) as session:
        answer = service.request_renewal(
            session=session, actor=actor, command=RequestRenewal(**body), now=now
        )
    if answer.outcome == "conflict":
        raise Conflict(
            "This event_id came with another content before: use a new one.", outcome="conflict"
        )
    view: dict[str, Any] = {
        "event_id": body["event_id"],
        "outcome": answer.outcome,
        "refill_id": answer.refill_id,
    }
    if answer.error is not None:
        view["problem"] = problems.document(answer.error)
    status = {"accepted": 201, "duplicate": 200, "rejected": 422}[answer.outcome]
    return json_response(view, status)


def _feed(actor: Actor, pharmacy_id: UUID) -> Response:
    with transaction(actor) as session:
        row = queries.health(session, pharmacy_id)
    if row is None:
        raise FeedNotFound()
    return json_response(feed_view(row))


@blueprint.route("/pharmacy/feed", methods=["GET"])
@requires("pharmacy.report")
@blueprint.response(200, FeedSchema)
def read_feed() -> Response:
    """Read how your connection is: last heard, late, quarantined, not acknowledged"""
    actor = current_actor()
    return _feed(actor, actor.id)


@blueprint.route("/pharmacies/<uuid:pharmacy_id>/feed", methods=["GET"])
@requires("refill.liaise")
@blueprint.response(200, FeedSchema)
def read_pharmacys_feed(pharmacy_id: UUID) -> Response:
    """Read how a pharmacy's connection is (for the pharmacy liaison)"""
    return _feed(current_actor(), pharmacy_id)


@blueprint.route("/pharmacy/updates", methods=["GET"])
@requires("pharmacy.report")
@blueprint.arguments(UpdatesQuery, location="query")
@blueprint.response(200, UpdatePage)
def list_updates(query: dict[str, Any]) -> Response:
    """List the updates that you sent, as they were received, newest first"""
    actor = current_actor()
    return _updates(actor, actor.id, query)


@blueprint.route("/pharmacies/<uuid:pharmacy_id>/updates", methods=["GET"])
@requires("refill.liaise")
@blueprint.arguments(UpdatesQuery, location="query")
@blueprint.response(200, UpdatePage)
def list_pharmacys_updates(query: dict[str, Any], pharmacy_id: UUID) -> Response:
    """List what a pharmacy sent about your patients (for the pharmacy liaison)"""
    return _updates(current_actor(), pharmacy_id, query)


def _updates(actor: Actor, pharmacy_id: UUID, query: dict[str, Any]) -> Response:
    after, limit = decode_key(query["cursor"], aware_time, str), query["limit"]
    with transaction(actor) as session:
        rows: Sequence[Row[Any]] = queries.updates(
            session, pharmacy_id, outcome=query["outcome"], after=after, limit=limit
        )
    page = page_by(rows, limit, lambda row: (row.received_at, row.event_id))
    items = [update_view(row) for row in page.items]
    return json_response({"items": items, "next": page.next, "sources": []})


@blueprint.route("/pharmacy/updates/<string(maxlength=100):event_id>/replay", methods=["POST"])
@requires("pharmacy.report")
@blueprint.response(200, AnswerSchema)
def replay(event_id: str) -> Response:
    """Try an update again that was kept aside, against where the refill stands now"""
    actor = current_actor()
    with transaction(actor) as session:
        answer = service.replay(
            session=session, actor=actor, event_id=event_id, read=read_update, now=utcnow()
        )
    return json_response(_answer_view(answer))


@blueprint.route("/pharmacy/updates/<string(maxlength=100):event_id>/withdraw", methods=["POST"])
@requires("pharmacy.report")
@blueprint.response(200, AnswerSchema)
def withdraw_update(event_id: str) -> Response:
    """Withdraw an update that was kept aside: it was a mistake, and nobody need ask about it

    Twice is the same as once. What was applied is corrected by another update.
    """
    actor = current_actor()
    with transaction(actor) as session:
        answer = service.withdraw_update(
            session=session, actor=actor, event_id=event_id, now=utcnow()
        )
    return json_response(_answer_view(answer))


@blueprint.route("/pharmacy/webhook", methods=["GET"])
@requires("pharmacy.webhook")
@blueprint.response(200, WebhookHealthSchema)
def read_webhook() -> Any:
    """Read how your webhook is"""
    actor = current_actor()
    with transaction(actor) as session:
        return service.webhooks.get_webhook(session, actor.id)


@blueprint.route("/pharmacy/webhook", methods=["PUT"])
@requires("pharmacy.webhook")
@blueprint.arguments(WebhookSchema)
@blueprint.response(200, RegisteredSchema)
def register_webhook(body: dict[str, Any]) -> dict[str, Any]:
    """Register the address to which orders are pushed

    Signed as Standard Webhooks has it; the secret is shown this once. An endpoint that fails ten
    times in a row is paused: orders then wait in the pull feed until you resume it.
    """
    actor = current_actor()
    with transaction(actor) as session:
        webhook, secret = service.webhooks.register_webhook(
            session=session,
            actor=actor,
            url=body["url"],
            private_hosts=extension("config").webhook_private_hosts,
            vault=extension("vault"),
            now=utcnow(),
        )
    return {"url": webhook.url, "status": webhook.status, "secret": secret}


@blueprint.route("/pharmacy/webhook", methods=["DELETE"])
@requires("pharmacy.webhook")
@blueprint.response(204)
def remove_webhook() -> None:
    """Do without pushes; orders stay in the pull feed"""
    actor = current_actor()
    with transaction(actor) as session:
        service.webhooks.remove_webhook(session=session, actor=actor)


@blueprint.route("/pharmacy/webhook/rotate", methods=["POST"])
@requires("pharmacy.webhook")
@blueprint.response(200, RegisteredSchema)
def rotate_webhook_secret() -> dict[str, Any]:
    """Get a new secret for the webhook, good at once"""
    actor = current_actor()
    with transaction(actor) as session:
        webhook, secret = service.webhooks.rotate_secret(
            session=session, actor=actor, vault=extension("vault"), now=utcnow()
        )
    return {"url": webhook.url, "status": webhook.status, "secret": secret}


@blueprint.route("/pharmacy/webhook/resume", methods=["POST"])
@requires("pharmacy.webhook")
@blueprint.response(200, WebhookHealthSchema)
def resume_webhook() -> Any:
    """Push again, beginning with what waits"""
    actor = current_actor()
    with transaction(actor) as session:
        return service.webhooks.resume_webhook(session=session, actor=actor, now=utcnow())
