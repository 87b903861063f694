"""Whose report it is: matches that are confirmed and undone, values judged by words."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "reconciliation_case",
        sa.Column("differences", ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    )
    op.add_column("reconciliation_case", sa.Column("confirmation", sa.Text()))
    op.create_check_constraint(
        op.f("ck_reconciliation_case_confirmed"),
        "reconciliation_case",
        "(differences = '{}') = (confirmation IS NULL) "
        "AND (confirmation IS NULL OR status = 'matched' AND length(confirmation) >= 10)",
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_reconciliation_case_confirmed"), "reconciliation_case")
    op.drop_column("reconciliation_case", "confirmation")
    op.drop_column("reconciliation_case", "differences")
