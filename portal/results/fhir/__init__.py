"""Results by FHIR R4: bundles of DiagnosticReports as the intake takes them."""

from portal.results.fhir.bundle import read_bundle, read_document

__all__ = ["read_bundle", "read_document"]
