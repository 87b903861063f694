"""Nothing that a laboratory says is dropped: withdrawn, kept, out of order."""

import re

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

NEW_WORDS = (
    ("reconciliation_case", "reason", ("out_of_order", "not_taken_in")),
    ("reconciliation_case", "status", ("taken_in",)),
    ("observation", "status", ("not_asked",)),
)


def known_words(table: str, column: str) -> list[str]:
    query = sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name")
    name = f"ck_{table}_{column}_known"
    return re.findall(r"'([a-z_]+)'", op.get_bind().execute(query, {"name": name}).scalar_one())


def know_words(table: str, column: str, words: list[str]) -> None:
    listed = ", ".join(f"'{word}'" for word in words)
    name = op.f(f"ck_{table}_{column}_known")
    op.drop_constraint(name, table, type_="check")
    op.create_check_constraint(name, table, f"{column} IN ({listed})")


def upgrade() -> None:
    for table, column, words in NEW_WORDS:
        know_words(table, column, [*known_words(table, column), *words])
    op.add_column("observation", sa.Column("isolate", JSONB(), nullable=True))
    op.create_index(
        "ix_observation_critical",
        "observation",
        ["report_id"],
        postgresql_where=sa.text("abnormality = 'critical'"),
    )
    op.drop_constraint(
        op.f("uq_reconciliation_case_message_id_report_index"),
        "reconciliation_case",
        type_="unique",
    )
    op.create_unique_constraint(
        op.f("uq_reconciliation_case_message_id_report_index_reason"),
        "reconciliation_case",
        ["message_id", "report_index", "reason"],
    )
    op.create_index(
        "ix_reconciliation_case_report",
        "reconciliation_case",
        ["report_id"],
        postgresql_where=sa.text("status = 'open' AND report_id IS NOT NULL"),
    )
    op.create_index(
        "ix_received_message_failed",
        "received_message",
        ["sender", "digest"],
        postgresql_where=sa.text("outcome = 'failed'"),
    )


def downgrade() -> None:
    op.drop_index("ix_received_message_failed", "received_message")
    op.drop_index("ix_reconciliation_case_report", "reconciliation_case")
    # What the words say of would be lost; cases stay as reports that nobody has matched.
    op.execute("DELETE FROM reconciliation_case WHERE reason IN ('out_of_order', 'not_taken_in')")
    op.execute("UPDATE observation SET status = 'registered' WHERE status = 'not_asked'")
    op.drop_constraint(
        op.f("uq_reconciliation_case_message_id_report_index_reason"),
        "reconciliation_case",
        type_="unique",
    )
    op.create_unique_constraint(
        op.f("uq_reconciliation_case_message_id_report_index"),
        "reconciliation_case",
        ["message_id", "report_index"],
    )
    op.drop_index("ix_observation_critical", "observation")
    op.drop_column("observation", "isolate")
    for table, column, words in NEW_WORDS:
        know_words(table, column, [one for one in known_words(table, column) if one not in words])
