"""On which isolate of a culture something was tested: OBR-26 names the parent's observation."""

from collections.abc import Sequence
from dataclasses import replace

from portal.hl7v2.segments import Segment
from portal.results.incoming import IncomingObservation, IncomingReport, Isolate

_PARENT = 26


def isolate_of(obr: Segment) -> Isolate | None:
    """The observation identifier, its sub-id and what it says (HL7 v2.5.1, 4.5.3.26)."""
    parent = obr.first(_PARENT)
    found = Isolate(parent.text(1), parent.text(2), parent.whole_component(3))
    return found if found.code or found.sub_id or found.name else None


def on_isolate(
    observations: Sequence[IncomingObservation], isolate: Isolate | None
) -> tuple[IncomingObservation, ...]:
    """Observations of one code on two isolates have different sub-ids."""
    if isolate is None:
        return tuple(observations)
    return tuple(
        replace(one, isolate=isolate, sub_id=_sub_id(one.sub_id, isolate.sub_id))
        for one in observations
    )


def _sub_id(own: str, of_isolate: str) -> str:
    if not of_isolate:
        return own
    return of_isolate if own in ("", of_isolate) else f"{of_isolate}.{own}"


def named_isolates(reports: Sequence[IncomingReport]) -> list[IncomingReport]:
    """What grew, where OBR-26 doesn't say: as the culture in the same message has it."""
    names = {
        (code.code, one.sub_id): one.text
        for report in reports
        for one in report.observations
        for code in (one.code, one.local)
        if code is not None and one.isolate is None
    }
    return [
        replace(report, observations=tuple(_named(one, names) for one in report.observations))
        if any(one.isolate for one in report.observations)
        else report
        for report in reports
    ]


def _named(one: IncomingObservation, names: dict[tuple[str, str], str]) -> IncomingObservation:
    isolate = one.isolate
    if isolate is None or isolate.name:
        return one
    name = names.get((isolate.code, isolate.sub_id), "")
    return replace(one, isolate=replace(isolate, name=name))
