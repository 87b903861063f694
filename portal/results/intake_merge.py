"""What a report changes on a chart: pure decisions, made for each observation by itself.

What comes in its order replaces what stood. What comes out of order adds what is new and takes back
what it withdraws; what differs from what stands without being applied stays `undecided`, for a
person. So nothing that a laboratory says is dropped.
"""

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from portal.core.actor import ActorKind
from portal.results import intake_rules as rules
from portal.results.incoming import Attachment, IncomingObservation, IncomingReport
from portal.results.intake_rules import WITHDRAWN, Known, ReportFacts
from portal.results.states import (
    REPORT,
    TAKES_BACK,
    Abnormality,
    ObservationStatus,
    ReportStatus,
)

_O = ObservationStatus
# How far a report has come: one that has come less far never overwrites.
_RANK = {
    ReportStatus.REGISTERED: 0,
    ReportStatus.PARTIAL: 1,
    ReportStatus.PRELIMINARY: 1,
    ReportStatus.FINAL: 2,
    ReportStatus.CORRECTED: 3,
    ReportStatus.AMENDED: 3,
    ReportStatus.CANCELLED: 3,
    ReportStatus.ENTERED_IN_ERROR: 3,
}
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


@dataclass(frozen=True, slots=True)
class Merge:
    """The version that a report makes; `is_news` is False where it would say what stands.

    `undecided` has what differs from what stands and was not applied. `carried_first` tells that
    the observations of the version before come first.
    """

    status: ReportStatus
    issued_at: datetime
    digest: bytes
    written: tuple[IncomingObservation, ...] = ()
    kept: tuple[Kept, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    note: str = ""
    reason: str = ""
    changes: tuple[dict[str, Any], ...] = ()
    undecided: tuple[IncomingObservation, ...] = ()
    carried_first: bool = False
    is_news: bool = True

    @property
    def abnormality(self) -> Abnormality:
        """The worst of what the version holds."""
        standing = [one.known for one in self.kept if one.status_now not in WITHDRAWN]
        return rules.worst_of([*self.written, *standing])


def merge(
    report: IncomingReport,
    known: ReportFacts | None,
    issued_at: datetime,
    *,
    documents: Collection[bytes] = (),
    forced: bool = False,
) -> Merge:
    """The version that a report makes of what is known.

    `documents` are the digests of those that are there. `forced`: a person has decided that the
    report stands.
    """
    if known is None:
        return _first(report, issued_at)
    digest = rules.digest_of(report)
    if not (forced or in_order(report, known, issued_at)):
        return _out_of_order(report, known, digest, frozenset(documents))
    if digest == known.digest and not forced:
        return Merge(known.status, known.issued_at, digest, is_news=False)
    again = forced or issued_at > known.issued_at or _RANK[report.status] > _RANK[known.status]
    return _next(report, known, issued_at, digest, _InOrder(again, forced))


def in_order(report: IncomingReport, known: ReportFacts, issued_at: datetime) -> bool:
    """Whether a report comes after what is known. An older status never overwrites a newer one; of
    two of one status the later issued one stands. One that takes everything back always acts."""
    if report.status in TAKES_BACK:
        return True
    if not REPORT.allows(known.status, report.status, ActorKind.LABORATORY):
        return False
    return _RANK[report.status] > _RANK[known.status] or issued_at >= known.issued_at


def _first(report: IncomingReport, issued_at: datetime) -> Merge:
    """A report of which nothing is known. A value that is said to stand and never came is missing:
    somebody asks for it."""
    unsent = tuple(one for one in report.observations if one.unsent)
    written = tuple(one for one in report.observations if not one.unsent)
    return Merge(
        report.status,
        issued_at,
        rules.digest_of(report),
        _taken_back(report, written),
        attachments=report.attachments,
        note=report.note,
        reason=report.reason,
        undecided=unsent,
    )


@dataclass(slots=True)
class _Gathered:
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
class _InOrder:
    """`again`: what was withdrawn may be said again, since this was issued later."""

    again: bool
    forced: bool

    def decide(self, new: IncomingObservation, old: Known | None, to: _Gathered) -> None:
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

    def unclear(self, new: IncomingObservation, to: _Gathered) -> None:
        """One of several of a code, and nothing says which."""
        if self.forced:
            to.write(new, None)
        else:
            to.undecided.append(new)


@dataclass(frozen=True, slots=True)
class _OutOfOrder:
    """`closed`: the report was taken back, so that nothing is added to it."""

    closed: bool
    documents: frozenset[bytes]

    def decide(self, new: IncomingObservation, old: Known | None, to: _Gathered) -> None:
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

    def unclear(self, new: IncomingObservation, to: _Gathered) -> None:
        to.undecided.append(new)

    @staticmethod
    def _withdraw(new: IncomingObservation, old: Known | None, to: _Gathered) -> None:
        if old is None:
            to.write(new, None)
        elif old.status == new.status:
            to.keep(old)
        elif old.has_value and not _has_value(new):
            to.keep(old, new.status, new.note)
        else:
            to.write(new, old)

    def _add(self, new: IncomingObservation, to: _Gathered) -> None:
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
            _same_value(new, old)
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
    new: IncomingObservation, old: Known | None, to: _Gathered, *, forced: bool = False
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


def _same_value(new: IncomingObservation, old: Known) -> bool:
    times = {one for one in (new.observed_at, old.observed_at) if one is not None}
    return (new.text, new.unit) == (old.value, old.unit) and len(times) < 2


def _same_time(new: IncomingObservation, old: Known) -> bool:
    return new.observed_at is not None and new.observed_at == old.observed_at


def _paired(
    news: Sequence[IncomingObservation], olds: Sequence[Known]
) -> list[tuple[Known | None, bool]]:
    """Which of a code's standing values each new one is about; False where nothing says which.

    Several of one code without a sub-id are told apart by their value, their time, or their order
    where none is missing.
    """
    left = sorted(olds, key=lambda one: one.status in WITHDRAWN)
    found: list[Known | None] = [None] * len(news)
    if len(news) < len(left) or len(news) > 1:
        for fits in (_same_value, _same_time):
            _pair_by(fits, news, left, found)
    rest = [index for index, old in enumerate(found) if old is None]
    clear = sum(old.status not in WITHDRAWN for old in left) <= len(rest)
    for index in rest if clear else ():
        found[index] = left.pop(0) if left else None
    return [(old, clear or old is not None) for old in found]


def _pair_by(
    fits: Callable[[IncomingObservation, Known], bool],
    news: Sequence[IncomingObservation],
    left: list[Known],
    found: list[Known | None],
) -> None:
    for index, new in enumerate(news):
        candidates = [old for old in left if fits(new, old)] if found[index] is None else []
        if len(candidates) == 1 or (candidates and fits is _same_value):
            found[index] = candidates[0]
            left.remove(candidates[0])


def _decided(
    report: IncomingReport, known: ReportFacts, decider: _InOrder | _OutOfOrder
) -> _Gathered:
    to = _Gathered()
    named = {old.key for old in known.observations} if report.numbered else frozenset()
    olds: dict[tuple[str, str], list[Known]] = {}
    for old in known.observations:
        olds.setdefault(_group(*old.key, named), []).append(old)
    news: dict[tuple[str, str], list[IncomingObservation]] = {}
    for new in report.observations:
        news.setdefault(_group(new.code.code, new.sub_id, named), []).append(new)
    pairs = {key: iter(_paired(group, olds.get(key, ()))) for key, group in news.items()}
    dealt_with = set()
    for new in report.observations:
        about, clear = next(pairs[_group(new.code.code, new.sub_id, named)])
        if about is not None:
            dealt_with.add(about.position)
        if clear:
            decider.decide(new, about, to)
        else:
            decider.unclear(new, to)
    # What isn't mentioned stands: some laboratories send only what has changed.
    for old in known.observations:
        if old.position not in dealt_with:
            to.keep(old)
    return to


def _group(code: str, sub_id: str, named: Collection[tuple[str, str]]) -> tuple[str, str]:
    """What tells observations apart. A number that was given here by their order (`1.2`) tells
    nothing: it goes with the first of them."""
    first, dot, _place = sub_id.rpartition(".")
    for one in (first, "") if dot else ():
        if (code, one) in named and (one or first == "1"):
            return code, one
    return code, sub_id


def _next(
    report: IncomingReport,
    known: ReportFacts,
    issued_at: datetime,
    digest: bytes,
    decider: _InOrder,
) -> Merge:
    to = _decided(report, known, decider)
    withdrawn = TAKES_BACK.get(report.status)
    if withdrawn is not None:
        _take_back(to, withdrawn)
    said = (report.status, report.note, report.reason) != (known.status, known.note, known.reason)
    nothing = bool(to.undecided) and not (to.changes or report.attachments or said)
    return Merge(
        report.status,
        issued_at,
        digest,
        _taken_back(report, to.written),
        tuple(to.kept),
        report.attachments,
        report.note,
        report.reason,
        tuple(to.changes),
        tuple(to.undecided),
        is_news=not nothing,
    )


def _take_back(to: _Gathered, status: ObservationStatus) -> None:
    """Nothing of a report that was taken back counts any more."""
    kept, to.kept = to.kept, []
    for one in kept:
        taken = one.status_now in WITHDRAWN
        to.keep(one.known, one.status if taken else status, one.note)


def _taken_back(
    report: IncomingReport, written: Sequence[IncomingObservation]
) -> tuple[IncomingObservation, ...]:
    status = TAKES_BACK.get(report.status)
    if status is None:
        return tuple(written)
    return tuple(one if one.status in WITHDRAWN else replace(one, status=status) for one in written)


def _out_of_order(
    report: IncomingReport, known: ReportFacts, digest: bytes, documents: frozenset[bytes]
) -> Merge:
    to = _decided(report, known, _OutOfOrder(known.status in TAKES_BACK, documents))
    attachments = tuple(
        one for one in report.attachments if hashlib.sha256(one.content).digest() not in documents
    )
    further = report.note if report.note not in known.note else ""
    moved = any(one.status for one in to.kept)
    return Merge(
        known.status,
        known.issued_at,
        hashlib.sha256(known.digest + digest).digest(),
        tuple(to.written),
        tuple(to.kept),
        attachments,
        "\n".join(filter(None, (known.note, further))),
        known.reason,
        tuple(to.changes),
        tuple(to.undecided),
        carried_first=True,
        is_news=bool(to.written or attachments or further or moved),
    )
