"""State machines as data: which status may follow which, and who may move it there."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Generic, TypeVar

from portal.core.actor import ActorKind
from portal.core.errors import Conflict

S = TypeVar("S", bound=StrEnum)


class IllegalTransition(Conflict):
    code = "illegal_transition"


@dataclass(frozen=True)
class Transitions(Generic[S]):
    """A transition table: from each status, the next ones and who may move there."""

    name: str
    moves: Mapping[S, Mapping[S, frozenset[ActorKind]]]

    def allows(self, before: S, after: S, mover: ActorKind | None = None) -> bool:
        movers = self.moves.get(before, {}).get(after)
        return movers is not None and (mover is None or mover in movers)

    def check(self, before: S, after: S, mover: ActorKind | None = None) -> None:
        """Raises IllegalTransition when the table doesn't have this move for this mover."""
        if not self.allows(before, after, mover):
            raise IllegalTransition(
                f"A {self.name} that is {before.value} can't become {after.value}.",
                status_now=before.value,
            )

    @cached_property
    def every(self) -> frozenset[S]:
        """All statuses of the table."""
        return frozenset(self.moves).union(*self.moves.values())

    @cached_property
    def ends(self) -> frozenset[S]:
        """The statuses that nothing follows."""
        return frozenset(status for status in self.every if not self.moves.get(status))

    def listed(self, wanted: str | None) -> list[str] | None:
        """The statuses that a list is asked for: `open`, `closed`, or one by its name; None for
        all."""
        if wanted is None:
            return None
        if wanted in ("open", "closed"):
            chosen = self.ends if wanted == "closed" else self.every - self.ends
            return [status.value for status in chosen]
        return [wanted]
