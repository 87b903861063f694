"""Every kind of event that the portal leaves has somebody who takes it, and the other way round."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import portal
import workers
from workers import queues, tasks
from workers.registry import DELIVERERS, HANDLERS

assert tasks.__all__, "importing the tasks registers every handler"
ROOTS = [Path(str(package.__file__)).parent for package in (portal, workers)]


def emits() -> Iterator[tuple[str, ast.Call]]:
    """Every `outbox.emit(…)` in the code, with its place."""
    for path in (path for root in ROOTS for path in sorted(root.rglob("*.py"))):
        code = path.read_text(encoding="utf-8")
        if "outbox.emit" not in code:
            continue
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("outbox.emit"):
                yield f"{path.name}:{node.lineno}", node


def kind_of(call: ast.Call) -> str:
    kind = call.args[1]
    assert isinstance(kind, ast.Constant), "the kind is written out, so that it can be found"
    return str(kind.value)


EMITS = dict(emits())


def test_what_is_emitted_is_what_is_handled() -> None:
    emitted = {kind_of(call) for call in EMITS.values()}
    assert len(emitted) > 5
    assert emitted == HANDLERS.keys() | DELIVERERS.keys()


def test_each_kind_is_either_handled_or_delivered() -> None:
    assert not HANDLERS.keys() & DELIVERERS.keys()


@pytest.mark.parametrize("place", EMITS)
def test_payloads_hold_ids_alone(place: str) -> None:
    """And the number of a batch, which tells of nobody."""
    names = {keyword.arg for keyword in EMITS[place].keywords} - {"now", "due_at", "batch"}
    assert names
    assert all(name is not None and name.endswith("_id") for name in names), place


@pytest.mark.parametrize("kind", sorted(HANDLERS.keys() | DELIVERERS.keys()))
def test_each_kind_has_a_queue_that_workers_serve(kind: str) -> None:
    assert queues.queue_of(kind) in queues.ALL
    assert (queues.queue_of(kind) == queues.DELIVERIES) == (kind in DELIVERERS)
    assert queues.chunk_of(kind) == (1 if kind in DELIVERERS else queues.CHUNK)
