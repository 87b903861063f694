"""Accepting connections at a socket that several processes listen at.

Connections last for hours, and the kernel gives them to whoever is first. So that they come to be
spread, a process is the later the more of them it has.
"""

import select
import socket
import time
from collections.abc import Callable, Iterator

import structlog

log = structlog.get_logger(__name__)

TURN_SECONDS = 0.002
LONGEST_SECONDS = 0.1
PAUSE_SECONDS = 1.0


def in_turns(
    listening: socket.socket, stopped: socket.socket, has: Callable[[], int]
) -> Iterator[socket.socket]:
    """Connections as they are made, until there is something to read at `stopped`. `has` tells how
    many connections this process has."""
    listening.setblocking(False)
    waiting = select.poll()
    waiting.register(listening, select.POLLIN)
    waiting.register(stopped, select.POLLIN)
    while stopped.fileno() not in (ready for ready, _event in waiting.poll()):
        time.sleep(min(has() * TURN_SECONDS, LONGEST_SECONDS))
        try:
            connection, _address = listening.accept()
        except (BlockingIOError, ConnectionError):
            continue  # another process was first, or the caller has gone
        except OSError as error:  # out of descriptors or memory: others may give some back
            log.error("accept_failed", error=type(error).__name__, number=error.errno)
            time.sleep(PAUSE_SECONDS)
            continue
        yield connection
