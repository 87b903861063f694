"""Children that end when the process which started them is gone, even after `kill -9`."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1


def _load_prctl() -> Callable[[int, int], int] | None:
    if not sys.platform.startswith("linux"):
        return None
    prctl: Callable[[int, int], int] = ctypes.CDLL(None, use_errno=True).prctl
    return prctl


# Looked up here, since between fork and exec as little as possible may happen.
_prctl = _load_prctl()


def end_with_parent(sig: signal.Signals) -> Callable[[], None] | None:
    """A `preexec_fn` that has the kernel send `sig` to the child when its parent dies.

    The kernel watches the *thread* that starts the child: start children from a thread that
    lives as long as they should. Elsewhere than on Linux there is no such thing, hence None.
    """
    prctl = _prctl
    if prctl is None:
        return None
    parent = os.getpid()

    def ask_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, int(sig))
        if os.getppid() != parent:  # the parent died before the kernel was asked
            os._exit(1)

    return ask_kernel
