"""Practitioners, places and tests are sorted as people sort names; senders whom nobody knows are told
apart."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

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


def downgrade() -> None:
    op.drop_index("uq_diagnostic_report_filler", "diagnostic_report")
    by_filler()
    op.drop_column("diagnostic_report", "sender")
    op.drop_index("ix_catalog_test_name", "catalog_test")
    op.create_index("ix_catalog_test_name", "catalog_test", ["name", "code"])
    for table in TABLES:
        op.drop_index(f"ix_{table}_name", table)
