"""The OpenAPI document arranged for people: by tag, with its examples as text."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

_ORDER = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Body:
    """A request or an answer: its schema's name, its members, and an example."""

    label: str
    schema: str
    members: list[tuple[str, str, bool, str]]
    example: str


@dataclass(frozen=True, slots=True)
class Operation:
    anchor: str
    method: str
    path: str
    summary: str
    description: str
    actors: str
    parameters: list[dict[str, Any]]
    request: Body | None
    answers: list[Body]


@dataclass(frozen=True, slots=True)
class Section:
    name: str
    description: str
    operations: list[Operation]


def reference(document: Mapping[str, Any]) -> list[Section]:
    """The document's operations, a section for each tag."""
    schemas = document["components"]["schemas"]
    by_tag: dict[str, list[Operation]] = defaultdict(list)
    for tag, operation in _operations(document, schemas):
        by_tag[tag].append(operation)
    return [
        Section(tag["name"], tag.get("description", ""), by_tag[tag["name"]])
        for tag in document["tags"]
    ]


def _operations(
    document: Mapping[str, Any], schemas: Mapping[str, Any]
) -> Iterator[tuple[str, Operation]]:
    for path, item in document["paths"].items():
        for method in _ORDER:
            if method in item:
                operation = item[method]
                shared = item.get("parameters", [])
                yield operation["tags"][0], _operation(path, method, operation, shared, schemas)


def _operation(
    path: str,
    method: str,
    operation: Mapping[str, Any],
    shared: list[dict[str, Any]],
    schemas: Mapping[str, Any],
) -> Operation:
    request = operation.get("requestBody")
    return Operation(
        anchor=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation.get("summary", ""),
        description=operation.get("description", ""),
        actors=", ".join(operation.get("x-actors", ["anyone"])),
        parameters=[*shared, *operation.get("parameters", [])],
        request=_body("Body", request["content"], schemas) if request else None,
        answers=[
            _body(f"{status} {answer.get('description', '')}", answer.get("content", {}), schemas)
            for status, answer in operation["responses"].items()
            if _is_own(answer)
        ],
    )


def _is_own(answer: Mapping[str, Any]) -> bool:
    """Problem documents are described once for all calls."""
    return "application/problem+json" not in answer.get("content", {})


def _body(label: str, content: Mapping[str, Any], schemas: Mapping[str, Any]) -> Body:
    media: Mapping[str, Any] = next(iter(content.values()), {})
    schema = media.get("schema", {})
    name = schema.get("$ref", "").rsplit("/", 1)[-1]
    resolved = schemas.get(name, schema)
    needed = set(resolved.get("required", ()))
    members = [
        (member, _kind(of), member in needed, of.get("description", ""))
        for member, of in resolved.get("properties", {}).items()
    ]
    example = media.get("example")
    text = "" if example is None else orjson.dumps(example, option=orjson.OPT_INDENT_2).decode()
    return Body(label, name, members, text)


def _kind(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rsplit("/", 1)[-1])
    kind = schema.get("type", "any")
    if isinstance(kind, list):
        kind = " or ".join(kind)
    if kind == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    return f"{kind} ({schema['format']})" if "format" in schema else str(kind)
