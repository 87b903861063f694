"""What becomes of each observation of a report: pure decisions.

Written, kept as it stood, or undecided, which is for a person.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from portal.results import intake_rules as rules
from portal.results.incoming import IncomingObservation
from portal.results.intake_pairing import same_value
from portal.results.intake_rules import WITHDRAWN, Known
from portal.results.states import ObservationStatus

_O = ObservationStatus
_DEFINITE = 2
_OBSERVED_RANK = {
    _O.NOT_ASKED: 0,
    _O.REGISTERED: 0,
    _O.PARTIAL: 1,
    _O.PRELIMINARY: 1,
    _O.FINAL: _DEFINITE,
    _O.CORRECTED: 3,
    _O.AMENDED: 3,
    _O.CANCELLED: 3,
    _O.ENTERED_IN_ERROR: 3,
}


@dataclass(frozen=True, slots=True)
class Kept:
    """An observation of the version before that goes on, where given with another status."""

    known: Known
    status: ObservationStatus | None = None
    note: str = ""

    @property
    def status_now(self) -> ObservationStatus:
        return self.status or self.known.status


@dataclass(slots=True)
class Gathered:
    """What was decided of a report's observations."""

    written: list[IncomingObservation] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    undecided: list[IncomingObservation] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)

    def write(self, new: IncomingObservation, old: Known | None) -> None:
        self.written.append(new)
        if old is None or _shown(new) != rules.shown(old.value, old.unit, old.status):
            self.changes.append(_change(new.code.display, new.code.code, old, _shown(new), new))

    def keep(self, old: Known, status: ObservationStatus | None = None, note: str = "") -> None:
        self.kept.append(Kept(old, None if status == old.status else status, note))
        if status in WITHDRAWN and old.status not in WITHDRAWN:
            after = rules.shown(old.value, old.unit, status)
            taken = {"before": rules.shown(old.value, old.unit, old.status), "after": after}
            self.changes.append({"code": old.code, "name": old.name, **taken, "withdrawn": True})

    def leave(self, new: IncomingObservation, old: Known | None) -> None:
        """What stands goes on; what came is for a person."""
        self.undecided.append(new)
        if old is not None:
            self.keep(old)


def _shown(new: IncomingObservation) -> str:
    return rules.shown(new.text, new.unit, new.status)


def _change(
    name: str, code: str, old: Known | None, after: str, new: IncomingObservation
) -> dict[str, Any]:
    """An observation that is new has no `before`."""
    before = None if old is None else rules.shown(old.value, old.unit, old.status)
    found = {"code": code, "name": name, "before": before, "after": after}
    taken = old is not None and old.status not in WITHDRAWN and new.status in WITHDRAWN
    return {**found, "withdrawn": True} if taken else found


@dataclass(frozen=True, slots=True)
class InOrder:
    """`again`: what was withdrawn may be said again, since this was issued later."""

    again: bool
    forced: bool

    def decide(self, new: IncomingObservation, old: Known | None, to: Gathered) -> None:
        if new.unsent:
            _stands(new, old, to, forced=self.forced)
        elif old is None:
            to.write(new, None)
        elif _is_pending(new) and old.has_value:
            to.keep(old)
        elif old.status in WITHDRAWN and new.status not in WITHDRAWN and not self.again:
            to.leave(new, old)
        elif new.status in WITHDRAWN and not _has_value(new) and old.has_value:
            to.keep(old, new.status, new.note)
        else:
            to.write(new, old)

    def unclear(self, new: IncomingObservation, to: Gathered) -> None:
        """One of several of a code, and nothing says which."""
        if self.forced:
            to.write(new, None)
        else:
            to.undecided.append(new)


@dataclass(frozen=True, slots=True)
class OutOfOrder:
    """`closed`: the report was taken back, so that nothing is added to it."""

    closed: bool
    documents: frozenset[bytes]

    def decide(self, new: IncomingObservation, old: Known | None, to: Gathered) -> None:
        if new.status == _O.ENTERED_IN_ERROR:
            self._withdraw(new, old, to)
        elif new.unsent:
            _stands(new, old, to)
        elif old is None:
            self._add(new, to)
        elif self._same(new, old):
            to.keep(old, _further(new, old))
        elif self._is_definite(new, old):
            to.write(new, old)
        else:
            to.leave(new, old)

    def unclear(self, new: IncomingObservation, to: Gathered) -> None:
        to.undecided.append(new)

    @staticmethod
    def _withdraw(new: IncomingObservation, old: Known | None, to: Gathered) -> None:
        if old is None:
            to.write(new, None)
        elif old.status == new.status:
            to.keep(old)
        elif old.has_value and not _has_value(new):
            to.keep(old, new.status, new.note)
        else:
            to.write(new, old)

    def _add(self, new: IncomingObservation, to: Gathered) -> None:
        if not (_has_value(new) or new.note):
            return
        if self.closed:
            to.undecided.append(new)
        else:
            to.write(new, None)

    def _same(self, new: IncomingObservation, old: Known) -> bool:
        """Whether it adds nothing to what stands."""
        if new.note and new.note not in old.note:
            return False
        if not _has_value(new):
            return new.status != _O.CANCELLED or old.status in WITHDRAWN
        if new.attachment and hashlib.sha256(new.attachment.content).digest() not in self.documents:
            return False
        return (
            same_value(new, old)
            and (new.status in WITHDRAWN) == (old.status in WITHDRAWN)
            and rules.severity(new.abnormality) <= rules.severity(old.abnormality)
            and set(new.flags) <= set(old.flags)
            and new.reference_text in ("", old.reference_text)
        )

    def _is_definite(self, new: IncomingObservation, old: Known) -> bool:
        """A final value stands over a provisional one, in whatever order they come."""
        rank = _OBSERVED_RANK[new.status]
        return not self.closed and rank >= _DEFINITE > _OBSERVED_RANK[old.status]


def _stands(
    new: IncomingObservation, old: Known | None, to: Gathered, *, forced: bool = False
) -> None:
    """What was sent before is final, and not sent again (HL7 table 0085, U)."""
    if old is not None and old.has_value and old.status not in WITHDRAWN:
        definite = _OBSERVED_RANK[old.status] >= _DEFINITE
        to.keep(old, None if definite else new.status, new.note)
    elif forced and old is not None:
        to.keep(old)
    elif not forced:
        to.leave(new, old)


def _further(new: IncomingObservation, old: Known) -> ObservationStatus | None:
    """The status that has come further, of one value."""
    if old.status in WITHDRAWN or not _has_value(new):
        return None
    return new.status if _OBSERVED_RANK[new.status] > _OBSERVED_RANK[old.status] else None


def _has_value(new: IncomingObservation) -> bool:
    return bool(new.text or new.attachment)


def _is_pending(new: IncomingObservation) -> bool:
    """Ordered or under way: it says nothing of a value."""
    return new.status == _O.REGISTERED and not _has_value(new)
