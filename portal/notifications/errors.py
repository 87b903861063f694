"""What can go wrong with notifications, letters and calls."""

from portal.core.errors import Conflict, FieldError, Invalid, NotFound


class NotificationNotFound(NotFound):
    code = "notification_not_found"
    detail = "You have no such notification."


class AddressRefused(Exception):
    """The mail server will never take a message to this address."""


class LetterNotFound(NotFound):
    code = "letter_not_found"
    detail = "Your clinic has no such letter. Take the id from GET /letters."


class CallNotFound(NotFound):
    code = "call_not_found"
    detail = "There is no such call that you may see. Take its link from the worklist."


class CallEnded(Conflict):
    """An attempt is reported of a call that is over; the problem says how it ended."""

    code = "call_ended"


class MailingAddressMissing(Invalid):
    """Somebody can't be written to; whoever wants them told has to find another way."""

    code = "mailing_address_missing"
    detail = "There is no mailing address on record. Add one with PATCH /api/v1/patients/me."


class PhoneNumberMissing(Invalid):
    code = "phone_number_missing"
    detail = "There is no phone number on record. Add one with PATCH /api/v1/patients/me."


class NoResultsForYou(Invalid):
    """Only patients are told of results."""

    code = "no_results_for_you"
    detail = "Only patients choose how they are told of results. Leave `results` out."

    def __init__(self) -> None:
        super().__init__(errors=[FieldError("/results", self.detail)])
