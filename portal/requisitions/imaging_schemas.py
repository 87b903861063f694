"""JSON of appointments."""

from typing import Any

from marshmallow import Schema, fields, post_load, validate

from portal.appointments.schemas import confirmed_overlaps_field
from portal.appointments.service import NewSlot
from portal.core.dates import LOOKED_FOR, PLANNED, time_field
from portal.core.schemas import Listing, PageQuery, Strict, text_field

MOST_SLOTS = 500
MODALITIES = validate.OneOf(["CT", "MR", "US", "DX", "MG", "NM", "PT", "BMD", "RF", "XA"])


class OfferedSlotSchema(Strict):
    modality = fields.String(
        required=True,
        validate=MODALITIES,
        metadata={"description": "DICOM's code", "example": "CT"},
    )
    room = text_field(50, metadata={"example": "CT 1"})
    starts_at = time_field(PLANNED, required=True)
    ends_at = time_field(PLANNED, required=True)

    @post_load
    def _slot(self, data: dict[str, Any], **_kwargs: Any) -> NewSlot:
        return NewSlot(service_type=data.pop("modality"), **data)


class OfferSchema(Strict):
    slots = fields.List(
        fields.Nested(OfferedSlotSchema), required=True, validate=validate.Length(1, MOST_SLOTS)
    )


class SlotSchema(Schema):
    id = fields.UUID()
    modality = fields.String(metadata={"example": "CT"})
    room = fields.String(metadata={"example": "CT 1"})
    starts_at = fields.DateTime()
    ends_at = fields.DateTime()


class SlotsSchema(Schema):
    items = fields.List(fields.Nested(SlotSchema))


class FreeSlotSchema(SlotSchema):
    laboratory = fields.Dict()
    time_zone = fields.String()


class FreeSlotsPage(Listing):
    items = fields.List(fields.Nested(FreeSlotSchema))


class PeriodQuery(PageQuery):
    from_ = time_field(
        LOOKED_FOR,
        load_default=None,
        data_key="from",
        metadata={"description": "From now on unless given"},
    )
    to = time_field(LOOKED_FOR, load_default=None)


class FreeSlotsQuery(PeriodQuery):
    requisition_id = fields.UUID(required=True)
    laboratory_id = fields.UUID(
        load_default=None,
        metadata={"description": "Another radiology department than the requisition's"},
    )


class BookSchema(Strict):
    requisition_id = fields.UUID(required=True)
    confirmed_overlaps = confirmed_overlaps_field()


class ChangeAppointmentSchema(Strict):
    slot_id = fields.UUID(required=True)
    confirmed_overlaps = confirmed_overlaps_field()


class CancelAppointmentSchema(Strict):
    reason = text_field(300, required=False, load_default=None, allow_none=True)


class NoMembersSchema(Strict):
    """A body without members."""


class DepartmentAppointmentSchema(SlotSchema):
    """Who comes when, for what."""

    status = fields.String()
    requisition_id = fields.UUID()
    placer_number = fields.String()
    test = fields.Dict()
    priority = fields.String()
    slot_id = fields.UUID()
    booked_at = fields.DateTime()
    patient = fields.Dict()


class DepartmentAppointmentsPage(Listing):
    items = fields.List(fields.Nested(DepartmentAppointmentSchema))


class AppointmentStatusSchema(Schema):
    appointment_id = fields.UUID()
    requisition_id = fields.UUID()
    requisition_status = fields.String()
