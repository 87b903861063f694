"""Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): the same request, the same answer.

The key's row is written first, in the request's own transaction: a concurrent twin waits for it
there, and the answer is stored with the effect in one commit.

A view that takes keys is marked (`idempotent`), and the mark says whether it has to have one: so it
is where the call, sent twice, would send something out twice, and nothing in what stands refuses
the second.
"""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from flask import Response, request
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.core import answers
from portal.core.actor import NOBODY, Actor
from portal.core.clock import utcnow
from portal.core.db import run, transaction
from portal.core.errors import FieldError, Invalid, Malformed
from portal.core.json import dumps

HEADER = "Idempotency-Key"
KEPT_FOR = timedelta(hours=48)
MAX_LENGTH = 255

_CLAIM = text(
    "INSERT INTO idempotency_key (actor_id, key, request_digest, created_at, expires_at) "
    "VALUES (:actor_id, :key, :digest, :now, :expires_at) ON CONFLICT DO NOTHING RETURNING 1"
)
_RECALL = text(
    "SELECT request_digest, status, body FROM idempotency_key "
    "WHERE actor_id = :actor_id AND key = :key"
)


class KeyReused(Invalid):
    code = "idempotency_key_reused"
    detail = "This Idempotency-Key was used with another request. Use a new key."


class KeyRequired(Malformed):
    """The draft, 2.7: 400 where the header of an operation that requires it is missing."""

    code = "idempotency_key_required"
    detail = (
        f"This call sends something out, and would do so again if it came twice: give it a key of "
        f"its own in the header {HEADER} (a UUID, say), and the same key whenever you repeat it."
    )


UseCase = Callable[[Session], tuple[Any, int]]
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def idempotent(*, required: bool = False) -> Decorator:
    """Declare that a view takes a key, by once(); with `required`, that it is refused without one
    before its body is looked at. The caller then gets KeyRequired."""

    def declare(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def with_key(*args: Any, **kwargs: Any) -> Any:
            if HEADER not in request.headers:
                raise KeyRequired(errors=[FieldError(f"#header/{HEADER}", "This is missing.")])
            return view(*args, **kwargs)

        marked = with_key if required else view
        marked.__portal_key_required__ = required  # type: ignore[attr-defined]
        return marked

    return declare


def key_required(view: object) -> bool | None:
    """Whether a view has to have a key; None for one that takes none."""
    return getattr(view, "__portal_key_required__", None)


def _header() -> str | None:
    key = request.headers.get(HEADER)
    if key is not None and not (0 < len(key) <= MAX_LENGTH and key.isprintable()):
        raise Malformed(
            errors=[FieldError(f"#header/{HEADER}", f"1 to {MAX_LENGTH} printable characters.")]
        )
    return key


def _digest(actor: Actor, content: bytes | None) -> bytes:
    """Of the request; one for another patient is another request."""
    body = request.get_data(cache=True) if content is None else content
    parts = [request.method.encode(), request.path.encode(), body]
    if actor.on_behalf_of != NOBODY:
        parts.append(actor.on_behalf_of.bytes)
    return hashlib.sha256(b"\0".join(parts)).digest()


def once(
    actor: Actor, use_case: UseCase, *, keep_body: bool = True, content: bytes | None = None
) -> Response:
    """Run a creating use case in one transaction, at most once for each key of the actor.

    `use_case` gets the session and returns (JSON-ready body, HTTP status). Without a key in the
    request it simply runs: see idempotent(). `keep_body=False` is for answers that hold a secret:
    those are given once, and the same key again gets their status alone. `content` stands for a
    body that was read as a stream: what makes it the same request.

    Raises KeyReused when the key came with another request before.
    """
    key = _header()
    with transaction(actor) as session:
        if key is None:
            body, status = use_case(session)
            return _response(dumps(body), status)
        digest = _digest(actor, content)
        return _claimed_or_recalled(session, actor, key, digest, use_case, keep_body)


def _claimed_or_recalled(
    session: Session, actor: Actor, key: str, digest: bytes, use_case: UseCase, keep_body: bool
) -> Response:
    now = utcnow()
    mine = {"actor_id": actor.id, "key": key}
    claim = {**mine, "digest": digest, "now": now, "expires_at": now + KEPT_FOR}
    if not run(session, _CLAIM, claim):
        [stored] = run(session, _RECALL, mine)
        if bytes(stored.request_digest) != claim["digest"]:
            raise KeyReused()
        response = _response(bytes(stored.body), stored.status)
        response.headers["Idempotent-Replayed"] = "true"
        return response
    body, status = use_case(session)
    dumped = dumps(body)
    kept = dumped if keep_body else b"{}"
    answers.keep(session, actor_id=actor.id, key=key, status=status, body=kept)
    return _response(dumped, status)


def _response(body: bytes, status: int) -> Response:
    return Response(body, status=status, content_type="application/json")
