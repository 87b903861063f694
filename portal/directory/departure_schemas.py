"""JSON of departures."""

from typing import Any

from marshmallow import Schema, fields, post_load, validate

from portal.core.dates import PLANNED, day_field
from portal.core.schemas import Listing, Strict, prose_field
from portal.directory.departure_model import DepartureKind
from portal.directory.departures import Leave

KIND = validate.OneOf([kind.value for kind in DepartureKind])


class WriteDepartureSchema(Strict):
    kind = fields.String(required=True, validate=KIND)
    subject_id = fields.UUID(
        required=True, metadata={"description": "The practitioner, pharmacy or laboratory"}
    )
    last_day = day_field(
        PLANNED,
        load_default=None,
        allow_none=True,
        metadata={
            "description": "The last day, by the time zone of the place; without one at once"
        },
    )
    successor_id = fields.UUID(
        load_default=None,
        allow_none=True,
        metadata={"description": "Who or what takes over, of the same kind"},
    )
    reason = prose_field(500, least=3, metadata={"example": "Retires."})

    @post_load
    def _command(self, data: dict[str, Any], **_kwargs: Any) -> Leave:
        return Leave(**{**data, "kind": DepartureKind(data["kind"])})


class LeftSchema(Schema):
    """Something that nobody else could be given: a work item asks a person."""

    resource = fields.String(metadata={"example": "requisition"})
    subject_id = fields.UUID()
    why = fields.String(metadata={"example": "laboratory_left"})
    at = fields.DateTime()


class DepartureSchema(Schema):
    id = fields.UUID()
    kind = fields.String(metadata={"example": "practitioner"})
    subject_id = fields.UUID()
    successor_id = fields.UUID(allow_none=True)
    reason = fields.String()
    effective_at = fields.DateTime()
    recorded_at = fields.DateTime()
    moved = fields.Integer(metadata={"description": "How much was looked at"})
    done_at = fields.DateTime(
        allow_none=True, metadata={"description": "When nothing more was found to re-route"}
    )


class DepartureRecordSchema(DepartureSchema):
    """A departure with what it left to people."""

    left = fields.List(fields.Nested(LeftSchema))


class DeparturePage(Listing):
    items = fields.List(fields.Nested(DepartureSchema))
