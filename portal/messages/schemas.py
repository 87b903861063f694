"""JSON of threads and messages as it comes in."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from portal.core.errors import FieldError, Invalid
from portal.core.schemas import PageQuery, Strict
from portal.messages.rules import MOST_FILES, MOST_PATIENTS
from portal.messages.service import (
    About,
    Recipient,
    SentDraft,
    StartThread,
    Write,
    WriteToPatients,
)
from portal.messages.states import (
    GIVEN_REASONS,
    AboutKind,
    Category,
    CloseReason,
    MessageKind,
    Signature,
    ThreadStatus,
)
from portal.messages.text import cleaned, cleaned_line
from portal.patients.schemas import confidential_reason

LONGEST_BODY = 20_000
LONGEST_SUBJECT = 200
CATEGORIES = validate.OneOf([value.value for value in Category])
SIGNATURES = validate.OneOf([value.value for value in Signature])


class TextField(fields.String):
    """What somebody writes: cleaned of controls and directional overrides, then measured."""

    def __init__(self, most: int, *, one_line: bool = False, least: int = 1, **options: Any):
        self._clean = cleaned_line if one_line else cleaned
        super().__init__(validate=validate.Length(least, most), **options)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        return self._clean(str(super()._deserialize(value, attr, data, **kwargs)))


def body_field() -> TextField:
    return TextField(
        LONGEST_BODY,
        required=True,
        metadata={"description": "Plain text", "example": "May I take both tablets together?"},
    )


def subject_field(**options: Any) -> TextField:
    settings: dict[str, Any] = {"required": True, **options}
    return TextField(
        LONGEST_SUBJECT, one_line=True, metadata={"example": "My new tablets"}, **settings
    )


def acknowledged_field() -> fields.Integer:
    return fields.Integer(
        load_default=None,
        allow_none=True,
        strict=True,
        validate=validate.Range(1, 2_147_483_647),
        metadata={
            "description": "The `version` of the emergency guidance that was shown",
            "example": None,
        },
    )


def attachments_field() -> fields.List[Any]:
    return fields.List(
        fields.UUID(),
        load_default=(),
        validate=validate.Length(max=MOST_FILES),
        metadata={"description": "Uploads of POST /attachments, not sent yet", "example": []},
    )


class SentDraftSchema(Strict):
    """Which draft is being sent, in the version that its author has before them."""

    id = fields.UUID(required=True)
    version = fields.Integer(required=True, strict=True, validate=validate.Range(1, 2_147_483_647))

    @post_load
    def _draft(self, data: dict[str, Any], **_kwargs: Any) -> SentDraft:
        return SentDraft(**data)


def draft_field() -> fields.Nested:
    return fields.Nested(
        SentDraftSchema,
        load_default=None,
        allow_none=True,
        metadata={"description": "The draft that this is: it goes with it, others stay"},
    )


class RecipientSchema(Strict):
    """A practitioner who cares for the patient, or a team: one of the two."""

    practitioner_id = fields.UUID(
        load_default=None,
        allow_none=True,
        metadata={"example": "01a20b43-766f-71d7-a9cb-17e944f7beb1"},
    )
    pool_id = fields.UUID(load_default=None, allow_none=True)

    @validates_schema
    def _one(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if (data.get("practitioner_id") is None) == (data.get("pool_id") is None):
            raise ValidationError("Name practitioner_id or pool_id: one of the two.")

    @post_load
    def _recipient(self, data: dict[str, Any], **_kwargs: Any) -> Recipient:
        return Recipient(**data)


class AboutSchema(Strict):
    """The record that a thread is about."""

    kind = fields.String(
        required=True, validate=validate.OneOf([value.value for value in AboutKind])
    )
    id = fields.UUID(required=True)

    @post_load
    def _about(self, data: dict[str, Any], **_kwargs: Any) -> About:
        return About(AboutKind(data["kind"]), data["id"])


class StartThreadSchema(Strict):
    """A new thread: patients say `to` whom, the care team names the patient."""

    to = fields.Nested(
        RecipientSchema,
        load_default=None,
        allow_none=True,
        metadata={"description": "For patients; see GET /threads/recipients"},
    )
    patient_id = fields.UUID(
        load_default=None, allow_none=True, metadata={"description": "For the care team"}
    )
    pool_id = fields.UUID(
        load_default=None,
        allow_none=True,
        metadata={"description": "For the care team: for which of its teams it writes"},
    )
    category = fields.String(required=True, validate=CATEGORIES)
    subject = subject_field()
    body = body_field()
    about = fields.Nested(AboutSchema, load_default=None, allow_none=True)
    signature = fields.String(load_default=Signature.PERSON.value, validate=SIGNATURES)
    acknowledged_red_flags = acknowledged_field()
    attachments = attachments_field()
    draft = draft_field()
    confidential_reason = confidential_reason(load_default=None, allow_none=True)


def _check_members(body: Mapping[str, Any], needed: str, others: Mapping[str, str]) -> None:
    problems = [
        FieldError(f"/{name}", why) for name, why in others.items() if body[name] is not None
    ]
    if body[needed] is None:
        problems.append(FieldError(f"/{needed}", "Say whom it is for."))
    if problems:
        raise Invalid(errors=problems)


def patients_command(body: Mapping[str, Any]) -> StartThread:
    """A patient's new thread. Raises Invalid without `to`, and for what is the care team's."""
    why = "Only the care team says this."
    theirs = ("patient_id", "pool_id", "confidential_reason")
    _check_members(body, "to", dict.fromkeys(theirs, why))
    return StartThread(
        to=body["to"],
        category=body["category"],
        subject=body["subject"],
        body=body["body"],
        about=body["about"],
        acknowledged_red_flags=body["acknowledged_red_flags"],
        attachments=tuple(body["attachments"]),
        draft=body["draft"],
    )


def care_teams_command(body: Mapping[str, Any]) -> WriteToPatients:
    """The care team's new thread with one patient. Raises Invalid without `patient_id`, and for
    what only patients say."""
    _check_members(body, "patient_id", {"to": "Name the patient as patient_id."})
    return WriteToPatients(
        patient_ids=(body["patient_id"],),
        category=body["category"],
        subject=body["subject"],
        body=body["body"],
        about=body["about"],
        pool_id=body["pool_id"],
        signature=Signature(body["signature"]),
        attachments=tuple(body["attachments"]),
        draft=body["draft"],
        confidential_reason=body["confidential_reason"],
    )


class WriteToManySchema(Strict):
    """The same message to several patients, a thread each."""

    patient_ids = fields.List(
        fields.UUID(), required=True, validate=validate.Length(1, MOST_PATIENTS)
    )
    pool_id = fields.UUID(load_default=None, allow_none=True)
    category = fields.String(required=True, validate=CATEGORIES)
    subject = subject_field()
    body = body_field()
    signature = fields.String(load_default=Signature.TEAM.value, validate=SIGNATURES)

    @validates_schema
    def _each_once(self, data: dict[str, Any], **_kwargs: Any) -> None:
        seen: set[Any] = set()
        for number, patient_id in enumerate(data.get("patient_ids", ())):
            if patient_id in seen:
                raise ValidationError({"patient_ids": {number: ["This patient came before."]}})
            seen.add(patient_id)

    @post_load
    def _command(self, data: dict[str, Any], **_kwargs: Any) -> WriteToPatients:
        signature = Signature(data.pop("signature"))
        patient_ids = tuple(data.pop("patient_ids"))
        return WriteToPatients(patient_ids=patient_ids, signature=signature, **data)


class WriteMessageSchema(Strict):
    body = body_field()
    kind = fields.String(
        load_default=MessageKind.MESSAGE.value,
        validate=validate.OneOf([MessageKind.MESSAGE.value, MessageKind.INTERNAL_NOTE.value]),
        metadata={"description": "`internal_note`: for the care team alone"},
    )
    last_seen_message_id = fields.UUID(
        load_default=None,
        allow_none=True,
        metadata={
            "description": "The newest message that you have read: where somebody wrote since, "
            "you get a 409 with it. The care team must say it."
        },
    )
    signature = fields.String(load_default=Signature.PERSON.value, validate=SIGNATURES)
    acknowledged_red_flags = acknowledged_field()
    attachments = attachments_field()
    draft = draft_field()

    @post_load
    def _command(self, data: dict[str, Any], **_kwargs: Any) -> Write:
        data["attachments"] = tuple(data["attachments"])
        data["kind"] = MessageKind(data["kind"])
        data["signature"] = Signature(data["signature"])
        return Write(**data)


class CheckMessageSchema(Strict):
    """What is about to be sent."""

    subject = TextField(LONGEST_SUBJECT, one_line=True, least=0, load_default="")
    body = TextField(
        LONGEST_BODY,
        least=0,
        required=True,
        metadata={"example": "I have chest pain when I climb the stairs."},
    )


class CloseThreadSchema(Strict):
    reason = fields.String(
        required=True,
        validate=validate.OneOf([value.value for value in GIVEN_REASONS]),
        metadata={"description": "Patients: `answered` or `withdrawn`", "example": "answered"},
    )
    note = TextField(
        500,
        load_default=None,
        allow_none=True,
        metadata={"description": "The patient can read it", "example": None},
    )
    last_seen_message_id = fields.UUID(
        required=True,
        metadata={
            "description": "The newest message that you have read: where somebody wrote since, "
            "you get a 409 with it, and the thread stays open."
        },
    )

    @post_load
    def _reason(self, data: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
        return {**data, "reason": CloseReason(data["reason"])}


class NothingToSaySchema(Strict):
    """A body without members."""


class ThreadsQuery(PageQuery):
    """Query string of the list of threads."""

    status = fields.String(
        load_default=None,
        validate=validate.OneOf(
            [
                "open",
                "closed",
                ThreadStatus.AWAITING_CARE_TEAM.value,
                ThreadStatus.AWAITING_PATIENT.value,
            ]
        ),
        metadata={"description": "A status, or `open` for all that are not closed"},
    )
    category = fields.String(load_default=None, validate=CATEGORIES)
    unread = fields.Boolean(load_default=False, metadata={"description": "Only with unread ones"})
    patient_id = fields.UUID(
        load_default=None,
        metadata={"description": "For practitioners and staff: whose; without, the whole panel's"},
    )


class MessagesQuery(PageQuery):
    """Query string of a thread: which of its messages."""


class SearchThreadsSchema(Strict):
    """Words of the subject or the messages; `"…"` for phrases, `-` for what must not be there."""

    q = TextField(200, one_line=True, required=True, metadata={"example": "tablets -ibuprofen"})
    patient_id = fields.UUID(
        load_default=None,
        allow_none=True,
        metadata={"description": "For practitioners and staff: of one patient alone"},
    )
    limit = fields.Integer(load_default=50, strict=True, validate=validate.Range(1, 200))
    cursor = fields.String(load_default=None, allow_none=True, validate=validate.Length(1, 2_500))
