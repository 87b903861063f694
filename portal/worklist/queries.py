"""Every SELECT of the worklist."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Row, exists, select, text
from sqlalchemy.orm import Session

from portal.core.db import run
from portal.worklist.model import WorkItem
from portal.worklist.states import IN_PERSON, OPEN_STATUSES

_OPEN_ITEM = text("SELECT careloop_open_work_item(:kind, :subject_id)")
IN_PERSON_KINDS = ", ".join(f"'{kind.value}'" for kind in sorted(IN_PERSON))
# Whether who is responsible for an item does not care for its patient any more.
_CARE_ENDED = f"""(w.kind NOT IN ({IN_PERSON_KINDS}) AND EXISTS (
        SELECT FROM care_team_member c WHERE c.patient_id = w.patient_id
        AND c.member_id = w.responsible_id AND c.ended_on IS NOT NULL))"""
_UNROUTED = text(
    f"""
    SELECT w.id, w.patient_id, w.responsible_id, w.pool_id, w.claimed_by, w.assignee_id,
           {_CARE_ENDED} AS care_ended
    FROM work_item w
    WHERE w.id = ANY(:ids) AND w.routed_at IS NULL AND w.status IN ('open', 'claimed')
    ORDER BY w.id FOR UPDATE
    """
)

# With whom the newest open loop about something is.
_ABOUT = text(
    """
    SELECT w.kind, coalesce(c.name, s.name, a.name, po.name) AS name, w.due_at, w.created_at,
           w.escalation_level
    FROM work_item w
    JOIN pool po ON po.id = w.pool_id
    LEFT JOIN practitioner c ON c.id = w.claimed_by
    LEFT JOIN staff_member s ON s.id = w.claimed_by
    LEFT JOIN practitioner a ON a.id = w.assignee_id
    WHERE w.subject_id = :id AND w.status IN ('open', 'claimed')
    ORDER BY w.created_at DESC LIMIT 1
    """
)


def item_about(session: Session, subject_id: UUID) -> Row[Any] | None:
    """The newest open item about a subject: of what kind, with whom, and when it is due."""
    return session.execute(_ABOUT, {"id": subject_id}).first()


def open_item_of(session: Session, kind: str, subject_id: UUID) -> UUID | None:
    """The id of the open item of this kind and subject."""
    found = session.execute(_OPEN_ITEM, {"kind": kind, "subject_id": subject_id}).scalar()
    return cast(UUID | None, found)


def open_subjects(session: Session, kind: str, patient_id: UUID) -> Sequence[UUID]:
    """What a patient's open items of a kind are about."""
    return session.scalars(
        select(WorkItem.subject_id).where(
            WorkItem.kind == kind,
            WorkItem.patient_id == patient_id,
            WorkItem.status.in_(OPEN_STATUSES),
        )
    ).all()


def had_item(session: Session, kind: str, subject_id: UUID) -> bool:
    """Whether an item of this kind and subject is open or was."""
    query = select(exists().where(WorkItem.kind == kind, WorkItem.subject_id == subject_id))
    return bool(session.scalar(query))


def lock_unrouted(session: Session, item_ids: Collection[UUID]) -> Sequence[Row[Any]]:
    """The open ones of these items that nobody has routed yet, locked; and whether who is
    responsible does not care for the patient any more."""
    return session.execute(_UNROUTED, {"ids": list(item_ids)}).all()


# Those past their due time, with all that a step up needs: the team's lead and its clinic.
_DUE = text(
    """
    SELECT w.id, w.kind, w.patient_id, w.pool_id, w.assignee_id, w.claimed_by, w.responsible_id,
           w.priority, w.escalation_level, w.alternate_ids, po.clinic_id, lead.member_id AS lead_id
    FROM work_item w
    JOIN pool po ON po.id = w.pool_id
    LEFT JOIN pool_member lead ON lead.pool_id = w.pool_id AND lead.lead
    WHERE w.status IN ('open', 'claimed') AND w.due_at <= :now
    ORDER BY w.due_at, w.id LIMIT :limit
    FOR UPDATE OF w SKIP LOCKED
    """
)
_ASSIGNED = text(
    f"""
    SELECT w.id, w.kind, w.patient_id, w.priority, w.status, h.assignee_id, h.pool_id,
           h.escalation_level, h.reason, w.routed_at,
           CASE WHEN NOT {_CARE_ENDED} THEN w.responsible_id END AS responsible_id,
           EXISTS (SELECT FROM practitioner p WHERE p.id = h.assignee_id) AS to_practitioner
    FROM work_item_hop h JOIN work_item w ON w.id = h.work_item_id
    WHERE h.id = :hop_id AND NOT EXISTS (
        SELECT FROM work_item_hop later WHERE later.work_item_id = w.id AND later.id > h.id)
    """
)
_MEMBERS = text("SELECT member_id, member_kind FROM pool_member WHERE pool_id = :pool_id")
# Unclaimed items that went to somebody by who is responsible, and may now belong to another.
_OF_RESPONSIBLE = text(
    f"""
    SELECT w.id, w.patient_id, w.responsible_id, w.pool_id, w.assignee_id, w.escalation_level
    FROM work_item w
    WHERE w.responsible_id = :responsible_id AND w.status = 'open' AND w.claimed_by IS NULL
      AND w.routed_at IS NOT NULL AND w.escalation_level = 0 AND NOT {_CARE_ENDED}
    ORDER BY w.id FOR UPDATE
    """
)

_ITEM = """
    SELECT w.id, w.kind, w.subject_id, w.patient_id, w.status, w.priority, w.responsible_id,
           w.assignee_id, w.pool_id, po.name AS pool_name, po.clinic_id, w.claimed_by, w.due_at,
           w.escalation_level, w.created_at, w.asked_again_at, w.closed_at, w.outcome, w.version,
           pa.given_name, pa.family_name, pa.birth_date,
           coalesce(ap.name, ast.name) AS assignee_name, coalesce(cp.name, cs.name) AS claimer_name
    FROM work_item w
    JOIN pool po ON po.id = w.pool_id
    LEFT JOIN patient pa ON pa.id = w.patient_id
    LEFT JOIN practitioner ap ON ap.id = w.assignee_id
    LEFT JOIN staff_member ast ON ast.id = w.assignee_id
    LEFT JOIN practitioner cp ON cp.id = w.claimed_by
    LEFT JOIN staff_member cs ON cs.id = w.claimed_by
"""
# Whose worklist an item is on, each branch by an index of its own: mine by assignment or claim,
# my teams' that nobody has, and for staff and leads all of the team's.
_MINE = """
    SELECT id FROM work_item WHERE assignee_id = :me AND status IN ('open', 'claimed')
    UNION SELECT id FROM work_item WHERE claimed_by = :me AND status IN ('open', 'claimed')
"""
_TEAM = """
    UNION SELECT i.id FROM pool_member m JOIN work_item i ON i.pool_id = m.pool_id
    WHERE m.member_id = :me AND i.status IN ('open', 'claimed')
      AND (i.assignee_id IS NULL OR m.lead OR m.member_kind = 'staff')
"""
# A page: what is next due is looked up by a function of the owner's, and read under the policies.
_PAGE = text(
    f"""
    {_ITEM}
    WHERE w.id = ANY(ARRAY(SELECT id FROM careloop_next_due(
        :mine, CAST(:kind AS text), CAST(:moment AS timestamptz), CAST(:id AS uuid), :limit)))
    ORDER BY w.due_at, w.id
    """
)
_ONE = text(f"{_ITEM} WHERE w.id = :id")
_HOPS_OF = text(
    """
    SELECT h.work_item_id, h.at, h.assignee_id, h.reason, h.escalation_level,
           coalesce(p.name, s.name, po.name) AS name
    FROM work_item_hop h
    JOIN pool po ON po.id = h.pool_id
    LEFT JOIN practitioner p ON p.id = h.assignee_id
    LEFT JOIN staff_member s ON s.id = h.assignee_id
    WHERE h.work_item_id = ANY(:ids) ORDER BY h.at, h.id
    """
)
# The claim is the last hop that the claimer made.
_CLAIMED_AT = text(
    "SELECT max(at) FROM work_item_hop WHERE work_item_id = :id AND actor_id = :claimed_by"
)
_SUMMARY = text(
    f"""
    SELECT w.kind, w.priority, count(*) AS items,
           count(*) FILTER (WHERE w.due_at < :now) AS overdue,
           count(*) FILTER (WHERE w.assignee_id = :me OR w.claimed_by = :me) AS mine
    FROM work_item w WHERE w.id IN ({_MINE + _TEAM})
    GROUP BY w.kind, w.priority ORDER BY w.kind, w.priority
    """
)
_PERSON = text(
    """
    SELECT id, name, clinic_id, 'practitioner' AS kind FROM practitioner
    WHERE id = :id AND active
    UNION ALL
    SELECT id, name, clinic_id, 'staff' FROM staff_member WHERE id = :id AND active
    """
)


def due(session: Session, now: datetime, limit: int) -> Sequence[Row[Any]]:
    """Open items past their due time, locked; those that another process has are left to it."""
    return session.execute(_DUE, {"now": now, "limit": limit}).all()


def assigned(session: Session, hop_id: UUID) -> Row[Any] | None:
    """An item as one of its hops left it; None once another hop took it on."""
    return session.execute(_ASSIGNED, {"hop_id": hop_id}).first()


def members(session: Session, pool_id: UUID) -> Sequence[Row[Any]]:
    return session.execute(_MEMBERS, {"pool_id": pool_id}).all()


def routed_by_responsible(session: Session, responsible_id: UUID) -> Sequence[Row[Any]]:
    """Open items that nobody claimed and that went out by who is responsible, locked."""
    return session.execute(_OF_RESPONSIBLE, {"responsible_id": responsible_id}).all()


def worklist(
    session: Session,
    *,
    mine: bool,
    kind: str | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """The actor's open items, the next due first."""
    moment, id_ = after or (None, None)
    values = {"mine": mine, "kind": kind, "moment": moment, "id": id_, "limit": limit + 1}
    return run(session, _PAGE, values)


def item(session: Session, item_id: UUID) -> Row[Any] | None:
    return session.execute(_ONE, {"id": item_id}).first()


def hops(session: Session, item_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """The ways of several items, in one query."""
    return run(session, _HOPS_OF, {"ids": list(item_ids)})


def summary(session: Session, me: UUID, now: datetime) -> Sequence[Row[Any]]:
    """How many open items there are of each kind and priority, how many late, how many mine."""
    return session.execute(_SUMMARY, {"me": me, "now": now}).all()


def for_change(session: Session, item_id: UUID) -> WorkItem | None:
    """An item, locked until the transaction ends."""
    return session.get(WorkItem, item_id, with_for_update=True, populate_existing=True)


def claimed_at(session: Session, item: WorkItem) -> datetime | None:
    """When a claimed item was claimed."""
    values = {"id": item.id, "claimed_by": item.claimed_by}
    return cast(datetime | None, session.execute(_CLAIMED_AT, values).scalar())


def person(session: Session, id_: UUID) -> Row[Any] | None:
    """A practitioner or staff member who is active."""
    return session.execute(_PERSON, {"id": id_}).first()
