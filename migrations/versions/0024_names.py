"""Practitioners, places and tests are sorted as people sort names."""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

TABLES = ("practitioner", "pharmacy", "laboratory")


def upgrade() -> None:
    for table in TABLES:
        op.execute(f"CREATE INDEX ix_{table}_name ON {table} (careloop_name_key(name), id)")
    op.drop_index("ix_catalog_test_name", "catalog_test")
    op.execute("CREATE INDEX ix_catalog_test_name ON catalog_test (careloop_name_key(name), code)")


def downgrade() -> None:
    op.drop_index("ix_catalog_test_name", "catalog_test")
    op.create_index("ix_catalog_test_name", "catalog_test", ["name", "code"])
    for table in TABLES:
        op.drop_index(f"ix_{table}_name", table)
