"""An example for every body of the API, made from its schema, so that it never lags behind."""

from collections.abc import Mapping
from typing import Any

ID = "01a20b43-766f-71d7-a9cb-17e944f7beb1"
_BY_FORMAT = {
    "uuid": ID,
    "date": "2026-03-04",
    "date-time": "2026-03-04T16:00:00+00:00",
    "email": "avery.thompson@careloop.example",
    "time": "08:00",
    "uri": "https://pharmacy.example/hooks/careloop",
}
_BY_TYPE: Mapping[str, Any] = {
    "string": "text",
    "integer": 1,
    "number": 30.0,
    "boolean": False,
    "null": None,
}
# People and teams by the member under which they stand: one schema has them all.
_CALLED = {
    "patient": "Avery Thompson",
    "practitioner": "Dr. Ines Okafor",
    "referrer": "Dr. Ines Okafor",
    "specialist": "Dr. Maya Feld",
    "team": "Nurses",
}
Schema = Mapping[str, Any]


def example_of(schema: Schema, components: Mapping[str, Schema], *, sent: bool = False) -> Any:
    """A value that the schema accepts; a property's own `example` where it has one.

    `sent` is one of a request: members that would be null are left out where they may be.
    """
    if "example" in schema:
        return schema["example"]
    if "$ref" in schema:
        return example_of(components[schema["$ref"].rsplit("/", 1)[1]], components, sent=sent)
    for combination in ("allOf", "anyOf", "oneOf"):
        if combination in schema:
            return example_of(schema[combination][0], components, sent=sent)
    if "enum" in schema:
        return schema["enum"][0]
    if "default" in schema:
        return schema["default"]
    return _of_type(schema, components, sent)


def _of_type(schema: Schema, components: Mapping[str, Schema], sent: bool) -> Any:
    kind = schema.get("type", "object")
    if isinstance(kind, list):
        return None  # what may be null mostly is
    if kind == "array":
        return [example_of(schema.get("items", {}), components, sent=sent)]
    if kind == "object":
        return _of_object(schema, components, sent)
    if kind in ("integer", "number") and "minimum" in schema:
        return max(schema["minimum"], _BY_TYPE[kind])
    return _BY_FORMAT.get(schema.get("format", ""), _BY_TYPE[kind])


def _of_object(schema: Schema, components: Mapping[str, Schema], sent: bool) -> dict[str, Any]:
    required = schema.get("required", ())
    found = {}
    for name, of in schema.get("properties", {}).items():
        value = example_of(of, components, sent=sent)
        if sent and value is None and name not in required:
            continue
        if name in _CALLED and isinstance(value, dict) and "name" in value and "example" not in of:
            value = {**value, "name": _CALLED[name]}
        found[name] = value
    return found
