"""Structured logs without patients' data, and the request id that follows the work."""

import logging
import re
import sys
from contextvars import ContextVar
from typing import Any

import structlog
from structlog.typing import EventDict

from portal.core.ids import new_id

_request_id: ContextVar[str] = ContextVar("request_id", default="")
_ACCEPTABLE = re.compile(r"[A-Za-z0-9._-]{8,64}")

# What may appear in a log line. Anything else is dropped: a name or a note that somebody passes
# by mistake must not reach the log.
ALLOWED_KEYS = frozenset(
    [
        "event",
        "level",
        "timestamp",
        "logger",
        "request_id",
        "method",
        "route",
        "status",
        "duration_ms",
        "kind",
        "task",
        "event_id",
        "attempt",
        "outcome",
        "error",
        "exception",
        "count",
        "actor_kind",
        "queue",
        "batch",
        "lag_seconds",
        "process",
        "signal",
        "resource",
        "exc_info",
        "port",
        "reason",
        "due",
        "seconds",
    ]
)


def request_id() -> str:
    return _request_id.get()


def bind_request_id(value: str | None) -> str:
    """Take over the caller's id where it is well-formed, else make one."""
    chosen = value if value and _ACCEPTABLE.fullmatch(value) else new_id().hex
    _request_id.set(chosen)
    return chosen


def _only_allowed(_logger: Any, _name: str, event: EventDict) -> EventDict:
    return {key: value for key, value in event.items() if key in ALLOWED_KEYS}


def _with_request_id(_logger: Any, _name: str, event: EventDict) -> EventDict:
    if current := _request_id.get():
        event.setdefault("request_id", current)
    return event


def configure_logging(level: str = "INFO") -> None:
    """JSON lines to standard error. Third parties' loggers only from WARNING up."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _with_request_id,
            _only_allowed,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, force=True)
