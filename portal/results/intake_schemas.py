"""JSON of the intake: what bundles are answered, and reconciliation."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from portal.core.schemas import ONE_LINE, Listing, PageQuery, Strict, note_field, text_field
from portal.patients.matching import Mark
from portal.results.service.reconcile import Match
from portal.results.states import CaseStatus

_REASON = [validate.Length(10, 500), ONE_LINE]


class PlacedSchema(Schema):
    """What became of one report of a bundle."""

    pointer = fields.String(metadata={"example": "/entry/3/resource"})
    outcome = fields.String(
        metadata={"example": "new", "description": "new, updated, nothing_new, noted, reconciling"}
    )
    reason = fields.String(
        allow_none=True, metadata={"description": "Why somebody has to match it"}
    )
    result_id = fields.UUID(allow_none=True)


class BundleAnswerSchema(Schema):
    items = fields.List(fields.Nested(PlacedSchema))


class CasesQuery(PageQuery):
    status = fields.String(
        load_default=CaseStatus.OPEN.value,
        validate=validate.OneOf(["all", *(status.value for status in CaseStatus)]),
    )


class IdentifierSchema(Schema):
    value = fields.String(metadata={"example": "MRN-0001"})
    authority = fields.String()
    type = fields.String(metadata={"example": "MR"})


class NamedPatientSchema(Schema):
    """Whom the message names."""

    family_name = fields.String()
    given_name = fields.String()
    birth_date = fields.Date(allow_none=True)
    sex = fields.String()
    identifiers = fields.List(fields.Nested(IdentifierSchema))


class TestNameSchema(Schema):
    code = fields.String(metadata={"example": "24323-8"})
    name = fields.String(metadata={"example": "Comprehensive metabolic panel"})


class CaseSchema(Schema):
    """A report that waits for somebody to say whose it is."""

    id = fields.UUID()
    reason = fields.String(metadata={"example": "patient_mismatch"})
    status = fields.String(metadata={"example": "open"})
    laboratory = fields.String()
    patient = fields.Nested(NamedPatientSchema)
    test = fields.Nested(TestNameSchema)
    report_status = fields.String(metadata={"example": "final"})
    placer_number = fields.String(metadata={"example": "ORD-100001"})
    filler_number = fields.String()
    opened_at = fields.DateTime()
    closed_at = fields.DateTime(allow_none=True)
    note = fields.String(allow_none=True)
    result_id = fields.UUID(allow_none=True)
    differences = fields.List(
        fields.String(),
        metadata={"description": "By what the report spoke against the patient it was matched to"},
    )
    confirmation = fields.String(
        allow_none=True, metadata={"description": "Why it was matched all the same"}
    )


class CasePage(Listing):
    items = fields.List(fields.Nested(CaseSchema))


class CaseObservationSchema(Schema):
    name = fields.String()
    value = fields.String()
    unit = fields.String()
    reference = fields.String()
    flags = fields.List(fields.String())


class CaseDetailSchema(CaseSchema):
    """A case with what the report says, and the message as it came."""

    observations = fields.List(fields.Nested(CaseObservationSchema))
    message = fields.String(metadata={"description": "As it was received"})


class MatchSchema(Strict):
    """By the order, by the patient's id, or by record number and birth date.

    Where the report differs from the patient's record each difference is `confirmed`, with a
    `reason`.
    """

    requisition_id = fields.UUID(
        load_default=None, metadata={"example": "01a20b43-766f-71d7-a9cb-17e944f7beb1"}
    )
    patient_id = fields.UUID(load_default=None)
    mrn = text_field(40, required=False, load_default=None)
    birth_date = fields.Date(load_default=None)
    note = note_field(500)
    confirmed = fields.List(
        fields.String(validate=validate.OneOf([mark.value for mark in Mark])),
        load_default=list,
        validate=validate.Length(max=len(Mark)),
        metadata={"example": ["birth_date"], "description": "What differs, as the 409 names it"},
    )
    reason = fields.String(
        load_default=None,
        validate=_REASON,
        metadata={"example": "Called the laboratory: the birth date was mistyped there"},
    )

    replaces_version = fields.Integer(
        load_default=None,
        validate=validate.Range(1),
        metadata={"description": "Of what stands on the chart, as the 409 chart_moved_on names it"},
    )

    @validates_schema
    def _one_way(self, data: dict[str, Any], **_kwargs: Any) -> None:
        ways = [data["requisition_id"], data["patient_id"], data["mrn"] or data["birth_date"]]
        if sum(way is not None for way in ways) != 1:
            raise ValidationError("Give requisition_id, or patient_id, or mrn and birth_date.")
        if (data["mrn"] is None) != (data["birth_date"] is None):
            raise ValidationError("Both marks of the record are needed.", "birth_date")
        if bool(data["confirmed"]) != (data["reason"] is not None):
            missing = "reason" if data["confirmed"] else "confirmed"
            raise ValidationError("A difference is confirmed with a reason.", missing)

    @post_load
    def _command(self, data: dict[str, Any], **_kwargs: Any) -> Match:
        return Match(**data)


class DiscardSchema(Strict):
    note = text_field(500, metadata={"example": "Belongs to a patient of another clinic; returned"})


class UnmatchSchema(Strict):
    reason = fields.String(
        required=True,
        validate=_REASON,
        metadata={"example": "Matched by the name; the birth date is another patient's"},
    )


class SeenBySchema(Schema):
    """Who looked at it on the wrong chart, and when first."""

    kind = fields.String(metadata={"example": "practitioner"})
    id = fields.UUID()
    name = fields.String(allow_none=True, metadata={"description": "Of practitioners and staff"})
    at = fields.DateTime()


class IncidentFollowUpSchema(Schema):
    """What a review had arranged because of it, and somebody may have to undo."""

    id = fields.UUID()
    kind = fields.String(metadata={"example": "repeat_test"})
    requisition_id = fields.UUID()
    referral_id = fields.UUID()


class IncidentSchema(Schema):
    """Somebody's result was on another patient's chart."""

    id = fields.UUID()
    case_id = fields.UUID()
    result_id = fields.UUID()
    patient_id = fields.UUID(metadata={"description": "On whose chart it was"})
    reason = fields.String()
    was_released = fields.Boolean()
    seen_by = fields.List(fields.Nested(SeenBySchema))
    follow_ups = fields.List(fields.Nested(IncidentFollowUpSchema))
    opened_at = fields.DateTime()
    closed_at = fields.DateTime(allow_none=True)
    outcome = fields.String(allow_none=True, metadata={"description": "What was assessed"})


class IncidentsSchema(Schema):
    items = fields.List(fields.Nested(IncidentSchema))
