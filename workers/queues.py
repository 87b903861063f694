"""Queues: what reaches outside waits apart, so that a slow mail server never delays a refill.

A worker that serves several takes them in this order. At least one worker should serve the
deliveries alone, and one all but the deliveries.
"""

from workers.registry import DELIVERERS

ROUTING = "routing"
INTERACTIVE = "interactive"
DELIVERIES = "deliveries"
ALL = (ROUTING, INTERACTIVE, DELIVERIES)

# Somebody waits for these on a worklist.
_FIRST = frozenset({"work_item.opened"})
CHUNK = 50


def queue_of(kind: str) -> str:
    if kind in DELIVERERS:
        return DELIVERIES
    return ROUTING if kind in _FIRST else INTERACTIVE


def chunk_of(kind: str) -> int:
    """How many events of a kind go into one task: those that reach outside each have their own,
    since each may take as long as a task's time limit allows."""
    return 1 if kind in DELIVERERS else CHUNK
