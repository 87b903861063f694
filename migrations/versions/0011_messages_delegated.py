"""Delegates in messages, the advice line and attachments."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("thread", "advice_call"):
        op.add_column(
            table,
            sa.Column(
                "confidential", sa.Boolean(), server_default=sa.text("false"), nullable=False
            ),
        )
    op.add_column("advice_call", sa.Column("requester_kind", sa.Text(), nullable=True))
    op.add_column("advice_call", sa.Column("requester_id", sa.Uuid(), nullable=True))
    # Until now only patients asked, each for themselves.
    op.execute("UPDATE advice_call SET requester_kind = 'patient', requester_id = patient_id")
    op.alter_column("advice_call", "requester_kind", nullable=False)
    op.alter_column("advice_call", "requester_id", nullable=False)
    op.create_check_constraint(
        op.f("ck_attachment_to_kind_known"), "attachment", "to_kind IN ('message')"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_attachment_to_kind_known"), "attachment", type_="check")
    op.drop_column("advice_call", "requester_id")
    op.drop_column("advice_call", "requester_kind")
    op.drop_column("advice_call", "confidential")
    op.drop_column("thread", "confidential")
