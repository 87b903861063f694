"""Two records were merged, or a merge was undone: rows move, and people are asked."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import WORKER
from portal.directory import service as directory
from portal.directory.model import PoolKind
from portal.patients import deaths, merge_queries, merging, unmerging
from portal.patients import service as patients
from portal.patients.merge_model import FindingKind, MergeFinding, PatientMerge
from portal.prescriptions.duplicates import follow_duplicates
from portal.worklist import service as worklist
from portal.worklist.states import Priority, WorkItemKind
from portal.worklist.whose import who_answers
from workers.registry import Event, handles

K = WorkItemKind
UNDONE = "the merge was undone"
# Who prescribed the same medicine is asked by an item of its own, until it is decided.
FOLLOWED = frozenset({FindingKind.MEDICINE})


@handles("patient.merged")
def move_rows(*, session: Session, event: Event, now: datetime) -> None:
    """patient.merged {patient_id, into_id}"""
    patient_id = event.uuid("patient_id")
    merging.move_rows(session=session, patient_id=patient_id, now=now)
    deaths.follow_merge(session=session, patient_id=patient_id, now=now)
    _ask_about_both(session, patient_id, now)


@handles("patient.merge_settled")
def move_late_rows(*, session: Session, event: Event, now: datetime) -> None:
    """patient.merge_settled {patient_id}"""
    patient_id = event.uuid("patient_id")
    merging.move_late_rows(session=session, patient_id=patient_id, now=now)
    _ask_about_both(session, patient_id, now)


def _ask_about_both(session: Session, patient_id: UUID, now: datetime) -> None:
    """What is clinical is its practitioner's; the rest is the front desk's, together."""
    follow_duplicates(session, patients.surviving(session, patient_id).id, now)
    found = merging.find_what_both_had(session=session, patient_id=patient_id, now=now)
    for merge, findings in found:
        clashes = [one for one in findings if one.clash]
        for one in clashes:
            if one.clinical and one.kind not in FOLLOWED:
                _ask_practitioner(session, merge, one, now)
        if any(not one.clinical for one in clashes):
            _ask_front_desk(session, merge, K.MERGE_FINDINGS, Priority.ROUTINE, now)


def _ask_practitioner(
    session: Session, merge: PatientMerge, finding: MergeFinding, now: datetime
) -> None:
    """Whose the survivor's is, else the primary practitioner; the clinic's staff without one."""
    survivor_id = patients.surviving(session, merge.survivor_id).id
    _ask_about_clash(session, finding.id, survivor_id, finding.asked_id, now)


def _ask_about_clash(
    session: Session, subject_id: UUID, patient_id: UUID, asked_id: UUID | None, now: datetime
) -> None:
    owner = who_answers(session, patient_id, asked_id)
    worklist.ask_pool(
        session=session,
        kind=K.MERGE_CLASH,
        subject_id=subject_id,
        patient_id=patient_id,
        responsible_id=owner.practitioner_id,
        pool_id=owner.pool_id,
        priority=Priority.URGENT,
        now=now,
    )


def _ask_front_desk(
    session: Session, merge: PatientMerge, kind: WorkItemKind, priority: Priority, now: datetime
) -> None:
    survivor_id = patients.surviving(session, merge.survivor_id).id
    clinic_id = patients.clinic_of(session, survivor_id)
    pool_id = directory.pool_of(session, clinic_id, PoolKind.CLINIC_STAFF)
    worklist.ask_pool(
        session=session,
        kind=kind,
        subject_id=merge.id,
        patient_id=survivor_id,
        pool_id=pool_id,
        priority=priority,
        now=now,
    )


@handles("patient.unmerged")
def give_back(*, session: Session, event: Event, now: datetime) -> None:
    """patient.unmerged {merge_id}: each has again what it had; who saw what is assessed (45 CFR
    164.308(a)(6), 164.402), and what was written meanwhile is decided about."""
    merge = unmerging.give_back(session=session, merge_id=event.uuid("merge_id"), now=now)
    if merge is None:
        return
    clinical = [one.id for one in merge_queries.findings(session, [merge.id]) if one.clinical]
    _close(session, K.MERGE_CLASH, clinical, UNDONE, now, cancelled=True)
    _close(session, K.MERGE_FINDINGS, [merge.id], UNDONE, now, cancelled=True)
    _ask_front_desk(session, merge, K.PRIVACY_INCIDENT, Priority.URGENT, now)
    _ask_about_left(session, merge, now)
    _follow_medicines(session, merge, now)


def _follow_medicines(session: Session, merge: PatientMerge, now: datetime) -> None:
    """Who prescribed what came together is asked no more, and who prescribed what did, is."""
    for patient_id in (merge.duplicate_id, merge.survivor_id):
        follow_duplicates(session, patient_id, now)


@handles("patient.unmerge_settled")
def give_back_late(*, session: Session, event: Event, now: datetime) -> None:
    """patient.unmerge_settled {merge_id}"""
    merge = unmerging.give_back_late(session=session, merge_id=event.uuid("merge_id"), now=now)
    _ask_about_left(session, merge, now)


@handles("patient.left_decided")
def follow_decision(*, session: Session, event: Event, now: datetime) -> None:
    """patient.left_decided {left_id}: the last decision closes what asked for them."""
    merge = unmerging.carry_out(session=session, left_id=event.uuid("left_id"), now=now)
    _follow_medicines(session, merge, now)
    if not unmerging.undecided(session, merge):
        _close(session, K.MERGE_UNDONE, [merge.id], "decided", now)


def _ask_about_left(session: Session, merge: PatientMerge, now: datetime) -> None:
    if unmerging.undecided(session, merge):
        _ask_front_desk(session, merge, K.MERGE_UNDONE, Priority.URGENT, now)
    alive = unmerging.closed_by_death(session, merge)
    if alive is not None and not worklist.was_asked(session, K.MERGE_CLASH, merge.id):
        _ask_about_clash(session, merge.id, alive, None, now)


def _close(
    session: Session,
    kind: WorkItemKind,
    subject_ids: Iterable[UUID],
    outcome: str,
    now: datetime,
    *,
    cancelled: bool = False,
) -> None:
    for subject_id in subject_ids:
        worklist.close_item(
            session=session,
            actor=WORKER,
            kind=kind,
            subject_id=subject_id,
            outcome=outcome,
            now=now,
            cancelled=cancelled,
        )
