"""What a report changes on a chart: pure decisions, made for each observation by itself.

What comes in its order replaces what stood. What comes out of order adds what is new and takes back
what it withdraws; what differs from what stands without being applied stays `undecided`, for a
person. So nothing that a laboratory says is dropped.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from portal.core.actor import ActorKind
from portal.results import intake_rules as rules
from portal.results.incoming import Attachment, IncomingObservation, IncomingReport
from portal.results.intake_deciding import Gathered, InOrder, Kept, OutOfOrder
from portal.results.intake_pairing import pairs_of
from portal.results.intake_rules import WITHDRAWN, ReportFacts
from portal.results.states import (
    REPORT,
    TAKES_BACK,
    Abnormality,
    ObservationStatus,
    ReportStatus,
)

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
    return _next(report, known, issued_at, digest, InOrder(again, forced))


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


def _decided(report: IncomingReport, known: ReportFacts, decider: InOrder | OutOfOrder) -> Gathered:
    to = Gathered()
    dealt_with = set()
    for new, about, clear in pairs_of(report, known):
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


def _next(
    report: IncomingReport,
    known: ReportFacts,
    issued_at: datetime,
    digest: bytes,
    decider: InOrder,
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


def _take_back(to: Gathered, status: ObservationStatus) -> None:
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
    to = _decided(report, known, OutOfOrder(known.status in TAKES_BACK, documents))
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
