"""JSON of patients."""

from typing import Any

from marshmallow import Schema, fields, post_load, validate, validates_schema
from marshmallow.exceptions import ValidationError

from portal.core.schemas import (
    NO_CONTROLS,
    ONE_LINE,
    ZONES,
    Listing,
    PageQuery,
    Prose,
    Strict,
    phone_field,
    text_field,
)
from portal.patients.confidentiality import Confidential
from portal.patients.model import CareRole, Sex
from portal.patients.queries import Wanted
from portal.patients.service import BreakGlass

LANGUAGE = validate.Regexp(
    r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z", error="A language tag like en or es-MX (BCP 47)."
)


def _optional(most: int) -> fields.String:
    return text_field(most, required=False, allow_none=True)


def confidential_reason(**options: Any) -> fields.String:
    """Why something is kept from delegates: for the care team alone."""
    settings: dict[str, Any] = {
        "validate": [validate.Length(10, 500), NO_CONTROLS],
        "metadata": {
            "description": "Why it is kept from everybody who acts for the patient",
            # Where it may be left out, what is sent as it stands keeps nothing from anybody.
            "example": "Asked for by the patient in confidence" if "required" in options else None,
        },
        **options,
    }
    return Prose(**settings)


def name_field(**options: Any) -> fields.String:
    """A part of a name, empty for who has one name alone."""

    def name_or_nothing(value: str) -> None:
        if value:
            ONE_LINE(value)

    return fields.String(validate=[validate.Length(0, 100), name_or_nothing], **options)


class PatientSchema(Schema):
    id = fields.UUID()
    mrn = fields.String(metadata={"example": "MRN-004711"})
    given_name = fields.String(metadata={"example": "Avery"})
    family_name = fields.String(metadata={"example": "Thompson"})
    birth_date = fields.Date(metadata={"example": "1980-04-15"})
    sex = fields.String(metadata={"description": "Administrative gender (FHIR R4)"})
    phone = fields.String(allow_none=True)
    line = fields.String(allow_none=True)
    city = fields.String(allow_none=True)
    state = fields.String(allow_none=True)
    postal_code = fields.String(allow_none=True)
    time_zone = fields.String(metadata={"example": "America/New_York"})
    language = fields.String(metadata={"example": "en"})
    clinic_id = fields.UUID()
    preferred_pharmacy_id = fields.UUID(allow_none=True)
    preferred_laboratory_id = fields.UUID(allow_none=True)
    merged_into_id = fields.UUID(
        allow_none=True,
        metadata={"description": "Of a duplicate that was merged: the record that stands for it"},
    )


class CareTeamMemberSchema(Schema):
    member_id = fields.UUID()
    member_kind = fields.String()
    name = fields.String()
    title = fields.String(metadata={"example": "Family medicine"})
    role = fields.String(metadata={"example": "primary"})
    started_on = fields.Date()


class PatientRecordSchema(PatientSchema):
    """A patient with those who care for them."""

    deceased_on = fields.Date(
        allow_none=True,
        metadata={"description": "When the patient died, as far as is known to the clinic"},
    )
    care_team = fields.List(fields.Nested(CareTeamMemberSchema))


class ContactSchema(Strict):
    phone = phone_field(required=False, allow_none=True)
    line = _optional(200)
    city = _optional(100)
    state = _optional(100)
    postal_code = _optional(20)
    time_zone = fields.String(validate=ZONES)
    language = fields.String(validate=LANGUAGE, metadata={"example": "es"})
    preferred_pharmacy_id = fields.UUID(allow_none=True)
    preferred_laboratory_id = fields.UUID(
        allow_none=True, metadata={"description": "Where tests are done unless said otherwise"}
    )


class ChangePatientSchema(ContactSchema):
    """What patients keep themselves; members that are left out stay as they are."""

    @validates_schema
    def _something(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if not data:
            raise ValidationError("Name at least one member to change.")


class RegisterPatientSchema(ContactSchema):
    mrn = text_field(40, metadata={"example": "MRN-004711"})
    given_name = name_field(load_default="", metadata={"example": "Avery"})
    family_name = name_field(load_default="", metadata={"example": "Thompson"})
    birth_date = fields.Date(
        required=True, metadata={"description": "Not after today, by the clinic's time zone"}
    )
    language = fields.String(load_default="en", validate=LANGUAGE)
    sex = fields.String(required=True, validate=validate.OneOf([sex.value for sex in Sex]))
    time_zone = fields.String(required=True, validate=ZONES)
    primary_practitioner_id = fields.UUID(required=True)
    confirmed = fields.Boolean(
        load_default=False,
        metadata={
            "description": "That whom 409 `possible_duplicate` named is somebody else",
            "example": False,
        },
    )


class PatientSearchSchema(PageQuery):
    """At least one of the first three; each that is given must hold."""

    mrn = _optional(40)
    name = text_field(100, required=False, metadata={"description": "Parts of names"})
    birth_date = fields.Date()

    @validates_schema
    def _something(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if not any(data.get(name) for name in ("mrn", "name", "birth_date")):
            raise ValidationError("Give mrn, name or birth_date.")

    @post_load
    def _wanted(self, data: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
        wanted = Wanted(data.get("mrn"), data.get("name"), data.get("birth_date"))
        return {"wanted": wanted, "limit": data["limit"], "cursor": data["cursor"]}


class MergeSchema(Strict):
    into_id = fields.UUID(
        required=True, metadata={"description": "The record that stands for both from now on"}
    )
    reason = text_field(500, metadata={"example": "The same person, registered twice"})


class AddCareTeamMemberSchema(Strict):
    practitioner_id = fields.UUID(required=True)
    role = fields.String(required=True, validate=validate.OneOf([role.value for role in CareRole]))


class InvitePatientSchema(Strict):
    email = fields.Email(required=True, validate=validate.Length(max=254))


class InvitationSchema(Schema):
    activation_code = fields.String(
        metadata={"description": "Shown this once; works together with the birth date"}
    )


class BreakGlassSchema(Strict):
    mrn = text_field(40, metadata={"example": "MRN-004711"})
    birth_date = fields.Date(required=True)
    reason = text_field(
        500,
        metadata={
            "description": "At least 10 characters; kept for review",
            "example": "Brought in unconscious, no relatives here",
        },
    )

    @validates_schema
    def _reason(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if len(data.get("reason", "").strip()) < 10:
            raise ValidationError("At least 10 characters, please.", "reason")

    @post_load
    def _command(self, data: dict[str, Any], **_kwargs: Any) -> BreakGlass:
        return BreakGlass(**{**data, "reason": data["reason"].strip()})


class GrantSchema(Schema):
    patient_id = fields.UUID()
    expires_at = fields.DateTime()


class AccessSchema(Schema):
    """One line of the log of who did what with a patient's record."""

    at = fields.DateTime()
    actor_kind = fields.String(metadata={"example": "practitioner"})
    actor_name = fields.String(allow_none=True, metadata={"example": "Dr. Ines Okafor"})
    on_behalf_of = fields.UUID(
        allow_none=True, metadata={"description": "For whom somebody acted: a delegate's patient"}
    )
    action = fields.String(metadata={"example": "read"})
    resource = fields.String(metadata={"example": "prescription"})
    resource_id = fields.UUID(allow_none=True)
    purpose = fields.String(metadata={"example": "treatment"})


class ConfidentialSchema(Strict):
    """Whether something is kept from everybody who acts for the patient."""

    confidential = fields.Boolean(load_default=True)
    reason = confidential_reason(required=True)

    @post_load
    def _command(self, data: dict[str, Any], **_kwargs: Any) -> Confidential:
        return Confidential(**data)


class PatientPage(Listing):
    items = fields.List(fields.Nested(PatientSchema))


class AccessPage(Listing):
    items = fields.List(fields.Nested(AccessSchema))
