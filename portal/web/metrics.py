"""Prometheus metrics: what the processes measured, and how the loops stand in the database."""

import os
from collections.abc import Iterator

from prometheus_client import REGISTRY, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from portal.core.actor import WORKER
from portal.core.db import transaction

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# name, help, labels, statement giving the labels and then the value
_GAUGES: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    (
        "careloop_outbox_events",
        "Events that are not done",
        ("status",),
        "SELECT status, count(*) FROM outbox_event WHERE status <> 'done' GROUP BY status",
    ),
    (
        "careloop_outbox_lag_seconds",
        "How long the oldest event that is due has waited",
        (),
        "SELECT coalesce(extract(epoch FROM now() - min(due_at)), 0) FROM outbox_event "
        "WHERE status IN ('pending', 'published') AND due_at <= now()",
    ),
    (
        "careloop_open_work_items",
        "Open work items",
        ("kind",),
        "SELECT kind, count(*) FROM work_item WHERE status IN ('open', 'claimed') GROUP BY kind",
    ),
    (
        "careloop_oldest_open_work_item_seconds",
        "Age of the oldest open work item",
        ("kind",),
        "SELECT kind, extract(epoch FROM now() - min(created_at)) FROM work_item "
        "WHERE status IN ('open', 'claimed') GROUP BY kind",
    ),
    (
        "careloop_oldest_open_refill_seconds",
        "Age of the oldest refill that has not come to its end",
        ("status",),
        "SELECT status, extract(epoch FROM now() - min(requested_at)) FROM refill "
        "WHERE closed_at IS NULL GROUP BY status",
    ),
    (
        "careloop_feed_last_heard_seconds",
        "How long ago a pharmacy was heard",
        ("pharmacy_id",),
        "SELECT pharmacy_id::text, extract(epoch FROM now() - greatest(last_pull_at, "
        "last_update_at)) FROM pharmacy_feed",
    ),
    (
        "careloop_feed_unacknowledged_orders",
        "Orders that a pharmacy has not acknowledged",
        ("pharmacy_id",),
        "SELECT pharmacy_id::text, count(*) FROM pharmacy_order WHERE acknowledged_at IS NULL "
        "GROUP BY pharmacy_id",
    ),
)


class LoopsCollector:
    """Gauges that are read from the database at each scrape: no process keeps state."""

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("careloop_database_up", "Whether the database answers")
        try:
            with transaction(WORKER) as session:
                families = [
                    _family(name, told, labels, session.execute(text(query)).all())
                    for name, told, labels, query in _GAUGES
                ]
        except SQLAlchemyError:
            families = []
        up.add_metric([], 1 if families else 0)
        yield up
        yield from families


def _family(name: str, told: str, labels: tuple[str, ...], rows: object) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, told, labels=labels)
    for *values, number in rows:  # type: ignore[attr-defined]
        family.add_metric([str(value) for value in values], float(number or 0))
    return family


def exposition() -> bytes:
    """All metrics in the text format of Prometheus."""
    loops = CollectorRegistry()
    loops.register(LoopsCollector())
    return generate_latest(_measured()) + generate_latest(loops)


def _measured() -> CollectorRegistry:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    return together
