"""A work item knows what asked for it, and when something else did so while it was open."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "work_item",
        sa.Column("cause_ids", sa.ARRAY(sa.Uuid()), server_default="{}", nullable=False),
    )
    op.add_column("work_item", sa.Column("asked_again_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("work_item", "asked_again_at")
    op.drop_column("work_item", "cause_ids")
