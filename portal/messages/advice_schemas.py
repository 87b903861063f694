"""JSON of the advice line."""

from typing import Any

from marshmallow import Schema, fields, post_load, validate

from portal.core.schemas import Listing, PageQuery, Strict, phone_field
from portal.messages.schemas import TextField, acknowledged_field
from portal.messages.service import RequestCall
from portal.messages.states import AdviceOutcome, AdviceStatus, AdviceUrgency
from portal.messages.view_schemas import MessagePartySchema


class RequestCallSchema(Strict):
    reason = TextField(
        2_000, required=True, metadata={"example": "My child has had a fever since yesterday."}
    )
    callback_number = phone_field()
    urgency = fields.String(
        required=True,
        validate=validate.OneOf([value.value for value in AdviceUrgency]),
        metadata={
            "description": "`stat`: within half an hour; `urgent`: within two; day and night",
            "example": "urgent",
        },
    )
    acknowledged_red_flags = acknowledged_field()

    @post_load
    def _command(self, data: dict[str, Any], **_kwargs: Any) -> RequestCall:
        data["urgency"] = AdviceUrgency(data["urgency"])
        return RequestCall(**data)


class AdviceCallsQuery(PageQuery):
    """Query string of the list of requests for a call."""

    status = fields.String(
        load_default=None,
        validate=validate.OneOf(["open", "closed", *(value.value for value in AdviceStatus)]),
        metadata={"description": "A status, or `open` or `closed` for all of that sort"},
    )
    patient_id = fields.UUID(
        load_default=None, metadata={"description": "For practitioners and staff: whose"}
    )


class AdviceOutcomeSchema(Strict):
    outcome = fields.String(
        required=True,
        validate=validate.OneOf([value.value for value in AdviceOutcome]),
        metadata={"example": "advice_given"},
    )
    note = TextField(
        2_000,
        load_default=None,
        allow_none=True,
        metadata={"description": "The advice, which the patient can read", "example": None},
    )


class AdvicePatientSchema(MessagePartySchema):
    birth_date = fields.Date(metadata={"description": "To be asked first: who is on the phone?"})
    language = fields.String(metadata={"example": "en"})


class AdviceAttemptSchema(Schema):
    number = fields.Integer()
    at = fields.DateTime()
    by = fields.Dict(metadata={"example": {"kind": "staff", "name": "Nora Bell"}})
    outcome = fields.String(metadata={"example": "no_answer"})
    note = fields.String(allow_none=True)


class AdviceCallSchema(Schema):
    """A patient's request for a nurse's call, with what came of each attempt."""

    id = fields.UUID()
    patient = fields.Nested(AdvicePatientSchema)
    team = fields.Nested(MessagePartySchema)
    requested_by = fields.Dict(
        metadata={
            "description": "The patient, or who acted `for` them",
            "example": {"kind": "delegate", "name": "Maria Ruiz", "for": "Grace Ruiz"},
        }
    )
    reason = fields.String(metadata={"example": "My child has had a fever since yesterday."})
    callback_number = fields.String(metadata={"example": "+1 518 555 0101"})
    urgency = fields.String(metadata={"example": "urgent"})
    status = fields.String(metadata={"example": "waiting"})
    red_flags = fields.List(fields.String(), metadata={"example": []})
    confidential = fields.Boolean(metadata={"description": "Kept from who acts for the patient"})
    requested_at = fields.DateTime()
    due_at = fields.DateTime(allow_none=True)
    ended_at = fields.DateTime(allow_none=True)
    attempts = fields.List(fields.Nested(AdviceAttemptSchema))


class AdviceCallPage(Listing):
    items = fields.List(fields.Nested(AdviceCallSchema))
