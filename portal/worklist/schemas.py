"""JSON of the worklist."""

from marshmallow import Schema, fields, validate

from portal.core.schemas import Listing, PageQuery, Strict, text_field
from portal.worklist.states import WorkItemKind


class WorklistQuery(PageQuery):
    kind = fields.String(
        load_default=None, validate=validate.OneOf([kind.value for kind in WorkItemKind])
    )
    mine = fields.Boolean(
        load_default=False, metadata={"description": "Only what is assigned to or claimed by you"}
    )


class ReassignSchema(Strict):
    assignee_id = fields.UUID(
        required=True,
        allow_none=True,
        metadata={"description": "A practitioner or staff member; null for the pool"},
    )
    reason = text_field(300, metadata={"example": "Knows this patient"})


class CompleteSchema(Strict):
    outcome = text_field(300, metadata={"example": "Called the pharmacy: ready tomorrow"})


class NothingSchema(Strict):
    """A body without members."""


class PersonSchema(Schema):
    id = fields.UUID()
    name = fields.String()


class WorkPatientSchema(Schema):
    id = fields.UUID()
    name = fields.String()
    birth_date = fields.Date()


class HopSchema(Schema):
    at = fields.DateTime()
    to = fields.String(metadata={"example": "Dr. Tom Lindqvist"})
    reason = fields.String(metadata={"example": "away: covered by Dr. Tom Lindqvist"})
    escalation_level = fields.Integer()


class WorkItemSchema(Schema):
    """One open loop, with the way it came."""

    id = fields.UUID()
    kind = fields.String()
    summary = fields.String()
    subject_id = fields.UUID()
    refill_id = fields.UUID(allow_none=True)
    link = fields.String(allow_none=True)
    patient = fields.Nested(WorkPatientSchema, allow_none=True)
    status = fields.String()
    priority = fields.String()
    assignee = fields.Nested(PersonSchema, allow_none=True)
    pool = fields.Nested(PersonSchema)
    claimed_by = fields.Nested(PersonSchema, allow_none=True)
    due_at = fields.DateTime()
    late = fields.Boolean()
    escalation_level = fields.Integer()
    created_at = fields.DateTime()
    asked_again_at = fields.DateTime(
        allow_none=True,
        metadata={"description": "When something else happened that the item asks to look into"},
    )
    version = fields.Integer()
    hops = fields.List(fields.Nested(HopSchema))


class WorklistPageSchema(Listing):
    items = fields.List(fields.Nested(WorkItemSchema))


class CountSchema(Schema):
    kind = fields.String()
    priority = fields.String()
    items = fields.Integer()
    overdue = fields.Integer()
    mine = fields.Integer()


class SummarySchema(Schema):
    total = fields.Integer()
    overdue = fields.Integer()
    mine = fields.Integer()
    by_kind = fields.List(fields.Nested(CountSchema))


class ElsewhereSchema(Schema):
    """With whom of another clinic something is; `person` is null where a team has it."""

    clinic = fields.String(metadata={"example": "Riverside Family Practice"})
    team = fields.String(metadata={"example": "Nurses"})
    person = fields.String(allow_none=True, metadata={"example": "Dr. Ines Okafor"})
    open = fields.Integer(metadata={"description": "How many items", "example": 2})
    due_at = fields.DateTime(metadata={"description": "When the first of them is due"})


class OpenElsewhereSchema(Listing):
    items = fields.List(fields.Nested(ElsewhereSchema))
