"""Every date and time that a request may hold has bounds that follow from what it is about."""

import importlib
import pkgutil
from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pytest
from marshmallow import RAISE, Schema, ValidationError, fields

import portal
from portal.core import dates
from portal.core.clock import utcnow
from portal.core.dates import Bounds, day_field, time_field

# What laboratories send in their own format has rules of its own (results/), and so has whose
# record it is (patients/schemas.py).
OF_THEIR_OWN = ("portal.results.", "portal.patients.schemas")


def schemas(parent: type[Schema] = Schema) -> Iterator[type[Schema]]:
    for child in parent.__subclasses__():
        yield child
        yield from schemas(child)


def requests() -> set[type[Schema]]:
    """What comes in: schemas that refuse members that they don't know."""
    for module in pkgutil.walk_packages(portal.__path__, "portal."):
        if module.name.endswith(("schemas", "routes")):
            importlib.import_module(module.name)
    return {
        schema
        for schema in schemas()
        if schema.__module__.startswith("portal.")
        and getattr(schema.Meta, "unknown", None) == RAISE
    }


def unbounded(schema: type[Schema]) -> Iterator[str]:
    for name, field in schema._declared_fields.items():
        inner = field.inner if isinstance(field, fields.List) else field
        if isinstance(inner, fields.Date | fields.DateTime) and not hasattr(inner, "bounds"):
            yield f"{schema.__module__}.{schema.__name__}.{name}"


def test_every_date_of_a_request_has_bounds() -> None:
    found = [name for schema in requests() for name in unbounded(schema)]
    assert len(requests()) > 100
    assert [name for name in found if not name.startswith(OF_THEIR_OWN)] == []


@pytest.mark.parametrize(
    "bounds",
    [one for one in vars(dates).values() if isinstance(one, Bounds)],
    ids=lambda b: b.about,
)
def test_the_bounds_are_inclusive_and_hold(bounds: Bounds) -> None:
    day, moment = day_field(bounds), time_field(bounds)
    now = utcnow()
    first, last = bounds.days(now)
    for within in (first, last):
        assert day.deserialize(within.isoformat()) == within
    for outside in (first - timedelta(days=2), last + timedelta(days=2), date(1, 1, 1), date.max):
        with pytest.raises(ValidationError):
            day.deserialize(outside.isoformat())
    begin, end = bounds.moments(now)
    for inside in (begin + timedelta(seconds=30), end - timedelta(seconds=1)):
        if begin + timedelta(minutes=1) < end:
            assert moment.deserialize(inside.isoformat()) == inside
    for text in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"):
        with pytest.raises(ValidationError):
            moment.deserialize(text)


def test_today_is_today_everywhere() -> None:
    """Noon in London is tomorrow in Kiribati, and was yesterday on Baker Island a moment ago."""
    noon = datetime.fromisoformat("2026-03-04T11:00:00+00:00")
    today = Bounds("today", timedelta(0), timedelta(0))
    assert today.days(noon) == (date(2026, 3, 3), date(2026, 3, 5))
