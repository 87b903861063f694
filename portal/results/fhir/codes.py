"""FHIR's codes, identifiers and names, as the intake's values (FHIR R4)."""

from collections.abc import Iterable

from portal.results.fhir.members import Node
from portal.results.incoming import Coding, Identifier, PatientIdentity

# FHIR's URIs by HL7 table 0396. UCUM's are in units, not here.
_SYSTEMS = {
    "http://loinc.org": "LN",
    "urn:oid:2.16.840.1.113883.6.1": "LN",
    "http://snomed.info/sct": "SCT",
    "urn:oid:2.16.840.1.113883.6.96": "SCT",
    "http://hl7.org/fhir/sid/icd-10-cm": "I10C",
    "urn:oid:2.16.840.1.113883.6.90": "I10C",
    "http://unitsofmeasure.org": "UCUM",
    "urn:oid:2.16.840.1.113883.6.8": "UCUM",
}
_COMMON = ("LN", "SCT", "I10C")
NPI = "http://hl7.org/fhir/sid/us-npi"
_SEXES = ("male", "female", "other", "unknown")


def codings(concept: Node) -> list[Coding]:
    """The codings of a CodeableConcept that have a code."""
    text = concept.line("text")
    found = []
    for each in concept.objects("coding"):
        code, system = each.code("code"), each.code("system")
        if code:
            display = each.line("display") or text
            found.append(Coding(code, display, _SYSTEMS.get(system.rstrip("/"), system)))
    return found


def concept(node: Node) -> tuple[Coding | None, Coding | None]:
    """The coding to go by, of a common system where there is one, and the sender's own beside it.

    A concept of text alone becomes a coding without a code and system.
    """
    found = codings(node)
    common = [coding for coding in found if coding.system in _COMMON]
    own = [coding for coding in found if coding.system not in _COMMON]
    chosen = min(common, key=lambda coding: _COMMON.index(coding.system), default=None)
    if chosen:
        return chosen, own[0] if own else None
    if own:
        return own[0], None
    text = node.line("text")
    return (Coding("", text, ""), None) if text else (None, None)


def required_concept(node: Node) -> tuple[Coding, Coding | None]:
    chosen, own = concept(node)
    if chosen is None:
        node.problem("Send a coding with a code, or a text.")
    return chosen or Coding("", "", ""), own


def identifiers(nodes: Iterable[Node]) -> list[Identifier]:
    """The identifiers that have a value."""
    return [found for node in nodes if (found := identifier(node)) is not None]


def identifier(node: Node) -> Identifier | None:
    value = node.code("value")
    if not value:
        return None
    kinds = codings(node.object("type"))
    authority = node.code("system") or node.object("assigner").code("display")
    return Identifier(value, authority, kinds[0].code if kinds else "")


def numbered(nodes: Iterable[Node], kind: str, *, untyped: bool) -> str:
    """The identifier of a type of HL7 table 0203; else the first without one, if that will do."""
    found = identifiers(nodes)
    typed = [each.value for each in found if each.type == kind]
    plain = [each.value for each in found if not each.type] if untyped else []
    return (typed + plain + [""])[0]


def npi(nodes: Iterable[Node]) -> str:
    """A practitioner's number in the United States' register."""
    return next((each.value for each in identifiers(nodes) if each.authority == NPI), "")


def identity(patient: Node) -> PatientIdentity:
    """Whom a Patient resource is about."""
    names = list(patient.objects("name"))
    uses = ("official", "usual", "")
    name = min(names, key=lambda each: _rank(each.code("use"), uses), default=None)
    found = PatientIdentity(
        tuple(identifiers(patient.objects("identifier"))),
        name.line("family") if name else "",
        next(iter(name.lines("given")), "") if name else "",
        patient.day("birthDate"),
        _sex(patient),
    )
    if not found.identifiers and not found.family_name:
        patient.problem("Send the patient's identifier, or at least a name.")
    return found


def _rank(use: str, uses: tuple[str, ...]) -> int:
    return uses.index(use) if use in uses else len(uses)


def _sex(patient: Node) -> str:
    gender = patient.code("gender")
    if gender and gender not in _SEXES:
        patient.at("gender").problem(f"Send one of {', '.join(_SEXES)}.")
        return ""
    return gender
