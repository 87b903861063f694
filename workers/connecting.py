"""Processes that live on a database connection of their own, and get another when it breaks."""

import time
from collections.abc import Callable
from typing import Any

import psycopg
import structlog
from psycopg import sql
from psycopg.rows import namedtuple_row

from portal.config import Config
from portal.core.actor import WORKER

log = structlog.get_logger(__name__)

Connection = psycopg.Connection[Any]
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
STEP_SECONDS = 0.1


def connect(config: Config, name: str) -> Connection:
    """A connection of the process's own, each statement a transaction, as the workers' role."""
    connection = psycopg.connect(
        config.database_url.replace("postgresql+psycopg://", "postgresql://", 1),
        autocommit=True,
        application_name=f"careloop-{name}",
        row_factory=namedtuple_row,
    )
    role = sql.Identifier(WORKER.kind.database_role)
    connection.execute(sql.SQL("SET ROLE {}").format(role))
    return connection


def listen(connection: Connection, channel: str) -> None:
    """Hear what is notified on a channel."""
    connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))


def serve_connected(
    opened: Callable[[], Connection],
    serve: Callable[[Connection], None],
    *,
    name: str,
    away: tuple[type[Exception], ...],
    stopping: Callable[[], bool],
) -> None:
    """Serve until told to stop. What is `away` is waited for, with growing pauses."""
    pause = FIRST_PAUSE_SECONDS
    while not stopping():
        started = time.monotonic()
        try:
            with opened() as connection:
                log.info("connected", process=name)
                serve(connection)
        except away as error:
            if time.monotonic() - started > LONGEST_PAUSE_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            said = type(error).__name__
            log.warning("interrupted", process=name, error=said, seconds=pause)
            sleep(pause, stopping)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def sleep(seconds: float, enough: Callable[[], bool]) -> None:
    """Sleep, but not beyond the moment at which it is enough."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and not enough():
        time.sleep(STEP_SECONDS)
