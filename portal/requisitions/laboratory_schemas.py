"""JSON of the laboratories' side of orders."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from portal.core.dates import JUST_HAPPENED, time_field
from portal.core.paging import MAX_LIMIT
from portal.core.schemas import Listing, Strict, text_field
from portal.requisitions.rules import ReportOutcome
from portal.requisitions.states import RejectionReason, RequisitionStatus

REPORTABLE = (
    RequisitionStatus.ACCEPTED,
    RequisitionStatus.COLLECTED,
    RequisitionStatus.IN_PROGRESS,
    RequisitionStatus.REJECTED,
)
# Ours to say, about messages that a laboratory could not read.
REASONS = [reason.value for reason in RejectionReason if reason != RejectionReason.MESSAGE_REFUSED]


def filler_number_field() -> fields.String:
    return text_field(
        100,
        required=False,
        load_default=None,
        allow_none=True,
        metadata={"description": "Your number for the order", "example": "A-2026-00017"},
    )


class LabOrdersQuery(Strict):
    after = fields.String(
        load_default=None,
        validate=validate.Length(1, 300),
        metadata={"description": "`next` of the page before; without it, what isn't acknowledged"},
    )
    limit = fields.Integer(load_default=100, validate=validate.Range(1, MAX_LIMIT))


class LabOrderSchema(Schema):
    """An order: do this (`new`), or leave it (`cancel`, with the ids alone)."""

    entry_id = fields.UUID()
    kind = fields.String(metadata={"example": "new"})
    requisition_id = fields.UUID()
    created_at = fields.DateTime()
    acknowledged_at = fields.DateTime(allow_none=True)
    status = fields.String(allow_none=True)
    placer_number = fields.String(metadata={"example": "ORD-100001"})
    group_number = fields.String()
    filler_number = fields.String(allow_none=True)
    order_kind = fields.String(metadata={"example": "laboratory"})
    test = fields.Dict()
    priority = fields.String()
    diagnoses = fields.List(fields.Dict())
    specimen = fields.Dict(allow_none=True)
    fasting = fields.Boolean()
    note = fields.String(allow_none=True)
    not_before = fields.Date(allow_none=True)
    collect_by = fields.DateTime()
    ordered_at = fields.DateTime()
    collected_at = fields.DateTime(allow_none=True)
    patient = fields.Dict()
    orderer = fields.Dict()
    appointment = fields.Dict(allow_none=True)


class LabOrdersPage(Listing):
    items = fields.List(fields.Nested(LabOrderSchema))


class AcknowledgeOrderSchema(Strict):
    filler_number = filler_number_field()


class OrderStandingSchema(Schema):
    requisition_id = fields.UUID()
    status = fields.String(metadata={"example": "accepted"})


class StatusReportSchema(Strict):
    status = fields.Enum(
        RequisitionStatus,
        by_value=True,
        required=True,
        validate=validate.OneOf(REPORTABLE),
    )
    occurred_at = time_field(JUST_HAPPENED, required=True)
    reason_code = fields.String(
        load_default=None, allow_none=True, validate=validate.OneOf(REASONS)
    )
    reason = text_field(500, required=False, load_default=None, allow_none=True)
    filler_number = filler_number_field()

    @validates_schema
    def _reasoned(self, data: dict[str, Any], **_kwargs: Any) -> None:
        rejected = data["status"] == RequisitionStatus.REJECTED
        if rejected and data["reason_code"] is None:
            raise ValidationError("A rejection needs a reason code.", "reason_code")
        if not rejected and (data["reason_code"] or data["reason"]):
            raise ValidationError("Only a rejection has a reason.", "reason_code")


class ReportAnswerSchema(Schema):
    requisition_id = fields.UUID()
    outcome = fields.Enum(ReportOutcome, by_value=True)
    status = fields.String()
