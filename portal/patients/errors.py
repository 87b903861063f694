"""What can go wrong here."""

from portal.core.errors import Conflict, FieldError, Invalid, NotFound


class PatientUnknown(NotFound):
    code = "patient_unknown"
    detail = "There is no patient of yours with this id."


class MrnTaken(Conflict):
    code = "mrn_taken"
    detail = "Another patient has this medical record number."


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
