"""The observations of one FHIR report: its results, their members and components, in order."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from portal.results.fhir.codes import required_concept
from portal.results.fhir.members import MAX_TEXT, Node
from portal.results.fhir.patients import Patients
from portal.results.fhir.ranges import abnormality, expected, flags
from portal.results.fhir.resources import Resource, Resources
from portal.results.fhir.values import value
from portal.results.incoming import IncomingObservation, Isolate
from portal.results.states import ObservationStatus, ValueKind

MAX_OBSERVATIONS = 2_000
# FHIR has one word more than we keep apart.
_APPENDED = "appended"


def status_word(node: Node, words: list[str]) -> str:
    """The member `status` as we call it; the first of our words where it can't be used."""
    sent = node.code("status")
    word = "amended" if sent == _APPENDED else sent.replace("-", "_")
    if word in words and "_" not in sent:
        return word
    known = ", ".join([*(each.replace("_", "-") for each in words), _APPENDED])
    node.at("status").problem(f"Send one of {known}.")
    return words[0]


def observations(
    report: Resource, resources: Resources, patients: Patients
) -> tuple[IncomingObservation, ...]:
    """What a report's `result` leads to, each once, however they refer to each other."""
    found: list[IncomingObservation] = []
    for resource, isolate in _reached(report, resources):
        patients.optional(resource)
        made_on = isolate or _derived_from(resource, resources)
        found.extend(replace(one, isolate=made_on) for one in _of_resource(resource.node))
        if len(found) > MAX_OBSERVATIONS:
            report.node.at("result").problem(f"Send {MAX_OBSERVATIONS} observations at most.")
            break
    return tuple(_told_apart(found))


def _reached(report: Resource, resources: Resources) -> Iterator[tuple[Resource, Isolate | None]]:
    """Each with the isolate whose member it is. Depth first, with a stack of our own: chains may be
    as long as the document."""
    seen: set[str] = set()
    top: Isolate | None = None
    waiting = [(each, report, top) for each in report.node.objects("result")][::-1]
    while waiting:
        reference, source, isolate = waiting.pop()
        resource = resources.find(reference, source, "Observation")
        if resource is None:
            # Members may also be questionnaires and sequences, which hold no values for us.
            if not _is_of_another_kind(reference, source, resources):
                reference.problem("Send the Observation in the same bundle, or contained.")
        elif resource.place not in seen:
            seen.add(resource.place)
            yield resource, isolate
            grown = _grown(resource) or isolate
            members = [(each, resource, grown) for each in resource.node.objects("hasMember")]
            waiting.extend(members[::-1])


def _grown(resource: Resource) -> Isolate | None:
    """What an observation says that others were made on: what grew, as a code or a text."""
    if not (resource.node.at("valueCodeableConcept") or resource.node.at("valueString")):
        return None
    code, _own = required_concept(resource.node.object("code"))
    return Isolate(code.code, "", value(resource.node).text)


def _derived_from(resource: Resource, resources: Resources) -> Isolate | None:
    for reference in resource.node.objects("derivedFrom"):
        found = resources.find(reference, resource, "Observation")
        if found is not None and (grown := _grown(found)) is not None:
            return grown
    return None


def _is_of_another_kind(reference: Node, source: Resource, resources: Resources) -> bool:
    others = ("QuestionnaireResponse", "MolecularSequence")
    return resources.find(reference, source, *others) is not None


def _of_resource(node: Node) -> Iterator[IncomingObservation]:
    status = ObservationStatus(status_word(node, list(ObservationStatus)))
    observed_at = _observed_at(node)
    own = _observation(node, status, observed_at)
    parts = list(node.objects("component"))
    # A panel's head without a value says nothing that its parts don't.
    is_head = bool(parts) or bool(node.at("hasMember"))
    if own.kind != ValueKind.NONE or own.text or own.note or not is_head:
        yield own
    for number, part in enumerate(parts, start=1):
        yield replace(_observation(part, status, observed_at), sub_id=str(number))


def _observed_at(node: Node) -> datetime | None:
    period = node.object("effectivePeriod")
    return (
        node.moment("effectiveDateTime")
        or node.moment("effectiveInstant")
        or (period.moment("start") or period.moment("end") if period else None)
    )


def _observation(
    node: Node, status: ObservationStatus, observed_at: datetime | None
) -> IncomingObservation:
    """An Observation, or a component, which has no status, time and note of its own."""
    code, local = required_concept(node.object("code"))
    found = value(node)
    usual = expected(node, found, code.code if code.system == "LN" else "")
    marked = flags(node)
    return IncomingObservation(
        code=code,
        local=local,
        kind=found.kind,
        status=status,
        number=found.number,
        high=found.high,
        comparator=found.comparator,
        text=found.text,
        value_code=found.code,
        unit=found.unit,
        reference_low=usual.low,
        reference_high=usual.high,
        reference_text=usual.text,
        flags=marked,
        abnormality=abnormality(marked, found, usual, code),
        observed_at=observed_at,
        note=_notes(node),
    )


def _notes(node: Node) -> str:
    return "\n".join(filter(None, (each.text("text", MAX_TEXT) for each in node.objects("note"))))


def _told_apart(found: list[IncomingObservation]) -> Iterator[IncomingObservation]:
    """Observations of one code get different sub-ids: two cultures, two blood pressures."""
    times: Counter[tuple[str, str, str]] = Counter()
    for each in found:
        key = (each.code.system, each.code.code or each.code.display, each.sub_id)
        times[key] += 1
        again = times[key]
        yield each if again == 1 else replace(each, sub_id=f"{each.sub_id or 1}.{again}")
