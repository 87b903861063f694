"""Rate limits on Valkey, with RateLimit headers and Retry-After (Flask-Limiter).

When Valkey is away the limits are kept in each process's memory: an attacker must not gain by
taking it down, and patients must not lose the portal.
"""

from time import time
from typing import NoReturn

from flask import Flask, g, request
from flask_limiter import Limiter, RequestLimit
from limits import RateLimitItem, WindowStats
from limits.storage import RedisStorage, StorageTypes
from limits.strategies import STRATEGIES, FixedWindowRateLimiter

from portal.config import Config
from portal.core.crypto import digest
from portal.core.errors import TooMany

DEFAULT = "1200 per minute"
SIGN_IN = "300 per minute"
TOKENS = "300 per minute"
ENUMERABLE = "20 per minute"

_STRATEGY = "fixed-window-in-one-trip"
_COUNT = b"""
local count = redis.call("incrby", KEYS[1], ARGV[1])
if count == tonumber(ARGV[1]) then redis.call("expire", KEYS[1], ARGV[2]) end
return {count, redis.call("ttl", KEYS[1])}
"""


class OneTrip(FixedWindowRateLimiter):
    """The library's fixed window, which goes to Valkey three times a request: once to count and
    twice for the headers. Here the count brings along what the headers say."""

    def __init__(self, storage: StorageTypes) -> None:
        super().__init__(storage)
        if isinstance(storage, RedisStorage):
            self._count = storage.get_connection().register_script(_COUNT)

    def hit(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        if not isinstance(self.storage, RedisStorage):
            return super().hit(item, *identifiers, cost=cost)
        key = self.storage.prefixed_key(item.key_for(*identifiers))
        count, seconds = self._count(keys=[key], args=[cost, item.get_expiry()])
        _windows()[key] = WindowStats(time() + max(0, seconds), max(0, item.amount - count))
        return bool(count <= item.amount)

    def get_window_stats(self, item: RateLimitItem, *identifiers: str) -> WindowStats:
        if isinstance(self.storage, RedisStorage):
            key = self.storage.prefixed_key(item.key_for(*identifiers))
            if (known := _windows().get(key)) is not None:
                return known
        return super().get_window_stats(item, *identifiers)


def _windows() -> dict[str, WindowStats]:
    """What was counted in this request."""
    windows: dict[str, WindowStats] = g.setdefault("rate_windows", {})
    return windows


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
    # Of the requests that find Valkey gone at the same moment, one turns to the memory; the others
    # go without a limit instead of failing, some of them after their commit.
    swallow_errors=True,
    on_breach=_on_breach,
)


def register(app: Flask, config: Config) -> None:
    app.config.update(
        RATELIMIT_STORAGE_URI=config.limits_storage_url,
        RATELIMIT_ENABLED=config.rate_limits,
        RATELIMIT_STRATEGY=_STRATEGY,
        RATELIMIT_HEADER_LIMIT="RateLimit-Limit",
        RATELIMIT_HEADER_REMAINING="RateLimit-Remaining",
        RATELIMIT_HEADER_RESET="RateLimit-Reset",
    )
    STRATEGIES[_STRATEGY] = OneTrip
    limiter.init_app(app)
