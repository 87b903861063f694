"""What a problem's `type` leads to: a page that says what it means."""

from collections.abc import Iterator
from dataclasses import dataclass

from portal.core.errors import PortalError
from portal.core.problems import status_of


@dataclass(frozen=True, slots=True)
class ProblemType:
    name: str
    status: int
    title: str
    detail: str


def problem_types() -> dict[str, ProblemType]:
    """Every kind of problem that the code can raise, by the last part of its `type`."""
    return {found.name: found for found in sorted(_all(), key=lambda one: (one.status, one.name))}


def _all() -> Iterator[ProblemType]:
    for kind in _descendants(PortalError):
        status, title = status_of(kind.__new__(kind))
        yield ProblemType(kind.code.replace("_", "-"), status, title, kind.detail)


def _descendants(kind: type[PortalError]) -> Iterator[type[PortalError]]:
    for child in kind.__subclasses__():
        yield child
        yield from _descendants(child)
