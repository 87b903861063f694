"""JSON of corrections, and of requests for them."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from portal.core.dates import BIRTH, day_field
from portal.core.schemas import Listing, Strict, prose_field, text_field
from portal.patients.correcting import Correct
from portal.patients.correction_states import CorrectionRequestStatus
from portal.patients.identity import IdentityField
from portal.patients.model import Sex
from portal.patients.schemas import name_field

FIELDS = [field.value for field in IdentityField]


def _reason(description: str, example: str) -> fields.String:
    return prose_field(500, least=10, metadata={"description": description, "example": example})


class CorrectSchema(Strict):
    """What is right instead of what the record says; members that are left out stay."""

    mrn = text_field(40, required=False, metadata={"example": "MRN-004711"})
    given_name = name_field()
    family_name = name_field()
    birth_date = day_field(BIRTH)
    sex = fields.String(validate=validate.OneOf([sex.value for sex in Sex]))
    clinic_id = fields.UUID()
    reason = _reason("Why; the patient reads it", "The passport says so, seen at the front desk")
    request_id = fields.UUID(
        load_default=None,
        allow_none=True,
        metadata={"description": "The patient's request that this answers", "example": None},
    )
    confirmed = fields.Boolean(
        load_default=False,
        metadata={
            "description": "That whom 409 `possible_duplicate` named is somebody else",
            "example": False,
        },
    )

    @validates_schema
    def _something(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if not any(name in data for name in FIELDS):
            raise ValidationError(f"Name at least one of {', '.join(FIELDS)}.")

    @post_load
    def _command(self, data: dict[str, Any], **_kwargs: Any) -> Correct:
        changes = {name: data.pop(name) for name in FIELDS if name in data}
        return Correct(changes=changes, **data)


class CorrectedFieldSchema(Schema):
    field = fields.String(metadata={"example": "birth_date"})
    before = fields.String(metadata={"example": "1980-04-15"})
    after = fields.String(metadata={"example": "1980-05-14"})


class CorrectionSchema(Schema):
    """One correction: who made it, when, from what to what, and why."""

    id = fields.UUID()
    at = fields.DateTime()
    by = fields.String(allow_none=True, metadata={"example": "Maya Goldberg"})
    reason = fields.String()
    request_id = fields.UUID(allow_none=True)
    changes = fields.List(fields.Nested(CorrectedFieldSchema))


class CorrectionPage(Listing):
    items = fields.List(fields.Nested(CorrectionSchema))


class AskForCorrectionSchema(Strict):
    fields_ = fields.List(
        fields.String(validate=validate.OneOf(FIELDS)),
        data_key="fields",
        attribute="fields",
        required=True,
        validate=validate.Length(1, len(FIELDS)),
        metadata={"description": "What is wrong", "example": ["birth_date"]},
    )
    text = prose_field(
        1000,
        metadata={
            "description": "What would be right, and how it can be seen",
            "example": "I was born on 14 May: I can bring my passport.",
        },
    )


class DeclineCorrectionSchema(Strict):
    reason = _reason("Why nothing is corrected; the patient reads it", "The register says the same")


class CorrectionRequestSchema(Schema):
    """What a patient asked to have corrected, and what came of it."""

    id = fields.UUID()
    patient_id = fields.UUID()
    fields_ = fields.List(fields.String(), data_key="fields", attribute="fields")
    text = fields.String()
    status = fields.String(metadata={"enum": [status.value for status in CorrectionRequestStatus]})
    asked_at = fields.DateTime()
    ended_at = fields.DateTime(allow_none=True)
    answer = fields.String(allow_none=True, metadata={"description": "Why it was declined"})


class CorrectionRequestPage(Listing):
    items = fields.List(fields.Nested(CorrectionRequestSchema))
