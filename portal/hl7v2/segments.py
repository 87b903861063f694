"""Access to the fields, repetitions, components and subcomponents of a segment.

These stand on the nested lists that python-hl7 makes: a field is a list of repetitions, or holds
one text; a repetition is a list of components, or holds one text; a component is a list of texts.
Numbers count from 1 as in the standard. What isn't there reads as an empty text, and so
does HL7's null: neither leaves anything to keep.
"""

from typing import Any

from portal.hl7v2.escaping import NULL, Delimiters, unescape


class Element:
    """One repetition of a field."""

    __slots__ = ("_delimiters", "_parts")

    def __init__(self, parts: list[Any], delimiters: Delimiters) -> None:
        self._parts = parts
        self._delimiters = delimiters

    def verbatim(self, component: int = 1, subcomponent: int = 1) -> str:
        """The value with its outer spaces."""
        parts = self._parts
        if component > len(parts):
            return ""
        part = parts[component - 1]
        if type(part) is str:
            value = part if subcomponent == 1 else ""
        else:
            value = part[subcomponent - 1] if subcomponent <= len(part) else ""
        if value == NULL:
            return ""
        if self._delimiters.escape in value:
            return unescape(value, self._delimiters)
        return str(value)

    def text(self, component: int = 1, subcomponent: int = 1) -> str:
        return self.verbatim(component, subcomponent).strip()

    def components(self) -> list[str]:
        """The first text of each component."""
        return [self.text(number + 1) for number in range(len(self._parts))]

    def whole_component(self, component: int) -> str:
        """A component as one text: subcomponents in one that has none by its type are an ampersand
        that nobody escaped."""
        if component > len(self._parts):
            return ""
        part = self._parts[component - 1]
        if type(part) is str:
            return self.text(component)
        return unescape(self._delimiters.subcomponent.join(part), self._delimiters).strip()

    def subcomponents(self, component: int = 1) -> list[str]:
        if component > len(self._parts):
            return []
        part = self._parts[component - 1]
        count = 1 if type(part) is str else len(part)
        return [self.text(component, number + 1) for number in range(count)]

    def whole(self) -> str:
        """The value as one text. Texts often hold delimiters that nobody escaped; they stay."""
        marks = self._delimiters
        value = marks.component.join(
            part if type(part) is str else marks.subcomponent.join(part) for part in self._parts
        )
        return "" if value == NULL else unescape(value, marks)

    def __bool__(self) -> bool:
        return any(
            part.strip() if type(part) is str else any(text.strip() for text in part)
            for part in self._parts
        )


class Segment:
    """A segment, and its number among those of its name in the message (as in ERR-2)."""

    __slots__ = ("_delimiters", "_fields", "name", "number")

    def __init__(
        self, name: str, number: int, fields: list[list[Any]], delimiters: Delimiters
    ) -> None:
        self.name = name
        self.number = number
        self._fields = fields
        self._delimiters = delimiters

    def first(self, field: int) -> Element:
        """A field's first repetition."""
        if field >= len(self._fields):
            return Element([], self._delimiters)
        parts = self._fields[field]
        if parts and type(parts[0]) is not str:
            parts = parts[0]
        return Element(parts, self._delimiters)

    def every(self, field: int) -> list[Element]:
        """A field's repetitions, without empty ones."""
        if field >= len(self._fields):
            return []
        parts = self._fields[field]
        if not parts or type(parts[0]) is str:
            parts = [parts]
        elements = [Element(one, self._delimiters) for one in parts]
        return [element for element in elements if element]

    def text(self, field: int, component: int = 1, subcomponent: int = 1) -> str:
        """A value of a field's first repetition, without outer spaces."""
        return self.first(field).verbatim(component, subcomponent).strip()

    def whole(self, field: int) -> str:
        """A field as one text, its repetitions as lines."""
        return "\n".join(element.whole() for element in self.every(field))

    def raw(self, field: int) -> str:
        """A field as it came, delimiters and escapes and all."""
        return _join(self._fields[field], 0, self._delimiters) if self.has(field) else ""

    @property
    def last(self) -> int:
        """The number of the last field."""
        return len(self._fields) - 1

    def has(self, field: int) -> bool:
        return field < len(self._fields)

    def place(self, field: int, component: int | None = None) -> str:
        """Where a field stands, as in ERR-2."""
        rest = "" if component is None else f"^{component}"
        return f"{self.name}^{self.number}^{field}{rest}"


def _join(parts: list[Any], level: int, marks: Delimiters) -> str:
    separator = (marks.repetition, marks.component, marks.subcomponent)[level]
    return separator.join(
        part if type(part) is str else _join(part, level + 1, marks) for part in parts
    )
