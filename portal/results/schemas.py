"""JSON of results: what comes in. What goes out is made in views.py and described in
view_schemas.py."""

from datetime import date
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from portal.core.schemas import PageQuery, Strict, note_field, prose_field, text_field
from portal.results.service import (
    Acknowledge,
    Communicated,
    Hold,
    Review,
    ReviewItem,
    WantedFollowUp,
)
from portal.results.states import FollowUpKind, HoldException, ReportStatus

MOST_ITEMS = 100
MAX_REASON = 1000
_VERSION = {"description": "`version_number` of the result as it was looked at"}


class ResultsQuery(PageQuery):
    """Query string of the list of results."""

    patient_id = fields.UUID(
        load_default=None, metadata={"description": "For practitioners and staff: whose"}
    )
    status = fields.String(
        load_default=None, validate=validate.OneOf([value.value for value in ReportStatus])
    )
    abnormal = fields.Boolean(
        load_default=False, metadata={"description": "Only abnormal and critical ones"}
    )
    unreviewed = fields.Boolean(
        load_default=False,
        metadata={"description": "Only final ones that wait for a review"},
    )


class TrendQuery(Strict):
    """Query string of a trend."""

    code = text_field(50, metadata={"description": "LOINC code", "example": "2823-3"})
    patient_id = fields.UUID(
        load_default=None, metadata={"description": "For practitioners and staff: whose"}
    )
    since = fields.Date(
        data_key="from",
        load_default=None,
        metadata={"description": "First day; five years back if not said"},
    )
    until = fields.Date(
        data_key="to", load_default=None, metadata={"description": "Last day; today if not said"}
    )
    unit = text_field(
        64,
        required=False,
        load_default=None,
        metadata={"description": "UCUM; the latest value's if not said", "example": "mmol/L"},
    )

    @validates_schema
    def _order(self, data: dict[str, Any], **_kwargs: Any) -> None:
        since, until = data["since"], data["until"]
        if since is not None and since > (until or date.max):
            raise ValidationError("Not after `to`.", "from")


class FollowUpSchema(Strict):
    """What is to follow; the patient sees it with its note.

    An abnormal result without a follow-up needs a reason, which is for the care team.
    """

    kind = fields.String(
        required=True, validate=validate.OneOf([value.value for value in FollowUpKind])
    )
    within_days = fields.Integer(
        load_default=None, allow_none=True, strict=True, validate=validate.Range(1, 730)
    )
    note = note_field(1000)
    reason = note_field(MAX_REASON)

    @validates_schema
    def _consistent(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if data["kind"] == FollowUpKind.NONE:
            for name in ("within_days", "note"):
                if data[name] is not None:
                    raise ValidationError("Only a follow-up has this.", name)

    @post_load
    def _wanted(self, data: dict[str, Any], **_kwargs: Any) -> WantedFollowUp:
        return WantedFollowUp(**{**data, "kind": FollowUpKind(data["kind"])})


def _version_field() -> fields.Integer:
    return fields.Integer(
        required=True, strict=True, validate=validate.Range(1, 100_000), metadata=_VERSION
    )


class ReviewSchema(Strict):
    version = _version_field()
    comment = note_field(4000)
    follow_up = fields.Nested(FollowUpSchema, load_default=WantedFollowUp)

    @post_load
    def _command(self, data: dict[str, Any], **_kwargs: Any) -> Review:
        return Review(**data)


class ReviewItemSchema(Strict):
    result_id = fields.UUID(required=True)
    version = _version_field()

    @post_load
    def _item(self, data: dict[str, Any], **_kwargs: Any) -> ReviewItem:
        return ReviewItem(**data)


class ReviewManySchema(Strict):
    items = fields.List(
        fields.Nested(ReviewItemSchema), required=True, validate=validate.Length(1, MOST_ITEMS)
    )
    comment = note_field(4000)


class HoldSchema(Strict):
    """A hold: by which exception (45 CFR 171), why this result, and until when."""

    exception = fields.String(
        required=True, validate=validate.OneOf([value.value for value in HoldException])
    )
    reason = prose_field(
        MAX_REASON, least=10, metadata={"example": "To be told of it in person first"}
    )
    until = fields.AwareDateTime(required=True, metadata={"description": "At most 30 days ahead"})

    @post_load
    def _command(self, data: dict[str, Any], **_kwargs: Any) -> Hold:
        return Hold(**{**data, "exception": HoldException(data["exception"])})


class AcknowledgeCriticalSchema(Strict):
    read_back = text_field(
        1000, metadata={"description": "The values as read back", "example": "Potassium 6.8"}
    )
    note = note_field(1000)

    @post_load
    def _command(self, data: dict[str, Any], **_kwargs: Any) -> Acknowledge:
        return Acknowledge(**data)


class CommunicatedSchema(Strict):
    how = fields.String(
        required=True, validate=validate.OneOf(["phone", "in_person", "letter", "other"])
    )
    note = note_field(1000)

    @post_load
    def _command(self, data: dict[str, Any], **_kwargs: Any) -> Communicated:
        return Communicated(**data)


class EmptySchema(Strict):
    """Nothing is asked beside the call itself."""
