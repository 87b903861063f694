"""JSON of work items, made by hand: the worklist page is a hot path."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from portal.core.names import full_name
from portal.worklist.states import WorkItemKind

SUMMARIES = {
    WorkItemKind.REFILL_DECISION: "A renewal waits for a decision",
    WorkItemKind.REFILL_OVERDUE: "A step of a refill is late: ask the pharmacy",
    WorkItemKind.REFILL_FAILED: "A pharmacy could not go on with a refill",
    WorkItemKind.QUARANTINED_UPDATE: "A pharmacy reported what can't be: ask what happened",
    WorkItemKind.PHARMACY_CANCELLATION: "An order was taken back: ask the pharmacy if in time",
    WorkItemKind.DISPENSED_AFTER_STOP: "A medicine was handed over after it was taken back or put "
    "on hold: tell the patient what to do with it",
    WorkItemKind.DUPLICATE_THERAPY: "Two prescriptions of one medicine came together: stop one, or "
    "confirm both",
    WorkItemKind.REQUISITION_REJECTED: "A laboratory could not do a test: order again or tell why",
    WorkItemKind.CANCELLATION_REFUSED: "A laboratory did not withdraw a cancelled test: call it",
    WorkItemKind.REQUISITION_UNCOLLECTED: "A test was ordered and never done: ask the patient",
    WorkItemKind.REQUISITION_EXPIRED: "An order expired, its test never done: is it still needed?",
    WorkItemKind.REQUISITION_UNRESULTED: "A specimen was taken and no result came: ask for it",
    WorkItemKind.RESULT_REVIEW: "A result waits for review",
    WorkItemKind.RESULT_CRITICAL: "A critical result: acknowledge it now",
    WorkItemKind.RESULT_COMMUNICATION: "A result was reviewed and the patient was not told",
    WorkItemKind.RESULT_UNSEEN: "A patient has not looked at a result: ask whether they know",
    WorkItemKind.RESULT_FOLLOW_UP: "A result's follow-up has to be arranged",
    WorkItemKind.REFERRAL_DECISION: "A referral waits for a decision: accept, decline or ask",
    WorkItemKind.REFERRAL_INFORMATION: "A specialist asks for information about a referral",
    WorkItemKind.REFERRAL_DECLINED: "A referral was declined: ask somebody else, or close it",
    WorkItemKind.REFERRAL_SCHEDULING: "A referral was accepted and has no appointment yet",
    WorkItemKind.REFERRAL_ATTENDANCE: "An appointment is over: did the patient come?",
    WorkItemKind.REFERRAL_NO_SHOW: "A patient missed an appointment: arrange another, or end it",
    WorkItemKind.REFERRAL_NOTE_MISSING: "A consult note or an answer is still to be written",
    WorkItemKind.REFERRAL_CLOSING: "A consult note came back: read it and close the referral",
    WorkItemKind.REFERRAL_AUTHORIZATION: "A referral's authorization ends before its appointment",
    WorkItemKind.REFERRAL_EXPIRED: "A referral's authorization is over: is it still needed?",
    WorkItemKind.RECONCILIATION: "A result came that matches nobody: find out whose it is",
    WorkItemKind.PRIVACY_INCIDENT: "A patient's data were on another's record: assess it",
    WorkItemKind.APPOINTMENT_NO_SHOW: "A patient missed an appointment: ask why, arrange another",
    WorkItemKind.APPOINTMENT_OUTCOME: "An appointment is over: did the patient come?",
    WorkItemKind.APPOINTMENT_TO_ARRANGE: "A time was withdrawn and none is free: arrange another",
    WorkItemKind.APPOINTMENT_OFFER_UNTAKEN: "A patient took none of the times offered: ask why",
    WorkItemKind.CORRECTION_REQUESTED: "A patient asks to correct who they are: do it or say why "
    "not",
    WorkItemKind.CORRECTION_UNTAKEN: "A laboratory did not take a patient's corrected data: call "
    "it",
    WorkItemKind.LETTER_OUTDATED: "A letter in the print queue has a name that was corrected "
    "since: cancel it, and tell the patient otherwise",
    WorkItemKind.MERGE_CLASH: "Two records were merged, and what both had meets, or ended by it: "
    "look whether it goes on",
    WorkItemKind.MERGE_FINDINGS: "Two records were merged, and what they said differs: find out "
    "what is right",
    WorkItemKind.MERGE_UNDONE: "A merge was undone: say whose is what was written meanwhile",
    WorkItemKind.PATIENT_MOVED: "A patient is yours from now on: see who of you looks after them, "
    "and with whom of the former clinic something is open",
    WorkItemKind.PHONE_CALL: "A patient wants to be called about a result",
    WorkItemKind.THREAD_REPLY: "A patient wrote and waits for an answer",
    WorkItemKind.ADVICE_CALL: "A patient wants a nurse to call: day and night",
    WorkItemKind.LETTER_RETURNED: "A letter came back: find another way to tell the patient",
    WorkItemKind.LABORATORY_UNREACHABLE: "A laboratory does not answer: orders wait for it",
    WorkItemKind.SUMMARY_MISSING: "A visit has no summary yet: write and release it",
    WorkItemKind.VISIT_INSTRUCTION_OVERDUE: "A patient has not done what a visit asked for",
    WorkItemKind.PATIENT_DIED: "A patient has died: look over what was closed",
    WorkItemKind.DEATH_REVOKED: "A patient has not died after all: look after what was closed",
    WorkItemKind.REROUTING: "Who had this has left or closed: find out who takes it over",
    WorkItemKind.FEED_PAUSED: "A pharmacy's endpoint does not answer: orders wait in its feed",
    WorkItemKind.ATTACHMENT_INFECTED: "A virus was found in an upload, which was deleted: "
    "`portal attachments status` says whose it was",
    WorkItemKind.ATTACHMENT_UNSCANNABLE: "An upload could not be scanned for viruses: mend the "
    "scanner, then `portal attachments rescan`",
    WorkItemKind.DELIVERY_FAILED: "An e-mail could not be delivered: check the address",
    WorkItemKind.DEAD_LETTER: "A task was given up: `portal outbox status` says which",
}
# Where an item's subject is read.
_PATHS = {
    WorkItemKind.REFILL_DECISION: "refills",
    WorkItemKind.REFILL_OVERDUE: "refills",
    WorkItemKind.REFILL_FAILED: "refills",
    WorkItemKind.QUARANTINED_UPDATE: "refills",
    WorkItemKind.PHARMACY_CANCELLATION: "refills",
    WorkItemKind.DISPENSED_AFTER_STOP: "refills",
    WorkItemKind.DUPLICATE_THERAPY: "prescriptions",
    WorkItemKind.REQUISITION_REJECTED: "requisitions",
    WorkItemKind.CANCELLATION_REFUSED: "requisitions",
    WorkItemKind.REQUISITION_UNCOLLECTED: "requisitions",
    WorkItemKind.REQUISITION_EXPIRED: "requisitions",
    WorkItemKind.REQUISITION_UNRESULTED: "requisitions",
    WorkItemKind.RESULT_REVIEW: "results",
    WorkItemKind.RESULT_CRITICAL: "results",
    WorkItemKind.RESULT_COMMUNICATION: "results",
    WorkItemKind.RESULT_UNSEEN: "results",
    WorkItemKind.REFERRAL_DECISION: "referrals",
    WorkItemKind.REFERRAL_INFORMATION: "referrals",
    WorkItemKind.REFERRAL_DECLINED: "referrals",
    WorkItemKind.REFERRAL_SCHEDULING: "referrals",
    WorkItemKind.REFERRAL_ATTENDANCE: "referrals",
    WorkItemKind.REFERRAL_NO_SHOW: "referrals",
    WorkItemKind.REFERRAL_NOTE_MISSING: "referrals",
    WorkItemKind.REFERRAL_CLOSING: "referrals",
    WorkItemKind.REFERRAL_AUTHORIZATION: "referrals",
    WorkItemKind.REFERRAL_EXPIRED: "referrals",
    WorkItemKind.RECONCILIATION: "reconciliation",
    WorkItemKind.PRIVACY_INCIDENT: "reconciliation",
    WorkItemKind.APPOINTMENT_NO_SHOW: "appointments",
    WorkItemKind.APPOINTMENT_OUTCOME: "appointments",
    WorkItemKind.APPOINTMENT_TO_ARRANGE: "appointments",
    WorkItemKind.APPOINTMENT_OFFER_UNTAKEN: "appointments/offers",
    WorkItemKind.CORRECTION_REQUESTED: "correction-requests",
    WorkItemKind.CORRECTION_UNTAKEN: "requisitions",
    WorkItemKind.LETTER_OUTDATED: "letters",
    WorkItemKind.MERGE_FINDINGS: "merges",
    WorkItemKind.MERGE_UNDONE: "merges",
    WorkItemKind.PHONE_CALL: "calls",
    WorkItemKind.THREAD_REPLY: "threads",
    WorkItemKind.ADVICE_CALL: "advice-calls",
    WorkItemKind.LETTER_RETURNED: "letters",
    WorkItemKind.LABORATORY_UNREACHABLE: "laboratories",
    WorkItemKind.SUMMARY_MISSING: "visits",
    WorkItemKind.VISIT_INSTRUCTION_OVERDUE: "instructions",
}

# These are read with the patient whom they are about.
_OF_PATIENT = {
    WorkItemKind.PATIENT_DIED: "death",
    WorkItemKind.DEATH_REVOKED: "death",
    WorkItemKind.MERGE_CLASH: "merges",
    WorkItemKind.PATIENT_MOVED: "open-elsewhere",
}


def _link(row: Row[Any], path: str | None) -> str | None:
    if row.kind in _OF_PATIENT:
        return f"/api/v1/patients/{row.patient_id}/{_OF_PATIENT[row.kind]}"
    if row.kind == WorkItemKind.PRIVACY_INCIDENT and row.patient_id is not None:
        path = "merges"  # of a result that was on the wrong chart it names no patient
    return f"/api/v1/{path}/{row.subject_id}" if path else None


def _named(id_: UUID | None, name: str | None) -> dict[str, Any] | None:
    return None if id_ is None else {"id": id_, "name": name}


def item_view(row: Row[Any], hops: Sequence[Row[Any]], now: datetime) -> dict[str, Any]:
    """An item with the way it came."""
    path = _PATHS.get(WorkItemKind(row.kind))
    patient = None
    if row.patient_id is not None and row.given_name is not None:
        patient = {
            "id": row.patient_id,
            "name": full_name(row.given_name, row.family_name),
            "birth_date": row.birth_date,
        }
    return {
        "id": row.id,
        "kind": row.kind,
        "summary": SUMMARIES[WorkItemKind(row.kind)],
        "subject_id": row.subject_id,
        "refill_id": row.subject_id if path == "refills" else None,
        "link": _link(row, path),
        "patient": patient,
        "status": row.status,
        "priority": row.priority,
        "assignee": _named(row.assignee_id, row.assignee_name),
        "pool": {"id": row.pool_id, "name": row.pool_name},
        "claimed_by": _named(row.claimed_by, row.claimer_name),
        "due_at": row.due_at,
        "late": row.closed_at is None and row.due_at < now,
        "escalation_level": row.escalation_level,
        "created_at": row.created_at,
        "asked_again_at": row.asked_again_at,
        "version": row.version,
        "hops": [
            {
                "at": hop.at,
                "to": hop.name,
                "reason": hop.reason,
                "escalation_level": hop.escalation_level,
            }
            for hop in hops
        ],
    }


def item_views(
    rows: Sequence[Row[Any]], hops: Sequence[Row[Any]], now: datetime
) -> list[dict[str, Any]]:
    by_item: dict[UUID, list[Row[Any]]] = defaultdict(list)
    for hop in hops:
        by_item[hop.work_item_id].append(hop)
    return [item_view(row, by_item[row.id], now) for row in rows]


def summary_view(rows: Sequence[Row[Any]]) -> dict[str, Any]:
    return {
        "total": sum(row.items for row in rows),
        "overdue": sum(row.overdue for row in rows),
        "mine": sum(row.mine for row in rows),
        "by_kind": [dict(row._mapping) for row in rows],
    }
