"""Medicines that are taken as needed: no days' supply, but a maximum per day."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("prescription", sa.Column("max_per_day", sa.Numeric(), nullable=True))
    for table in ("prescription", "dispense"):
        op.alter_column(table, "days_supply", nullable=True)
    op.create_check_constraint(
        op.f("ck_prescription_days_or_as_needed"),
        "prescription",
        "(days_supply IS NULL) = (max_per_day IS NOT NULL)",
    )
    op.create_check_constraint(
        op.f("ck_prescription_max_per_day_in_bounds"),
        "prescription",
        "max_per_day > 0 AND max_per_day <= quantity AND quantity <= 365 * max_per_day",
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_prescription_max_per_day_in_bounds"), "prescription", type_="check")
    op.drop_constraint(op.f("ck_prescription_days_or_as_needed"), "prescription", type_="check")
    # The fewest days for which it lasts are what there was before.
    op.execute(
        "UPDATE dispense d SET days_supply = least(greatest(floor(d.quantity / p.max_per_day), 1), "
        "365) FROM prescription p WHERE p.id = d.prescription_id AND d.days_supply IS NULL"
    )
    op.execute(
        "UPDATE prescription SET days_supply = least(greatest(floor(quantity / max_per_day), 1), "
        "365) WHERE days_supply IS NULL"
    )
    for table in ("prescription", "dispense"):
        op.alter_column(table, "days_supply", nullable=False)
    op.drop_column("prescription", "max_per_day")
