"""The JSON of results as it goes out, for the API's description; it is made in views.py."""

from marshmallow import Schema, fields, validate

from portal.core.schemas import Listing, ProblemSchema


class ResponsibleSchema(Schema):
    id = fields.UUID()
    name = fields.String()


class ReleaseSchema(Schema):
    status = fields.String(metadata={"example": "released"})
    released_at = fields.DateTime(allow_none=True)
    due_at = fields.DateTime(
        allow_none=True, metadata={"description": "When a deferred or held one releases itself"}
    )


class ResultSchema(Schema):
    """A result as lists show it."""

    id = fields.UUID()
    patient_id = fields.UUID()
    requisition_id = fields.UUID(allow_none=True)
    code = fields.String(metadata={"example": "24323-8"})
    code_system = fields.String(metadata={"example": "LN"})
    name = fields.String(metadata={"example": "Comprehensive metabolic 2000 panel"})
    category = fields.String()
    status = fields.String(metadata={"example": "final"})
    abnormality = fields.String(metadata={"example": "normal"})
    version_number = fields.Integer()
    collected_at = fields.DateTime(allow_none=True)
    reported_at = fields.DateTime()
    received_at = fields.DateTime()
    performer = fields.String()
    responsible = fields.Nested(ResponsibleSchema)
    release = fields.Nested(ReleaseSchema)
    reviewed_at = fields.DateTime(allow_none=True)
    communicated_at = fields.DateTime(allow_none=True)
    seen_at = fields.DateTime(allow_none=True)
    confidential = fields.Boolean(metadata={"description": "Kept from who acts for the patient"})


class ResultPage(Listing):
    items = fields.List(fields.Nested(ResultSchema))


class RangeSchema(Schema):
    low = fields.Float(allow_none=True)
    high = fields.Float(allow_none=True)
    text = fields.String()


class IsolateSchema(Schema):
    """What grew in a culture, on which an observation was made."""

    code = fields.String(metadata={"description": "Of the observation that names it"})
    sub_id = fields.String(metadata={"example": "1"})
    name = fields.String(metadata={"example": "Escherichia coli"})


class ObservationSchema(Schema):
    code = fields.String(metadata={"example": "2823-3"})
    code_system = fields.String(metadata={"example": "LN"})
    name = fields.String(metadata={"example": "Potassium"})
    kind = fields.String(metadata={"example": "quantity"})
    value = fields.String(metadata={"example": "4.1"})
    number = fields.Float(allow_none=True)
    high = fields.Float(allow_none=True)
    comparator = fields.String()
    value_code = fields.String(allow_none=True)
    unit = fields.String(metadata={"example": "mmol/L"})
    reference = fields.Nested(RangeSchema)
    flags = fields.List(fields.String())
    abnormality = fields.String()
    status = fields.String()
    observed_at = fields.DateTime(allow_none=True)
    note = fields.String(allow_none=True)
    isolate = fields.Nested(IsolateSchema, allow_none=True)


class ChangeSchema(Schema):
    """What a version changes: `before` is null for what is new."""

    code = fields.String()
    name = fields.String()
    before = fields.Raw()
    after = fields.Raw()
    withdrawn = fields.Boolean(metadata={"description": "True where a value was taken back"})


class VersionSchema(Schema):
    number = fields.Integer()
    status = fields.String()
    abnormality = fields.String()
    issued_at = fields.DateTime()
    received_at = fields.DateTime()
    note = fields.String(allow_none=True)
    reason = fields.String(allow_none=True)
    changes = fields.List(fields.Nested(ChangeSchema))


class FullVersionSchema(VersionSchema):
    observations = fields.List(fields.Nested(ObservationSchema))


class LedgerEntrySchema(Schema):
    action = fields.String(metadata={"example": "released"})
    rule = fields.String(metadata={"example": "at_once"})
    at = fields.DateTime()
    version_number = fields.Integer()
    by = fields.Dict()
    exception = fields.String(allow_none=True)
    until = fields.DateTime(allow_none=True)
    reason = fields.String(metadata={"description": "For practitioners and staff"})


class CommentSchema(Schema):
    version_number = fields.Integer()
    at = fields.DateTime()
    by = fields.String()
    comment = fields.String(allow_none=True)
    follow_up = fields.String()
    reason = fields.String(metadata={"description": "For practitioners and staff"})


class ResultFollowUpSchema(Schema):
    id = fields.UUID()
    kind = fields.String()
    due_on = fields.Date()
    note = fields.String(allow_none=True)
    requisition_id = fields.UUID(allow_none=True)
    referral_id = fields.UUID(allow_none=True)
    created_at = fields.DateTime()


class AttachmentSchema(Schema):
    id = fields.UUID()
    version_number = fields.Integer()
    content_type = fields.String()
    title = fields.String()
    size = fields.Integer()
    link = fields.String()


class AlertSchema(Schema):
    version_number = fields.Integer()
    values = fields.List(fields.Dict())
    raised_at = fields.DateTime()
    acknowledged_at = fields.DateTime(allow_none=True)
    acknowledged_by = fields.String(allow_none=True)
    read_back = fields.String(allow_none=True)
    note = fields.String(allow_none=True)


class ChainStepSchema(Schema):
    at = fields.DateTime()
    to = fields.String()
    reason = fields.String()
    escalation_level = fields.Integer()


class CriticalSchema(Schema):
    alerts = fields.List(fields.Nested(AlertSchema))
    chain = fields.List(fields.Nested(ChainStepSchema))


class FullResultSchema(ResultSchema):
    """A result with its current values, its versions, its release and what was said of it."""

    observations = fields.List(fields.Nested(ObservationSchema))
    versions = fields.List(fields.Nested(VersionSchema))
    ledger = fields.List(fields.Nested(LedgerEntrySchema))
    comments = fields.List(fields.Nested(CommentSchema))
    follow_ups = fields.List(fields.Nested(ResultFollowUpSchema))
    attachments = fields.List(fields.Nested(AttachmentSchema))
    critical = fields.Nested(
        CriticalSchema, metadata={"description": "For practitioners and staff"}
    )


class ReviewOutcomeSchema(Schema):
    result_id = fields.UUID()
    outcome = fields.String(validate=validate.OneOf(["reviewed", "rejected"]))
    problem = fields.Nested(ProblemSchema)


class ReviewOutcomesSchema(Schema):
    items = fields.List(fields.Nested(ReviewOutcomeSchema))


class PointSchema(Schema):
    result_id = fields.UUID()
    at = fields.DateTime()
    value = fields.Float(allow_none=True)
    comparator = fields.String()
    reference = fields.Nested(RangeSchema)
    abnormality = fields.String()
    status = fields.String()
    performer = fields.String()
    reported = fields.Dict(metadata={"example": {"value": "74", "unit": "mg/dL"}})


class LeftOutSchema(PointSchema):
    reason = fields.String(validate=validate.OneOf(["in_the_future", "before_birth"]))


class TrendSchema(Schema):
    """An analyte over time, the oldest first, in one unit."""

    code = fields.String()
    name = fields.String(allow_none=True)
    unit = fields.String(allow_none=True)
    points = fields.List(fields.Nested(PointSchema))
    not_comparable = fields.List(fields.Nested(PointSchema))
    left_out = fields.List(
        fields.Nested(LeftOutSchema), metadata={"description": "Their dates can't be"}
    )
    more = fields.Boolean(metadata={"description": "Older values were left out"})
    sources = fields.List(fields.String())
