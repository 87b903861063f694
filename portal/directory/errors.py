"""What can go wrong here."""

from portal.core.errors import Conflict, Forbidden, NotFound, Unavailable


class PharmacyUnknown(NotFound):
    code = "pharmacy_unknown"
    detail = "There is no such pharmacy. Take the id from GET /pharmacies."


class PractitionerUnknown(NotFound):
    code = "practitioner_unknown"
    detail = "There is no such practitioner. Take the id from GET /practitioners."


class LaboratoryUnknown(NotFound):
    code = "laboratory_unknown"
    detail = "There is no such laboratory. Take the id from GET /laboratories."


class LaboratoryTaken(Conflict):
    code = "laboratory_taken"
    detail = "Another laboratory has this CLIA number, or this application and facility."


class ClinicUnknown(NotFound):
    code = "clinic_unknown"
    detail = "There is no such clinic."


class NoPool(Unavailable):
    code = "no_pool"
    detail = "No team is set up that could take this. An administrator has to make a pool."


class CoverageUnknown(NotFound):
    code = "coverage_unknown"
    detail = "There is no such coverage."


class NotYourCoverage(Forbidden):
    code = "not_your_coverage"
    detail = "A practitioner arranges their own coverage; staff arrange it within their clinic."


class CoverageOverlaps(Conflict):
    code = "coverage_overlaps"
    detail = "Somebody covers in a part of this period already. Cancel that first."


class CoverageEnded(Conflict):
    code = "coverage_ended"
    detail = "This coverage is over; there is nothing left to cancel."


class ClosureExists(Conflict):
    code = "closure_exists"
    detail = "The clinic is closed on this day already."


class NcpdpIdTaken(Conflict):
    code = "ncpdp_id_taken"
    detail = "Another pharmacy has this NCPDP id."


class DepartureUnknown(NotFound):
    code = "departure_unknown"
    detail = "There is no such departure."


class AlreadyLeft(Conflict):
    code = "already_left"
    detail = "It is recorded already that they leave. GET /api/v1/departures lists it."
