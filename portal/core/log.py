"""Structured logs without patients' data, and the request id that follows the work."""

import logging
import re
import sys
import traceback
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TextIO, cast

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


def name_of(error: BaseException) -> str:
    """What kind of error it is, without its message: a database's names the values of a row."""
    cause = getattr(error, "orig", None) or error
    state, diagnosis = getattr(cause, "sqlstate", None), getattr(cause, "diag", None)
    details = [state, getattr(diagnosis, "constraint_name", None)]
    known = " ".join(str(detail) for detail in details if detail)
    return f"{type(error).__name__} ({known})" if known else type(error).__name__


def where(error: BaseException) -> str:
    """The kind of an error and the last place in our own code that it came through."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if {"portal", "workers"} & {*Path(frame.filename).parts[-4:]}]
    return f"{name_of(error)} at {_place((ours or frames)[-1])}" if frames else name_of(error)


def _place(frame: traceback.FrameSummary) -> str:
    return f"{'/'.join(Path(frame.filename).parts[-3:])}:{frame.lineno} in {frame.name}"


def _traceback_of(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    lines = [*map(_place, frames), name_of(error)]
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(([_traceback_of(before), "then"] if before else []) + lines)


def _traceback_without_messages(_logger: Any, _name: str, event: EventDict) -> EventDict:
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        event["exception"] = _traceback_of(error)
    return event


class _MayBeGone:
    """A stream that nobody may be reading any more: a request is not to fail for its log line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


def configure_logging(level: str = "INFO") -> None:
    """JSON lines to standard error. Third parties' loggers only from WARNING up."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _with_request_id,
            _only_allowed,
            _traceback_without_messages,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        # A line and its end in one write: several processes may share the pipe.
        logger_factory=structlog.WriteLoggerFactory(file=cast(TextIO, _MayBeGone(sys.stderr))),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, force=True)
