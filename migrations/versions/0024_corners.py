"""Names are sorted as people do; unknown senders are told apart; fills beyond what was authorised."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

BEYOND = ("refills_beyond", "first_fills_beyond")
TABLES = ("practitioner", "pharmacy", "laboratory")


def by_filler(*columns: str) -> None:
    op.create_index(
        "uq_diagnostic_report_filler",
        "diagnostic_report",
        ["laboratory_id", *columns, "filler_number", "code", "requisition_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("filler_number <> ''"),
    )


def upgrade() -> None:
    op.add_column(
        "diagnostic_report", sa.Column("sender", sa.Text(), server_default="", nullable=False)
    )
    op.drop_index("uq_diagnostic_report_filler", "diagnostic_report")
    by_filler("sender")
    for table in TABLES:
        op.execute(f"CREATE INDEX ix_{table}_name ON {table} (careloop_name_key(name), id)")
    op.drop_index("ix_catalog_test_name", "catalog_test")
    op.execute("CREATE INDEX ix_catalog_test_name ON catalog_test (careloop_name_key(name), code)")

    for name in BEYOND:
        op.add_column(
            "prescription", sa.Column(name, sa.Integer(), server_default="0", nullable=False)
        )
    # Both at once, with the last refill counted: what was handed over all the same, and another.
    op.execute(
        """
        UPDATE prescription p SET refills_beyond = r.taken - p.refills_authorized
        FROM (SELECT prescription_id, count(*) AS taken FROM refill
              WHERE kind = 'refill' AND (reserved OR quantity_dispensed > 0)
              GROUP BY prescription_id) r
        WHERE r.prescription_id = p.id AND r.taken > p.refills_authorized
          AND p.refills_used = p.refills_authorized
        """
    )
    op.create_check_constraint(
        op.f("ck_prescription_beyond_what_is_used_up"),
        "prescription",
        "(refills_beyond = 0 OR refills_beyond > 0 AND refills_used = refills_authorized) AND "
        "(first_fills_beyond = 0 OR first_fills_beyond > 0 AND first_fill_used = 1)",
    )


def downgrade() -> None:
    op.drop_constraint(
        op.f("ck_prescription_beyond_what_is_used_up"), "prescription", type_="check"
    )
    for name in BEYOND:
        op.drop_column("prescription", name)
    op.drop_index("uq_diagnostic_report_filler", "diagnostic_report")
    by_filler()
    op.drop_column("diagnostic_report", "sender")
    op.drop_index("ix_catalog_test_name", "catalog_test")
    op.create_index("ix_catalog_test_name", "catalog_test", ["name", "code"])
    for table in TABLES:
        op.drop_index(f"ix_{table}_name", table)
