"""What can go wrong with signing in and with accounts."""

from portal.core.errors import Conflict, FieldError, Forbidden, Invalid, NotFound, Unauthenticated


class BadCredentials(Unauthenticated):
    """The same for an unknown address, a wrong password, and a locked or disabled account."""

    code = "bad_credentials"
    detail = "E-mail and password don't match, or the account is locked for a while."


class CodeRequired(Unauthenticated):
    code = "second_factor_required"
    detail = "Send the code of your authenticator app, or a recovery code, in `code`."


class CodeWrong(Unauthenticated):
    code = "second_factor_wrong"
    detail = "This code is wrong, or was used before. Wait for the next one."


class SecondFactorMissing(Forbidden):
    code = "second_factor_missing"
    detail = "Your role needs a second factor. Ask an administrator for a new activation code."


class SecondFactorNeeded(Conflict):
    code = "second_factor_needed"
    detail = "Your role needs a second factor: it can't be taken away."


class CodeUnusable(Invalid):
    """The same for a code or link that is unknown, used, expired, or sent with wrong details."""

    code = "code_unusable"
    detail = "This can't be used: it is unknown, expired or used, or the details don't match."


class PasswordUnusable(Invalid):
    code = "password_unusable"


class AccountExists(Conflict):
    code = "account_exists"
    detail = "This person has an account, or the e-mail address belongs to another one."


class AccountNotFound(NotFound):
    code = "account_not_found"
    detail = "There is no such account."


class SessionNotFound(NotFound):
    code = "session_not_found"
    detail = "You have no such session."


class OrganizationUnknown(Invalid):
    code = "organization_unknown"
    detail = "There is no such pharmacy or laboratory. Add it to the directory first."

    def __init__(self) -> None:
        super().__init__(errors=[FieldError("/organization_id", self.detail)])


class ClientNotFound(NotFound):
    code = "client_not_found"
    detail = "There is no such client."


class AccountMerged(Conflict):
    code = "account_merged"
    detail = (
        "The record of this account was merged into another one. "
        "Go on with the account of the record that stands."
    )


class AccountSuspended(Conflict):
    code = "account_suspended"
    detail = (
        "The patient is recorded as having died. Where that is wrong, revoke it "
        "(POST /api/v1/patients/{id}/death/revoke): the account is then what it was."
    )
