"""JSON of laboratories and radiologies."""

from marshmallow import fields, validate

from portal.core.schemas import Listing, text_field
from portal.directory.model import LaboratoryKind, Transport
from portal.directory.schemas import PlaceQuery, PlaceSchema, WritePlaceSchema

KINDS = validate.OneOf([kind.value for kind in LaboratoryKind])
# As a name stands in MSH-3 and MSH-4: none of the characters that divide a segment.
_HL7_NAME = validate.Regexp(
    r"^(?!\s+$)[^\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u00ad\ufeff"
    r"|^~\\&]+$(?!\n)",
    error="One line of text that is not blank, without | ^ ~ \\ and &.",
)


class LaboratoryQuery(PlaceQuery):
    kind = fields.String(
        load_default=None,
        validate=KINDS,
        metadata={"description": "Only laboratories, or only radiologies"},
    )


class LaboratorySchema(PlaceSchema):
    """Where tests or imaging are done; how orders get there is shown to administrators alone."""

    name = fields.String(metadata={"example": "Acme Laboratory"})
    kind = fields.String(metadata={"example": "laboratory"})
    clia = fields.String(allow_none=True, metadata={"example": "33D0000001"})


class WiredLaboratorySchema(LaboratorySchema):
    """A laboratory as administrators see it: with how it names itself and gets its orders."""

    application = fields.String(metadata={"description": "MSH-3", "example": "ACMELAB"})
    facility = fields.String(metadata={"description": "MSH-4", "example": "ACME LAB"})
    transport = fields.String(metadata={"example": "mllp"})
    mllp_host = fields.String(allow_none=True)
    mllp_port = fields.Integer(allow_none=True)
    mllp_tls = fields.Boolean()


class LaboratoryPage(Listing):
    items = fields.List(fields.Nested(LaboratorySchema))


class WriteLaboratorySchema(WritePlaceSchema):
    name = text_field(200, metadata={"example": "Acme Laboratory"})
    kind = fields.String(load_default=LaboratoryKind.LABORATORY.value, validate=KINDS)
    clia = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Regexp(
            r"^[0-9]{2}D[0-9]{7}$(?!\n)", error="A CLIA number like 33D0000001."
        ),
    )
    application = fields.String(
        required=True,
        validate=[validate.Length(1, 180), _HL7_NAME],
        metadata={"description": "How it names itself in MSH-3", "example": "ACMELAB"},
    )
    facility = fields.String(
        required=True,
        validate=[validate.Length(1, 180), _HL7_NAME],
        metadata={"description": "How it names itself in MSH-4", "example": "ACME LAB"},
    )
    transport = fields.String(
        load_default=Transport.FEED.value,
        validate=validate.OneOf([transport.value for transport in Transport]),
        metadata={"description": "Pushed over MLLP, or pulled from its feed"},
    )
    mllp_host = text_field(253, required=False, load_default=None, allow_none=True)
    mllp_port = fields.Integer(
        load_default=None, allow_none=True, strict=True, validate=validate.Range(1, 65535)
    )
    mllp_tls = fields.Boolean(load_default=False)


class EditLaboratorySchema(WriteLaboratorySchema):
    """The same members, each only where it changes: to be used with `partial=True`."""
