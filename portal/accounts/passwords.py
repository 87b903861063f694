"""Passwords: argon2id, and what may be one. Never called inside a transaction: it takes a while."""

import os
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from portal.accounts.errors import PasswordUnusable
from portal.core.errors import FieldError

# NIST SP 800-63B, 3.1.1.2: length is what counts, and no rules of composition.
SHORTEST, LONGEST = 12, 128


@cache
def _hasher() -> PasswordHasher:
    """OWASP's parameters for argon2id: 19 MiB, two passes, one lane. Tests take the cheapest."""
    if os.environ.get("PORTAL_ENV") == "test":
        return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


@cache
def _nobodys() -> str:
    return _hasher().hash("nobody has this password")


def hash_password(password: str) -> str:
    return _hasher().hash(password)


def matches(hashed: str | None, password: str) -> bool:
    """Whether the password is the one hashed. Without a hash it takes as long, and is False."""
    try:
        _hasher().verify(hashed or _nobodys(), password)
    except (VerificationError, InvalidHashError):
        return False
    return hashed is not None


def is_outdated(hashed: str) -> bool:
    return _hasher().check_needs_rehash(hashed)


def check_usable(password: str, *, email: str = "", pointer: str = "/password") -> None:
    """Raises PasswordUnusable, naming the member."""
    problem = None
    if not SHORTEST <= len(password) <= LONGEST:
        problem = f"{SHORTEST} to {LONGEST} characters."
    elif email and password.lower() == email.lower():
        problem = "Not your e-mail address."
    elif len(set(password)) < 4:
        problem = "Too simple: use more different characters."
    if problem:
        raise PasswordUnusable(problem, errors=[FieldError(pointer, problem)])
