"""The grammar that every slice's JSON shares."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from zoneinfo import available_timezones

from marshmallow import INCLUDE, RAISE, Schema, ValidationError, fields, validate

from portal.core.paging import DEFAULT_LIMIT, MAX_CURSOR, MAX_LIMIT

# Controls of direction (UAX #9), by which what is shown differs from what is written.
_DIRECTIONAL = r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
# What has no width: two names that differ in it alone look the same.
_UNSEEN = r"\u00ad\u180e\u200b\u2060-\u2064\ufeff"
# Joiners are letters' in scripts that join; after a Latin, Greek or Cyrillic one they are unseen.
_JOINED = r"(?!.*[A-Za-z\u00c0-\u052f][\u200c\u200d])"
# `$` alone would let a newline stand at the end; `\Z` is not known to JSON Schema's patterns.
# Unicode's line and paragraph separators end a line as well (U+0085, U+2028, U+2029).
ONE_LINE = validate.Regexp(
    rf"^(?!\s+$){_JOINED}[^\x00-\x1f\x7f-\x9f\u2028\u2029{_DIRECTIONAL}{_UNSEEN}]+$(?!\n)",
    error="One line of text that is not blank, without line breaks, controls and invisible "
    "characters.",
)
NO_CONTROLS = validate.Regexp(
    r"^(?!\s+$)[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069]*$",
    error="Text that is not blank, without control characters.",
)
# As people write them, with an extension: whoever has to be called is called at what stands here.
PHONE_NUMBER = validate.Regexp(
    r"^\+?[0-9(][0-9 ().\-/]{5,28}( ?(x|ext\.?) ?[0-9]{1,6})?$(?!\n)",
    error="A phone number, as +1 518 555 0101.",
)
MOST_DECIMALS = 3
_LINE_ENDS = re.compile(r"\r\n?|[\x85\u2028\u2029]")
ZONES = validate.OneOf(sorted(available_timezones()), error="An IANA time zone.")


# A letter, a digit, a character, then up to four after a point (ICD-10-CM).
DIAGNOSIS = validate.Regexp(
    r"^[A-Z][0-9][0-9A-Z](\.[0-9A-Z]{1,4})?$(?!\n)", error="An ICD-10-CM code, as E11.9."
)


class Strict(Schema):
    """Unknown members are refused: a misspelt one must not be ignored in silence."""

    class Meta:
        unknown = RAISE


class Prose(fields.String):
    """Text of several lines, whichever way they end: HTML's text boxes end them by CR LF. Kept and
    measured with LF."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        return _LINE_ENDS.sub("\n", str(super()._deserialize(value, attr, data, **kwargs)))


class PartSchema(Schema):
    """A member that can't be used, and why."""

    pointer = fields.String(metadata={"example": "/items/0/delivery"})
    message = fields.String()


class ProblemSchema(Schema):
    """What went wrong with one of several (RFC 9457): described once, in the API document."""

    class Meta:
        unknown = INCLUDE

    type = fields.String()
    title = fields.String()
    status = fields.Integer()
    detail = fields.String()
    code = fields.String()
    request_id = fields.String()
    errors = fields.List(fields.Nested(PartSchema))


class PageQuery(Strict):
    """The query string of a list."""

    limit = fields.Integer(
        load_default=DEFAULT_LIMIT,
        validate=validate.Range(1, MAX_LIMIT),
        metadata={"description": "How many items at most"},
    )
    cursor = fields.String(
        load_default=None,
        validate=validate.Length(1, MAX_CURSOR),
        metadata={"description": "`next` of the page before"},
    )


def _decimals(number: Decimal) -> int:
    """How many decimals a number has, without zeros at its end; whatever its size."""
    _, digits, exponent = number.as_tuple()
    written = "".join(map(str, digits))
    zeros = len(written) - len(written.rstrip("0"))
    return 0 if not number else -(int(exponent) + zeros)


class ExactDecimal(fields.Decimal):
    """A number of at most three decimals: what has more is refused, since none is rounded in
    silence."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        number = super()._deserialize(value, attr, data, **kwargs)
        if number.is_finite() and _decimals(number) > MOST_DECIMALS:
            raise ValidationError(f"At most {MOST_DECIMALS} decimals.")
        return number


class Listing(Schema):
    """What every list has beside its `items`."""

    next = fields.String(
        allow_none=True, metadata={"description": "Cursor of the next page; null at the end"}
    )
    sources = fields.List(
        fields.String(),
        metadata={"description": "Sources that could not be reached", "example": []},
    )


def text_field(most: int, **options: Any) -> fields.String:
    """A required line of text with a bound, as the labels and feeds downstream have one."""
    settings: dict[str, Any] = {"required": True, **options}
    return fields.String(validate=[validate.Length(1, most), ONE_LINE], **settings)


def phone_field(**options: Any) -> fields.String:
    """A required phone number."""
    metadata = {"example": "+1 518 555 0101", **options.pop("metadata", {})}
    return fields.String(
        **{"required": True, "validate": PHONE_NUMBER, "metadata": metadata, **options}
    )


def prose_field(most: int, *, least: int = 1, **options: Any) -> Prose:
    """A required text of several lines."""
    settings: dict[str, Any] = {"required": True, **options}
    return Prose(validate=[validate.Length(least, most), NO_CONTROLS], **settings)


def note_field(most: int) -> Prose:
    """An optional text of several lines."""
    return prose_field(most, required=False, load_default=None, allow_none=True)


class DiagnosisSchema(Strict):
    code = fields.String(required=True, validate=DIAGNOSIS, metadata={"example": "E11.9"})
    text = text_field(200, metadata={"example": "Type 2 diabetes mellitus"})
