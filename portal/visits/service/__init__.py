"""Use cases of visits, a file each."""

from portal.visits.instruction_queries import PatientWrote
from portal.visits.service.booked import follow_appointment
from portal.visits.service.composing import compose
from portal.visits.service.confidential import keep_confidential
from portal.visits.service.deceased import close_for_deceased
from portal.visits.service.departing import hand_over_visits
from portal.visits.service.follow import follow_release, follow_visit
from portal.visits.service.instructions import mark_done
from portal.visits.service.noting import (
    ReferralStands,
    note_done,
    note_message,
    note_referral,
    note_refill,
    note_requisition,
    note_withdrawn,
    referrals_waited_for,
)
from portal.visits.service.problems import AddProblem, add_problem, change_problem
from portal.visits.service.summaries import (
    MedicineNote,
    WantedInstruction,
    WriteSummary,
    release_summary,
    write_summary,
)
from portal.visits.service.visiting import (
    PlanVisit,
    cancel_visit,
    change_visit,
    finish_visit,
    plan_visit,
    start_visit,
    void_visit,
)
from portal.visits.service.vitals import Measured, record_own, record_vitals, withdraw_vital
from portal.visits.service.watch import find_missing_summaries, find_overdue_instructions

__all__ = [
    "AddProblem",
    "Measured",
    "MedicineNote",
    "PatientWrote",
    "PlanVisit",
    "ReferralStands",
    "WantedInstruction",
    "WriteSummary",
    "add_problem",
    "cancel_visit",
    "change_problem",
    "change_visit",
    "close_for_deceased",
    "compose",
    "find_missing_summaries",
    "find_overdue_instructions",
    "finish_visit",
    "follow_appointment",
    "follow_release",
    "follow_visit",
    "hand_over_visits",
    "keep_confidential",
    "mark_done",
    "note_done",
    "note_message",
    "note_referral",
    "note_refill",
    "note_requisition",
    "note_withdrawn",
    "plan_visit",
    "record_own",
    "record_vitals",
    "referrals_waited_for",
    "release_summary",
    "start_visit",
    "void_visit",
    "withdraw_vital",
    "write_summary",
]
