"""What can go wrong with a time, an appointment or an offer."""

from portal.core.errors import Conflict, Invalid, NotFound


class SlotNotFound(NotFound):
    code = "slot_not_found"
    detail = "There is no such appointment time. Take the id from the list of free times."


class SlotTaken(Conflict):
    code = "slot_taken"
    detail = "Somebody else has just taken this time. Choose another of the free times."


class SlotUnusable(Invalid):
    """This time doesn't fit what it is wanted for."""

    code = "slot_unusable"


class SlotsOverlap(Invalid):
    code = "slots_overlap"
    detail = "Some of the times overlap others of the same room or person; `errors` names each."


class SlotContended(Conflict):
    code = "slot_contended"
    detail = "This time is being booked or freed at this moment. Read it again, then decide."


class NotYours(Invalid):
    """Times of somebody of another clinic, or of nobody."""

    code = "practitioner_unusable"


class AppointmentNotFound(NotFound):
    code = "appointment_not_found"
    detail = "There is no such appointment that you may see. Check its id."


class AppointmentEnded(Conflict):
    code = "appointment_ended"
    detail = "This appointment is no longer booked."


class AlreadyBooked(Conflict):
    code = "already_booked"
    detail = "An appointment for this is booked already: change that one."


class AppointmentsOverlap(Conflict):
    """The patient has other appointments at this time; the problem names each."""

    code = "appointments_overlap"
    detail = (
        "The patient has another appointment at this time: see `overlaps`. Choose another time; or "
        "repeat the call with the ids of those that may stand as `confirmed_overlaps`."
    )


class TooLate(Conflict):
    """So shortly before, only a call helps; the problem has the number."""

    code = "too_late_to_change"
    detail = "It is too late to change this here. Call the place."


class NotYet(Conflict):
    code = "not_yet"
    detail = "This appointment has not begun: nobody can say yet what came of it."


class AboutUnknown(Invalid):
    """Nothing of this kind takes appointments."""

    code = "about_unknown"


class OfferNotFound(NotFound):
    code = "offer_not_found"
    detail = "There is no such offer that you may see. Check its id."


class OfferEnded(Conflict):
    code = "offer_ended"
    detail = "This offer is over. Choose one of the free times, or ask for another offer."


class OfferUnusable(Invalid):
    """Some of the times can't be offered; `errors` names each."""

    code = "offer_unusable"


class NotOffered(Invalid):
    code = "not_offered"
    detail = "This time is not among those of the offer: choose one of its `slots`."


class NotWaiting(NotFound):
    code = "not_waiting"
    detail = "This appointment does not wait for an earlier time."
