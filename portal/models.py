"""Every slice's tables and rules of the promise, imported so that the metadata, the row policies
and `portal loops check` are complete."""

from portal.accounts import model as accounts
from portal.appointments import loops as appointment_loops
from portal.appointments import model as appointments
from portal.appointments import offer_model as offers
from portal.attachments import loops as attachment_loops
from portal.attachments import model as attachments
from portal.core import tables as core
from portal.core.db import Base
from portal.directory import departure_model as departures
from portal.directory import model as directory
from portal.messages import advice_model as advice
from portal.messages import composing_model as composing
from portal.messages import draft_model as drafts
from portal.messages import loops as message_loops
from portal.messages import model as messages
from portal.messages import panel_statements as message_panels
from portal.notifications import model as notifications
from portal.notifications import outreach_model as outreach
from portal.patients import confidentiality_model as confidentiality
from portal.patients import correction_model as corrections
from portal.patients import death_model as deaths
from portal.patients import delegation_model as delegations
from portal.patients import identity_functions, merge_functions
from portal.patients import loops as patient_loops
from portal.patients import merge_model as merges
from portal.patients import model as patients
from portal.prescriptions import loops as prescription_loops
from portal.prescriptions import model as prescriptions
from portal.referrals import loops as referral_loops
from portal.referrals import model as referrals
from portal.referrals import note_model as consult_notes
from portal.refills import loops as refill_loops
from portal.refills import model as refills
from portal.refills import pharmacy_model as pharmacies
from portal.requisitions import laboratory_model as laboratories
from portal.requisitions import loops as requisition_loops
from portal.requisitions import model as requisitions
from portal.results import intake_model as intake
from portal.results import loops as result_loops
from portal.results import model as results
from portal.results import review_model as reviews
from portal.visits import chart_model as chart
from portal.visits import loops as visit_loops
from portal.visits import model as visits
from portal.visits import summary_model as summaries
from portal.worklist import loops as work_loops
from portal.worklist import model as worklist
from portal.worklist import page_statements as worklist_pages

metadata = Base.metadata

__all__ = [
    "accounts",
    "advice",
    "appointment_loops",
    "appointments",
    "attachment_loops",
    "attachments",
    "chart",
    "composing",
    "confidentiality",
    "consult_notes",
    "core",
    "corrections",
    "deaths",
    "delegations",
    "departures",
    "directory",
    "drafts",
    "identity_functions",
    "intake",
    "laboratories",
    "merge_functions",
    "merges",
    "message_loops",
    "message_panels",
    "messages",
    "metadata",
    "notifications",
    "offers",
    "outreach",
    "patient_loops",
    "patients",
    "pharmacies",
    "prescription_loops",
    "prescriptions",
    "referral_loops",
    "referrals",
    "refill_loops",
    "refills",
    "requisition_loops",
    "requisitions",
    "result_loops",
    "results",
    "reviews",
    "summaries",
    "visit_loops",
    "visits",
    "work_loops",
    "worklist",
    "worklist_pages",
]
