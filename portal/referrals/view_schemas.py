"""JSON of referrals: what goes out, as views.py makes it."""

from marshmallow import Schema, fields

from portal.core.schemas import DiagnosisSchema, Listing


class ReferralPersonSchema(Schema):
    id = fields.UUID(allow_none=True)
    name = fields.String(allow_none=True, metadata={"example": "Dr. Ines Okafor"})


class ReferralSpecialistSchema(ReferralPersonSchema):
    """Of a specialist elsewhere there is no id, but how to reach them."""

    organization = fields.String(allow_none=True)
    npi = fields.String(allow_none=True)
    phone = fields.String(allow_none=True)
    fax = fields.String(allow_none=True)


class ReferralAppointmentSchema(Schema):
    appointment_id = fields.UUID(allow_none=True)
    starts_at = fields.DateTime()
    place = fields.String(metadata={"example": "Harbor Heart Center, 2nd floor"})


class ReferralAuthorizationSchema(Schema):
    number = fields.String(allow_none=True)
    valid_from = fields.Date(allow_none=True)
    valid_until = fields.Date(allow_none=True)
    visits_allowed = fields.Integer(allow_none=True)


class ReferralViewSchema(Schema):
    """A referral as lists show it."""

    id = fields.UUID()
    number = fields.String(metadata={"example": "REF-100001"})
    kind = fields.String(metadata={"example": "referral"})
    status = fields.String(metadata={"example": "requested"})
    urgency = fields.String(metadata={"example": "routine"})
    same_day = fields.Boolean()
    specialty = fields.String(metadata={"example": "Cardiology"})
    patient = fields.Nested(ReferralPersonSchema)
    referrer = fields.Nested(ReferralPersonSchema)
    specialist = fields.Nested(ReferralSpecialistSchema)
    arranged_by = fields.Dict(metadata={"example": {"name": "Front desk", "phone": "555-0100"}})
    reason = fields.String(
        metadata={"example": "Chest pain on exertion: is an angiography needed?"}
    )
    diagnoses = fields.List(fields.Nested(DiagnosisSchema))
    authorization = fields.Nested(ReferralAuthorizationSchema)
    appointment = fields.Nested(ReferralAppointmentSchema, allow_none=True)
    offered_until = fields.DateTime(
        allow_none=True,
        metadata={"description": "Until when times are held of which the patient takes one"},
    )
    no_shows = fields.Integer()
    created_at = fields.DateTime()
    requested_at = fields.DateTime(allow_none=True)
    status_at = fields.DateTime()
    expected_by = fields.DateTime(allow_none=True)
    late = fields.Boolean()
    next_step = fields.String(
        metadata={
            "description": "What is outstanding, in plain words",
            "example": "You need do nothing now: Dr. Maya Feld has been asked and will answer.",
        }
    )
    reason_code = fields.String(
        allow_none=True,
        metadata={
            "description": "Of a decline, a missed appointment, a time of ours",
            "example": "no_capacity",
        },
    )
    closed_at = fields.DateTime(allow_none=True)
    confidential = fields.Boolean(metadata={"description": "Kept from who acts for the patient"})
    version = fields.Integer()


class ReferralsPage(Listing):
    items = fields.List(fields.Nested(ReferralViewSchema))


class ReferralStepSchema(Schema):
    status = fields.String(metadata={"example": "requested"})
    from_status = fields.String(allow_none=True)
    at = fields.DateTime()
    by = fields.Dict(metadata={"example": {"kind": "practitioner", "name": "Dr. Ines Okafor"}})
    reason_code = fields.String(allow_none=True)
    note = fields.String(allow_none=True)


class ReferralMessageSchema(Schema):
    id = fields.UUID()
    kind = fields.String(metadata={"example": "question"})
    text = fields.String(metadata={"example": "Was there an ECG?"})
    visible_to_patient = fields.Boolean()
    by = fields.Dict(metadata={"example": {"kind": "practitioner", "name": "Dr. Tom Lindqvist"}})
    at = fields.DateTime()


class ReferralOfferSchema(Schema):
    """Times of which the patient was to take one; `reason` is why they took none."""

    id = fields.UUID()
    status = fields.String(metadata={"example": "declined"})
    created_at = fields.DateTime()
    expires_at = fields.DateTime()
    ended_at = fields.DateTime(allow_none=True)
    reason = fields.String(allow_none=True)
    link = fields.String(
        metadata={"example": "/api/v1/appointments/offers/01a20b43-766f-71d7-a9cb-17e944f7beb1"}
    )


class ConsultNoteSchema(Schema):
    """A version of the note; the last one stands."""

    id = fields.UUID()
    number = fields.Integer()
    text = fields.String(metadata={"example": "Stable angina."})
    recommendations = fields.String(allow_none=True)
    follow_up = fields.String(metadata={"example": "referrer"})
    amendment = fields.String(allow_none=True)
    author = fields.String(metadata={"example": "Dr. Maya Feld"})
    written_at = fields.DateTime()
    released_at = fields.DateTime(allow_none=True)
    hold = fields.Dict(
        allow_none=True, metadata={"description": "Why and until when it is kept; care team only"}
    )


class ReferralTimelineSchema(ReferralViewSchema):
    """A referral with every step so far, who has it now, and what was written."""

    summary = fields.String(allow_none=True)
    about = fields.List(
        fields.Dict(),
        metadata={"example": [{"kind": "result", "id": "01a20b43-766f-71d7-a9cb-17e944f7beb1"}]},
    )
    followed_up_by = fields.Dict(allow_none=True)
    history = fields.List(fields.Nested(ReferralStepSchema))
    messages = fields.List(fields.Nested(ReferralMessageSchema))
    offers = fields.List(fields.Nested(ReferralOfferSchema))
    notes = fields.List(fields.Nested(ConsultNoteSchema))
