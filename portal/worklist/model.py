"""Work items and the hops by which they reached whom they are with."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import rls
from portal.core.actor import AccessCategory, Actor, ActorKind
from portal.core.db import Base, one_of
from portal.core.rls import INSERT, ME, ON_BEHALF_OF, SELECT, UPDATE, to
from portal.worklist.states import ADMINISTRATIVE, WORK_ITEM, Priority, WorkItemKind, WorkItemStatus

IS_OPEN = text("status IN ('open', 'claimed')")


class WorkItem(Base):
    """One open loop on somebody's worklist.

    It is with `assignee_id` where that is set, else with the pool. `routed_at` is empty until
    the workers have decided whom it goes to. `alternate_ids` are asked one after another, each
    until the next due time, before it goes to the pool.
    """

    __tablename__ = "work_item"
    __table_args__ = (
        one_of("kind", WorkItemKind),
        one_of("status", WorkItemStatus),
        one_of("priority", Priority),
        CheckConstraint("(status IN ('done', 'cancelled')) = (closed_at IS NOT NULL)", name="end"),
        CheckConstraint("(status = 'claimed') <= (claimed_by IS NOT NULL)", name="claim"),
        Index(
            "uq_work_item_open_subject",
            "kind",
            "subject_id",
            unique=True,
            postgresql_where=IS_OPEN,
        ),
        Index("ix_work_item_assignee", "assignee_id", "due_at", "id", postgresql_where=IS_OPEN),
        Index(
            "ix_work_item_claimed",
            "claimed_by",
            "due_at",
            "id",
            postgresql_where=text("status IN ('open', 'claimed') AND claimed_by IS NOT NULL"),
        ),
        Index("ix_work_item_pool", "pool_id", "due_at", "id", postgresql_where=IS_OPEN),
        Index(
            "ix_work_item_unassigned",
            "pool_id",
            "due_at",
            "id",
            postgresql_where=text("status IN ('open', 'claimed') AND assignee_id IS NULL"),
        ),
        # For who asks what is due by now, over everybody. The last condition always holds, but the
        # planner knows it of them alone: it would else look for one person's page in this order.
        Index(
            "ix_work_item_due",
            "due_at",
            "id",
            postgresql_where=text("status IN ('open', 'claimed') AND due_at IS NOT NULL"),
        ),
        Index("ix_work_item_patient", "patient_id"),
        Index("ix_work_item_subject", "subject_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    subject_id: Mapped[UUID]
    patient_id: Mapped[UUID | None] = mapped_column(ForeignKey("patient.id"))
    status: Mapped[str]
    priority: Mapped[str]
    responsible_id: Mapped[UUID | None]
    assignee_id: Mapped[UUID | None]
    alternate_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()), server_default=text("'{}'"))
    pool_id: Mapped[UUID] = mapped_column(ForeignKey("pool.id"))
    claimed_by: Mapped[UUID | None]
    due_at: Mapped[datetime]
    escalation_level: Mapped[int] = mapped_column(server_default=text("0"))
    routed_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    # What asked for it, by the ids of what happened, and when something asked again.
    cause_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()), server_default=text("'{}'"))
    asked_again_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[UUID | None]
    outcome: Mapped[str | None]
    version: Mapped[int] = mapped_column(server_default=text("1"))

    __mapper_args__ = {"version_id_col": version}

    def move_to(self, status: WorkItemStatus, *, actor: Actor, now: datetime) -> None:
        """Raises IllegalTransition when the table doesn't have the move."""
        WORK_ITEM.check(WorkItemStatus(self.status), status, actor.kind)
        self.status = status
        if status in WORK_ITEM.ends:
            self.closed_at = now
            self.closed_by = actor.id


class WorkItemHop(Base):
    """One step of a work item's way: to whom it went, when and why."""

    __tablename__ = "work_item_hop"
    __table_args__ = (Index("ix_work_item_hop_item", "work_item_id", "at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    work_item_id: Mapped[UUID] = mapped_column(ForeignKey("work_item.id"))
    patient_id: Mapped[UUID | None]
    at: Mapped[datetime]
    assignee_id: Mapped[UUID | None]
    pool_id: Mapped[UUID]
    escalation_level: Mapped[int]
    reason: Mapped[str]
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID]


# A person's own items, those of their pools that are nobody's yet, and for staff and leads every
# item of the pool: they keep an eye on what stands still.
_POOLS = f"SELECT pool_id FROM pool_member WHERE member_id = {ME}"
_THEIRS = (
    f"assignee_id = {ME} OR claimed_by = {ME} "
    f"OR (pool_id = ANY(ARRAY({_POOLS})) AND assignee_id IS NULL) "
    f"OR pool_id = ANY(ARRAY({_POOLS} AND (lead OR member_kind = 'staff')))"
)
CARE_TEAM = (ActorKind.PRACTITIONER, ActorKind.STAFF)
_ABOUT_CONFIDENTIAL = "careloop_confidential(subject_id)"
# Delegates follow with whom a request is, and close what asked whether a result was seen.
_OPEN_TO_DELEGATES = {
    AccessCategory.MEDICINES: "kind LIKE 'refill!_%' ESCAPE '!'",
    AccessCategory.RESULTS: "kind LIKE 'requisition!_%' ESCAPE '!' "
    "OR kind IN ('result_unseen', 'result_communication')",
    AccessCategory.APPOINTMENTS: "kind LIKE 'referral!_%' ESCAPE '!' "
    "OR kind LIKE 'requisition!_%' ESCAPE '!' "
    "AND EXISTS (SELECT FROM requisition r WHERE r.id = subject_id)",
    AccessCategory.MESSAGES: "kind IN ('thread_reply', 'advice_call')",
    AccessCategory.VISITS: "kind = 'visit_instruction_overdue'",
}

rls.protect(
    "work_item",
    *to(CARE_TEAM, (SELECT, UPDATE), _THEIRS, check="true"),
    *to(CARE_TEAM, (SELECT, INSERT, UPDATE), "careloop_cares_for(patient_id)"),
    *to(CARE_TEAM, SELECT, "careloop_passed_on(id)"),
    *to(ActorKind.PATIENT, (SELECT, INSERT, UPDATE), f"patient_id = {ME}"),
    *(
        grant
        for category, kinds in _OPEN_TO_DELEGATES.items()
        for grant in rls.delegated(
            category, (SELECT, INSERT, UPDATE), kinds, confidential=_ABOUT_CONFIDENTIAL
        )
    ),
    *to(ActorKind.PHONE, (SELECT, INSERT, UPDATE), f"patient_id = {ON_BEHALF_OF}"),
    *to(ActorKind.PHARMACY, INSERT, "careloop_pharmacy_serves(patient_id)"),
    *rls.system_access(),
)
rls.protect(
    "work_item_hop",
    *to(
        CARE_TEAM,
        (SELECT, INSERT),
        "EXISTS (SELECT FROM work_item w WHERE w.id = work_item_id)",
    ),
    *to(ActorKind.PATIENT, (SELECT, INSERT), f"patient_id = {ME}"),
    *to(
        ActorKind.DELEGATE,
        SELECT,
        f"patient_id = {ON_BEHALF_OF} "
        "AND EXISTS (SELECT FROM work_item w WHERE w.id = work_item_id)",
    ),
    *to(ActorKind.PHONE, (SELECT, INSERT), f"patient_id = {ON_BEHALF_OF}"),
    *to(ActorKind.PHARMACY, INSERT, "careloop_pharmacy_serves(patient_id)"),
    *rls.system_access(),
)
_ADMINISTRATIVE = ", ".join(f"'{kind.value}'" for kind in sorted(ADMINISTRATIVE))
_CARE = f"kind NOT IN ({_ADMINISTRATIVE})"
rls.way_in(
    "careloop_cares_for",
    f"EXISTS (SELECT FROM work_item WHERE work_item.patient_id = target "
    f"AND status IN ('open', 'claimed') AND {_CARE} AND ({_THEIRS}))",
    usual=True,
)
# Who had an item when another answered it is told by whom, and can look for a day.
rls.way_in(
    "careloop_cares_for",
    f"EXISTS (SELECT FROM work_item WHERE work_item.patient_id = target "
    f"AND closed_at > now() - interval '1 day' AND {_CARE} AND ({_THEIRS}))",
)
# Who answered a loop can still read what came of it, for a month.
rls.way_in(
    "careloop_cares_for",
    f"EXISTS (SELECT FROM work_item WHERE work_item.patient_id = target "
    f"AND closed_by = {ME} AND closed_at > now() - interval '30 days' AND {_CARE})",
)
# Who had an item and gave it to others can still see where it stands, for a month.
rls.owned_function(
    "careloop_passed_on(item uuid)",
    "boolean",
    f"""
    SELECT EXISTS (SELECT FROM work_item_hop WHERE work_item_id = item AND actor_id = {ME}
                   AND at > now() - interval '30 days')
    """,
)
# A pharmacy opens items without seeing any; whoever opens one learns of the open one by its id.
rls.owned_function(
    "careloop_open_work_item(of_kind text, of_subject uuid)",
    "uuid",
    """
    SELECT id FROM work_item
    WHERE kind = of_kind AND subject_id = of_subject AND status IN ('open', 'claimed')
    """,
)
