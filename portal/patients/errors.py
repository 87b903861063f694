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


class MergeBeingUndone(Conflict):
    """A merge of one of these records was undone a moment ago, and its rows are on their way."""

    code = "merge_being_undone"
    detail = "A merge of one of these records is being undone. Try again in a minute."


class MergeNotFound(NotFound):
    code = "merge_not_found"
    detail = "There is no such merge of a patient of yours."


class NotMerged(Conflict):
    """A merge is undone that was undone already, or never made."""

    code = "not_merged"
    detail = "This record stands for itself: there is no merge of it to undo."


class UndoTooLate(Conflict):
    """A merge can be undone for thirty days; `undo_until` is when they ended."""

    code = "undo_too_late"
    detail = (
        "This merge can't be undone any more: what it moved is not kept. Register the patient "
        "anew, and have the care team write down what is theirs."
    )


class MergedOn(Conflict):
    """The record that stands was itself merged since; `patient_id` is that record, and
    `merged_into_id` the one that it was merged into."""

    code = "merged_on"
    detail = (
        "The record into which this one was merged was itself merged since. "
        "Undo the merge of `patient_id` first."
    )


class LeftNotFound(NotFound):
    code = "left_not_found"
    detail = "There is no such entry that was left to be decided about."


class LeftDecided(Conflict):
    """Somebody has decided before; `belongs_to` is whose the entry is."""

    code = "left_decided"
    detail = "Whose this is was decided already."


class LeftStays(Conflict):
    """An entry that is part of something of one record can't be given to the other."""

    code = "left_stays"
    detail = (
        "This is part of something that was the other record's before the merge, and stays there. "
        "Decide for that record, and have the care team cancel it and write it anew."
    )


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
