"""What can go wrong with a prescription."""

from portal.core.errors import Invalid, NotFound


class PrescriptionNotFound(NotFound):
    code = "prescription_not_found"
    detail = "There is no such prescription that you may see. Check its id."


class PharmacyNeeded(Invalid):
    code = "pharmacy_needed"
    detail = "The patient has no preferred pharmacy: name one in pharmacy_id."


class ChangeIncomplete(Invalid):
    code = "change_incomplete"
    detail = "This change contradicts what it keeps; `errors` says what is missing."


class PrescriptionAgainstTheLaw(Invalid):
    code = "prescription_against_the_law"
    detail = "This prescription would break a rule of law; `errors` says which."


class EarlyRefillUnusable(Invalid):
    """Until a day that is over, or on which the prescription can't be filled any more."""

    code = "early_refill_unusable"
