"""JSON of attachments, as views.py makes it; what comes in is the file itself."""

from marshmallow import Schema, fields

from portal.attachments.states import AttachmentStatus
from portal.core.schemas import Strict


class UploadQuery(Strict):
    """Query string of an upload."""

    patient_id = fields.UUID(
        load_default=None,
        metadata={"description": "For practitioners and staff: whose record it belongs to"},
    )


class UploaderSchema(Schema):
    kind = fields.String(metadata={"example": "patient"})
    id = fields.UUID(allow_none=True)
    name = fields.String(allow_none=True, metadata={"example": "Avery Thompson"})


class AttachedToSchema(Schema):
    kind = fields.String(metadata={"example": "message"})
    id = fields.UUID()


class AttachedFileSchema(Schema):
    """What an attachment is. `content` is there once it is clean."""

    id = fields.UUID()
    patient_id = fields.UUID()
    name = fields.String(metadata={"example": "Blood pressure March.pdf"})
    content_type = fields.String(metadata={"example": "application/pdf"})
    size = fields.Integer(metadata={"description": "In bytes", "example": 48211})
    sha256 = fields.String(
        metadata={"example": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}
    )
    status = fields.String(
        metadata={"enum": [status.value for status in AttachmentStatus], "example": "clean"}
    )
    status_at = fields.DateTime()
    created_at = fields.DateTime()
    uploaded_by = fields.Nested(UploaderSchema)
    attached_to = fields.Nested(
        AttachedToSchema,
        allow_none=True,
        metadata={"description": "What it is part of; null while it is part of nothing"},
    )
    content = fields.String(
        allow_none=True,
        metadata={
            "description": "Where its content is read; null while it is kept back",
            "example": "/api/v1/attachments/01a20b43-766f-71d7-a9cb-17e944f7beb1/content",
        },
    )
