"""Whom a FHIR document is about: one person, whatever way its resources say so."""

from collections.abc import Sequence

from portal.results.fhir.codes import identifier, identity
from portal.results.fhir.members import Node
from portal.results.fhir.resources import Resource, Resources
from portal.results.incoming import Identifier, PatientIdentity

_REMEDY = "send the Patient in the bundle or contained, or subject.identifier"


class Patients:
    """Gathers the subjects of a document's reports and observations."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._known: dict[str, PatientIdentity] = {}
        self._elsewhere: dict[str, PatientIdentity] = {}
        self.found: PatientIdentity | None = None

    def required(self, report: Resource) -> None:
        """A report's subject; without one, the only Patient that there is."""
        subject = report.node.object("subject")
        if subject:
            self._see(subject, report)
            return
        near = self._resources.contained_in(report, "Patient")
        patients = near or self._resources.of_kind("Patient")
        if len(patients) == 1:
            self._same(self._read(patients[0]), report.node)
        else:
            report.node.at("subject").problem(f"It isn't said whose report this is: {_REMEDY}.")

    def optional(self, observation: Resource) -> None:
        """An observation's subject, where it has one: nobody else's may be in a report."""
        subject = observation.node.object("subject")
        if subject:
            self._see(subject, observation)

    def _see(self, subject: Node, source: Resource) -> None:
        patient = self._resources.find(subject, source, "Patient")
        if patient is not None:
            self._same(self._read(patient), subject)
            return
        number = identifier(subject.object("identifier"))
        reference = subject.text("reference")
        if number is not None:
            self._same(PatientIdentity((number,)), subject)
            # A report may say the number of a Patient elsewhere, its observations the reference.
            self._elsewhere.setdefault(reference, PatientIdentity((number,)))
        elif reference in self._elsewhere and reference:
            self._same(self._elsewhere[reference], subject)
        else:
            subject.problem(f"No patient is found by this: {_REMEDY}.")

    def _read(self, patient: Resource) -> PatientIdentity:
        if patient.place not in self._known:
            self._known[patient.place] = identity(patient.node)
        return self._known[patient.place]

    def _same(self, seen: PatientIdentity, place: Node) -> None:
        if self.found is None:
            self.found = seen
        elif not _one_person(self.found, seen):
            place.problem("This is about another patient: send one bundle for each patient.")
        elif not self.found.birth_date and not self.found.family_name:
            self.found = seen


def _one_person(one: PatientIdentity, other: PatientIdentity) -> bool:
    if one == other:
        return True
    born = {one.birth_date, other.birth_date} - {None}
    return len(born) < 2 and bool(_keys(one.identifiers) & _keys(other.identifiers))


def _keys(identifiers: Sequence[Identifier]) -> set[tuple[str, str]]:
    return {(each.authority, each.value) for each in identifiers}
