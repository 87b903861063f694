"""JSON of merges."""

from marshmallow import Schema, fields

from portal.core.schemas import Listing, Strict, prose_field
from portal.patients.merge_model import FindingKind, LeftWhy


class UndoMergeSchema(Strict):
    reason = prose_field(
        500,
        least=10,
        metadata={
            "description": "Why; it is part of the privacy incident that is opened",
            "example": "Twins: each has a passport of their own.",
        },
    )


class DecideLeftSchema(Strict):
    belongs_to = fields.UUID(
        required=True, metadata={"description": "The `duplicate_id` or the `survivor_id`"}
    )


class MergeFindingSchema(Schema):
    """What both had that meets: two things by their ids, or two values."""

    id = fields.UUID()
    kind = fields.String(metadata={"enum": [kind.value for kind in FindingKind]})
    theirs_id = fields.UUID(allow_none=True, metadata={"description": "The duplicate's"})
    own_id = fields.UUID(allow_none=True, metadata={"description": "The survivor's"})
    theirs = fields.String(allow_none=True, metadata={"example": "1980-04-16"})
    own = fields.String(allow_none=True, metadata={"example": "1980-04-15"})
    clinical = fields.Boolean(
        metadata={"description": "Shown to those who care for the patient, and asked of them"}
    )
    clash = fields.Boolean(
        metadata={"description": "False for what is listed and asks nothing of anybody"}
    )
    found_at = fields.DateTime()


class MergeLeftSchema(Schema):
    """What was written while two records were one, and is the survivor's until somebody decides;
    and what happened because they were one."""

    id = fields.UUID()
    resource = fields.String(
        metadata={
            "example": "refill",
            "description": "What it is",
        }
    )
    subject_id = fields.UUID()
    why = fields.String(
        metadata={
            "enum": [why.value for why in LeftWhy],
            "description": "`login`: its address is another's by now, so invite the patient anew; "
            "`closed_by_death`: it ended because the other had died, so look whether it goes on",
        }
    )
    stays = fields.Boolean(
        metadata={"description": "Part of what was the survivor's before, and can't be given away"}
    )
    found_at = fields.DateTime()
    decided_at = fields.DateTime(allow_none=True)
    decided_by = fields.UUID(allow_none=True)
    belongs_to = fields.UUID(allow_none=True)


class MergeSeenBySchema(Schema):
    kind = fields.String(metadata={"example": "patient"})
    id = fields.UUID()
    at = fields.String(metadata={"format": "date-time", "description": "The last time"})


class MergedRecordsSchema(Schema):
    """A merge of two records, what both had, and what came of undoing it."""

    id = fields.UUID()
    duplicate_id = fields.UUID()
    survivor_id = fields.UUID()
    merged_at = fields.DateTime()
    merged_by = fields.UUID(allow_none=True)
    reason = fields.String()
    moved_at = fields.DateTime(
        allow_none=True,
        metadata={"description": "When the rows had been moved, and `findings` looked for"},
    )
    undo_until = fields.DateTime(metadata={"description": "For so long it can be undone"})
    undone_at = fields.DateTime(allow_none=True)
    undone_by = fields.UUID(allow_none=True)
    undo_reason = fields.String(allow_none=True)
    returned_at = fields.DateTime(
        allow_none=True,
        metadata={"description": "When each record had again what it had, and `left` was listed"},
    )
    findings = fields.List(fields.Nested(MergeFindingSchema))
    left = fields.List(fields.Nested(MergeLeftSchema))
    seen_by = fields.List(
        fields.Nested(MergeSeenBySchema),
        metadata={
            "description": "Once it is undone: the patients and delegates who looked at either "
            "record while they were one"
        },
    )


class MergeUndoneSchema(MergedRecordsSchema):
    without_login = fields.UUID(
        allow_none=True,
        metadata={
            "description": "The patient whose login did not come back, since its address is "
            "another account's by now: invite them anew, with another address"
        },
    )


class MergePage(Listing):
    items = fields.List(fields.Nested(MergedRecordsSchema))
