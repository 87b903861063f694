"""gunicorn's settings: threads, since requests mostly wait for the database."""

import os
from typing import Any

from prometheus_client.multiprocess import mark_process_dead

bind = os.environ.get("PORTAL_BIND", "127.0.0.1:8000")
workers = int(os.environ.get("PORTAL_WEB_WORKERS", "2"))
threads = int(os.environ.get("PORTAL_WEB_THREADS", "4"))
worker_class = "gthread"
# The heartbeat's file in memory: a slow disk must not look like a hung worker.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108, PTH112
timeout = 30
graceful_timeout = 5
keepalive = 30
accesslog = None
loglevel = "warning"
limit_request_line = 8190
control_socket_disable = True


def child_exit(_server: Any, worker: Any) -> None:
    """A worker that is gone counts no more as alive."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
