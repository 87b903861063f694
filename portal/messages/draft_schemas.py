"""JSON of drafts."""

from typing import Any

from marshmallow import Schema, fields, post_load

from portal.attachments.schemas import AttachedFileSchema
from portal.core.schemas import Listing, PageQuery, Strict
from portal.messages.schemas import (
    CATEGORIES,
    LONGEST_BODY,
    LONGEST_SUBJECT,
    AboutSchema,
    RecipientSchema,
    TextField,
    attachments_field,
)
from portal.messages.service import SaveDraft
from portal.messages.view_schemas import ThreadAboutSchema


class SaveDraftSchema(Strict):
    """For a thread, or for a new one: of the patient themselves, or to a patient."""

    thread_id = fields.UUID(load_default=None, allow_none=True)
    patient_id = fields.UUID(
        load_default=None, allow_none=True, metadata={"description": "For the care team: to whom"}
    )
    to = fields.Nested(RecipientSchema, load_default=None, allow_none=True)
    category = fields.String(load_default=None, allow_none=True, validate=CATEGORIES)
    subject = TextField(LONGEST_SUBJECT, one_line=True, least=0, load_default="")
    about = fields.Nested(AboutSchema, load_default=None, allow_none=True)
    body = TextField(
        LONGEST_BODY, least=0, required=True, metadata={"example": "May I take both tablets"}
    )
    attachments = attachments_field()

    @post_load
    def _command(self, data: dict[str, Any], **_kwargs: Any) -> SaveDraft:
        data["attachments"] = tuple(data["attachments"])
        return SaveDraft(**data)


class DraftsQuery(PageQuery):
    """Query string of the list of drafts."""

    thread_id = fields.UUID(load_default=None, metadata={"description": "For this thread alone"})


class DraftSchema(Schema):
    id = fields.UUID()
    patient_id = fields.UUID()
    thread_id = fields.UUID(allow_none=True)
    to = fields.Dict(allow_none=True, metadata={"description": "As POST /threads takes it"})
    category = fields.String(allow_none=True)
    subject = fields.String(metadata={"example": "My new tablets"})
    about = fields.Nested(ThreadAboutSchema, allow_none=True)
    body = fields.String(metadata={"example": "May I take both tablets"})
    attachments = fields.List(fields.Nested(AttachedFileSchema))
    version = fields.Integer(metadata={"description": "As the ETag has it", "example": 1})
    updated_at = fields.DateTime()


class DraftList(Listing):
    items = fields.List(fields.Nested(DraftSchema))
