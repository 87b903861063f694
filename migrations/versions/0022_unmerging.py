"""Merges that can be undone."""

import re

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

NEW_KINDS = ("merge_clash", "merge_findings", "merge_undone")
FINDING_KINDS = (
    "mrn",
    "given_name",
    "family_name",
    "birth_date",
    "sex",
    "phone",
    "address",
    "language",
    "preferred_pharmacy",
    "preferred_laboratory",
    "primary_practitioner",
    "login",
    "delegate",
    "contact_preference",
    "correction_request",
    "medicine",
    "refill",
    "requisition",
    "referral",
    "appointment",
)
# What was merged before can't be undone: nobody knows what was moved.
KEEP_MERGES = """
    INSERT INTO patient_merge (id, duplicate_id, survivor_id, merged_at, reason, undo_until,
                               moved_at)
    SELECT gen_random_uuid(), id, merged_into_id, merged_at, merge_reason, merged_at, merged_at
    FROM patient WHERE merged_into_id IS NOT NULL
"""
FORGET = (
    "DELETE FROM work_item_hop WHERE work_item_id IN (SELECT id FROM work_item WHERE {})",
    "DELETE FROM work_item WHERE {}",
)
GONE = (
    "kind IN ('merge_clash', 'merge_findings', 'merge_undone') "
    "OR (kind = 'privacy_incident' AND patient_id IS NOT NULL)"
)


def know_kinds(kinds: list[str]) -> None:
    """The kinds of work item that there are."""
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.drop_constraint(op.f("ck_work_item_kind_known"), "work_item", type_="check")
    op.create_check_constraint(op.f("ck_work_item_kind_known"), "work_item", f"kind IN ({listed})")


def known_kinds() -> list[str]:
    query = sa.text(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'ck_work_item_kind_known'"
    )
    return re.findall(r"'([a-z_]+)'", op.get_bind().execute(query).scalar_one())


def moment(name: str, *, nullable: bool = False) -> sa.Column[sa.TIMESTAMP]:
    return sa.Column(name, sa.TIMESTAMP(timezone=True), nullable=nullable)


def words(name: str, *, nullable: bool = False) -> sa.Column[sa.Text]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def reference(
    table: str, name: str, to: str | None = None, *, nullable: bool = False
) -> sa.Column[sa.Uuid]:
    """An id; `to` is the table whose it is."""
    keys = [] if to is None else [sa.ForeignKey(f"{to}.id", name=op.f(f"fk_{table}_{name}"))]
    return sa.Column(name, sa.Uuid(), *keys, nullable=nullable)


def upgrade() -> None:
    know_kinds([*known_kinds(), *NEW_KINDS])
    make_merges()
    make_what_follows()
    op.execute(KEEP_MERGES)


def make_merges() -> None:
    table = "patient_merge"
    op.create_table(
        table,
        reference(table, "id"),
        reference(table, "duplicate_id", "patient"),
        reference(table, "survivor_id", "patient"),
        moment("merged_at"),
        reference(table, "merged_by", nullable=True),
        words("reason"),
        reference(table, "kept_account", nullable=True),
        sa.Column("moved_account", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        reference(table, "retired_account", nullable=True),
        moment("undo_until"),
        moment("moved_at", nullable=True),
        moment("undone_at", nullable=True),
        reference(table, "undone_by", nullable=True),
        words("undo_reason", nullable=True),
        moment("returned_at", nullable=True),
        sa.Column("seen_by", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.CheckConstraint("duplicate_id <> survivor_id", name=op.f("ck_patient_merge_two")),
        sa.CheckConstraint(
            "(undone_at IS NULL) = (undone_by IS NULL) "
            "AND (undone_at IS NULL) = (undo_reason IS NULL) "
            "AND (returned_at IS NOT NULL) <= (undone_at IS NOT NULL)",
            name=op.f("ck_patient_merge_undone"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient_merge")),
    )
    op.create_index(
        "uq_patient_merge_standing",
        table,
        ["duplicate_id"],
        unique=True,
        postgresql_where=sa.text("undone_at IS NULL"),
    )
    op.create_index("ix_patient_merge_duplicate", table, ["duplicate_id", "merged_at", "id"])
    op.create_index("ix_patient_merge_survivor", table, ["survivor_id", "merged_at", "id"])
    op.create_index("ix_patient_merge_until", table, ["undo_until"])


def make_what_follows() -> None:
    op.create_table(
        "merge_move",
        reference("merge_move", "merge_id", "patient_merge"),
        words("table_name"),
        sa.Column("row_key", postgresql.JSONB(), nullable=False),
        sa.Column("before", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("merge_id", "table_name", "row_key", name=op.f("pk_merge_move")),
    )
    kinds = ", ".join(f"'{kind}'" for kind in FINDING_KINDS)
    op.create_table(
        "merge_finding",
        reference("merge_finding", "id"),
        reference("merge_finding", "merge_id", "patient_merge"),
        words("kind"),
        reference("merge_finding", "theirs_id", nullable=True),
        reference("merge_finding", "own_id", nullable=True),
        words("theirs", nullable=True),
        words("own", nullable=True),
        sa.Column("clinical", sa.Boolean(), nullable=False),
        sa.Column("clash", sa.Boolean(), nullable=False),
        reference("merge_finding", "asked_id", nullable=True),
        moment("found_at"),
        sa.CheckConstraint(f"kind IN ({kinds})", name=op.f("ck_merge_finding_kind_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merge_finding")),
        sa.UniqueConstraint(
            "merge_id",
            "kind",
            "theirs_id",
            "own_id",
            name=op.f("uq_merge_finding_merge_id_kind_theirs_id_own_id"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_table(
        "merge_left",
        reference("merge_left", "id"),
        reference("merge_left", "merge_id", "patient_merge"),
        words("resource"),
        reference("merge_left", "subject_id"),
        words("why"),
        sa.Column("stays", sa.Boolean(), nullable=False),
        moment("found_at"),
        moment("decided_at", nullable=True),
        reference("merge_left", "decided_by", nullable=True),
        reference("merge_left", "belongs_to", nullable=True),
        sa.CheckConstraint(
            "why IN ('written', 'login', 'closed_by_death')", name=op.f("ck_merge_left_why_known")
        ),
        sa.CheckConstraint(
            "(decided_at IS NULL) = (decided_by IS NULL) "
            "AND (decided_at IS NULL) = (belongs_to IS NULL)",
            name=op.f("ck_merge_left_decided"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merge_left")),
        sa.UniqueConstraint(
            "merge_id",
            "resource",
            "subject_id",
            name=op.f("uq_merge_left_merge_id_resource_subject_id"),
        ),
    )


def downgrade() -> None:
    # What was undone a moment ago and not given back yet would be lost with the ledger.
    op.execute("DROP FUNCTION IF EXISTS careloop_undo_merge(uuid)")
    for table in ("merge_left", "merge_finding", "merge_move", "patient_merge"):
        op.drop_table(table)
    for statement in FORGET:
        op.execute(statement.format(GONE))
    know_kinds([kind for kind in known_kinds() if kind not in NEW_KINDS])
