"""Units of measured values: how they are spelt, and one in terms of another."""

from portal.units.converting import in_unit
from portal.units.spellings import to_ucum

__all__ = ["in_unit", "to_ucum"]
