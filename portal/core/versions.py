"""ETag and If-Match by a row's version: two people who edit the same thing don't overwrite."""

import re
from collections.abc import Mapping
from typing import Any

from flask import Response, request

from portal.core.errors import FieldError, Malformed, PreconditionFailed, PreconditionRequired
from portal.core.json import json_response

_TAG = re.compile(r'(?:W/)?"(\d{1,9})"')


def etag(version: int) -> str:
    return f'"{version}"'


def tagged(view: Mapping[str, Any], version: int) -> Response:
    """A view as an answer with its ETag."""
    response = json_response(view)
    response.headers["ETag"] = etag(version)
    return response


def expected_version() -> int | None:
    """The version in If-Match; None where the header is missing or `*`. Raises Malformed."""
    header = request.headers.get("If-Match", "*").strip()
    if header == "*":
        return None
    match = _TAG.fullmatch(header)
    if match is None:
        raise Malformed(
            errors=[FieldError("#header/If-Match", "One ETag as the last answer had it, or *.")]
        )
    return int(match[1])


def required_version() -> int | None:
    """The same, where nobody may overwrite what they haven't read without saying `*`.

    Raises Malformed, PreconditionRequired.
    """
    if "If-Match" not in request.headers:
        raise PreconditionRequired()
    return expected_version()


def check_version(expected: int | None, current: int) -> None:
    """Raises PreconditionFailed naming the current version."""
    if expected is not None and expected != current:
        raise PreconditionFailed(current_etag=etag(current))
