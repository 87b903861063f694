"""JSON of visits: what comes in. What goes out is made in views.py and described here."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from portal.core.dates import PLANNED, time_field
from portal.core.schemas import Listing, PageQuery, Strict, text_field
from portal.patients.schemas import confidential_reason
from portal.visits.chart_schemas import VitalViewSchema
from portal.visits.service import PlanVisit
from portal.visits.states import VisitKind
from portal.visits.summary_schemas import InstructionViewSchema


def reason_field(**options: Any) -> fields.String:
    """Why a patient is seen."""
    return text_field(300, metadata={"example": "Blood pressure check"}, **options)


class PlanVisitSchema(Strict):
    patient_id = fields.UUID(required=True)
    practitioner_id = fields.UUID(
        load_default=None,
        allow_none=True,
        metadata={"description": "Who sees the patient; the practitioner who plans, unless given"},
    )
    kind = fields.Enum(VisitKind, by_value=True, load_default=VisitKind.OFFICE)
    reason = reason_field()
    starts_at = time_field(
        PLANNED, load_default=None, allow_none=True, metadata={"description": "Now, unless given"}
    )
    confidential_reason = confidential_reason(load_default=None, allow_none=True)

    @post_load
    def _command(self, data: dict[str, Any], **_kwargs: Any) -> PlanVisit:
        return PlanVisit(**data)


class ChangeVisitSchema(Strict):
    """What is to be changed; what is not named stays."""

    practitioner_id = fields.UUID()
    kind = fields.String(validate=validate.OneOf([kind.value for kind in VisitKind]))
    reason = reason_field(required=False)
    starts_at = time_field(PLANNED)

    @validates_schema
    def _something(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if not data:
            raise ValidationError("Name at least one member to change.")


class VisitStepSchema(Strict):
    """A body without members."""


class WhySchema(Strict):
    reason = text_field(300, metadata={"example": "The patient is travelling"})


class VisitsQuery(PageQuery):
    """Query string of the list of visits."""

    when = fields.String(
        load_default="coming",
        validate=validate.OneOf(["coming", "past"]),
        metadata={"description": "Those to come, the next first; or past ones, the last first"},
    )
    patient_id = fields.UUID(
        load_default=None,
        metadata={"description": "For the care team: whose; a practitioner's own, unless given"},
    )


class VisitPersonSchema(Schema):
    id = fields.UUID()
    name = fields.String(metadata={"example": "Dr. Ines Okafor"})


class VisitClinicSchema(Schema):
    id = fields.UUID()
    name = fields.String(metadata={"example": "Elm Street Clinic"})
    phone = fields.String(metadata={"example": "555-0100"})
    time_zone = fields.String(metadata={"example": "America/New_York"})


class VisitAppointmentSchema(Schema):
    """The appointment as which a visit was booked."""

    id = fields.UUID()
    status = fields.String(metadata={"example": "booked"})
    starts_at = fields.DateTime()
    ends_at = fields.DateTime()
    about = fields.Dict(
        allow_none=True,
        metadata={"example": {"kind": "referral", "id": "01a20b43-6f1e-7a2b-8c3d-4e5f60718293"}},
    )
    link = fields.String(
        metadata={"example": "/api/v1/appointments/01a20b43-766f-71d7-a9cb-17e944f7beb1"}
    )


class VisitSummaryLinkSchema(Schema):
    number = fields.Integer()
    released_at = fields.DateTime()
    link = fields.String(
        metadata={"example": "/api/v1/visits/01a20b43-766f-71d7-a9cb-17e944f7beb1/summary"}
    )


class VisitViewSchema(Schema):
    """A visit as lists show it."""

    id = fields.UUID()
    patient_id = fields.UUID()
    patient_name = fields.String(metadata={"example": "Avery Thompson"})
    appointment = fields.Nested(VisitAppointmentSchema, allow_none=True)
    kind = fields.String(metadata={"example": "office"})
    status = fields.String(metadata={"example": "planned"})
    reason = fields.String(metadata={"example": "Blood pressure check"})
    starts_at = fields.DateTime()
    started_at = fields.DateTime(allow_none=True)
    ended_at = fields.DateTime(allow_none=True)
    status_at = fields.DateTime()
    late = fields.Boolean(metadata={"description": "It was to begin by now and has not"})
    practitioner = fields.Nested(VisitPersonSchema)
    clinic = fields.Nested(VisitClinicSchema)
    confidential = fields.Boolean(metadata={"description": "Kept from who acts for the patient"})
    summary = fields.Nested(VisitSummaryLinkSchema, allow_none=True)
    summary_due_at = fields.DateTime(
        allow_none=True, metadata={"description": "For the care team alone"}
    )
    version = fields.Integer()


class VisitMoveSchema(Schema):
    status = fields.String(metadata={"example": "planned"})
    from_status = fields.String(allow_none=True)
    at = fields.DateTime()
    starts_at = fields.DateTime()
    by = fields.Dict(metadata={"example": {"kind": "staff", "name": "Nora Bell"}})
    reason = fields.String(allow_none=True)


class FullVisitSchema(VisitViewSchema):
    """A visit with what was measured, what is to be done after it, and every step so far."""

    vitals = fields.List(fields.Nested(VitalViewSchema))
    instructions = fields.List(fields.Nested(InstructionViewSchema))
    history = fields.List(fields.Nested(VisitMoveSchema))


class VisitPage(Listing):
    items = fields.List(fields.Nested(VisitViewSchema))


class DueSchema(Schema):
    """Something to be done before a visit."""

    kind = fields.String(metadata={"example": "test"})
    id = fields.UUID()
    title = fields.String(metadata={"example": "Lipid 1996 panel"})
    due_on = fields.Date(allow_none=True)
    what_to_do = fields.String(
        metadata={"example": "Go to Acme Laboratory to have the sample taken."}
    )
    link = fields.String(
        metadata={"example": "/api/v1/requisitions/01a20b43-766f-71d7-a9cb-17e944f7beb1"}
    )


class DueListSchema(Schema):
    items = fields.List(fields.Nested(DueSchema))
    sources = fields.List(fields.String(), metadata={"example": []})
