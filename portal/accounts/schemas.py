"""JSON of accounts, sessions and clients."""

from typing import Any

from marshmallow import Schema, fields, post_load, validate

from portal.accounts.service import CreateClient, Invite
from portal.core.actor import CLIENTS, PEOPLE, ActorKind
from portal.core.dates import BIRTH, day_field
from portal.core.schemas import Listing, Strict, text_field

EMAIL = validate.And(validate.Length(3, 254), validate.Email())


def email_field() -> fields.String:
    return fields.String(required=True, validate=EMAIL, metadata={"example": "ada@example.org"})


def password_field() -> fields.String:
    return fields.String(
        required=True, validate=validate.Length(1, 1024), metadata={"format": "password"}
    )


class SignInSchema(Strict):
    email = email_field()
    password = password_field()
    code = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(6, 20),
        metadata={"description": "TOTP or recovery code, where the account has a second factor"},
    )


class AccountSchema(Schema):
    id = fields.UUID()
    kind = fields.String()
    person_id = fields.UUID()
    name = fields.String()
    email = fields.String()
    status = fields.String()
    second_factor = fields.Function(lambda account: account.totp_confirmed_at is not None)
    created_at = fields.DateTime()


class SignedInSchema(Schema):
    token = fields.String()
    csrf_token = fields.String()
    expires_at = fields.DateTime()
    account = fields.Nested(AccountSchema)


class SessionSchema(Schema):
    id = fields.UUID()
    created_at = fields.DateTime()
    expires_at = fields.DateTime()
    user_agent = fields.String()
    address = fields.String()
    current = fields.Boolean()


class SessionsSchema(Schema):
    items = fields.List(fields.Nested(SessionSchema))
    next = fields.String(allow_none=True)
    sources = fields.List(fields.Dict())


class PasswordResetSchema(Strict):
    email = email_field()


class ConfirmResetSchema(Strict):
    token = fields.String(required=True, validate=validate.Length(20, 100))
    password = password_field()


class ChangePasswordSchema(Strict):
    current_password = password_field()
    password = password_field()


class ActivationSchema(Strict):
    code = fields.String(
        required=True, validate=validate.Length(8, 40), metadata={"example": "BCDF-2345-GHJK"}
    )
    birth_date = day_field(
        BIRTH, load_default=None, allow_none=True, metadata={"description": "For patients"}
    )
    password = password_field()


class EnrolmentSchema(Schema):
    secret = fields.String()
    uri = fields.String()


class ActivatedSchema(Schema):
    """An account that can be signed in to. What the second factor needs is shown this once."""

    account = fields.Nested(AccountSchema)
    enrolment = fields.Nested(EnrolmentSchema, allow_none=True)
    recovery_codes = fields.List(fields.String())


class CodeSchema(Strict):
    code = fields.String(
        required=True, validate=validate.Length(6, 20), metadata={"example": "492039"}
    )


class RecoveryCodesSchema(Schema):
    recovery_codes = fields.List(fields.String())


# Delegates are invited by who gives them access.
INVITED = [kind.value for kind in ActorKind if kind in PEOPLE - {ActorKind.DELEGATE}]


class InviteSchema(Strict):
    kind = fields.String(required=True, validate=validate.OneOf(INVITED))
    person_id = fields.UUID(required=True)
    email = email_field()
    name = text_field(200)
    birth_date = day_field(BIRTH, load_default=None, allow_none=True)

    @post_load
    def _command(self, data: dict[str, Any], **_kwargs: Any) -> Invite:
        return Invite(**{**data, "kind": ActorKind(data["kind"])})


class InvitedSchema(Schema):
    activation_code = fields.String()


class ClientSchema(Schema):
    id = fields.UUID()
    kind = fields.String()
    organization_id = fields.UUID()
    name = fields.String()
    status = fields.String()
    created_at = fields.DateTime()


class CreateClientSchema(Strict):
    kind = fields.String(required=True, validate=validate.OneOf([kind.value for kind in CLIENTS]))
    organization_id = fields.UUID(required=True)
    name = text_field(200)
    public_jwk = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(20, 4000),
        metadata={"description": "Public key as JSON (RFC 7517), for private_key_jwt"},
    )

    @post_load
    def _command(self, data: dict[str, Any], **_kwargs: Any) -> CreateClient:
        return CreateClient(**{**data, "kind": ActorKind(data["kind"])})


class NewSecretSchema(Schema):
    client = fields.Nested(ClientSchema)
    client_id = fields.UUID()
    client_secret = fields.String()


class AccountPage(Listing):
    items = fields.List(fields.Nested(AccountSchema))


class ClientPage(Listing):
    items = fields.List(fields.Nested(ClientSchema))
