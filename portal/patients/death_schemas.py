"""JSON of deaths."""

from typing import Any

from marshmallow import Schema, fields, post_load, validate

from portal.core.dates import OF_THE_PAST, day_field
from portal.core.schemas import Strict, prose_field
from portal.patients.death_model import DeathSource, Settled
from portal.patients.deaths import RecordDeath


def _reason(**metadata: Any) -> fields.String:
    return prose_field(500, least=3, metadata=metadata)


class RecordDeathSchema(Strict):
    died_on = day_field(
        OF_THE_PAST,
        required=True,
        metadata={"description": "From the birth to today, by the clinic's day"},
    )
    source = fields.String(
        required=True,
        validate=validate.OneOf([source.value for source in DeathSource]),
        metadata={"description": "From whom the clinic knows"},
    )
    reason = _reason(example="His daughter called; he died at home.")

    @post_load
    def _command(self, data: dict[str, Any], **_kwargs: Any) -> RecordDeath:
        return RecordDeath(data["died_on"], DeathSource(data["source"]), data["reason"])


class RevokeDeathSchema(Strict):
    reason = _reason(example="Another patient of the same name had died.")


class DeathStepSchema(Schema):
    """One open loop, and what became of it."""

    resource = fields.String(metadata={"example": "refill"})
    subject_id = fields.UUID()
    status_before = fields.String(metadata={"example": "sending"})
    settled = fields.String(
        validate=validate.OneOf([settled.value for settled in Settled]),
        metadata={"description": "`closed`, or `given` to a person as a work item"},
    )
    at = fields.DateTime()


class DeathSchema(Schema):
    id = fields.UUID()
    died_on = fields.Date()
    source = fields.String(metadata={"example": "family"})
    reason = fields.String()
    recorded_at = fields.DateTime()
    recorder_kind = fields.String(metadata={"example": "staff"})
    recorded_by = fields.UUID()
    revoked_at = fields.DateTime(allow_none=True)
    revoked_by = fields.UUID(allow_none=True)
    revoke_reason = fields.String(allow_none=True)
    steps = fields.List(
        fields.Nested(DeathStepSchema),
        metadata={"description": "What was closed, or given to a person, one by one"},
    )


class AccessAfterDeathSchema(Strict):
    days = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(0, 3650),
        metadata={
            "description": "For how many days after a death is recorded delegates go on reading; "
            "0 ends their access at once",
            "example": 30,
        },
    )
