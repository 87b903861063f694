"""The grammar that every slice's JSON shares."""

from typing import Any
from zoneinfo import available_timezones

from marshmallow import RAISE, Schema, fields, validate

from portal.core.paging import DEFAULT_LIMIT, MAX_CURSOR, MAX_LIMIT

# `$` alone would let a newline stand at the end; `\Z` is not known to JSON Schema's patterns.
ONE_LINE = validate.Regexp(
    r"^[^\x00-\x1f\x7f]+$(?!\n)", error="One line of text, without controls."
)
NO_CONTROLS = validate.Regexp(
    r"^[^\x00-\x08\x0b-\x1f\x7f]*$", error="Text without control characters."
)
ZONES = validate.OneOf(sorted(available_timezones()), error="An IANA time zone.")


# A letter, a digit, a character, then up to four after a point (ICD-10-CM).
DIAGNOSIS = validate.Regexp(
    r"^[A-Z][0-9][0-9A-Z](\.[0-9A-Z]{1,4})?$(?!\n)", error="An ICD-10-CM code, as E11.9."
)


class Strict(Schema):
    """Unknown members are refused: a misspelt one must not be ignored in silence."""

    class Meta:
        unknown = RAISE


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


def note_field(most: int) -> fields.String:
    """An optional text of several lines."""
    return fields.String(
        load_default=None, allow_none=True, validate=[validate.Length(1, most), NO_CONTROLS]
    )


class DiagnosisSchema(Strict):
    code = fields.String(required=True, validate=DIAGNOSIS, metadata={"example": "E11.9"})
    text = text_field(200, metadata={"example": "Type 2 diabetes mellitus"})
