"""Results by HL7 v2: ORU^R01 as the intake takes it."""

from portal.results.oru.reading import TYPES, read_report

__all__ = ["TYPES", "read_report"]
