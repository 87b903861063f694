"""JSON of quick replies and sets of red flags."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from portal.core.schemas import Listing, Strict, prose_field, text_field
from portal.messages.schemas import body_field
from portal.messages.text import words


class EditQuickReplySchema(Strict):
    title = text_field(100, metadata={"example": "Lab hours"})
    body = body_field()


class AddQuickReplySchema(EditQuickReplySchema):
    pool_id = fields.UUID(required=True)


class QuickRepliesQuery(Strict):
    """Query string of the list of quick replies."""

    pool_id = fields.UUID(
        load_default=None, metadata={"description": "Of this team of yours alone"}
    )


class QuickReplySchema(Schema):
    id = fields.UUID()
    pool_id = fields.UUID()
    title = fields.String(metadata={"example": "Lab hours"})
    body = fields.String(metadata={"example": "The laboratory is open from 7 to 16."})
    updated_at = fields.DateTime()


class QuickReplyList(Listing):
    items = fields.List(fields.Nested(QuickReplySchema))


class LoadedFlagSchema(Strict):
    code = fields.String(required=True, validate=validate.Regexp(r"^[a-z][a-z0-9_]{0,49}$(?!\n)"))
    label = text_field(100)
    phrases = fields.List(text_field(100), required=True, validate=validate.Length(1, 500))

    @validates_schema
    def _has_words(self, data: dict[str, Any], **_kwargs: Any) -> None:
        for number, phrase in enumerate(data["phrases"]):
            if not words(phrase):
                raise ValidationError({"phrases": {number: ["A phrase has words."]}})


class RedFlagSetSchema(Strict):
    """A whole set of red flags, as `portal red-flags load` takes it."""

    version = fields.Integer(required=True, strict=True, validate=validate.Range(1, 2_147_483_647))
    guidance = fields.Dict(
        keys=fields.String(validate=validate.Regexp(r"^[a-z]{2,3}$(?!\n)")),
        values=prose_field(2_000),
        required=True,
    )
    flags = fields.List(
        fields.Nested(LoadedFlagSchema), required=True, validate=validate.Length(1, 500)
    )

    @validates_schema
    def _complete(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if "en" not in data["guidance"]:
            raise ValidationError("There must be guidance in English (en).", "guidance")
        seen: set[str] = set()
        for number, flag in enumerate(data["flags"]):
            if flag["code"] in seen:
                raise ValidationError({"flags": {number: {"code": ["This code came before."]}}})
            seen.add(flag["code"])
