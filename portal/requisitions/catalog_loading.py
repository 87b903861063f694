"""A catalogue from one document: what is there by its code is changed, the rest added."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema
from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.actor import OPERATOR
from portal.core.schemas import Strict
from portal.requisitions.model import CatalogTest
from portal.requisitions.schemas import CatalogTestSchema


class _LoadedTestSchema(CatalogTestSchema):
    active = fields.Boolean(
        load_default=True, metadata={"description": "False: it can't be ordered any more"}
    )


class CatalogSchema(Strict):
    """The whole document."""

    tests = fields.List(
        fields.Nested(_LoadedTestSchema), required=True, validate=validate.Length(1, 5_000)
    )

    @validates_schema
    def _each_once(self, data: dict[str, Any], **_kwargs: Any) -> None:
        seen: set[str] = set()
        for number, test in enumerate(data["tests"]):
            if test["code"] in seen:
                raise ValidationError({"tests": {number: {"code": ["This code came before."]}}})
            seen.add(test["code"])


def load_catalog(
    session: Session, tests: Iterable[Mapping[str, Any]], now: datetime
) -> tuple[int, int]:
    """Write loaded tests; returns how many were added and how many were there."""
    added = there = 0
    for test in tests:
        row = session.get(CatalogTest, test["code"])
        if row is None:
            row = CatalogTest(code=test["code"])
            session.add(row)
            added += 1
        else:
            there += 1
        for name, value in _columns(test).items():
            setattr(row, name, value)
    session.flush()
    audit.record(session, OPERATOR, "load", "catalog", patient_id=None, at=now)
    return added, there


def _columns(test: Mapping[str, Any]) -> dict[str, Any]:
    specimen = test["specimen"] or {}
    columns = {name: test[name] for name in _SAME}
    return {
        **columns,
        "specimen_code": specimen.get("code"),
        "specimen_name": specimen.get("name"),
    }


_SAME = (
    "kind",
    "name",
    "fasting_hours",
    "preparation",
    "modality",
    "duration_minutes",
    "turnaround_hours",
    "components",
    "active",
)
