"""Every table of every slice, imported so that the metadata and the row policies are complete."""

from portal.accounts import model as accounts
from portal.core import tables as core
from portal.core.db import Base
from portal.directory import model as directory
from portal.notifications import model as notifications
from portal.patients import model as patients
from portal.prescriptions import model as prescriptions
from portal.refills import model as refills
from portal.refills import pharmacy_model as pharmacies
from portal.worklist import model as worklist

metadata = Base.metadata

__all__ = [
    "accounts",
    "core",
    "directory",
    "metadata",
    "notifications",
    "patients",
    "pharmacies",
    "prescriptions",
    "refills",
    "worklist",
]
