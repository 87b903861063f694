"""What this process depends on, each asked by name."""

import smtplib
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import redis
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from portal.config import Config
from portal.core.db import read_once
from portal.web import starting

SECONDS = 2


@dataclass(frozen=True, slots=True)
class Dependency:
    """Something outside this process. Without one that is needed, requests can't be served."""

    name: str
    ready: bool
    needed: bool
    waiting: str = "away"

    @property
    def status(self) -> str:
        return "ok" if self.ready else self.waiting


def dependencies(config: Config) -> list[Dependency]:
    """Ask each. Mail that is away delays e-mails alone: they wait in the outbox."""
    found = [
        Dependency("database", _answers(_ask_database), needed=True),
        Dependency("queue", _answers(lambda: _ask_queue(config.redis_url)), needed=False),
        Dependency("mail", _answers(lambda: _ask_mail(config.smtp_url)), needed=False),
    ]
    if starting.read(config.var):  # `make run` is under way
        found.append(Dependency("preparation", ready=False, needed=True, waiting="loading"))
    return found


def _answers(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except (SQLAlchemyError, redis.RedisError, smtplib.SMTPException, OSError):
        return False
    return True


def _ask_database() -> None:
    read_once(text("SELECT 1"), {})


def _ask_queue(url: str) -> None:
    with redis.Redis.from_url(url, socket_timeout=SECONDS, socket_connect_timeout=SECONDS) as queue:
        queue.ping()


def _ask_mail(url: str) -> None:
    parts = urlsplit(url)
    with smtplib.SMTP(parts.hostname or "", parts.port or 25, timeout=SECONDS) as server:
        server.noop()
