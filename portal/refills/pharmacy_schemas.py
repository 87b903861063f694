"""JSON of the pharmacies' side."""

import re
from typing import Any

import orjson
from marshmallow import (
    RAISE,
    Schema,
    ValidationError,
    fields,
    post_load,
    validate,
    validates_schema,
)

from portal.core.dates import JUST_HAPPENED, PLANNED, day_field, time_field
from portal.core.paging import MAX_LIMIT
from portal.core.problems import pointers
from portal.core.schemas import (
    ONE_LINE,
    ExactDecimal,
    Listing,
    PageQuery,
    ProblemSchema,
    Strict,
    note_field,
    text_field,
)
from portal.refills.pharmacy_model import UpdateOutcome
from portal.refills.service import AnswerCancellation, Received
from portal.refills.states import CancelAnswer, RefillStatus
from portal.refills.update_rules import StatusUpdate

MOST_UPDATES = 1000
EVENT_ID_FORM = re.compile(r"[\x21-\x7e]{1,100}")
EVENT_ID = validate.Regexp(
    re.compile(rf"^{EVENT_ID_FORM.pattern}\Z"),
    error="1 to 100 printable ASCII characters, no spaces.",
)


def quantity_field() -> ExactDecimal:
    """How much, in the prescription's unit."""
    return ExactDecimal(
        load_default=None,
        allow_none=True,
        validate=validate.Range(min=0, max=100_000, min_inclusive=False),
    )


class OrdersQuery(Strict):
    after = fields.String(
        load_default=None,
        validate=validate.Length(1, 300),
        metadata={"description": "`next` of the page before; without it, what isn't acknowledged"},
    )
    limit = fields.Integer(load_default=100, validate=validate.Range(1, MAX_LIMIT))


class OrderSchema(Schema):
    """An order: fill this, or leave it (`cancel`, with the ids alone)."""

    order_id = fields.UUID()
    kind = fields.String(metadata={"example": "fill"})
    refill_id = fields.UUID()
    created_at = fields.DateTime()
    acknowledged_at = fields.DateTime(allow_none=True)
    status = fields.String(allow_none=True)
    refill_kind = fields.String()
    delivery = fields.String()
    note = fields.String(allow_none=True)
    patient = fields.Dict()
    prescription = fields.Dict()
    prescriber = fields.Dict()


class OrdersPageSchema(Listing):
    items = fields.List(fields.Nested(OrderSchema))


class AcknowledgeSchema(Strict):
    """A body without members."""


class AcknowledgedSchema(Schema):
    refill_id = fields.UUID()
    status = fields.String(metadata={"example": "with_pharmacy"})


class CancellationAnswerSchema(Strict):
    """Whether an order that was taken back was left in time."""

    answer = fields.Enum(CancelAnswer, by_value=True, required=True)
    handed_over_at = time_field(
        JUST_HAPPENED,
        load_default=None,
        allow_none=True,
        metadata={"description": "Of what was handed over already; without it, now"},
    )
    quantity = quantity_field()
    note = note_field(500)

    @validates_schema
    def _consistent(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if data.get("answer") == CancelAnswer.CANCELLED:
            for name in ("handed_over_at", "quantity"):
                if data.get(name) is not None:
                    raise ValidationError("Only of what was handed over already.", name)

    @post_load
    def _command(self, data: dict[str, Any], **_kwargs: Any) -> AnswerCancellation:
        return AnswerCancellation(**data)


class CancellationStandsSchema(Schema):
    refill_id = fields.UUID()
    status = fields.String(metadata={"example": "cancelled"})
    answer = fields.String(validate=validate.OneOf([value.value for value in CancelAnswer]))
    answered_at = fields.DateTime()


class StatusUpdateSchema(Schema):
    """One update of a batch."""

    class Meta:
        unknown = RAISE

    event_id = fields.String(
        required=True, validate=EVENT_ID, metadata={"description": "Yours, unique for each event"}
    )
    refill_id = fields.UUID(required=True)
    status = fields.Enum(RefillStatus, by_value=True, required=True)
    occurred_at = time_field(
        JUST_HAPPENED, required=True, metadata={"description": "With its zone (RFC 3339)"}
    )
    reason_code = text_field(60, required=False, load_default=None, allow_none=True)
    note = note_field(500)
    quantity = quantity_field()
    carrier = text_field(80, required=False, load_default=None, allow_none=True)
    no_carrier = fields.Boolean(
        load_default=False,
        metadata={"description": "`shipped` without a carrier: by your own courier"},
    )
    tracking_number = text_field(80, required=False, load_default=None, allow_none=True)
    expected_on = day_field(PLANNED, load_default=None, allow_none=True)
    correction = fields.Boolean(load_default=False)


class AsSent(fields.Nested):
    """An item that is described by its schema and handed on as it was sent, to be answered by
    itself."""

    def _deserialize(self, value: Any, *_arguments: Any, **_options: Any) -> Any:
        return value


class BatchSchema(Strict):
    updates = fields.List(
        AsSent(StatusUpdateSchema, allow_none=True),
        required=True,
        validate=validate.Length(1, MOST_UPDATES),
        metadata={"description": f"Up to {MOST_UPDATES} updates, each with its own outcome"},
    )


class AnswerSchema(Schema):
    event_id = fields.String(allow_none=True)
    outcome = fields.String(validate=validate.OneOf([outcome.value for outcome in UpdateOutcome]))
    refill_status = fields.String()
    problem = fields.Nested(ProblemSchema)


class AnswersSchema(Schema):
    items = fields.List(fields.Nested(AnswerSchema))


_UPDATE = StatusUpdateSchema()


def read_update(content: Any) -> Received:
    """One item of a batch, however it looks: what can't be read is kept with its problem."""
    if not isinstance(content, dict):
        return Received(None, {}, None, "Not an object.")
    event_id = content.get("event_id")
    if not (isinstance(event_id, str) and EVENT_ID_FORM.fullmatch(event_id)):
        problem = "/event_id: 1 to 100 printable ASCII characters, no spaces."
        return Received(None, content, None, problem)
    content = _storable(content)
    try:
        loaded = _UPDATE.load(content)
    except ValidationError as error:
        problems = "; ".join(f"{e.pointer}: {e.message}" for e in pointers(error.messages))
        return Received(event_id, content, None, problems)
    return Received(event_id, content, StatusUpdate(**loaded))


def _storable(content: dict[str, Any]) -> dict[str, Any]:
    """The content without NUL, which PostgreSQL's jsonb can't hold. It is refused either way."""
    dumped = orjson.dumps(content)
    if b"\\u0000" not in dumped:
        return content
    kept: dict[str, Any] = orjson.loads(dumped.replace(b"\\u0000", b"\\ufffd\\u0001"))
    return kept


class RenewalRequestSchema(Strict):
    event_id = fields.String(required=True, validate=EVENT_ID)
    refill_number = text_field(40, metadata={"example": "BCDF2345GH"})
    note = note_field(500)


class RenewalAnswerSchema(Schema):
    event_id = fields.String()
    outcome = fields.String()
    refill_id = fields.UUID(allow_none=True)
    problem = fields.Nested(ProblemSchema)


class UpdatesQuery(PageQuery):
    outcome = fields.String(
        load_default=None,
        validate=validate.OneOf(
            ["applied", "late", "quarantined", "not_found", "invalid", "withdrawn"]
        ),
    )


class UpdateSchema(Schema):
    event_id = fields.String()
    refill_id = fields.UUID(allow_none=True)
    content = fields.Dict()
    occurred_at = fields.DateTime(allow_none=True)
    received_at = fields.DateTime()
    outcome = fields.String()
    refill_status = fields.String(allow_none=True)
    problem = fields.Nested(ProblemSchema, allow_none=True)


class UpdatePage(Listing):
    items = fields.List(fields.Nested(UpdateSchema))


class WebhookHealthSchema(Schema):
    status = fields.String()
    url = fields.String()
    failures = fields.Integer()
    last_success_at = fields.DateTime(allow_none=True)
    last_failure_at = fields.DateTime(allow_none=True)
    last_failure = fields.String(allow_none=True)


class FeedSchema(Schema):
    """How the connection is."""

    last_pull_at = fields.DateTime(allow_none=True)
    last_update_at = fields.DateTime(allow_none=True)
    late = fields.Integer()
    quarantined = fields.Integer()
    unacknowledged = fields.Integer()
    oldest_unacknowledged_at = fields.DateTime(allow_none=True)
    webhook = fields.Nested(WebhookHealthSchema, allow_none=True)


class WebhookSchema(Strict):
    url = fields.String(
        required=True,
        validate=[validate.Length(8, 500), ONE_LINE],
        metadata={"example": "https://pharmacy.example/hooks/careloop"},
    )


class RegisteredSchema(Schema):
    url = fields.String()
    status = fields.String()
    secret = fields.String(metadata={"description": "Shown this once"})
