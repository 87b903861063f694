"""Races on purpose: several calls at the same moment, each in a thread of its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from flask import current_app

SECONDS = 300


def at_once(*jobs: Callable[[], Any]) -> list[Any]:
    """What the jobs return, started together; real threads, transactions and commits."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    start = Barrier(len(jobs))

    def run(job: Callable[[], Any]) -> Any:
        with app.app_context():
            start.wait(SECONDS)
            return job()

    with ThreadPoolExecutor(len(jobs)) as pool:
        running = [pool.submit(run, job) for job in jobs]
        return [one.result(SECONDS) for one in running]
