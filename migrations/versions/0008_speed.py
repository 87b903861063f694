"""Indexes by which long worklists and conversations are read in their order."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_work_item_unassigned",
        "work_item",
        ["pool_id", "due_at", "id"],
        unique=False,
        postgresql_where=sa.text("status IN ('open', 'claimed') AND assignee_id IS NULL"),
    )


def downgrade() -> None:
    op.drop_index(
        "ix_work_item_unassigned",
        table_name="work_item",
        postgresql_where=sa.text("status IN ('open', 'claimed') AND assignee_id IS NULL"),
    )
