"""JSON of requisitions: what comes in. What goes out is made in views.py and described here."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from portal.core.dates import JUST_HAPPENED, PLANNED, day_field, time_field
from portal.core.schemas import (
    ONE_LINE,
    DiagnosisSchema,
    Listing,
    PageQuery,
    Strict,
    note_field,
    text_field,
)
from portal.patients.schemas import confidential_reason
from portal.requisitions.service import OrderedTest, OrderTests, Standing
from portal.requisitions.states import RequisitionKind, RequisitionPriority, RequisitionStatus

MOST_TESTS = 20
MOST_DIAGNOSES = 12
SNOMED = validate.Regexp(r"^[0-9]{6,18}$(?!\n)", error="A SNOMED CT code, as 119364003.")
LOINC = validate.Regexp(r"^[0-9]{1,7}-[0-9]$(?!\n)", error="A LOINC code, as 24323-8.")
KINDS = validate.OneOf([kind.value for kind in RequisitionKind])


class SpecimenSchema(Strict):
    code = fields.String(required=True, validate=SNOMED, metadata={"example": "119364003"})
    name = text_field(100, metadata={"example": "Serum specimen"})


class OrderedTestSchema(Strict):
    code = fields.String(required=True, validate=LOINC, metadata={"example": "24323-8"})
    not_before = day_field(PLANNED, load_default=None, allow_none=True)
    note = note_field(500)
    specimen = fields.Nested(SpecimenSchema, load_default=None, allow_none=True)

    @post_load
    def _test(self, data: dict[str, Any], **_kwargs: Any) -> OrderedTest:
        specimen = data.pop("specimen") or {}
        return OrderedTest(
            **data, specimen_code=specimen.get("code"), specimen_name=specimen.get("name")
        )


class StandingSchema(Strict):
    """So many times in all, so many days apart."""

    count = fields.Integer(required=True, strict=True, validate=validate.Range(2, 60))
    interval_days = fields.Integer(required=True, strict=True, validate=validate.Range(1, 366))

    @post_load
    def _standing(self, data: dict[str, Any], **_kwargs: Any) -> Standing:
        return Standing(**data)


class OrderTestsSchema(Strict):
    patient_id = fields.UUID(required=True)
    laboratory_id = fields.UUID(
        load_default=None,
        allow_none=True,
        metadata={"description": "Where; the patient's chosen laboratory unless given"},
    )
    tests = fields.List(
        fields.Nested(OrderedTestSchema), required=True, validate=validate.Length(1, MOST_TESTS)
    )
    priority = fields.Enum(
        RequisitionPriority, by_value=True, load_default=RequisitionPriority.ROUTINE
    )
    diagnoses = fields.List(
        fields.Nested(DiagnosisSchema),
        load_default=list,
        validate=validate.Length(max=MOST_DIAGNOSES),
        metadata={"description": "Why, in ICD-10-CM"},
    )
    fasting = fields.Boolean(
        load_default=None,
        allow_none=True,
        metadata={"description": "Unless given, as the catalogue says of each test"},
    )
    note = note_field(500)
    not_before = day_field(PLANNED, load_default=None, allow_none=True)
    draft = fields.Boolean(load_default=False)
    standing = fields.Nested(StandingSchema, load_default=None, allow_none=True)
    confidential_reason = confidential_reason(load_default=None, allow_none=True)

    @post_load
    def _command(self, data: dict[str, Any], **_kwargs: Any) -> OrderTests:
        return OrderTests(**data)


class CancelRequisitionSchema(Strict):
    reason = text_field(
        300,
        required=False,
        load_default=None,
        allow_none=True,
        metadata={"example": "Done elsewhere"},
    )
    standing = fields.Boolean(
        load_default=False,
        metadata={"description": "Also end the standing order that this one is of"},
    )


class ChangeLaboratorySchema(Strict):
    laboratory_id = fields.UUID(required=True)


class CollectedSchema(Strict):
    collected_at = time_field(JUST_HAPPENED, load_default=None, allow_none=True)


class PlaceSchema(Strict):
    """A body without members."""


class RequisitionsQuery(PageQuery):
    """Query string of the list of requisitions."""

    status = fields.String(
        load_default=None,
        validate=validate.OneOf(["open", "closed", *(value.value for value in RequisitionStatus)]),
        metadata={"description": "A status, or `open` or `closed` for all of that sort"},
    )
    patient_id = fields.UUID(
        load_default=None, metadata={"description": "For practitioners and staff: whose"}
    )


class CatalogQuery(PageQuery):
    q = fields.String(
        load_default=None,
        validate=[validate.Length(1, 100), ONE_LINE],
        metadata={"description": "Part of the name, or of the LOINC code"},
    )
    kind = fields.String(load_default=None, validate=KINDS)


class ComponentSchema(Strict):
    code = fields.String(required=True, validate=LOINC)
    name = text_field(200)
    unit = fields.String(
        load_default=None,
        allow_none=True,
        validate=[validate.Length(1, 30), ONE_LINE],
        metadata={"description": "UCUM", "example": "mmol/L"},
    )


class CatalogTestSchema(Strict):
    """A test or procedure of a catalogue, as it is loaded and shown."""

    code = fields.String(required=True, validate=LOINC, metadata={"example": "24323-8"})
    kind = fields.String(required=True, validate=KINDS)
    name = text_field(200)
    specimen = fields.Nested(SpecimenSchema, load_default=None, allow_none=True)
    fasting_hours = fields.Integer(
        load_default=None, allow_none=True, strict=True, validate=validate.Range(1, 24)
    )
    preparation = note_field(1000)
    modality = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.OneOf(["CT", "MR", "US", "DX", "MG", "NM", "PT", "BMD", "RF", "XA"]),
        metadata={"description": "DICOM's code", "example": "CT"},
    )
    duration_minutes = fields.Integer(
        load_default=None, allow_none=True, strict=True, validate=validate.Range(1, 600)
    )
    turnaround_hours = fields.Integer(
        load_default=48, strict=True, validate=validate.Range(1, 24 * 90)
    )
    components = fields.List(
        fields.Nested(ComponentSchema), load_default=list, validate=validate.Length(max=100)
    )

    @validates_schema
    def _fits_its_kind(self, data: dict[str, Any], **_kwargs: Any) -> None:
        imaging = data["kind"] == RequisitionKind.IMAGING
        if imaging != (data["modality"] is not None):
            raise ValidationError("Imaging, and imaging alone, has a modality.", "modality")
        if imaging != (data["duration_minutes"] is not None):
            raise ValidationError("Imaging, and imaging alone, has a duration.", "duration_minutes")


class CatalogPage(Listing):
    items = fields.List(fields.Nested(CatalogTestSchema))


class NamedSchema(Schema):
    id = fields.UUID()
    name = fields.String(allow_none=True)


class AppointmentSchema(Schema):
    id = fields.UUID()
    status = fields.String()
    slot_id = fields.UUID()
    room = fields.String()
    starts_at = fields.DateTime()
    ends_at = fields.DateTime()
    time_zone = fields.String()


class PlaceToGoSchema(NamedSchema):
    kind = fields.String()
    phone = fields.String()
    hours = fields.String()
    address = fields.Dict()


class RequisitionViewSchema(Schema):
    """A requisition as lists show it."""

    id = fields.UUID()
    placer_number = fields.String(metadata={"example": "ORD-100001"})
    group_number = fields.String()
    filler_number = fields.String(allow_none=True)
    patient_id = fields.UUID()
    kind = fields.String(metadata={"example": "laboratory"})
    test = fields.Dict(metadata={"example": {"code": "24323-8", "name": "CMP"}})
    status = fields.String(metadata={"example": "placed"})
    priority = fields.String(metadata={"example": "routine"})
    diagnoses = fields.List(fields.Nested(DiagnosisSchema))
    specimen = fields.Dict(allow_none=True)
    note = fields.String(allow_none=True)
    confidential = fields.Boolean(metadata={"description": "Kept from who acts for the patient"})
    ordered_at = fields.DateTime()
    status_at = fields.DateTime()
    not_before = fields.Date(allow_none=True)
    collect_by = fields.DateTime()
    collected_at = fields.DateTime(allow_none=True)
    expires_at = fields.DateTime(allow_none=True)
    expected_by = fields.DateTime(allow_none=True)
    late = fields.Boolean()
    next_step = fields.String(metadata={"description": "What is outstanding, in plain words"})
    reason_code = fields.String(allow_none=True)
    reason = fields.String(allow_none=True)
    closed_at = fields.DateTime(allow_none=True)
    laboratory = fields.Nested(PlaceToGoSchema)
    orderer = fields.Nested(NamedSchema)
    preparation = fields.Dict()
    appointment = fields.Nested(AppointmentSchema, allow_none=True)
    standing = fields.Dict(allow_none=True)


class RequisitionsSchema(Schema):
    items = fields.List(fields.Nested(RequisitionViewSchema))


class RequisitionsPage(Listing):
    items = fields.List(fields.Nested(RequisitionViewSchema))


class StepSchema(Schema):
    status = fields.String()
    from_status = fields.String(allow_none=True)
    at = fields.DateTime()
    by = fields.Dict(metadata={"example": {"kind": "laboratory", "name": "Acme Laboratory"}})
    reason_code = fields.String(allow_none=True)
    reason = fields.String(allow_none=True)


class RequisitionTimelineSchema(RequisitionViewSchema):
    """A requisition with every step so far and who has it now."""

    followed_up_by = fields.Dict(allow_none=True)
    history = fields.List(fields.Nested(StepSchema))
