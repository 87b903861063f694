"""What may be filled: reservations, as-needed directions, the same medicine twice."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# What a first fill or a renewal sent, where it stands.
_RESERVE_FIRST_FILLS = """
    UPDATE refill SET reserved = true
    FROM (SELECT DISTINCT ON (prescription_id) id FROM refill
          WHERE kind <> 'refill' AND status NOT IN
              ('awaiting_prescriber', 'denied', 'not_dispensed', 'cancelled')
          ORDER BY prescription_id, closed_at DESC NULLS FIRST, requested_at DESC) AS first
    WHERE refill.id = first.id
"""
_COUNT_FIRST_FILLS = """
    UPDATE prescription p SET first_fill_used = 1
    WHERE last_filled_on IS NOT NULL OR refills_used > 0 OR EXISTS (
        SELECT FROM refill r WHERE r.prescription_id = p.id AND r.reserved)
"""
# A refill that was replaced several times: each replacement takes the place of the one before.
_ONE_AFTER_THE_OTHER = """
    UPDATE refill SET replaces_id = line.before
    FROM (SELECT id, lag(id) OVER (PARTITION BY replaces_id ORDER BY requested_at, id) AS before
          FROM refill WHERE replaces_id IS NOT NULL) AS line
    WHERE refill.id = line.id AND line.before IS NOT NULL
"""
_PRESCRIPTION_CHECKS = {
    "first_fill_once": "first_fill_used BETWEEN 0 AND 1",
    "first_fill_before_refills": "first_fill_used = 1 OR "
    "(refills_used = 0 AND last_filled_on IS NULL)",
}


def upgrade() -> None:
    _first_fills()
    op.execute(_ONE_AFTER_THE_OTHER)
    op.drop_index("ix_refill_replaces", table_name="refill")
    op.create_index("uq_refill_replaces", "refill", ["replaces_id"], unique=True)


def _first_fills() -> None:
    op.add_column(
        "prescription",
        sa.Column("first_fill_used", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.execute(_RESERVE_FIRST_FILLS)
    op.execute(_COUNT_FIRST_FILLS)
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")  # an altered table may have no checks due
    for name, condition in _PRESCRIPTION_CHECKS.items():
        op.create_check_constraint(op.f(f"ck_prescription_{name}"), "prescription", condition)
    op.create_index(
        "uq_refill_first_fill",
        "refill",
        ["prescription_id"],
        unique=True,
        postgresql_where=sa.text("reserved AND kind <> 'refill'"),
    )


def downgrade() -> None:
    op.drop_index("uq_refill_replaces", table_name="refill")
    op.create_index("ix_refill_replaces", "refill", ["replaces_id"])
    op.drop_index("uq_refill_first_fill", table_name="refill")
    op.execute("UPDATE refill SET reserved = false WHERE kind <> 'refill'")
    for name in _PRESCRIPTION_CHECKS:
        op.drop_constraint(op.f(f"ck_prescription_{name}"), "prescription", type_="check")
    op.drop_column("prescription", "first_fill_used")
