"""Units of laboratory values: how they are spelt, and one in terms of another."""

from portal.results.units.converting import in_unit

__all__ = ["in_unit"]
