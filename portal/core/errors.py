"""The kinds of thing that can go wrong. Slices subclass these; problems.py gives each its HTTP."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """One member of a request that can't be used: where (JSON pointer, RFC 6901) and why."""

    pointer: str
    message: str


class PortalError(Exception):
    """Something that the caller is told about.

    `code` names the problem for programs, `detail` says it and its remedy for people.
    """

    code = "error"
    detail = "The request could not be carried out."

    def __init__(
        self,
        detail: str | None = None,
        *,
        errors: Sequence[FieldError] = (),
        code: str | None = None,
        **extra: object,
    ) -> None:
        self.detail = detail or type(self).detail
        self.code = code or type(self).code
        self.errors = tuple(errors)
        self.extra = extra
        super().__init__(self.detail)


class Malformed(PortalError):
    code = "malformed"
    detail = "The request could not be read."


class Unauthenticated(PortalError):
    code = "unauthenticated"
    detail = "Sign in first: send a valid bearer token or session cookie."


class Forbidden(PortalError):
    code = "forbidden"
    detail = "You are signed in, but may not do this."


class NotDelegated(Forbidden):
    """The same for a patient of whom the caller was never a delegate, and for nobody's id."""

    code = "not_delegated"
    detail = (
        "You may not act for the patient in the header Acting-For. "
        "GET /api/v1/me/patients, without that header, lists those for whom you may."
    )


class AccessEnded(Forbidden):
    """A delegation was revoked, or today is outside its period, or past the age it reaches to."""

    code = "access_ended"
    detail = (
        "Your access to this patient's record has ended, or has not begun. Ask the patient for it; "
        "GET /api/v1/me/patients, without the header Acting-For, lists for whom you may act now."
    )


class CategoryNotDelegated(Forbidden):
    code = "category_not_delegated"
    detail = (
        "You act for this patient, but not in this. "
        "GET /api/v1/me/patients says which categories you may act in; the patient can add others."
    )


class NotFound(PortalError):
    code = "not_found"
    detail = "There is nothing here that you may see. Check the id."


class Conflict(PortalError):
    code = "conflict"
    detail = "This was changed by somebody else. Read it again, then decide."


class Gone(PortalError):
    code = "gone"
    detail = "This was here and is no more."


class ActingForMissing(Conflict):
    code = "acting_for_missing"
    detail = (
        "You have no record of your own here: say for which patient you act in the header "
        "Acting-For. GET /api/v1/me/patients lists them with their ids."
    )


class PatientDeceased(Conflict):
    """Something new is asked for a patient who has died, by anybody."""

    code = "patient_deceased"
    detail = (
        "This patient is recorded as having died: nothing new can be asked for them. "
        "Where that is wrong, the clinic revokes it (POST /api/v1/patients/{id}/death/revoke)."
    )


class PreconditionFailed(PortalError):
    code = "precondition_failed"
    detail = "The version in If-Match is not the current one. Read it again, then decide."


class PreconditionRequired(PortalError):
    """RFC 6585, 3: who changes this has to say which version they read."""

    code = "precondition_required"
    detail = "Say in If-Match which version you read: the ETag of the last answer about it."


class TooLarge(PortalError):
    code = "too_large"
    detail = "The request is larger than this server accepts."


class UnsupportedMediaType(PortalError):
    code = "unsupported_media_type"
    detail = "Send the body as application/json."


class Invalid(PortalError):
    code = "invalid"
    detail = "Some members of the request can't be used; `errors` names each."


class TooMany(PortalError):
    code = "too_many_requests"
    detail = "Too many requests. Wait as long as Retry-After says."


class Unavailable(PortalError):
    """Something that we depend on is away for the moment; nothing was changed."""

    code = "unavailable"
    detail = "A part of the system is away for a moment; nothing was changed. Try again shortly."


class Internal(PortalError):
    code = "internal"
    detail = (
        "Something went wrong on our side; nothing was changed. "
        "Tell support the request_id if it happens again."
    )


class TransportError(Exception):
    """An outside system could not be reached or did not answer well: worth another try."""
