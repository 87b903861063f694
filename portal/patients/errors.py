"""What can go wrong here."""

from collections.abc import Sequence
from typing import Any

from portal.core.errors import Conflict, FieldError, Invalid, NotFound


class PatientUnknown(NotFound):
    code = "patient_unknown"
    detail = "There is no patient of yours with this id."


class MrnTaken(Conflict):
    code = "mrn_taken"
    detail = "Another patient has this medical record number."


class PossibleDuplicate(Conflict):
    """Somebody of this name was born on this day, or had this number, and has a record already.

    `candidates` are those whom the caller may see, `hidden` how many others there are.
    """

    code = "possible_duplicate"
    detail = (
        "There may be a record of this person already: look at `candidates`. Use that record; "
        "or, where it is somebody else, send this again with `confirmed` set to true."
    )

    def __init__(self, *, candidates: Sequence[dict[str, Any]], hidden: int) -> None:
        self.candidates = candidates
        super().__init__(candidates=candidates, hidden=hidden)


class NothingCorrected(Invalid):
    code = "nothing_corrected"
    detail = "The record says this already: name at least one member that is wrong in it."


class CorrectionRequestOpen(Conflict):
    """The patient has asked before; `request_id` is that request."""

    code = "correction_request_open"
    detail = "You have asked for a correction that is still open. Withdraw it to ask anew."


class CorrectionRequestNotFound(NotFound):
    code = "correction_request_not_found"
    detail = "There is no such request for a correction that you may see."


class CorrectionRequestEnded(Conflict):
    code = "correction_request_ended"
    detail = "This request has been answered or withdrawn."


class AlreadyMerged(Conflict):
    """One of two records was merged before; `merged_into_id` is the record that stands for it."""

    code = "already_merged"


class AlreadyOnCareTeam(Conflict):
    code = "already_on_care_team"
    detail = "The care team has this member already, or has another primary practitioner."


class NotOnCareTeam(NotFound):
    code = "not_on_care_team"
    detail = "The care team has no such member now."


class UnusableReference(Invalid):
    """An id that names nothing, or nothing that can be chosen here."""

    code = "unusable_reference"

    def __init__(self, pointer: str, message: str) -> None:
        super().__init__(message, errors=[FieldError(pointer, message)])


class DelegationNotFound(NotFound):
    code = "delegation_not_found"
    detail = "There is no such delegation that you may see. Take the id from the list."


class DelegationEnded(Conflict):
    """A delegation is changed or answered that was declined or revoked, or that lapsed."""

    code = "delegation_ended"
    detail = "This delegation has ended. A new one has to be given."


class AlreadyDelegated(Conflict):
    """The person has access already, or was offered it; the problem has the delegation's id."""

    code = "already_delegated"
    detail = "This person has access already, or was offered it: change that delegation."


class NotOfAge(Conflict):
    """Minors give no access to their record; that of their parents is recorded by the staff."""

    code = "not_of_age"
    detail = "Only adults give others access to their record. The clinic can record a parent."


class NotAMinor(Conflict):
    """Parents of adults have the access that the adult gives them."""

    code = "not_a_minor"
    detail = "This patient is of age, and gives access themselves (POST /api/v1/delegations)."


class RecordedByClinic(Conflict):
    """A parent's access is a matter of the staff, not of the minor."""

    code = "recorded_by_clinic"
    detail = "The clinic recorded this parent's access: ask its staff to end or to change it."


class AlreadyDeceased(Conflict):
    """A death that is recorded twice; the problem has the id and the day of the one that stands."""

    code = "already_deceased"
    detail = "This patient is recorded as having died. Revoke that first where the day is wrong."


class NotDeceased(NotFound):
    code = "not_deceased"
    detail = "No death of this patient is recorded."
