"""Indexes by which long worklists are read in the order of what is due."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


OPEN = "status IN ('open', 'claimed')"


def upgrade() -> None:
    op.drop_index("ix_work_item_claimed", table_name="work_item", postgresql_where=sa.text(OPEN))
    op.create_index(
        "ix_work_item_claimed",
        "work_item",
        ["claimed_by", "due_at", "id"],
        unique=False,
        postgresql_where=sa.text(f"{OPEN} AND claimed_by IS NOT NULL"),
    )
    op.create_index(
        "ix_work_item_unassigned",
        "work_item",
        ["pool_id", "due_at", "id"],
        unique=False,
        postgresql_where=sa.text(f"{OPEN} AND assignee_id IS NULL"),
    )
    op.drop_index("ix_work_item_due", table_name="work_item", postgresql_where=sa.text(OPEN))
    op.create_index(
        "ix_work_item_due",
        "work_item",
        ["due_at", "id"],
        unique=False,
        postgresql_where=sa.text(f"{OPEN} AND due_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index(
        "ix_work_item_due",
        table_name="work_item",
        postgresql_where=sa.text(f"{OPEN} AND due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_work_item_due",
        "work_item",
        ["due_at", "id"],
        unique=False,
        postgresql_where=sa.text(OPEN),
    )
    op.execute("DROP FUNCTION IF EXISTS careloop_next_due(boolean, text, timestamptz, uuid, int)")
    op.execute("DROP FUNCTION IF EXISTS careloop_my_patient_ids()")
    op.drop_index(
        "ix_work_item_unassigned",
        table_name="work_item",
        postgresql_where=sa.text(f"{OPEN} AND assignee_id IS NULL"),
    )
    op.drop_index(
        "ix_work_item_claimed",
        table_name="work_item",
        postgresql_where=sa.text(f"{OPEN} AND claimed_by IS NOT NULL"),
    )
    op.create_index(
        "ix_work_item_claimed",
        "work_item",
        ["claimed_by"],
        unique=False,
        postgresql_where=sa.text(OPEN),
    )
