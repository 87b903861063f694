"""JSON of refills: what comes in. What goes out is made in views.py and described here."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from portal.core.schemas import (
    ExactDecimal,
    Listing,
    PageQuery,
    ProblemSchema,
    Strict,
    note_field,
    text_field,
)
from portal.prescriptions.schemas import confirmed_duplicates_field, max_per_day_field
from portal.prescriptions.service import RenewalChanges
from portal.refills.service import Decide, RefillItem, RequestRefills
from portal.refills.states import CancelAnswer, Delivery, DenialReason, RefillStatus

MOST_ITEMS = 20
DELIVERY = validate.OneOf([value.value for value in Delivery])


class RefillItemSchema(Strict):
    prescription_id = fields.UUID(required=True)
    delivery = fields.String(
        load_default=Delivery.PICKUP.value,
        validate=DELIVERY,
        metadata={"description": "Pick up, or have it mailed at no charge", "example": "pickup"},
    )
    pharmacy_id = fields.UUID(
        load_default=None,
        allow_none=True,
        metadata={"description": "Another pharmacy than the prescription's"},
    )
    note = note_field(500)

    @post_load
    def _item(self, data: dict[str, Any], **_kwargs: Any) -> RefillItem:
        return RefillItem(**data)


class RequestRefillsSchema(Strict):
    items = fields.List(
        fields.Nested(RefillItemSchema), required=True, validate=validate.Length(1, MOST_ITEMS)
    )

    @post_load
    def _command(self, data: dict[str, Any], **_kwargs: Any) -> RequestRefills:
        return RequestRefills(items=tuple(data["items"]))


class DecisionSchema(Strict):
    """Approve, with changes if any, or deny, with a reason code."""

    decision = fields.String(required=True, validate=validate.OneOf(["approve", "deny"]))
    refills_authorized = fields.Integer(
        load_default=None, allow_none=True, strict=True, validate=validate.Range(0, 99)
    )
    quantity = ExactDecimal(
        load_default=None,
        allow_none=True,
        validate=validate.Range(min=0, max=100_000, min_inclusive=False),
    )
    days_supply = fields.Integer(
        load_default=None, allow_none=True, strict=True, validate=validate.Range(1, 365)
    )
    as_needed = fields.Boolean(
        load_default=None,
        allow_none=True,
        metadata={"description": "Where it is taken otherwise than before", "example": None},
    )
    max_per_day = max_per_day_field()
    directions = text_field(1000, required=False, load_default=None, allow_none=True)
    reason_code = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.OneOf([value.value for value in DenialReason]),
        metadata={"description": "Of a denial", "example": None},
    )
    note = note_field(1000)
    confirmed_duplicates = confirmed_duplicates_field()

    @validates_schema
    def _consistent(self, data: dict[str, Any], **_kwargs: Any) -> None:
        approves = data["decision"] == "approve"
        if not approves and data["reason_code"] is None:
            raise ValidationError("A denial needs a reason code.", "reason_code")
        if approves and data["reason_code"] is not None:
            raise ValidationError("Only a denial has a reason code.", "reason_code")
        for name in (*RenewalChanges.__dataclass_fields__, "confirmed_duplicates"):
            if not approves and data[name] is not None:
                raise ValidationError("Only an approval changes the prescription.", name)

    @post_load
    def _command(self, data: dict[str, Any], **_kwargs: Any) -> Decide:
        return Decide(
            approve=data["decision"] == "approve",
            changes=RenewalChanges(
                **{name: data[name] for name in RenewalChanges.__dataclass_fields__}
            ),
            reason_code=data["reason_code"],
            note=data["note"],
            confirmed=data["confirmed_duplicates"],
        )


class CancelSchema(Strict):
    reason = text_field(300, required=False, load_default=None, allow_none=True)


class ChangePharmacySchema(Strict):
    pharmacy_id = fields.UUID(required=True)
    delivery = fields.String(load_default=None, allow_none=True, validate=DELIVERY)


class RefillsQuery(PageQuery):
    """Query string of the list of refills."""

    status = fields.String(
        load_default=None,
        validate=validate.OneOf(["open", "closed", *(value.value for value in RefillStatus)]),
        metadata={"description": "A status, or `open` or `closed` for all of that sort"},
    )
    patient_id = fields.UUID(
        load_default=None, metadata={"description": "For practitioners and staff: whose"}
    )


class PrescriptionsQuery(PageQuery):
    """Query string of the list of prescriptions."""

    include = fields.String(
        load_default=None,
        validate=validate.OneOf(["superseded"]),
        metadata={"description": "`superseded`: also those that a renewal has replaced"},
    )
    patient_id = fields.UUID(
        load_default=None, metadata={"description": "For practitioners and staff: whose"}
    )


class NameSchema(Schema):
    id = fields.UUID()
    name = fields.String(allow_none=True, metadata={"example": "Corner Pharmacy"})


class EligibilitySchema(Schema):
    action = fields.String(metadata={"example": "refill"})
    reasons = fields.List(fields.String())
    refills_remaining = fields.Integer()
    next_eligible_on = fields.Date(allow_none=True)
    runs_out_on = fields.Date(
        allow_none=True, metadata={"description": "None of what is taken as needed"}
    )
    runs_out_not_before = fields.Date(
        allow_none=True,
        metadata={
            "description": "Of what is taken as needed: before that day there is some, if never "
            "more was taken than the maximum per day",
            "example": None,
        },
    )
    open_refill_id = fields.UUID(allow_none=True)


class DrugNameSchema(Schema):
    name = fields.String(metadata={"example": "Lisinopril"})
    strength = fields.String(metadata={"example": "10 mg"})


class DrugViewSchema(DrugNameSchema):
    rxnorm_code = fields.String(metadata={"example": "314076"})
    form = fields.String(metadata={"example": "tablet"})


class ConfirmedDuplicateSchema(Schema):
    """Another prescription of the same medicine, and why both stand."""

    prescription_id = fields.UUID()
    reason = fields.String(metadata={"example": "10 mg and 5 mg together make 15 mg a day"})
    confirmed_by = fields.String(allow_none=True, metadata={"example": "Dr. Ines Okafor"})
    confirmed_at = fields.DateTime()


class PrescriptionViewSchema(Schema):
    """A prescription with what the patient may do with it now."""

    id = fields.UUID()
    refill_number = fields.String(metadata={"example": "BCDF2345GH"})
    patient_id = fields.UUID()
    drug = fields.Nested(DrugViewSchema)
    directions = fields.String(metadata={"example": "Take one tablet by mouth every day."})
    quantity = fields.Float()
    unit = fields.String(metadata={"example": "{tbl}"})
    days_supply = fields.Integer(
        allow_none=True, metadata={"description": "None of what is taken as needed"}
    )
    as_needed = fields.Boolean()
    max_per_day = fields.Float(
        allow_none=True,
        metadata={"description": "Of what is taken as needed, in `unit`", "example": None},
    )
    refills_authorized = fields.Integer()
    schedule = fields.Integer(allow_none=True)
    status = fields.String()
    status_reason = fields.String(allow_none=True)
    written_on = fields.Date()
    expires_on = fields.Date()
    last_filled_on = fields.Date(allow_none=True)
    renews_id = fields.UUID(allow_none=True)
    confidential = fields.Boolean(metadata={"description": "Kept from who acts for the patient"})
    prescriber = fields.Nested(NameSchema)
    pharmacy = fields.Nested(NameSchema)
    refill = fields.Nested(EligibilitySchema)
    confirmed_duplicates = fields.List(
        fields.Nested(ConfirmedDuplicateSchema),
        metadata={"description": "For practitioners and staff who read one prescription"},
    )


class RefillViewSchema(Schema):
    """A refill as lists show it."""

    id = fields.UUID()
    prescription_id = fields.UUID()
    patient_id = fields.UUID()
    kind = fields.String(metadata={"example": "refill"})
    channel = fields.String(metadata={"example": "portal"})
    status = fields.String(metadata={"example": "sending"})
    delivery = fields.String(metadata={"example": "pickup"})
    urgent = fields.Boolean()
    requested_at = fields.DateTime()
    status_at = fields.DateTime()
    expected_by = fields.DateTime(allow_none=True)
    late = fields.Boolean()
    reason_code = fields.String(allow_none=True)
    next_step = fields.String(allow_none=True)
    closed_at = fields.DateTime(allow_none=True)
    replaces_id = fields.UUID(allow_none=True)
    drug = fields.Nested(DrugNameSchema)
    pharmacy = fields.Nested(NameSchema)
    prescriber = fields.Nested(NameSchema)


class ItemOutcomeSchema(Schema):
    prescription_id = fields.UUID()
    outcome = fields.String(validate=validate.OneOf(["accepted", "rejected"]))
    refill = fields.Nested(RefillViewSchema)
    problem = fields.Nested(ProblemSchema)


class OutcomesSchema(Schema):
    items = fields.List(fields.Nested(ItemOutcomeSchema))


class HistorySchema(Schema):
    status = fields.String()
    from_status = fields.String(allow_none=True)
    at = fields.DateTime()
    by = fields.Dict(metadata={"example": {"kind": "pharmacy", "name": "Corner Pharmacy"}})
    reason_code = fields.String(allow_none=True)
    note = fields.String(allow_none=True)


class CancellationSchema(Schema):
    """The order was taken back: what the pharmacy was asked, and what it says."""

    asked_at = fields.DateTime()
    answer = fields.String(
        allow_none=True, validate=validate.OneOf([value.value for value in CancelAnswer])
    )
    answered_at = fields.DateTime(allow_none=True)


class TimelineSchema(RefillViewSchema):
    """A refill with every step so far and who has it now."""

    note = fields.String(allow_none=True)
    decision_note = fields.String(allow_none=True)
    expected_on = fields.Date(allow_none=True)
    quantity_ready = fields.Float(allow_none=True)
    quantity_ordered = fields.Float()
    quantity_dispensed = fields.Float(
        metadata={"description": "Handed over so far, of the ordered"}
    )
    rest_due_at = fields.DateTime(
        allow_none=True,
        metadata={"description": "Until when the law lets the rest follow (21 CFR 1306.13)"},
    )
    cancellation = fields.Nested(CancellationSchema, allow_none=True)
    unit = fields.String(metadata={"example": "{tbl}"})
    carrier = fields.String(allow_none=True)
    tracking_number = fields.String(allow_none=True)
    refill_number = fields.String(metadata={"example": "BCDF2345GH"})
    original_prescription_id = fields.UUID(allow_none=True)
    history = fields.List(fields.Nested(HistorySchema))


class PrescriptionViewPage(Listing):
    items = fields.List(fields.Nested(PrescriptionViewSchema))


class RefillViewPage(Listing):
    items = fields.List(fields.Nested(RefillViewSchema))
