"""JSON of prescriptions."""

from typing import Any

from marshmallow import (
    Schema,
    ValidationError,
    fields,
    post_load,
    validate,
    validates_schema,
)

from portal.core.dates import WITHIN_A_YEAR, day_field
from portal.core.schemas import ExactDecimal, Strict, text_field
from portal.patients.schemas import confidential_reason
from portal.prescriptions.duplicates import ConfirmedDuplicates
from portal.prescriptions.service import Order, WritePrescription
from portal.prescriptions.supply import contradictions

MOST_DUPLICATES = 20
MOST_INGREDIENTS = 10


class ConfirmedDuplicatesSchema(Strict):
    """That prescriptions of the same medicine may stand side by side, and why."""

    prescription_ids = fields.List(
        fields.UUID(),
        required=True,
        validate=validate.Length(1, MOST_DUPLICATES),
        metadata={"description": "The ids in `duplicates` of the 409 (`duplicate_therapy`)"},
    )
    reason = text_field(300, metadata={"example": "10 mg and 5 mg together make 15 mg a day"})

    @post_load
    def _confirmed(self, data: dict[str, Any], **_kwargs: Any) -> ConfirmedDuplicates:
        return ConfirmedDuplicates(frozenset(data["prescription_ids"]), data["reason"])


def max_per_day_field() -> ExactDecimal:
    """Of what is taken as needed: how much in a day at most, in the prescription's unit."""
    return ExactDecimal(
        load_default=None,
        allow_none=True,
        validate=validate.Range(min=0, max=100_000, min_inclusive=False),
        metadata={
            "description": "Of what is taken as needed: at most so much in a day, in `unit`",
            "example": None,
        },
    )


def confirmed_duplicates_field() -> fields.Nested:
    return fields.Nested(
        ConfirmedDuplicatesSchema,
        load_default=None,
        allow_none=True,
        metadata={
            "description": "Which prescriptions of the same medicine may stand beside this one",
            "example": None,
        },
    )


class DrugSchema(Strict):
    rxnorm_code = fields.String(
        required=True,
        validate=validate.Regexp(
            r"^[0-9]{1,8}$(?!\n)", error="An RxNorm concept id: 1 to 8 digits."
        ),
        metadata={"description": "RxNorm concept identifier (RXCUI)", "example": "314076"},
    )
    name = text_field(200, metadata={"example": "Lisinopril"})
    strength = text_field(80, metadata={"example": "10 mg"})
    form = text_field(80, metadata={"example": "tablet"})
    ingredients = fields.List(
        text_field(200),
        load_default=(),
        validate=validate.Length(max=MOST_INGREDIENTS),
        metadata={
            "description": "What it is made of, where the name doesn't say so (a brand)",
            "example": [],
        },
    )


class WritePrescriptionSchema(Strict):
    patient_id = fields.UUID(required=True)
    pharmacy_id = fields.UUID(
        load_default=None,
        allow_none=True,
        metadata={"description": "Where to send it; by default the patient's preferred pharmacy"},
    )
    drug = fields.Nested(DrugSchema, required=True)
    directions = text_field(1000, metadata={"example": "Take one tablet by mouth every day."})
    quantity = ExactDecimal(
        required=True,
        validate=validate.Range(min=0, max=100_000, min_inclusive=False),
        metadata={"example": 30},
    )
    unit = text_field(40, metadata={"description": "UCUM unit", "example": "{tbl}"})
    days_supply = fields.Integer(
        load_default=None,
        allow_none=True,
        strict=True,
        validate=validate.Range(1, 365),
        metadata={"description": "Required unless it is taken as needed", "example": 30},
    )
    as_needed = fields.Boolean(
        load_default=False,
        metadata={"description": "Taken as needed (PRN): with `max_per_day`, no `days_supply`"},
    )
    max_per_day = max_per_day_field()
    refills_authorized = fields.Integer(
        required=True, strict=True, validate=validate.Range(0, 99), metadata={"example": 5}
    )
    schedule = fields.Integer(
        load_default=None,
        allow_none=True,
        strict=True,
        validate=validate.Range(2, 5),
        metadata={"description": "DEA schedule of a controlled substance, 2 to 5"},
    )

    confidential_reason = confidential_reason(load_default=None, allow_none=True)
    confirmed_duplicates = confirmed_duplicates_field()

    @validates_schema
    def _lasts(self, data: dict[str, Any], **_kwargs: Any) -> None:
        names = ("as_needed", "quantity", "days_supply", "max_per_day")
        found = contradictions(**{name: data[name] for name in names})
        if found:
            raise ValidationError({one.pointer.lstrip("/"): [one.message] for one in found})

    @post_load
    def _command(self, data: dict[str, Any], **_kwargs: Any) -> WritePrescription:
        drug = data.pop("drug")
        del data["as_needed"]  # max_per_day says it
        return WritePrescription(
            patient_id=data.pop("patient_id"),
            pharmacy_id=data.pop("pharmacy_id"),
            confidential_reason=data.pop("confidential_reason"),
            confirmed=data.pop("confirmed_duplicates"),
            order=Order(
                rxnorm_code=drug["rxnorm_code"],
                drug_name=drug["name"],
                strength=drug["strength"],
                form=drug["form"],
                ingredients=drug["ingredients"],
                **data,
            ),
        )


class StatusReasonSchema(Strict):
    reason = text_field(300, metadata={"example": "Blood pressure too low"})


class OptionalReasonSchema(Strict):
    reason = text_field(300, required=False, load_default=None, allow_none=True)


class ResumeSchema(OptionalReasonSchema):
    confirmed_duplicates = confirmed_duplicates_field()


class EarlyRefillSchema(Strict):
    until = day_field(
        WITHIN_A_YEAR,
        required=True,
        metadata={"description": "Last day on which an early fill is allowed"},
    )


class PrescriptionSchema(Schema):
    """A prescription as written."""

    id = fields.UUID()
    refill_number = fields.String()
    patient_id = fields.UUID()
    prescriber_id = fields.UUID()
    pharmacy_id = fields.UUID()
    drug = fields.Method("_drug", metadata={"type": "object"})
    directions = fields.String()
    quantity = fields.Float()
    unit = fields.String()
    days_supply = fields.Integer(allow_none=True)
    as_needed = fields.Function(
        lambda row: row.max_per_day is not None, metadata={"type": "boolean"}
    )
    max_per_day = fields.Float(allow_none=True)
    refills_authorized = fields.Integer()
    refills_used = fields.Integer()
    schedule = fields.Integer(allow_none=True)
    status = fields.String()
    status_reason = fields.String(allow_none=True)
    written_on = fields.Date()
    expires_on = fields.Date()
    early_refill_until = fields.Date(allow_none=True)
    previous_id = fields.UUID(allow_none=True)
    confidential = fields.Boolean(metadata={"description": "Kept from who acts for the patient"})

    def _drug(self, row: Any) -> dict[str, Any]:
        return {
            "rxnorm_code": row.rxnorm_code,
            "name": row.drug_name,
            "strength": row.strength,
            "form": row.form,
            "ingredients": row.ingredients,
        }
