"""JSON of threads and messages as it goes out: made in views.py, described here."""

from marshmallow import Schema, fields, validate

from portal.attachments.schemas import AttachedFileSchema
from portal.core.schemas import Listing, ProblemSchema


class MessagePartySchema(Schema):
    id = fields.UUID()
    name = fields.String(allow_none=True, metadata={"example": "Nurses"})


class ThreadAboutSchema(Schema):
    kind = fields.String(metadata={"example": "prescription"})
    id = fields.UUID()
    link = fields.String(
        metadata={"example": "/api/v1/prescriptions/01a20b43-766f-71d7-a9cb-17e944f7beb1"}
    )


class ThreadSchema(Schema):
    """A thread as lists show it."""

    id = fields.UUID()
    patient = fields.Nested(MessagePartySchema)
    category = fields.String(metadata={"example": "medication"})
    subject = fields.String(metadata={"example": "My new tablets"})
    about = fields.Nested(ThreadAboutSchema, allow_none=True)
    status = fields.String(metadata={"example": "awaiting_care_team"})
    status_at = fields.DateTime()
    closed_reason = fields.String(allow_none=True)
    urgent = fields.Boolean()
    team = fields.Nested(MessagePartySchema)
    practitioner = fields.Nested(MessagePartySchema, allow_none=True)
    created_at = fields.DateTime()
    last_message_at = fields.DateTime()
    unread = fields.Integer(
        metadata={"description": "What you have not opened; for the care team, nobody of it"}
    )
    reply_due_at = fields.DateTime(
        allow_none=True, metadata={"description": "When the care team's answer is due"}
    )
    late = fields.Boolean()
    confidential = fields.Boolean(metadata={"description": "Kept from who acts for the patient"})
    version = fields.Integer()


class ThreadPage(Listing):
    items = fields.List(fields.Nested(ThreadSchema))


class ReceiptSchema(Schema):
    by = fields.Dict(
        metadata={
            "description": "Who; of a `delegate` also `for` whom. Delegates learn no others' names",
            "example": {"kind": "delegate", "name": "Maria Ruiz", "for": "Grace Ruiz"},
        }
    )
    at = fields.DateTime()


class MessageSchema(Schema):
    """A message with its receipts: who has really opened it, and when first. `read_at` is when the
    patient did, or somebody of the care team."""

    id = fields.UUID()
    kind = fields.String(metadata={"example": "message"})
    author = fields.Dict(metadata={"example": {"kind": "patient", "name": "Avery Thompson"}})
    mine = fields.Boolean()
    body = fields.String(
        metadata={
            "description": "Plain text, which may look like HTML: escape it where it is shown",
            "example": "May I take both tablets together?",
        }
    )
    signature = fields.String(allow_none=True)
    sent_at = fields.DateTime()
    read_at = fields.DateTime(allow_none=True)
    reads = fields.List(fields.Nested(ReceiptSchema))
    red_flags = fields.List(fields.String(), metadata={"example": []})
    attachments = fields.List(
        fields.Nested(AttachedFileSchema),
        metadata={"description": "Each with its status: its content can be read once it is clean"},
    )


class ThreadStepSchema(Schema):
    action = fields.String(metadata={"example": "moved"})
    from_status = fields.String(allow_none=True)
    status = fields.String(metadata={"example": "awaiting_patient"})
    at = fields.DateTime()
    by = fields.Dict(metadata={"example": {"kind": "staff", "name": "Nora Bell"}})
    reason_code = fields.String(allow_none=True)
    note = fields.String(allow_none=True)


class FullThreadSchema(ThreadSchema):
    """A thread with a page of its messages, the newest first, and every step so far."""

    messages = fields.List(fields.Nested(MessageSchema))
    next = fields.String(
        allow_none=True, metadata={"description": "Cursor of older messages; null at the first"}
    )
    history = fields.List(fields.Nested(ThreadStepSchema))


class SentSchema(ThreadSchema):
    """A thread with the message that was just written in it."""

    message = fields.Nested(MessageSchema)


class ThreadOutcomeSchema(Schema):
    patient_id = fields.UUID()
    outcome = fields.String(validate=validate.OneOf(["sent", "rejected"]))
    thread_id = fields.UUID(allow_none=True)
    problem = fields.Nested(ProblemSchema, allow_none=True)


class ThreadOutcomesSchema(Schema):
    items = fields.List(fields.Nested(ThreadOutcomeSchema))


class ThreadSummarySchema(Schema):
    """Counts over all of a patient's threads, or of a care team member's whole panel."""

    awaiting_care_team = fields.Integer()
    urgent = fields.Integer()
    late = fields.Integer()
    unread_threads = fields.Integer()
    unread_messages = fields.Integer()


class RecipientViewSchema(Schema):
    practitioner_id = fields.UUID(allow_none=True)
    pool_id = fields.UUID(allow_none=True)
    name = fields.String(metadata={"example": "Dr. Ines Okafor"})
    role = fields.String(metadata={"example": "Family medicine"})
    primary = fields.Boolean()


class RecipientList(Listing):
    items = fields.List(fields.Nested(RecipientViewSchema))


class RedFlagSchema(Schema):
    code = fields.String(metadata={"example": "chest_pain"})
    label = fields.String(metadata={"example": "Chest pain or pressure"})


class GuidanceSchema(Schema):
    """What was found in a text; `guidance` is to be shown before it is sent."""

    version = fields.Integer()
    flags = fields.List(fields.Nested(RedFlagSchema))
    guidance = fields.String(
        allow_none=True, metadata={"example": "What you wrote may be an emergency. Call 911 now."}
    )
    advice_line = fields.Dict(
        metadata={"example": {"phone": "518-555-0100", "request": "/api/v1/advice-calls"}}
    )
