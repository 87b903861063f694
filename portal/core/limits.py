"""Rate limits on Valkey, with RateLimit headers and Retry-After (Flask-Limiter).

When Valkey is away the limits are kept in each process's memory: an attacker must not gain by
taking it down, and patients must not lose the portal.
"""

from time import time
from typing import NoReturn

from flask import Flask, g, request
from flask_limiter import Limiter, RequestLimit

from portal.config import Config
from portal.core.crypto import digest
from portal.core.errors import TooMany

DEFAULT = "1200 per minute"
SIGN_IN = "300 per minute"
TOKENS = "300 per minute"
ENUMERABLE = "20 per minute"


def _who() -> str:
    """The session in use, else the address: nobody can spend another's allowance."""
    actor = g.get("actor")
    return str(actor.session_id) if actor is not None else (request.remote_addr or "-")


def by_address() -> str:
    return request.remote_addr or "-"


def by_email() -> str:
    """The address somebody tries to sign in with, as a digest: it is kept in Valkey."""
    body = request.get_json(silent=True)
    email = body.get("email") if isinstance(body, dict) else None
    return digest(str(email).strip().lower()).hex()[:32]


def _on_breach(limit: RequestLimit) -> NoReturn:
    raise TooMany(retry_after=max(1, int(limit.reset_at - time()) + 1))


limiter = Limiter(
    key_func=_who,
    default_limits=[DEFAULT],
    headers_enabled=True,
    in_memory_fallback_enabled=True,
    on_breach=_on_breach,
)


def register(app: Flask, config: Config) -> None:
    app.config.update(
        RATELIMIT_STORAGE_URI=config.limits_storage_url,
        RATELIMIT_ENABLED=config.rate_limits,
        RATELIMIT_STRATEGY="fixed-window",
        RATELIMIT_HEADER_LIMIT="RateLimit-Limit",
        RATELIMIT_HEADER_REMAINING="RateLimit-Remaining",
        RATELIMIT_HEADER_RESET="RateLimit-Reset",
    )
    limiter.init_app(app)
