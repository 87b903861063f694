"""JSON of summaries and of what is to be done after visits."""

from typing import Any

from marshmallow import Schema, fields, post_load, validate

from portal.core.dates import DUE, day_field
from portal.core.schemas import (
    Listing,
    PageQuery,
    Strict,
    note_field,
    phone_field,
    prose_field,
    text_field,
)
from portal.visits.service import MedicineNote, WantedInstruction, WriteSummary
from portal.visits.states import InstructionKind, InstructionStatus, MedicineChange

MOST_PROBLEMS, MOST_MEDICINES, MOST_INSTRUCTIONS = 30, 50, 30
MAX_FOUND = 20_000


class MedicineNoteSchema(Strict):
    change = fields.String(
        required=True,
        validate=validate.OneOf([value.value for value in MedicineChange]),
        metadata={"example": "changed"},
    )
    name = text_field(200, metadata={"example": "Lisinopril 20 mg"})
    directions = text_field(
        1000,
        required=False,
        load_default=None,
        allow_none=True,
        metadata={"example": "Take one tablet by mouth every day."},
    )
    note = note_field(500)
    prescription_id = fields.UUID(load_default=None, allow_none=True)

    @post_load
    def _medicine(self, data: dict[str, Any], **_kwargs: Any) -> MedicineNote:
        return MedicineNote(**data)


class WantedInstructionSchema(Strict):
    id = fields.UUID(
        load_default=None,
        allow_none=True,
        metadata={"description": "Of an instruction that the last version has: it goes on as that"},
    )
    kind = fields.Enum(InstructionKind, by_value=True, required=True, metadata={"example": "test"})
    text = text_field(500, metadata={"example": "Have your cholesterol measured, fasting."})
    due_on = day_field(DUE, load_default=None, allow_none=True)
    target_id = fields.UUID(
        load_default=None,
        allow_none=True,
        metadata={
            "description": "By what it is done: a prescription (`fill`), requisition (`test`), "
            "`referral`, `visit` or thread (`message`)"
        },
    )

    @post_load
    def _instruction(self, data: dict[str, Any], **_kwargs: Any) -> WantedInstruction:
        return WantedInstruction(**data)


class ContactSchema(Strict):
    name = text_field(100, metadata={"example": "Nurses' line"})
    phone = phone_field()


class WriteSummarySchema(Strict):
    """What the patient is to take home. What was measured and who saw whom is added at release."""

    reason = text_field(300, metadata={"example": "Blood pressure check"})
    found = prose_field(
        MAX_FOUND,
        required=False,
        load_default=None,
        allow_none=True,
        metadata={
            "description": "What was found and decided; needed for release",
            "example": "Your blood pressure is still a little high.",
        },
    )
    problem_ids = fields.List(
        fields.UUID(),
        load_default=list,
        validate=validate.Length(max=MOST_PROBLEMS),
        metadata={"description": "Of the patient's problems, those that were looked after"},
    )
    medicines = fields.List(
        fields.Nested(MedicineNoteSchema),
        load_default=list,
        validate=validate.Length(max=MOST_MEDICINES),
    )
    instructions = fields.List(
        fields.Nested(WantedInstructionSchema),
        load_default=list,
        validate=validate.Length(max=MOST_INSTRUCTIONS),
    )
    contact = fields.Nested(
        ContactSchema,
        load_default=None,
        allow_none=True,
        metadata={"description": "Whom to call; the clinic, unless given"},
    )

    @post_load
    def _command(self, data: dict[str, Any], **_kwargs: Any) -> WriteSummary:
        return WriteSummary(**data)


class ReleaseSummarySchema(Strict):
    amendment = text_field(
        500,
        required=False,
        load_default=None,
        allow_none=True,
        metadata={
            "description": "What was changed; needed once the patient has a version",
            "example": "The dose was wrong: it is 10 mg.",
        },
    )


class SummaryQuery(Strict):
    """Query string of a summary."""

    number = fields.Integer(
        load_default=None,
        validate=validate.Range(1, 10_000),
        metadata={"description": "An earlier version; the last one if not said"},
    )


class InstructionsQuery(PageQuery):
    """Query string of what is to be done after visits."""

    status = fields.String(
        load_default=None,
        validate=validate.OneOf([value.value for value in InstructionStatus]),
    )
    patient_id = fields.UUID(
        load_default=None, metadata={"description": "For practitioners and staff: whose"}
    )


class CompletionSchema(Schema):
    """Whether something was carried out, by what, and by whom it was said."""

    status = fields.String(allow_none=True, metadata={"example": "done"})
    late = fields.Boolean(allow_none=True)
    closed_at = fields.DateTime(allow_none=True)
    done_by = fields.String(allow_none=True, metadata={"example": "resulted"})
    closed_by = fields.Dict(allow_none=True)


class InstructionViewSchema(CompletionSchema):
    """Something to be done after a visit."""

    id = fields.UUID()
    visit_id = fields.UUID()
    patient_id = fields.UUID()
    kind = fields.String(metadata={"example": "test"})
    text = fields.String(metadata={"example": "Have your cholesterol measured, fasting."})
    due_on = fields.Date(allow_none=True)
    target_id = fields.UUID(allow_none=True)


class InstructionPage(Listing):
    items = fields.List(fields.Nested(InstructionViewSchema))


class SummaryInstructionSchema(CompletionSchema):
    id = fields.UUID()
    kind = fields.String(metadata={"example": "test"})
    text = fields.String(metadata={"example": "Have your cholesterol measured, fasting."})
    due_on = fields.Date(allow_none=True)
    target_id = fields.UUID(allow_none=True)


class SummaryMedicineSchema(Schema):
    change = fields.String(metadata={"example": "changed"})
    name = fields.String(metadata={"example": "Lisinopril 20 mg"})
    directions = fields.String(allow_none=True)
    note = fields.String(allow_none=True)
    prescription_id = fields.UUID(allow_none=True)


class SummaryVersionSchema(Schema):
    """What a version is."""

    number = fields.Integer()
    status = fields.String(metadata={"example": "released"})
    written_by = fields.String(allow_none=True)
    written_at = fields.DateTime()
    released_by = fields.String(allow_none=True)
    released_at = fields.DateTime(allow_none=True)
    amendment = fields.String(allow_none=True)


class SummaryVersionsSchema(Schema):
    items = fields.List(fields.Nested(SummaryVersionSchema))
    sources = fields.List(fields.String())


class SummaryViewSchema(SummaryVersionSchema):
    """A version of a summary, as it was released, with what became of its instructions since."""

    visit_id = fields.UUID()
    patient = fields.Dict(metadata={"example": {"name": "Avery T.", "birth_date": "1980-04-15"}})
    practitioner = fields.Dict(metadata={"example": {"name": "Dr. Ines Okafor"}})
    clinic = fields.Dict(metadata={"example": {"name": "Elm Street Clinic", "phone": "555-0100"}})
    visit = fields.Dict(metadata={"example": {"kind": "office", "held_on": "2026-03-04"}})
    reason = fields.String(metadata={"example": "Blood pressure check"})
    found = fields.String(allow_none=True)
    vitals = fields.List(
        fields.Dict(),
        metadata={
            "example": [{"code": "8867-4", "name": "Pulse", "value": 72, "unit": "/min"}],
        },
    )
    problem_ids = fields.List(fields.UUID())
    problems = fields.List(
        fields.Dict(),
        metadata={
            "example": [{"code": "I10", "text": "Essential hypertension", "status": "active"}],
        },
    )
    medicines = fields.List(fields.Nested(SummaryMedicineSchema))
    instructions = fields.List(fields.Nested(SummaryInstructionSchema))
    contact = fields.Dict(metadata={"example": {"name": "Nurses' line", "phone": "555-0111"}})
