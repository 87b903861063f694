"""Referrals' and visits' appointments, and threads about them."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BEFORE = ("prescription", "refill", "requisition", "result")
ADDED = ("referral", "appointment", "visit")
FORGET = """
    UPDATE {table} SET about_kind = NULL, about_id = NULL
    WHERE about_kind IN ('referral', 'appointment', 'visit')
"""
# Until now anybody could write an id of what nobody knew.
DANGLING = """
    UPDATE {table} SET appointment_id = NULL
    WHERE appointment_id IS NOT NULL
      AND NOT EXISTS (SELECT FROM appointment a WHERE a.id = appointment_id)
"""
WITH_APPOINTMENT = ("referral", "visit")


def know_subjects(kinds: tuple[str, ...]) -> None:
    """What a thread, and a draft of one, can be about."""
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    for table in ("thread", "draft"):
        name = op.f(f"ck_{table}_about_kind_known")
        op.drop_constraint(name, table, type_="check")
        op.create_check_constraint(name, table, f"about_kind IN ({listed})")


def upgrade() -> None:
    know_subjects(BEFORE + ADDED)
    for table in WITH_APPOINTMENT:
        op.execute(DANGLING.format(table=table))
        op.create_foreign_key(
            op.f(f"fk_{table}_appointment_id"), table, "appointment", ["appointment_id"], ["id"]
        )
    op.drop_index("ix_visit_appointment", table_name="visit")
    op.create_index("uq_visit_appointment", "visit", ["appointment_id"], unique=True)
    op.create_index(
        "ix_referral_about",
        "referral",
        ["about"],
        postgresql_using="gin",
        postgresql_ops={"about": "jsonb_path_ops"},
    )
    op.add_column("follow_up", sa.Column("referral_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_follow_up_referral_id"), "follow_up", "referral", ["referral_id"], ["id"]
    )


def downgrade() -> None:
    op.drop_column("follow_up", "referral_id")
    op.drop_index("ix_referral_about", table_name="referral")
    op.drop_index("uq_visit_appointment", table_name="visit")
    op.create_index("ix_visit_appointment", "visit", ["appointment_id"])
    for table in WITH_APPOINTMENT:
        op.drop_constraint(op.f(f"fk_{table}_appointment_id"), table, type_="foreignkey")
    for table in ("thread", "draft"):
        op.execute(FORGET.format(table=table))
    know_subjects(BEFORE)
