"""Every slice's tables and rules of the promise, imported so that the metadata, the row policies
and `portal loops check` are complete."""

from portal.accounts import model as accounts
from portal.core import tables as core
from portal.core.db import Base
from portal.directory import model as directory
from portal.notifications import model as notifications
from portal.notifications import outreach_model as outreach
from portal.patients import confidentiality_model as confidentiality
from portal.patients import delegation_model as delegations
from portal.patients import loops as patient_loops
from portal.patients import model as patients
from portal.prescriptions import model as prescriptions
from portal.refills import loops as refill_loops
from portal.refills import model as refills
from portal.refills import pharmacy_model as pharmacies
from portal.requisitions import imaging_model as imaging
from portal.requisitions import laboratory_model as laboratories
from portal.requisitions import loops as requisition_loops
from portal.requisitions import model as requisitions
from portal.results import intake_model as intake
from portal.results import loops as result_loops
from portal.results import model as results
from portal.results import review_model as reviews
from portal.worklist import loops as work_loops
from portal.worklist import model as worklist

metadata = Base.metadata

__all__ = [
    "accounts",
    "confidentiality",
    "core",
    "delegations",
    "directory",
    "imaging",
    "intake",
    "laboratories",
    "metadata",
    "notifications",
    "outreach",
    "patient_loops",
    "patients",
    "pharmacies",
    "prescriptions",
    "refill_loops",
    "refills",
    "requisition_loops",
    "requisitions",
    "result_loops",
    "results",
    "reviews",
    "work_loops",
    "worklist",
]
