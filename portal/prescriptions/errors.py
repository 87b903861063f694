"""What can go wrong with a prescription."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from portal.core.errors import Conflict, Invalid, NotFound


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


class DuplicateTherapy(Conflict):
    """The patient has standing prescriptions with the same ingredient; `duplicates` names each."""

    code = "duplicate_therapy"
    detail = (
        "The patient has a prescription of this medicine, or of an ingredient of it, already: see "
        "`duplicates`. Renew, resume or stop that one; or, where both are meant, repeat the call "
        "with their ids and the reason as `confirmed_duplicates`."
    )

    def __init__(self, *, patient_id: UUID, duplicates: Sequence[dict[str, Any]]) -> None:
        self.patient_id = patient_id
        self.duplicates = duplicates
        super().__init__(duplicates=duplicates)


class EarlyRefillUnusable(Invalid):
    """Until a day that is over, or on which the prescription can't be filled any more."""

    code = "early_refill_unusable"
