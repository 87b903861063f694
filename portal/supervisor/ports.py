"""Choosing the port of the portal, and free ones for what only we use."""

import os
import socket
from collections.abc import Mapping

PREFERRED = 8000
TRIES = 50


class PortBusyError(Exception):
    """The port that was asked for is taken."""


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A port that nobody listens on, chosen by the system."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def portal_port(environ: Mapping[str, str] = os.environ) -> int:
    """PORTAL_PORT, or the first free one from 8000 on.

    Raises PortBusyError naming the port and the remedy.
    """
    if wanted := environ.get("PORTAL_PORT"):
        if not wanted.isdecimal() or not 0 < int(wanted) < 65536:
            raise PortBusyError(f"PORTAL_PORT={wanted} is not a port: give 1 to 65535.")
        if not is_free(int(wanted)):
            raise PortBusyError(
                f"Port {wanted} is taken by another program: stop that one, or choose another "
                f"with PORTAL_PORT, or leave PORTAL_PORT out to have a free one found."
            )
        return int(wanted)
    for port in range(PREFERRED, PREFERRED + TRIES):
        if is_free(port):
            return port
    raise PortBusyError(
        f"The ports {PREFERRED} to {PREFERRED + TRIES - 1} are all taken: set PORTAL_PORT."
    )
