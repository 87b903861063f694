"""The demo's logins, for the start page; never outside the demo."""

import json
import time
from dataclasses import dataclass
from typing import Any

import pyotp

from portal.config import Config
from portal.web import starting

STEP_SECONDS = 30


@dataclass(frozen=True, slots=True)
class DemoLogins:
    """Who can sign in; practitioners and staff with the code of this moment."""

    accounts: list[dict[str, Any]]
    clients: list[dict[str, Any]]
    seconds_left: int


def demo_logins(config: Config) -> DemoLogins | None:
    """None outside the demo, and while it is being loaded."""
    if config.environment != "demo" or starting.read(config.var):
        return None
    try:
        found = json.loads((config.var / "demo.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    accounts = [{**one, "code": _code(one.get("totp_secret"))} for one in found["accounts"]]
    return DemoLogins(accounts, found["clients"], STEP_SECONDS - int(time.time()) % STEP_SECONDS)


def _code(secret: str | None) -> str | None:
    return pyotp.TOTP(secret).now() if secret else None
