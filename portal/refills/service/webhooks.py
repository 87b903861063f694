"""A pharmacy's webhook: registered, paused when it is dead, resumed."""

import base64
import secrets
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.core import outbox
from portal.core.actor import Actor
from portal.core.crypto import Vault
from portal.core.ids import new_id
from portal.refills.errors import WebhookNotFound
from portal.refills.gateway import GONE, Push, check_url
from portal.refills.pharmacy_model import (
    OrderKind,
    PharmacyOrder,
    PharmacyWebhook,
    WebhookAttempt,
    WebhookStatus,
)
from portal.worklist import service as worklist
from portal.worklist.states import Priority, WorkItemKind

FAILURES_BEFORE_PAUSE = 10
_KINDS = {
    OrderKind.FILL: "order.placed",
    OrderKind.UPDATE: "order.updated",
    OrderKind.CANCEL: "order.cancelled",
}


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def get_webhook(session: Session, pharmacy_id: UUID) -> PharmacyWebhook:
    """Raises WebhookNotFound."""
    webhook = session.get(PharmacyWebhook, pharmacy_id, with_for_update=True)
    if webhook is None:
        raise WebhookNotFound()
    return webhook


def register_webhook(
    *,
    session: Session,
    actor: Actor,
    url: str,
    private_hosts: bool,
    vault: Vault,
    now: datetime,
) -> tuple[PharmacyWebhook, str]:
    """Register or replace the endpoint; the secret is shown this once. Raises WebhookUnusable."""
    check_url(url, private_hosts=private_hosts)
    webhook = session.get(PharmacyWebhook, actor.id, with_for_update=True)
    if webhook is None:
        webhook = PharmacyWebhook(pharmacy_id=actor.id, failures=0)
        session.add(webhook)
    secret = _new_secret()
    webhook.url = url
    webhook.secret_sealed = vault.seal(secret)
    webhook.changed_at = now
    _activate(webhook)
    session.flush()
    _push_waiting(session, actor.id, now)
    return webhook, secret


def _activate(webhook: PharmacyWebhook) -> None:
    webhook.status = WebhookStatus.ACTIVE
    webhook.failures = 0
    webhook.paused_at = None


def rotate_secret(
    *, session: Session, actor: Actor, vault: Vault, now: datetime
) -> tuple[PharmacyWebhook, str]:
    """A new secret, good at once. Raises WebhookNotFound."""
    webhook = get_webhook(session, actor.id)
    secret = _new_secret()
    webhook.secret_sealed = vault.seal(secret)
    webhook.changed_at = now
    return webhook, secret


def resume_webhook(*, session: Session, actor: Actor, now: datetime) -> PharmacyWebhook:
    """Push again, beginning with what waits. Raises WebhookNotFound."""
    webhook = get_webhook(session, actor.id)
    _activate(webhook)
    webhook.changed_at = now
    session.flush()
    _push_waiting(session, actor.id, now)
    return webhook


def remove_webhook(*, session: Session, actor: Actor) -> None:
    """Raises WebhookNotFound."""
    session.delete(get_webhook(session, actor.id))


def _push_waiting(session: Session, pharmacy_id: UUID, now: datetime) -> None:
    waiting = session.scalars(
        select(PharmacyOrder.id).where(
            PharmacyOrder.pharmacy_id == pharmacy_id, PharmacyOrder.acknowledged_at.is_(None)
        )
    )
    for order_id in waiting:
        outbox.emit(session, "pharmacy_order.push", now=now, order_id=order_id)


def prepare_push(*, session: Session, order_id: UUID, vault: Vault, now: datetime) -> Push | None:
    """What to send for an order; None when nobody wants it any more."""
    order = session.get(PharmacyOrder, order_id)
    if order is None or order.acknowledged_at is not None:
        return None
    webhook = session.get(PharmacyWebhook, order.pharmacy_id)
    if webhook is None or webhook.status != WebhookStatus.ACTIVE:
        return None
    return Push(
        url=webhook.url,
        secret=vault.open(webhook.secret_sealed),
        id=str(order.id),
        kind=_KINDS[OrderKind(order.kind)],
        data={"order_id": str(order.id), "refill_id": str(order.refill_id)},
        at=now,
    )


def record_push(
    *,
    session: Session,
    order_id: UUID,
    status_code: int | None,
    error: str | None,
    final: bool = False,
    now: datetime,
) -> None:
    """Keep an attempt in the ledger. An endpoint that is gone or dead, or that never took this
    order (`final`), is paused, so that somebody calls the pharmacy."""
    order = session.get_one(PharmacyOrder, order_id)
    session.add(
        WebhookAttempt(
            id=new_id(),
            order_id=order.id,
            pharmacy_id=order.pharmacy_id,
            at=now,
            outcome="failed" if error or status_code == GONE else "sent",
            status_code=status_code,
            detail=error,
        )
    )
    webhook = session.get(PharmacyWebhook, order.pharmacy_id, with_for_update=True)
    if webhook is None:
        return
    if error is None and status_code != GONE:
        webhook.failures = 0
        webhook.last_success_at = now
        return
    webhook.failures += 1
    webhook.last_failure_at = now
    webhook.last_failure = error or "gone"
    if final or status_code == GONE or webhook.failures >= FAILURES_BEFORE_PAUSE:
        _pause(session, webhook, now)


def _pause(session: Session, webhook: PharmacyWebhook, now: datetime) -> None:
    """Orders wait in the pull feed from now on, and somebody calls the pharmacy."""
    if webhook.status == WebhookStatus.PAUSED:
        return
    webhook.status = WebhookStatus.PAUSED
    webhook.paused_at = now
    worklist.open_for_operations(
        session=session,
        kind=WorkItemKind.FEED_PAUSED,
        subject_id=webhook.pharmacy_id,
        priority=Priority.URGENT,
        now=now,
    )
