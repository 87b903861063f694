"""Queues: what reaches outside waits apart, so that a slow mail server never delays a refill."""

from workers.registry import DELIVERERS

INTERACTIVE = "interactive"
DELIVERIES = "deliveries"
ALL = (INTERACTIVE, DELIVERIES)


def queue_of(kind: str) -> str:
    return DELIVERIES if kind in DELIVERERS else INTERACTIVE
