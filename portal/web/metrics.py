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
from portal.web.gauge_queries import GAUGES

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class LoopsCollector:
    """Gauges that are read from the database at each scrape: no process keeps state."""

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("careloop_database_up", "Whether the database answers")
        try:
            with transaction(WORKER) as session:
                families = [
                    _family(name, told, labels, session.execute(text(query)).all())
                    for name, told, labels, query in GAUGES
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
