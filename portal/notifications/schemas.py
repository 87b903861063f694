"""JSON of notifications and preferences."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from portal.core.schemas import Listing, PageQuery, Strict
from portal.notifications.outreach_states import ContactChannel, ReleaseWish
from portal.notifications.rules import is_contradictory
from portal.notifications.states import NotificationEvent


class NotificationsQuery(PageQuery):
    unread = fields.Boolean(load_default=False, metadata={"description": "Only unread ones"})


class NotificationSchema(Schema):
    id = fields.UUID()
    event = fields.String(metadata={"example": "refill_ready_for_pickup"})
    title = fields.String(metadata={"example": "Ready to pick up"})
    text = fields.String()
    subject_id = fields.UUID(allow_none=True)
    patient_id = fields.UUID(
        allow_none=True, metadata={"description": "Whose record it is about, if anybody's"}
    )
    link = fields.String(allow_none=True)
    created_at = fields.DateTime()
    read_at = fields.DateTime(allow_none=True)


class NotificationsPageSchema(Listing):
    items = fields.List(fields.Nested(NotificationSchema))
    unread = fields.Integer(metadata={"description": "How many are unread in all"})


class ResultsWishSchema(Strict):
    """How and when a patient wants to be told of results; what is left out stays as it is."""

    by = fields.String(
        validate=validate.OneOf([channel.value for channel in ContactChannel]),
        metadata={"description": "In the portal, by letter, or by a call", "example": "portal"},
    )
    when = fields.String(
        validate=validate.OneOf([wish.value for wish in ReleaseWish]),
        metadata={
            "description": "At once, or after the doctor's comment (for a limited time)",
            "example": "at_once",
        },
    )

    @validates_schema
    def _something(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if not data:
            raise ValidationError("Name by, when, or both.")

    @post_load
    def _wish(self, data: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
        by, when = data.get("by"), data.get("when")
        return {
            "results_by": ContactChannel(by) if by else None,
            "results_when": ReleaseWish(when) if when else None,
        }


class ChangePreferencesSchema(Strict):
    """Which events come by e-mail, and how results come; at least one of the two."""

    by_email = fields.Dict(
        keys=fields.String(validate=validate.OneOf([event.value for event in NotificationEvent])),
        values=fields.Boolean(),
        metadata={"example": {"refill_ready_for_pickup": True, "refill_preparing": False}},
    )
    results = fields.Nested(ResultsWishSchema)

    @validates_schema
    def _something(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if not data:
            raise ValidationError("Name by_email, results, or both.")
        if is_contradictory(data.get("by_email", {})):
            raise ValidationError(
                "Choose message_received or message_digest, not both.", "by_email"
            )

    @post_load
    def _events(self, data: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
        by_email = data.get("by_email", {})
        return {
            "by_email": {NotificationEvent(name): wanted for name, wanted in by_email.items()},
            "results": data.get("results"),
        }


class ResultsContactSchema(Schema):
    by = fields.String(metadata={"example": "portal"})
    when = fields.String(metadata={"example": "at_once"})


class PreferencesSchema(Schema):
    """Every event with whether it comes by e-mail; `results` is null for all but patients."""

    by_email = fields.Dict(
        keys=fields.String(),
        values=fields.Boolean(),
        metadata={"example": {"refill_ready_for_pickup": True, "refill_preparing": False}},
    )
    results = fields.Nested(ResultsContactSchema, allow_none=True)
