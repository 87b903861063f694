"""Pushing orders to a pharmacy's endpoint: signed as Standard Webhooks has it, ids only."""

import ipaddress
import socket
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import httpx
import orjson
from standardwebhooks import Webhook

from portal.core.errors import FieldError, TransportError
from portal.refills.errors import WebhookUnusable

TIMEOUT_SECONDS = 8.0
GONE = 410


@dataclass(frozen=True, slots=True)
class Push:
    """One push. `id` is the same for every attempt, so that the receiver can tell."""

    url: str
    secret: str
    id: str
    kind: str
    data: dict[str, str]
    at: datetime


def check_url(url: str, *, private_hosts: bool) -> None:
    """Raises WebhookUnusable for an address that we may not call, with the reason."""
    parts = urlsplit(url)
    problem = None
    if parts.scheme != "https" and not (private_hosts and parts.scheme == "http"):
        problem = "An https:// address, please."
    elif not parts.hostname or parts.username or parts.password or parts.fragment:
        problem = "An address with a host, and without a user or a fragment, please."
    elif not private_hosts and _public_address(parts.hostname) is None:
        problem = "This host has no public address."
    if problem:
        raise WebhookUnusable(problem, errors=[FieldError("/url", problem)])


def _public_address(host: str) -> str | None:
    """An address of the host that isn't ours or our neighbours' (OWASP, SSRF prevention)."""
    try:
        found = socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)
    except OSError:
        return None
    addresses = [str(entry[4][0]) for entry in found]
    if all(ipaddress.ip_address(address).is_global for address in addresses):
        return addresses[0]
    return None


def push(message: Push, *, private_hosts: bool) -> int:
    """Send once; returns the HTTP status: 2xx, or 410 for an endpoint that is gone for good.

    Raises TransportError for everything else.
    """
    body = orjson.dumps(
        {"type": message.kind, "timestamp": message.at.isoformat(), "data": message.data}
    ).decode()
    headers = {
        "content-type": "application/json",
        "user-agent": "Careloop",
        "webhook-id": message.id,
        "webhook-timestamp": str(int(message.at.timestamp())),
        "webhook-signature": Webhook(message.secret).sign(message.id, message.at, body),
    }
    try:
        status = _post(message.url, body, headers, private_hosts)
    except (httpx.HTTPError, OSError, ValueError) as error:
        raise TransportError(type(error).__name__) from None
    if status == GONE or 200 <= status < 300:
        return status
    raise TransportError(f"HTTP {status}")


def _post(url: str, body: str, headers: dict[str, str], private_hosts: bool) -> int:
    """POST without following redirects, to the very address that was checked."""
    target, extensions = httpx.URL(url), {}
    if not private_hosts:
        address = _public_address(target.host)
        if address is None:
            raise TransportError("the host has no public address")
        headers = {**headers, "host": target.netloc.decode()}
        extensions = {"sni_hostname": target.host}
        target = target.copy_with(host=address)
    with httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=False) as client:
        return client.post(target, content=body, headers=headers, extensions=extensions).status_code
