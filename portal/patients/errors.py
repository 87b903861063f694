"""What can go wrong here."""

from portal.core.errors import Conflict, Invalid, NotFound


class PatientUnknown(NotFound):
    code = "patient_unknown"
    detail = "There is no patient of yours with this id."


class MrnTaken(Conflict):
    code = "mrn_taken"
    detail = "Another patient has this medical record number."


class UnusableReference(Invalid):
    code = "unusable_reference"
