"""Choosing the port of the portal, and free ones for what only we use."""

import errno
import os
import socket
from collections.abc import Mapping
from contextlib import suppress

PREFERRED = 8000
# Registered for HL7 over MLLP (IANA).
MLLP_PREFERRED = 2575
TRIES = 50
BACKLOG = 512


class PortBusyError(Exception):
    """The port that was asked for can't be had."""


def claim(port: int, host: str = "127.0.0.1") -> socket.socket:
    """A socket that listens on a port: from now on it is ours, whoever else looks for one.

    Raises OSError when it can't be had.
    """
    _check_other_localhost(port)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    claimed = socket.socket(family, socket.SOCK_STREAM)
    try:
        claimed.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        claimed.bind((host.strip("[]"), port))
        claimed.listen(BACKLOG)
    except OSError:
        claimed.close()
        raise
    return claimed


def _check_other_localhost(port: int) -> None:
    """Browsers ask for `localhost` at ::1 first: a program there would answer instead of us."""
    if not socket.has_ipv6:
        return
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            probe.bind(("::1", port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise


def free_port() -> int:
    """A port that nobody listens on, chosen by the system."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def claim_portal_port(environ: Mapping[str, str] = os.environ) -> socket.socket:
    """A socket on PORTAL_PORT, or on the first free port from 8000 on.

    Raises PortBusyError naming the port and the remedy.
    """
    return _claim("PORTAL_PORT", PREFERRED, environ)


def claim_mllp_port(environ: Mapping[str, str] = os.environ) -> socket.socket:
    """The same for the MLLP listener: PORTAL_MLLP_PORT, or from 2575 on. Raises PortBusyError."""
    return _claim("PORTAL_MLLP_PORT", MLLP_PREFERRED, environ)


def _claim(setting: str, preferred: int, environ: Mapping[str, str]) -> socket.socket:
    host = environ.get("PORTAL_HOST", "127.0.0.1")
    if wanted := environ.get(setting):
        return _claim_wanted(setting, wanted, host)
    for port in range(preferred, preferred + TRIES):
        with suppress(OSError):
            return claim(port, host)
    raise PortBusyError(
        f"The ports {preferred} to {preferred + TRIES - 1} are all taken: set {setting}."
    )


def _claim_wanted(setting: str, wanted: str, host: str) -> socket.socket:
    if not wanted.isdecimal() or not 0 < int(wanted) < 65536:
        raise PortBusyError(f"{setting}={wanted} is not a port: give 1 to 65535.")
    try:
        return claim(int(wanted), host)
    except PermissionError:
        raise PortBusyError(
            f"Port {wanted} is for the system's own programs: choose one above 1023 with {setting}."
        ) from None
    except OSError:
        raise PortBusyError(
            f"Port {wanted} is taken by another program: stop that one, or choose another "
            f"with {setting}, or leave {setting} out to have a free one found."
        ) from None
