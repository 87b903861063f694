"""JSON of referrals: what comes in."""

from typing import Any

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from portal.appointments.schemas import confirmed_overlaps_field
from portal.core.dates import PLANNED, WITHIN_A_YEAR, day_field, time_field
from portal.core.schemas import (
    DiagnosisSchema,
    PageQuery,
    Strict,
    note_field,
    phone_field,
    prose_field,
    text_field,
)
from portal.patients.schemas import confidential_reason
from portal.referrals.service import (
    Addressee,
    Arrange,
    Authorization,
    NoteHold,
    Outside,
    Refer,
    WriteNote,
)
from portal.referrals.states import (
    AboutKind,
    DeclineReason,
    NoShowReason,
    NoteFollowUp,
    NoteHoldException,
    ReferralKind,
    ReferralStatus,
    Urgency,
)

MOST_DIAGNOSES = 12
MOST_LINKS = 20
MOST_TEXT = 10_000
NPI = validate.Regexp(r"^[0-9]{10}$(?!\n)", error="A National Provider Identifier: ten digits.")


def line_field(most: int, **metadata: Any) -> fields.String:
    """An optional line of text."""
    return text_field(most, required=False, load_default=None, allow_none=True, metadata=metadata)


class OutsideSchema(Strict):
    """A specialist, or an organisation, that is not one of ours."""

    name = text_field(200, metadata={"example": "Dr. Maya Feld"})
    organization = line_field(200, example="Harbor Heart Center")
    npi = fields.String(
        load_default=None, allow_none=True, validate=NPI, metadata={"example": "1234567893"}
    )
    phone = phone_field(required=False, load_default=None, allow_none=True)
    fax = phone_field(required=False, load_default=None, allow_none=True)

    @post_load
    def _outside(self, data: dict[str, Any], **_kwargs: Any) -> Outside:
        return Outside(**data)


class AddresseeSchema(Strict):
    """A practitioner of ours, or somebody elsewhere: one of the two."""

    specialist_id = fields.UUID(load_default=None, allow_none=True)
    outside = fields.Nested(OutsideSchema, load_default=None, allow_none=True)

    @validates_schema
    def _one(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if (data["specialist_id"] is None) == (data["outside"] is None):
            raise ValidationError("Name specialist_id or outside, one of them.", "specialist_id")

    @post_load
    def _addressee(self, data: dict[str, Any], **_kwargs: Any) -> Addressee:
        return Addressee(**data)


class AuthorizationSchema(Strict):
    """What the insurance has allowed. Days count where the patient is."""

    number = line_field(60, example="AUTH-5512")
    valid_from = day_field(PLANNED, load_default=None, allow_none=True)
    valid_until = day_field(
        PLANNED, load_default=None, allow_none=True, metadata={"description": "The last day"}
    )
    visits_allowed = fields.Integer(
        load_default=None, allow_none=True, strict=True, validate=validate.Range(1, 365)
    )

    @post_load
    def _authorization(self, data: dict[str, Any], **_kwargs: Any) -> Authorization:
        return Authorization(**data)


class AuthorizeSchema(Strict):
    authorization = fields.Nested(AuthorizationSchema, required=True)


class ReferralAboutSchema(Strict):
    """Something of the patient's record that the referral is about."""

    kind = fields.String(required=True, validate=validate.OneOf([kind.value for kind in AboutKind]))
    id = fields.UUID(required=True)

    @post_load
    def _about(self, data: dict[str, Any], **_kwargs: Any) -> dict[str, str]:
        return {"kind": data["kind"], "id": str(data["id"])}


class ReferSchema(Strict):
    patient_id = fields.UUID(required=True)
    kind = fields.Enum(
        ReferralKind,
        by_value=True,
        load_default=ReferralKind.REFERRAL,
        metadata={"description": "`consultation`: a question that needs no visit of its own"},
    )
    specialty = text_field(100, metadata={"example": "Cardiology"})
    to = fields.Nested(AddresseeSchema, required=True)
    urgency = fields.Enum(Urgency, by_value=True, load_default=Urgency.ROUTINE)
    same_day = fields.Boolean(
        load_default=False,
        metadata={"description": "The patient is here now: urgent, whatever `urgency` says"},
    )
    reason = prose_field(
        2_000, metadata={"example": "Chest pain on exertion: is an angiography needed?"}
    )
    summary = note_field(MOST_TEXT)
    diagnoses = fields.List(
        fields.Nested(DiagnosisSchema),
        load_default=list,
        validate=validate.Length(max=MOST_DIAGNOSES),
        metadata={"description": "Why, in ICD-10-CM"},
    )
    about = fields.List(
        fields.Nested(ReferralAboutSchema),
        load_default=list,
        validate=validate.Length(max=MOST_LINKS),
    )
    authorization = fields.Nested(AuthorizationSchema, load_default=Authorization)
    pool_id = fields.UUID(
        load_default=None,
        allow_none=True,
        metadata={"description": "The team that arranges; your clinic's staff unless given"},
    )
    draft = fields.Boolean(load_default=False)
    confidential_reason = confidential_reason(load_default=None, allow_none=True)

    @post_load
    def _command(self, data: dict[str, Any], **_kwargs: Any) -> Refer:
        return Refer(**data)


class SendSchema(Strict):
    to = fields.Nested(
        AddresseeSchema,
        load_default=None,
        allow_none=True,
        metadata={"description": "Somebody else than before"},
    )


class AcceptSchema(Strict):
    """A body without members."""


class DeclineSchema(Strict):
    reason_code = fields.Enum(
        DeclineReason, by_value=True, required=True, metadata={"example": "no_capacity"}
    )
    note = note_field(2_000)


class AskSchema(Strict):
    question = prose_field(2_000, metadata={"example": "Was there an ECG?"})
    visible_to_patient = fields.Boolean(load_default=False)


class InformationSchema(Strict):
    answer = prose_field(MOST_TEXT, metadata={"example": "Yes, in March: it was normal."})
    visible_to_patient = fields.Boolean(load_default=False)


class ArrangeSchema(Strict):
    starts_at = time_field(PLANNED, required=True)
    place = text_field(300, metadata={"example": "Harbor Heart Center, 2nd floor"})
    confirmed_overlaps = confirmed_overlaps_field()

    @post_load
    def _command(self, data: dict[str, Any], **_kwargs: Any) -> Arrange:
        return Arrange(**data)


class CallOffSchema(Strict):
    reason = line_field(300, example="The specialist is ill")


class AttendedSchema(Strict):
    """A body without members."""


class NoShowSchema(Strict):
    reason_code = fields.Enum(NoShowReason, by_value=True, load_default=NoShowReason.UNKNOWN)


class NoteHoldSchema(Strict):
    """By which exception (45 CFR 171) a note is held, why this one, and until when."""

    exception = fields.Enum(NoteHoldException, by_value=True, required=True)
    reason = prose_field(500, least=10, metadata={"example": "To be told of it in person first"})
    until = time_field(
        WITHIN_A_YEAR, required=True, metadata={"description": "At most 30 days ahead"}
    )

    @post_load
    def _hold(self, data: dict[str, Any], **_kwargs: Any) -> NoteHold:
        return NoteHold(**data)


class WriteNoteSchema(Strict):
    text = prose_field(50_000, metadata={"example": "Stable angina. The stress test was positive."})
    recommendations = note_field(MOST_TEXT)
    follow_up = fields.Enum(
        NoteFollowUp,
        by_value=True,
        load_default=NoteFollowUp.NONE,
        metadata={"description": "Who sees the patient further"},
    )
    author_name = line_field(200, description="Who wrote it, for a specialist elsewhere")
    amendment = line_field(300, description="Why there is another version")
    hold = fields.Nested(
        NoteHoldSchema,
        load_default=None,
        allow_none=True,
        metadata={"description": "Shown to the patient at once unless given", "example": None},
    )

    @post_load
    def _command(self, data: dict[str, Any], **_kwargs: Any) -> WriteNote:
        return WriteNote(**data)


class ReleaseNoteSchema(Strict):
    """A body without members."""


class CancelReferralSchema(Strict):
    reason = line_field(300, example="I feel well again")


class CloseReferralSchema(Strict):
    reason = line_field(300, description="Needed where there is no consult note")
    last_seen_note = fields.Integer(
        load_default=None,
        allow_none=True,
        strict=True,
        validate=validate.Range(1, 2_147_483_647),
        metadata={
            "description": "The `number` of the newest version of the note that you have read: "
            "where there is a newer one you get a 409, and the referral stays as it is",
            "example": 1,
        },
    )


class ReferralsQuery(PageQuery):
    """Query string of the list of referrals."""

    status = fields.String(
        load_default=None,
        validate=validate.OneOf(["open", "closed", *(value.value for value in ReferralStatus)]),
        metadata={"description": "A status, or `open` or `closed` for all of that sort"},
    )
    patient_id = fields.UUID(
        load_default=None, metadata={"description": "For practitioners and staff: whose"}
    )
    to = fields.String(
        load_default=None,
        validate=validate.OneOf(["me"]),
        metadata={"description": "`me`: sent to me; for staff, what their teams arrange"},
    )
    by = fields.String(
        load_default=None,
        validate=validate.OneOf(["me"]),
        metadata={"description": "`me`: those that I wrote"},
    )
