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
Schema = Mapping[str, Any]


def example_of(schema: Schema, components: Mapping[str, Schema]) -> Any:
    """A value that the schema accepts; a property's own `example` where it has one."""
    if "example" in schema:
        return schema["example"]
    if "$ref" in schema:
        return example_of(components[schema["$ref"].rsplit("/", 1)[1]], components)
    for combination in ("allOf", "anyOf", "oneOf"):
        if combination in schema:
            return example_of(schema[combination][0], components)
    if "enum" in schema:
        return schema["enum"][0]
    if "default" in schema:
        return schema["default"]
    return _of_type(schema, components)


def _of_type(schema: Schema, components: Mapping[str, Schema]) -> Any:
    kind = schema.get("type", "object")
    if isinstance(kind, list):
        return None  # what may be null mostly is
    if kind == "array":
        return [example_of(schema.get("items", {}), components)]
    if kind == "object":
        properties = schema.get("properties", {})
        return {name: example_of(of, components) for name, of in properties.items()}
    if kind in ("integer", "number") and "minimum" in schema:
        return max(schema["minimum"], _BY_TYPE[kind])
    return _BY_FORMAT.get(schema.get("format", ""), _BY_TYPE[kind])
