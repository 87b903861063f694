"""JSON of letters and calls."""

from marshmallow import Schema, fields, validate

from portal.core.schemas import Listing, PageQuery, Strict, note_field
from portal.notifications.outreach_states import CallOutcome, LetterStatus


class LettersQuery(PageQuery):
    status = fields.String(
        load_default=None,
        validate=validate.OneOf([status.value for status in LetterStatus]),
        metadata={"description": "`queued` is what has to be printed"},
    )


class LetterSchema(Schema):
    """A letter without its document."""

    id = fields.UUID()
    patient_id = fields.UUID()
    event = fields.String(metadata={"example": "result_available"})
    subject_id = fields.UUID()
    status = fields.String(metadata={"example": "queued"})
    addressee = fields.List(fields.String(), metadata={"example": ["Avery Thompson"]})
    pages = fields.Integer()
    document = fields.String(metadata={"description": "Where the PDF is read"})
    created_at = fields.DateTime()
    printed_at = fields.DateTime(allow_none=True)
    ended_at = fields.DateTime(allow_none=True)
    note = fields.String(allow_none=True)


class LettersPageSchema(Listing):
    items = fields.List(fields.Nested(LetterSchema))


class LetterStepSchema(Schema):
    status = fields.String(metadata={"example": "printed"})
    from_status = fields.String(allow_none=True)
    at = fields.DateTime()
    by = fields.Dict(metadata={"example": {"kind": "staff", "name": "Nora Bell"}})
    note = fields.String(allow_none=True)


class LetterDetailSchema(LetterSchema):
    """A letter with every step so far."""

    history = fields.List(fields.Nested(LetterStepSchema))


class LetterStatusSchema(Strict):
    status = fields.String(
        required=True,
        validate=validate.OneOf(
            [LetterStatus.PRINTED.value, LetterStatus.RETURNED.value, LetterStatus.CANCELLED.value]
        ),
    )
    note = note_field(500)


class CalleeSchema(Schema):
    id = fields.UUID()
    name = fields.String(metadata={"example": "Avery Thompson"})
    birth_date = fields.Date(metadata={"description": "To be asked first: who is on the phone?"})
    phone = fields.String(allow_none=True, metadata={"example": "+1 555 0199"})
    language = fields.String(metadata={"example": "en"})


class CallAttemptSchema(Schema):
    number = fields.Integer()
    at = fields.DateTime()
    by = fields.Dict(metadata={"example": {"kind": "staff", "name": "Nora Bell"}})
    outcome = fields.String(metadata={"example": "no_answer"})
    note = fields.String(allow_none=True)


class CallSchema(Schema):
    """A call to be made: whom, what to say, and what came of each attempt."""

    id = fields.UUID()
    event = fields.String(metadata={"example": "result_available"})
    subject_id = fields.UUID()
    status = fields.String(metadata={"example": "open"})
    patient = fields.Nested(CalleeSchema)
    script = fields.List(fields.String())
    created_at = fields.DateTime()
    ended_at = fields.DateTime(allow_none=True)
    attempts = fields.List(fields.Nested(CallAttemptSchema))


class CallOutcomeSchema(Strict):
    outcome = fields.String(
        required=True, validate=validate.OneOf([outcome.value for outcome in CallOutcome])
    )
    note = note_field(500)
