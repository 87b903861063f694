"""What the processes measure of themselves. With PROMETHEUS_MULTIPROC_DIR set, all processes of a
machine count into files of that folder, and any of them can show the sums."""

from prometheus_client import Histogram

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

REQUESTS = Histogram(
    "careloop_request_seconds",
    "Time from a request's arrival to its answer",
    ("method", "route", "status"),
    buckets=_BUCKETS,
)
TASKS = Histogram(
    "careloop_task_seconds",
    "Time that a batch of events of one kind took in a worker",
    ("kind",),
    buckets=_BUCKETS,
)
