"""JSON of delegations."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from portal.core.actor import AccessCategory
from portal.core.dates import PERIOD, day_field
from portal.core.schemas import Listing, Strict, note_field, text_field
from portal.patients.delegating import OfferAccess
from portal.patients.delegation_rules import ParentalBounds
from portal.patients.delegation_states import Relationship

CATEGORIES = [category.value for category in AccessCategory]
PARENTS = [Relationship.PARENT.value, Relationship.GUARDIAN.value]


def _categories(**options: Any) -> Any:
    settings: dict[str, Any] = {
        "validate": validate.Length(1, len(CATEGORIES)),
        "metadata": {"example": ["medicines", "results"]},
        **options,
    }
    return fields.List(fields.String(validate=validate.OneOf(CATEGORIES)), **settings)


def _day(description: str) -> fields.Date:
    return day_field(
        PERIOD, load_default=None, allow_none=True, metadata={"description": description}
    )


class _PersonSchema(Strict):
    """Who is to act for the patient, and when."""

    email = fields.Email(required=True, validate=validate.Length(max=254))
    name = text_field(200, metadata={"example": "Robin Thompson"})
    starts_on = _day("The first day, by the clinic's time zone; today unless given")
    ends_on = _day("The last day; open unless given")

    @validates_schema
    def _in_order(self, data: dict[str, Any], **_kwargs: Any) -> None:
        first, last = data.get("starts_on"), data.get("ends_on")
        if first is not None and last is not None and last < first:
            raise ValidationError("This is before the first day.", "ends_on")


class OfferAccessSchema(_PersonSchema):
    relationship = fields.String(
        required=True, validate=validate.OneOf([value.value for value in Relationship])
    )
    categories = _categories(required=True)

    @post_load
    def _command(self, data: dict[str, Any], **_kwargs: Any) -> OfferAccess:
        relationship = Relationship(data.pop("relationship"))
        return OfferAccess(relationship=relationship, **data)


class RecordParentSchema(_PersonSchema):
    relationship = fields.String(
        load_default=Relationship.PARENT.value, validate=validate.OneOf(PARENTS)
    )
    categories = _categories(
        load_default=lambda: list(CATEGORIES),
        metadata={"description": "All unless given; the child's age narrows them"},
    )

    @post_load
    def _command(self, data: dict[str, Any], **_kwargs: Any) -> OfferAccess:
        relationship = Relationship(data.pop("relationship"))
        return OfferAccess(relationship=relationship, **data)


class ChangeAccessSchema(Strict):
    """Members that are left out stay as they are; `ends_on: null` leaves the end open."""

    categories = _categories()
    starts_on = day_field(PERIOD)
    ends_on = day_field(PERIOD, allow_none=True)

    @validates_schema
    def _something(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if not data:
            raise ValidationError("Name at least one member to change.")
        if data.get("starts_on") and data.get("ends_on") and data["ends_on"] < data["starts_on"]:
            raise ValidationError("This is before the first day.", "ends_on")


class RevokeSchema(Strict):
    reason = note_field(500)


class NoticesSchema(Strict):
    notify = fields.Boolean(
        required=True, metadata={"description": "Whether you are told of what is new"}
    )


class DelegationStepSchema(Schema):
    status = fields.String(metadata={"example": "accepted"})
    from_status = fields.String(allow_none=True)
    categories = fields.List(fields.String(), metadata={"example": ["medicines", "results"]})
    starts_on = fields.Date()
    ends_on = fields.Date(allow_none=True)
    at = fields.DateTime()
    by = fields.Dict(metadata={"example": {"kind": "delegate", "name": "Robin Thompson"}})
    reason = fields.String(allow_none=True)


class DelegationSchema(Schema):
    """Somebody who may act for a patient, or was asked whether they would."""

    id = fields.UUID()
    patient_id = fields.UUID()
    kind = fields.String(metadata={"example": "granted"})
    name = fields.String(metadata={"example": "Robin Thompson"})
    email = fields.String(metadata={"example": "robin@example.org"})
    relationship = fields.String(metadata={"example": "spouse"})
    categories = fields.List(fields.String(), metadata={"example": ["medicines", "results"]})
    open_categories = fields.List(
        fields.String(),
        metadata={"description": "What of it is open today", "example": ["medicines", "results"]},
    )
    starts_on = fields.Date()
    ends_on = fields.Date(allow_none=True)
    status = fields.String(
        metadata={
            "description": "offered, upcoming, active, ended, outgrown, lapsed, declined, revoked",
            "example": "active",
        }
    )
    offered_at = fields.DateTime()
    answered_at = fields.DateTime(allow_none=True)
    revoked_at = fields.DateTime(allow_none=True)


class FullDelegationSchema(DelegationSchema):
    """A delegation with every step so far."""

    history = fields.List(fields.Nested(DelegationStepSchema))


class DelegationPage(Listing):
    items = fields.List(fields.Nested(DelegationSchema))


class ChargeSchema(Schema):
    """A patient for whom one may act, or is asked to."""

    delegation_id = fields.UUID()
    patient_id = fields.UUID(metadata={"description": "What to send in the header Acting-For"})
    name = fields.String(metadata={"example": "Avery Thompson"})
    birth_date = fields.Date(
        allow_none=True, metadata={"description": "Null until the offer is accepted"}
    )
    kind = fields.String(metadata={"example": "parental"})
    relationship = fields.String(metadata={"example": "parent"})
    categories = fields.List(fields.String(), metadata={"example": ["medicines", "results"]})
    starts_on = fields.Date()
    ends_on = fields.Date(allow_none=True)
    status = fields.String(metadata={"example": "active"})
    notify = fields.Boolean()


class ChargeList(Listing):
    items = fields.List(fields.Nested(ChargeSchema))


class ParentalAccessSchema(Strict):
    """Until which birthdays parents see a child's record."""

    full_until = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(0, 26),
        metadata={"description": "Years of age until which all is open", "example": 12},
    )
    limited_until = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(0, 26),
        metadata={"description": "Years of age from which nothing is", "example": 18},
    )
    limited = fields.List(
        fields.String(validate=validate.OneOf(CATEGORIES)),
        required=True,
        metadata={"description": "What is open in between", "example": ["appointments"]},
    )

    @validates_schema
    def _in_order(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if data["limited_until"] < data["full_until"]:
            raise ValidationError("Not before full_until.", "limited_until")

    @post_load
    def _bounds(self, data: dict[str, Any], **_kwargs: Any) -> ParentalBounds:
        return ParentalBounds(data["full_until"], data["limited_until"], frozenset(data["limited"]))
