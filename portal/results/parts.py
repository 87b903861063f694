"""Parts of one report that came apart: orders of one number and one test, as a laboratory sends a
susceptibility for each isolate of a culture. They are one report, whose observations tell on which
isolate they were made. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from portal.results.incoming import IncomingMessage, IncomingObservation, IncomingReport, Isolate
from portal.results.intake_rules import WITHDRAWN
from portal.results.states import FINALS, TAKES_BACK, ReportStatus

_EARLY = frozenset({ReportStatus.REGISTERED, ReportStatus.PARTIAL, ReportStatus.PRELIMINARY})


def with_parts(message: IncomingMessage) -> IncomingMessage:
    """A message with each number and test once, in the order of their first parts."""
    if len(message.reports) == 1:
        return message
    return replace(message, reports=put_together(message.reports))


def put_together(reports: Sequence[IncomingReport]) -> tuple[IncomingReport, ...]:
    groups: list[list[IncomingReport]] = []
    for report in reports:
        group = next((one for one in groups if _is_part(report, one)), None)
        if group is None:
            groups.append([report])
        else:
            group.append(report)
    return tuple(one[0] if len(one) == 1 else _together(one) for one in groups)


def _is_part(report: IncomingReport, group: Sequence[IncomingReport]) -> bool:
    """By the laboratory's number, unless they answer different orders of ours; else by ours."""
    first = group[0]
    if report.code.code != first.code.code or report.filler_number != first.filler_number:
        return False
    placers = {one.placer_number for one in (report, *group)}
    return len(placers - {""} if report.filler_number else placers) < 2


def _together(parts: Sequence[IncomingReport]) -> IncomingReport:
    first = parts[0]
    times = [one.issued_at for one in parts if one.issued_at is not None]
    return replace(
        first,
        status=_status({one.status for one in parts}),
        placer_number=next((one.placer_number for one in parts if one.placer_number), ""),
        category=next((one.category for one in parts if one.category), ""),
        collected_at=_first_time(one.collected_at for one in parts),
        issued_at=max(times, default=None),
        orderer_npi=next((one.orderer_npi for one in parts if one.orderer_npi), ""),
        specimen=next((one.specimen for one in parts if one.specimen), None),
        note=_lines(one.note for one in parts),
        reason=_lines(one.reason for one in parts),
        progress=next((one.progress for one in parts if one.progress), ""),
        observations=_observations(parts),
        attachments=tuple(document for one in parts for document in one.attachments),
        beside=tuple(one.place for one in parts[1:]),
    )


def _status(statuses: set[ReportStatus]) -> ReportStatus:
    """A report is as far as the least of its parts, but for those that were cancelled."""
    standing = statuses - set(TAKES_BACK) or statuses
    if len(standing) == 1:
        return standing.pop()
    if standing & _EARLY:
        return ReportStatus.PARTIAL
    return ReportStatus.CORRECTED if standing & FINALS else ReportStatus.CANCELLED


def _first_time(times: Iterable[datetime | None]) -> datetime | None:
    return next((one for one in times if one is not None), None)


def _lines(texts: Iterable[str]) -> str:
    return "\n".join(dict.fromkeys(one for one in texts if one))


def _observations(parts: Sequence[IncomingReport]) -> tuple[IncomingObservation, ...]:
    """Those of a cancelled part are cancelled alone. What names no isolate is told apart by the
    part that it came in."""
    found = []
    for number, part in enumerate(parts, 1):
        isolate = Isolate(sub_id=str(number))
        withdrawn = TAKES_BACK.get(part.status)
        for one in part.observations:
            status = one.status if withdrawn is None or one.status in WITHDRAWN else withdrawn
            found.append(replace(one, isolate=one.isolate or isolate, status=status))
    return tuple(found)
