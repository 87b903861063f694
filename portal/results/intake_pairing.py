"""Which of a code's standing values a new one is about: pure."""

from collections.abc import Callable, Collection, Sequence

from portal.results.incoming import IncomingObservation, IncomingReport
from portal.results.intake_rules import WITHDRAWN, Known, ReportFacts

Pair = tuple[IncomingObservation, Known | None, bool]


def pairs_of(report: IncomingReport, known: ReportFacts) -> list[Pair]:
    """Each observation of a report with the one that it is about, None where it is new; and False
    where it is about one of several, and nothing says which."""
    named = {old.key for old in known.observations} if report.numbered else frozenset()
    olds: dict[tuple[str, str], list[Known]] = {}
    for old in known.observations:
        olds.setdefault(_group(*old.key, named), []).append(old)
    news: dict[tuple[str, str], list[IncomingObservation]] = {}
    for new in report.observations:
        news.setdefault(_group(new.code.code, new.sub_id, named), []).append(new)
    found = {key: iter(_paired(group, olds.get(key, ()))) for key, group in news.items()}
    return [
        (new, *next(found[_group(new.code.code, new.sub_id, named)])) for new in report.observations
    ]


def _group(code: str, sub_id: str, named: Collection[tuple[str, str]]) -> tuple[str, str]:
    """What tells observations apart. A number that was given here by their order (`1.2`) tells
    nothing: it goes with the first of them."""
    first, dot, _place = sub_id.rpartition(".")
    for one in (first, "") if dot else ():
        if (code, one) in named and (one or first == "1"):
            return code, one
    return code, sub_id


def same_value(new: IncomingObservation, old: Known) -> bool:
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
        for fits in (same_value, _same_time):
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
        if len(candidates) == 1 or (candidates and fits is same_value):
            found[index] = candidates[0]
            left.remove(candidates[0])
