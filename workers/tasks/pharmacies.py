"""Pushing orders to pharmacies, and having somebody look into what they report."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.web import extension
from portal.refills import gateway, service
from portal.refills.gateway import Push
from workers.registry import Event, delivers, handles


@dataclass(frozen=True, slots=True)
class Prepared:
    order_id: UUID
    push: Push


class OrderByWebhook:
    """pharmacy_order.push {order_id}"""

    def prepare(self, *, session: Session, event: Event, now: datetime) -> Prepared | None:
        order_id = event.uuid("order_id")
        push = service.webhooks.prepare_push(
            session=session, order_id=order_id, vault=extension("vault"), now=now
        )
        return None if push is None else Prepared(order_id, push)

    def send(self, prepared: Prepared) -> int:
        return gateway.push(prepared.push, private_hosts=extension("config").webhook_private_hosts)

    def record(
        self,
        *,
        session: Session,
        event: Event,
        prepared: Prepared,
        outcome: int,
        now: datetime,
    ) -> None:
        service.webhooks.record_push(
            session=session,
            order_id=prepared.order_id,
            status_code=outcome,
            error=None,
            now=now,
        )

    def record_failure(
        self,
        *,
        session: Session,
        event: Event,
        prepared: Prepared,
        error: str,
        final: bool,
        now: datetime,
    ) -> None:
        service.webhooks.record_push(
            session=session,
            order_id=prepared.order_id,
            status_code=None,
            error=error,
            final=final,
            now=now,
        )


delivers("pharmacy_order.push", OrderByWebhook())


@handles("pharmacy_update.quarantined")
def look_into(*, session: Session, event: Event, now: datetime) -> None:
    service.look_into_update(session=session, refill_id=event.uuid("refill_id"), now=now)


@handles("pharmacy_update.settled")
def close_settled(*, session: Session, event: Event, now: datetime) -> None:
    service.close_settled(session=session, refill_id=event.uuid("refill_id"), now=now)
