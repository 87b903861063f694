"""JSON of notifications and preferences."""

from typing import Any

from marshmallow import Schema, fields, post_load, validate

from portal.core.schemas import Listing, PageQuery, Strict
from portal.notifications.states import NotificationEvent


class NotificationsQuery(PageQuery):
    unread = fields.Boolean(load_default=False, metadata={"description": "Only unread ones"})


class NotificationSchema(Schema):
    id = fields.UUID()
    event = fields.String(metadata={"example": "refill_ready_for_pickup"})
    title = fields.String(metadata={"example": "Ready to pick up"})
    text = fields.String()
    subject_id = fields.UUID(allow_none=True)
    link = fields.String(allow_none=True)
    created_at = fields.DateTime()
    read_at = fields.DateTime(allow_none=True)


class NotificationsPageSchema(Listing):
    items = fields.List(fields.Nested(NotificationSchema))
    unread = fields.Integer(metadata={"description": "How many are unread in all"})


class PreferencesSchema(Strict):
    """Which events come by e-mail."""

    by_email = fields.Dict(
        keys=fields.String(validate=validate.OneOf([event.value for event in NotificationEvent])),
        values=fields.Boolean(),
        required=True,
        metadata={"example": {"refill_ready_for_pickup": True, "refill_preparing": False}},
    )

    @post_load
    def _events(self, data: dict[str, Any], **_kwargs: Any) -> dict[NotificationEvent, bool]:
        return {NotificationEvent(name): wanted for name, wanted in data["by_email"].items()}
