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
    def ends(self) -> frozenset[S]:
        """The statuses that nothing follows."""
        every = {after for nexts in self.moves.values() for after in nexts} | set(self.moves)
        return frozenset(status for status in every if not self.moves.get(status))
