"""JSON of the directory."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates

from portal.core.dates import LOOKED_FOR, PERIOD, PLANNED, day_field, time_field
from portal.core.schemas import (
    ONE_LINE,
    ZONES,
    Listing,
    PageQuery,
    Strict,
    phone_field,
    text_field,
)
from portal.directory.arrangements import ArrangeCoverage


class PlaceQuery(PageQuery):
    q = fields.String(
        load_default=None,
        validate=[validate.Length(1, 100), ONE_LINE],
        metadata={"description": "Part of the name or city, or the start of the postal code"},
    )


class PharmacyQuery(PlaceQuery):
    mail_order = fields.Boolean(
        load_default=None, metadata={"description": "Only those that do, or do not, mail only"}
    )


class AddressSchema(Schema):
    line = fields.String(allow_none=True)
    city = fields.String(allow_none=True)
    state = fields.String(allow_none=True)
    postal_code = fields.String(allow_none=True)


class PlaceSchema(Schema):
    """What is told of any place that patients go to."""

    id = fields.UUID()
    name = fields.String(metadata={"example": "Corner Pharmacy"})
    phone = fields.String()
    address = fields.Nested(AddressSchema, attribute="*")
    hours = fields.String(metadata={"example": "Mon-Fri 9-18"})
    time_zone = fields.String()
    active = fields.Boolean()

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        return obj if attr == "*" else super().get_attribute(obj, attr, default)


class PharmacySchema(PlaceSchema):
    opening = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        allow_none=True,
        metadata={
            "description": "The hours for reckoning: by weekday (0 is Monday) from when to when, "
            "in the pharmacy's time zone; null counts as always open",
            "example": {"0": ["09:00", "18:00"]},
        },
    )
    ncpdp_id = fields.String(allow_none=True, metadata={"example": "3912345"})
    mail_order = fields.Boolean(metadata={"description": "Ships only"})
    mails = fields.Boolean(metadata={"description": "Ships as well"})


class PharmacyPage(Listing):
    items = fields.List(fields.Nested(PharmacySchema))


# As `PharmacySchema` has it: the first and the last minute of each weekday.
_CLOCK = validate.Regexp(r"^([01][0-9]|2[0-3]):[0-5][0-9]$(?!\n)", error="A time as 09:30.")
_WEEKDAY = validate.OneOf([str(day) for day in range(7)])


class WritePlaceSchema(Strict):
    name = text_field(200, metadata={"example": "Corner Pharmacy"})
    phone = phone_field()
    line = text_field(200)
    city = text_field(100)
    state = text_field(100)
    postal_code = text_field(20)
    hours = text_field(300)
    time_zone = fields.String(required=True, validate=ZONES)
    active = fields.Boolean(load_default=True)


class WritePharmacySchema(WritePlaceSchema):
    ncpdp_id = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Regexp(r"^[0-9]{7}$(?!\n)", error="Seven digits."),
    )
    mail_order = fields.Boolean(load_default=False)
    mails = fields.Boolean(load_default=False)
    opening = fields.Dict(
        keys=fields.String(validate=_WEEKDAY),
        values=fields.List(fields.String(validate=_CLOCK), validate=validate.Length(equal=2)),
        metadata={
            "description": "The hours for reckoning, by weekday (0 is Monday); without them they "
            "are read from `hours` where that is written as `Mon-Fri 9-18, Sat 9-13`",
            "example": {"0": ["09:00", "18:00"], "5": ["09:00", "13:00"]},
        },
    )

    @validates("opening")
    def _opens_first(self, value: dict[str, list[str]], **_kwargs: Any) -> None:
        for day, (opens, closes) in value.items():
            if opens >= closes:
                raise ValidationError({day: ["It opens before it closes."]})


class EditPharmacySchema(WritePharmacySchema):
    """The same members, each only where it changes: to be used with `partial=True`."""


class PractitionerSchema(Schema):
    id = fields.UUID()
    name = fields.String(metadata={"example": "Dr. Ines Okafor"})
    specialty = fields.String()
    npi = fields.String(allow_none=True)
    clinic_id = fields.UUID()
    active = fields.Boolean()


class PractitionerPage(Listing):
    items = fields.List(fields.Nested(PractitionerSchema))


class HoursSchema(Schema):
    weekday = fields.Integer(metadata={"description": "0 is Monday"})
    opens = fields.Time(format="%H:%M")
    closes = fields.Time(format="%H:%M")


class ClosureSchema(Schema):
    day = fields.Date()
    reason = fields.String()


class WriteClosureSchema(Strict):
    day = day_field(PLANNED, required=True)
    reason = text_field(200, metadata={"example": "Memorial Day"})


class ClinicSchema(Schema):
    id = fields.UUID()
    name = fields.String()
    phone = fields.String()
    time_zone = fields.String()
    hours = fields.List(fields.Nested(HoursSchema))
    closures = fields.List(fields.Nested(ClosureSchema))


class MemberSchema(Schema):
    id = fields.UUID()
    kind = fields.String(metadata={"description": "practitioner or staff"})
    name = fields.String()
    lead = fields.Boolean()
    active = fields.Boolean()


class PoolSchema(Schema):
    id = fields.UUID()
    clinic_id = fields.UUID()
    kind = fields.String()
    name = fields.String()
    members = fields.List(fields.Nested(MemberSchema))


class PoolList(Listing):
    items = fields.List(fields.Nested(PoolSchema))


class CoverageQuery(PageQuery):
    practitioner_id = fields.UUID(load_default=None)
    from_ = time_field(
        LOOKED_FOR,
        data_key="from",
        load_default=None,
        metadata={"description": "Coverage that ends after this; by default after now"},
    )


class ArrangeCoverageSchema(Strict):
    practitioner_id = fields.UUID(
        load_default=None,
        allow_none=True,
        metadata={"description": "Who is away; by default the practitioner who is calling"},
    )
    covering_id = fields.UUID(required=True)
    starts_at = time_field(PERIOD, required=True)
    ends_at = time_field(PERIOD, required=True)
    reason = text_field(200, metadata={"example": "Leave"})

    @post_load
    def _command(self, data: dict[str, Any], **_kwargs: Any) -> ArrangeCoverage:
        return ArrangeCoverage(**data)


class CoverageSchema(Schema):
    id = fields.UUID()
    practitioner_id = fields.UUID()
    practitioner_name = fields.String()
    covering_id = fields.UUID()
    covering_name = fields.String()
    starts_at = fields.AwareDateTime()
    ends_at = fields.AwareDateTime()
    reason = fields.String()
    cancelled_at = fields.AwareDateTime(allow_none=True)


class CoveragePage(Listing):
    items = fields.List(fields.Nested(CoverageSchema))
