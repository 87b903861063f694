"""JSON of times, appointments and offers: what comes in. What goes out is made in views.py."""

from datetime import timedelta
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates

from portal.appointments.rules import About
from portal.appointments.service import NewSlot, OfferTimes
from portal.appointments.states import AboutKind, OfferStatus
from portal.core.clock import utcnow
from portal.core.dates import LOOKED_FOR, PLANNED, WITHIN_A_YEAR, time_field
from portal.core.schemas import Listing, PageQuery, Strict, text_field

MOST_SLOTS = 500
MOST_OFFERED = 10
MOST_OVERLAPS = 20
LOCAL_TIME = {"example": "2026-03-05T09:00:00-05:00"}
_HALF_AN_HOUR_LATER = (PLANNED.example(utcnow()) + timedelta(minutes=30)).isoformat()


def confirmed_overlaps_field() -> fields.List[Any]:
    return fields.List(
        fields.UUID(),
        load_default=(),
        validate=validate.Length(max=MOST_OVERLAPS),
        metadata={
            "description": "Other appointments of the patient at this time that may stand: the ids "
            "in `overlaps` of the 409 (`appointments_overlap`)",
            "example": [],
        },
    )


class AppointmentAboutSchema(Strict):
    """What the appointment is about."""

    kind = fields.String(
        required=True,
        validate=validate.OneOf([value.value for value in AboutKind]),
        metadata={"example": "requisition"},
    )
    id = fields.UUID(required=True)

    @post_load
    def _about(self, data: dict[str, Any], **_kwargs: Any) -> About:
        return About(**data)


class NewSlotSchema(Strict):
    service_type = text_field(
        60, metadata={"description": "What the time is for", "example": "office visit"}
    )
    room = text_field(50, required=False, load_default=None, allow_none=True)
    practitioner_id = fields.UUID(
        load_default=None,
        allow_none=True,
        metadata={"description": "Whose time; your own unless given"},
    )
    starts_at = time_field(PLANNED, required=True)
    ends_at = time_field(PLANNED, required=True, metadata={"example": _HALF_AN_HOUR_LATER})

    @post_load
    def _slot(self, data: dict[str, Any], **_kwargs: Any) -> NewSlot:
        return NewSlot(**data)


class OpenSlotsSchema(Strict):
    slots = fields.List(
        fields.Nested(NewSlotSchema), required=True, validate=validate.Length(1, MOST_SLOTS)
    )


class SlotsQuery(PageQuery):
    """Query string of the list of times."""

    practitioner_id = fields.UUID(
        load_default=None,
        metadata={"description": "Whose; for patients all of their clinic unless given"},
    )
    service_type = text_field(60, required=False, load_default=None)
    from_ = time_field(
        LOOKED_FOR,
        load_default=None,
        data_key="from",
        metadata={"description": "From now on unless given"},
    )
    to = time_field(LOOKED_FOR, load_default=None)


class BookAppointmentSchema(Strict):
    about = fields.Nested(
        AppointmentAboutSchema,
        load_default=None,
        allow_none=True,
        metadata={"description": "Nothing: a visit of its own"},
    )
    patient_id = fields.UUID(
        load_default=None,
        allow_none=True,
        metadata={"description": "For practitioners and staff: for whom"},
    )
    confirmed_overlaps = confirmed_overlaps_field()


class MoveAppointmentSchema(Strict):
    slot_id = fields.UUID(required=True)
    confirmed_overlaps = confirmed_overlaps_field()


class ReasonSchema(Strict):
    reason = text_field(300, required=False, load_default=None, allow_none=True)


class EmptyBodySchema(Strict):
    """Nothing has to be said."""


class OfferTimesSchema(Strict):
    """Times of which the patient takes one."""

    patient_id = fields.UUID(load_default=None, allow_none=True)
    about = fields.Nested(AppointmentAboutSchema, load_default=None, allow_none=True)
    slot_ids = fields.List(fields.UUID(), required=True, validate=validate.Length(1, MOST_OFFERED))
    expires_at = time_field(
        WITHIN_A_YEAR,
        load_default=None,
        allow_none=True,
        metadata={"description": "Until when they are held; three days unless given"},
    )

    @validates("slot_ids")
    def _each_once(self, value: list[Any], **_kwargs: Any) -> None:
        if len(set(value)) != len(value):
            raise ValidationError("Name each time once.")

    @post_load
    def _command(self, data: dict[str, Any], **_kwargs: Any) -> OfferTimes:
        return OfferTimes(**data)


class AppointmentsQuery(PageQuery):
    """Query string of the list of appointments."""

    when = fields.String(
        load_default="coming",
        validate=validate.OneOf(["coming", "past"]),
        metadata={"description": "The next first, or the last first"},
    )
    patient_id = fields.UUID(
        load_default=None, metadata={"description": "For practitioners and staff: whose"}
    )
    practitioner_id = fields.UUID(
        load_default=None, metadata={"description": "For practitioners and staff: with whom"}
    )


class OffersQuery(PageQuery):
    """Query string of the list of offers."""

    status = fields.String(
        load_default="open",
        validate=validate.OneOf(["open", "closed", *(value.value for value in OfferStatus)]),
        metadata={"description": "A status, or `closed` for all that have ended"},
    )
    patient_id = fields.UUID(
        load_default=None, metadata={"description": "For practitioners and staff: whose"}
    )


class WithWhomSchema(Schema):
    id = fields.UUID()
    name = fields.String(allow_none=True, metadata={"example": "Dr. Ines Okafor"})


class PlaceAddressSchema(Schema):
    line = fields.String(metadata={"example": "3 Mill Street"})
    city = fields.String(metadata={"example": "Springfield"})
    state = fields.String(metadata={"example": "NY"})
    postal_code = fields.String(metadata={"example": "12345"})


class AppointmentPlaceSchema(Schema):
    """Where an appointment is; its time zone is that of the times."""

    name = fields.String(metadata={"example": "Elm Street Clinic"})
    room = fields.String(allow_none=True)
    phone = fields.String(metadata={"example": "555-0100"})
    address = fields.Nested(PlaceAddressSchema, allow_none=True)
    time_zone = fields.String(metadata={"example": "America/New_York"})


class TimeSchema(Schema):
    """A time that can be booked, by the clock of its place."""

    id = fields.UUID()
    service_type = fields.String(metadata={"example": "office visit"})
    starts_at = fields.DateTime(metadata=LOCAL_TIME)
    ends_at = fields.DateTime(metadata={"example": "2026-03-05T09:30:00-05:00"})
    place = fields.Nested(AppointmentPlaceSchema)
    practitioner = fields.Nested(WithWhomSchema, allow_none=True)


class OpenedTimeSchema(TimeSchema):
    """A time; `free` and `appointment_id` are for the clinic."""

    free = fields.Boolean()
    appointment_id = fields.UUID(allow_none=True)


class TimesSchema(Schema):
    items = fields.List(fields.Nested(TimeSchema))


class TimesPage(Listing):
    items = fields.List(fields.Nested(OpenedTimeSchema))


class AboutViewSchema(Schema):
    kind = fields.String(metadata={"example": "requisition"})
    id = fields.UUID()


class AppointmentViewSchema(Schema):
    """An appointment as lists show it."""

    id = fields.UUID()
    status = fields.String(metadata={"example": "booked"})
    reason_code = fields.String(allow_none=True)
    reason = fields.String(allow_none=True)
    about = fields.Nested(AboutViewSchema, allow_none=True)
    service_type = fields.String(metadata={"example": "office visit"})
    slot_id = fields.UUID()
    starts_at = fields.DateTime(metadata=LOCAL_TIME)
    ends_at = fields.DateTime(metadata={"example": "2026-03-05T09:30:00-05:00"})
    place = fields.Nested(AppointmentPlaceSchema)
    practitioner = fields.Nested(WithWhomSchema, allow_none=True)
    patient = fields.Nested(WithWhomSchema)
    booked_at = fields.DateTime()
    ended_at = fields.DateTime(allow_none=True)
    changeable_until = fields.DateTime(
        allow_none=True, metadata={"description": "Until when a patient changes it without calling"}
    )
    waits_for_earlier = fields.Boolean()


class AppointmentStepSchema(Schema):
    status = fields.String(metadata={"example": "booked"})
    from_status = fields.String(allow_none=True)
    at = fields.DateTime()
    by = fields.Dict(metadata={"example": {"kind": "staff", "name": "Nora Bell"}})
    reason_code = fields.String(allow_none=True)
    reason = fields.String(allow_none=True)


class AppointmentDetailSchema(AppointmentViewSchema):
    """An appointment with every step so far."""

    history = fields.List(fields.Nested(AppointmentStepSchema))


class AppointmentViewPage(Listing):
    items = fields.List(fields.Nested(AppointmentViewSchema))


class AppointmentOfferSchema(Schema):
    """Times that are held for a patient; `instead_of` is the appointment that would be moved."""

    id = fields.UUID()
    patient_id = fields.UUID()
    status = fields.String(metadata={"example": "open"})
    about = fields.Nested(AboutViewSchema, allow_none=True)
    instead_of = fields.UUID(allow_none=True)
    created_at = fields.DateTime()
    expires_at = fields.DateTime()
    ended_at = fields.DateTime(allow_none=True)
    reason = fields.String(allow_none=True)
    appointment_id = fields.UUID(allow_none=True)
    slots = fields.List(fields.Nested(TimeSchema))


class AppointmentOffersPage(Listing):
    items = fields.List(fields.Nested(AppointmentOfferSchema))
