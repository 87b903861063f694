"""Readable, labelled lines from what the processes log as JSON."""

import json
import sys
import threading
from datetime import datetime
from typing import IO

_COLOURS = {
    "web": 36,
    "relay": 35,
    "worker": 32,
    "beat": 33,
    "mail": 34,
    "postgres": 31,
    "valkey": 31,
    "portal": 1,
}
_HIDDEN = frozenset({"event", "level", "timestamp", "logger", "exception"})
_LABEL_WIDTH = 8
_lock = threading.Lock()


def say(label: str, text: str) -> None:
    """Print a line with the time and who says it."""
    now = datetime.now().astimezone().strftime("%H:%M:%S")
    padded = f"{label:<{_LABEL_WIDTH}}"
    if sys.stdout.isatty():
        padded = f"\033[{_COLOURS.get(label, 0)}m{padded}\033[0m"
    with _lock:
        print(f"{now} {padded} {text}", flush=True)


def readable(line: str) -> str:
    """A JSON log line as a person reads it; anything else as it is."""
    try:
        entry = json.loads(line)
    except ValueError:
        return line
    if not isinstance(entry, dict) or "event" not in entry:
        return line
    level = entry.get("level", "info")
    mark = "" if level == "info" else f"{level.upper()} "
    rest = " ".join(f"{key}={value}" for key, value in entry.items() if key not in _HIDDEN)
    text = f"{mark}{entry['event']} {rest}".rstrip()
    return f"{text}\n{entry['exception']}" if entry.get("exception") else text


def follow(label: str, stream: IO[bytes]) -> None:
    """Print what a process writes, until it ends."""

    def pump() -> None:
        for raw in stream:
            if line := raw.decode(errors="replace").rstrip():
                say(label, readable(line))

    threading.Thread(target=pump, name=f"log-{label}", daemon=True).start()
