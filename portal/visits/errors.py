"""What can go wrong with a visit, its summary, vitals and problems."""

from portal.core.errors import Conflict, Invalid, NotFound


class VisitNotFound(NotFound):
    code = "visit_not_found"
    detail = "There is no such visit that you may see. Check its id."


class VisitUnusable(Invalid):
    """The patient, practitioner or time can't be used for a visit; `errors` names each."""

    code = "visit_unusable"


class VisitNotChangeable(Conflict):
    """The visit has gone too far for this; the problem names its status."""

    code = "visit_not_changeable"


class VisitBooked(Conflict):
    """When and with whom is the appointment's; the problem names it."""

    code = "visit_booked"
    detail = (
        "This visit was booked as an appointment: take another time with "
        "POST /api/v1/appointments/{id}/change."
    )


class VisitNotHeld(Conflict):
    code = "visit_not_held"
    detail = "This is for a visit that has begun. Start it with POST /api/v1/visits/{id}/start."


class SummaryNotFound(NotFound):
    code = "summary_not_found"
    detail = "This visit has no such summary yet. You are told when there is one."


class NoDraft(Conflict):
    code = "no_draft"
    detail = "There is no draft. Write one with PUT /api/v1/visits/{id}/summary."


class SummaryAlreadyReleased(Conflict):
    """The problem names the version that the patient has, and who released it when."""

    code = "summary_already_released"


class SummaryUnusable(Invalid):
    """Something that a summary points to can't be used, or something is missing."""

    code = "summary_unusable"


class InstructionNotFound(NotFound):
    code = "instruction_not_found"
    detail = "There is no such instruction that you may see. Check its id."


class InstructionNotOpen(Conflict):
    """It was done or cancelled before; the problem names which and when."""

    code = "instruction_not_open"


class InstructionFollowed(Conflict):
    code = "instruction_followed"
    detail = (
        "This is marked as done by itself, once it is. If it was done elsewhere, tell your "
        "care team, who can mark it."
    )


class VitalNotFound(NotFound):
    code = "vital_not_found"
    detail = "There is no such measurement that you may see. Check its id."


class VitalImplausible(Invalid):
    """A value that can't be, with what was most likely meant."""

    code = "vital_implausible"


class VitalUnusable(Invalid):
    """A measurement that can't be read: an unknown code, unit or time."""

    code = "vital_unusable"


class VitalNotYours(Conflict):
    code = "vital_not_yours"
    detail = "The clinic measured this. Tell your care team if it is wrong."


class VitalAlreadyWithdrawn(Conflict):
    code = "vital_already_withdrawn"
    detail = "This measurement was marked as entered in error before."


class ProblemNotFound(NotFound):
    code = "problem_not_found"
    detail = "There is no such problem that you may see. Check its id."


class ProblemUnusable(Invalid):
    """A problem with a patient, a visit or days that can't be used."""

    code = "problem_unusable"


class ProblemKnown(Conflict):
    """The problem list has this one already; `problem_id` names it."""

    code = "problem_known"
