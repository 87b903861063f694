"""Secrets: random tokens kept as digests, and what must be read back, encrypted at rest."""

import base64
import hashlib
import hmac
import secrets

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

TOKEN_BYTES = 32


def new_token() -> str:
    """256 random bits, URL-safe."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def digest(token: str) -> bytes:
    """How a random token is kept: a plain SHA-256 is enough, since there is nothing to guess."""
    return hashlib.sha256(token.encode()).digest()


def derive_key(secret_key: str, purpose: str) -> bytes:
    """A key of its own for each purpose (HKDF, RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(
        secret_key.encode()
    )


def keyed_digest(secret_key: str, purpose: str, value: str) -> str:
    """An HMAC of `value`: for short codes and CSRF tokens, which a plain hash would not protect."""
    return hmac.new(derive_key(secret_key, purpose), value.encode(), hashlib.sha256).hexdigest()


class Vault:
    """Encrypts what we must be able to read again (TOTP and webhook secrets)."""

    def __init__(self, secret_key: str) -> None:
        self._fernet = Fernet(base64.urlsafe_b64encode(derive_key(secret_key, "vault")))

    def seal(self, text: str) -> bytes:
        return self._fernet.encrypt(text.encode())

    def open(self, sealed: bytes) -> str:
        return self._fernet.decrypt(sealed).decode()
