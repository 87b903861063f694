"""Identifiers: UUIDv7 (RFC 9562), so that keys grow with time and indexes stay compact."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    return uuid7()
