"""Keyset paging: a cursor is the sort key of the last row, so that page 1,000 costs as page 1."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import orjson

from portal.core.errors import FieldError, Invalid

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
# Of a cursor as text: a sort key may hold two names of 200 letters, of up to four bytes each.
MAX_CURSOR = 2_500

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list; `next` is the cursor of the page after it, or None."""

    items: Sequence[T]
    next: str | None


def encode_key(*parts: object) -> str:
    """A cursor for a sort key of any parts that have a text form."""
    return base64.urlsafe_b64encode(orjson.dumps([str(part) for part in parts])).decode()


def decode_key(
    cursor: str | None, *parsers: Callable[[str], Any], pointer: str = "#query/cursor"
) -> tuple[Any, ...] | None:
    """The parts of a cursor made by encode_key(), each by its parser.

    Raises Invalid for a cursor that we did not hand out.
    """
    if not cursor:
        return None
    try:
        parts = [str(part) for part in orjson.loads(base64.urlsafe_b64decode(cursor.encode()))]
        if any("\0" in part for part in parts):
            raise ValueError("no text of the database's has a NUL")
        return tuple(parser(part) for part, parser in zip(parts, parsers, strict=True))
    except (ValueError, TypeError, AttributeError, binascii.Error) as error:
        raise Invalid(
            errors=[FieldError(pointer, "Not a cursor of ours: take it from `next`.")]
        ) from error


def decode_cursor(cursor: str | None) -> tuple[datetime, UUID] | None:
    """The key of most lists, newest first: a time and an id. Raises Invalid as decode_key()."""
    key = decode_key(cursor, aware_time, UUID)
    return None if key is None else (key[0], key[1])


def aware_time(value: str) -> datetime:
    """A time with its zone, for decode_key(). Raises ValueError."""
    parsed = datetime.fromisoformat(value)
    if parsed.tzinfo is None:
        raise ValueError("a cursor's time has a zone")
    return parsed


def page_by(rows: Sequence[T], limit: int, key: Callable[[T], tuple[object, ...]]) -> Page[T]:
    """Cut `rows`, read with `limit + 1`, to a page whose cursor has the parts of `key`."""
    if len(rows) <= limit:
        return Page(rows, None)
    return Page(rows[:limit], encode_key(*key(rows[limit - 1])))
