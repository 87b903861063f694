"""Writing messages: every value is escaped, so that none can end its field or segment."""

from collections.abc import Mapping, Sequence

from portal.hl7v2.escaping import STANDARD, Delimiters, escape


class Encoded(str):
    """A field that is encoded already, with the delimiters of the message that it goes into."""

    __slots__ = ()


# A value; or its components, any of which may be subcomponents.
Composite = str | tuple[str | tuple[str, ...], ...]
# A list holds repetitions.
Field = Composite | list[Composite]


def encode_field(value: Field, delimiters: Delimiters = STANDARD) -> str:
    if isinstance(value, list):
        return delimiters.repetition.join(_composite(one, delimiters) for one in value)
    return _composite(value, delimiters)


def _composite(value: Composite, delimiters: Delimiters) -> str:
    if isinstance(value, Encoded):
        return str(value)
    if isinstance(value, str):
        return escape(value, delimiters)
    parts = [
        escape(part, delimiters)
        if isinstance(part, str)
        else _trimmed([escape(one, delimiters) for one in part], delimiters.subcomponent)
        for part in value
    ]
    return _trimmed(parts, delimiters.component)


def _trimmed(parts: Sequence[str], separator: str) -> str:
    return separator.join(parts).rstrip(separator)


def segment(name: str, fields: Mapping[int, Field], delimiters: Delimiters = STANDARD) -> str:
    """A segment with `fields` by their numbers; what isn't named is empty. Not for MSH."""
    last = max(fields, default=0)
    values = [encode_field(fields.get(number, ""), delimiters) for number in range(1, last + 1)]
    return _trimmed([name, *values], delimiters.field)


def header_segment(fields: Mapping[int, Field], delimiters: Delimiters = STANDARD) -> str:
    """MSH with `fields` from MSH-3 on."""
    shifted = {number - 1: value for number, value in fields.items()}
    return segment("MSH", {**shifted, 1: Encoded(delimiters.encoding)}, delimiters)


def message(segments: Sequence[str], codec: str = "utf-8") -> bytes:
    """The bytes of a message. What the character set doesn't have becomes a question mark."""
    return "".join(f"{one}\r" for one in segments).encode(codec, "replace")
