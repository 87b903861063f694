"""Whose report it is: matches that are confirmed and undone, values judged by words."""

import re

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


NEW_WORDS = (
    ("work_item", "kind", "privacy_incident"),
    ("reconciliation_case", "reason", "taken_back"),
    ("release_entry", "action", "withdrawn"),
    ("release_entry", "rule", "not_this_patients"),
)
# A version that was taken back is nobody's, and so is what hangs on it.
TAKEN_BACK = (
    "report_version",
    "observation",
    "report_attachment",
    "result_review",
    "follow_up",
    "critical_alert",
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


def judge_again() -> None:
    """What has a value that nobody could judge was called normal, and isn't certainly so."""
    for table, version_id in (
        ("report_version", "id"),
        ("diagnostic_report", "current_version_id"),
    ):
        op.execute(
            f"UPDATE {table} t SET abnormality = 'unknown' WHERE abnormality = 'normal' "  # noqa: S608
            f"AND EXISTS (SELECT FROM observation o WHERE o.version_id = t.{version_id} "
            "AND o.abnormality = 'unknown' AND o.status NOT IN ('cancelled', 'entered_in_error'))"
        )


def one_open_alert(condition: str) -> None:
    op.drop_index("uq_critical_alert_open", "critical_alert")
    op.create_index(
        "uq_critical_alert_open",
        "critical_alert",
        ["report_id"],
        unique=True,
        postgresql_where=sa.text(condition),
    )


def reference(name: str, to: str) -> sa.Column[sa.Uuid]:
    foreign = sa.ForeignKey(f"{to}.id", name=op.f(f"fk_privacy_incident_{name}"))
    return sa.Column(name, sa.Uuid(), foreign, nullable=False)


def make_incidents() -> None:
    op.create_table(
        "privacy_incident",
        sa.Column("id", sa.Uuid(), nullable=False),
        reference("clinic_id", "clinic"),
        reference("case_id", "reconciliation_case"),
        reference("report_id", "diagnostic_report"),
        reference("patient_id", "patient"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("was_released", sa.Boolean(), nullable=False),
        sa.Column("seen_by", JSONB(), nullable=False),
        sa.Column("follow_ups", JSONB(), nullable=False),
        sa.Column("opened_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("opened_by", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_privacy_incident")),
        sa.CheckConstraint("length(reason) >= 10", name=op.f("ck_privacy_incident_reason")),
    )
    for column in ("case_id", "patient_id"):
        name = column.removesuffix("_id")
        op.create_index(f"ix_privacy_incident_{name}", "privacy_incident", [column])


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
    for table, column, word in NEW_WORDS:
        know_words(table, column, [*known_words(table, column), word])
    for table in TAKEN_BACK:
        op.alter_column(table, "patient_id", nullable=True)
    one_open_alert("acknowledged_at IS NULL AND patient_id IS NOT NULL")
    make_incidents()
    judge_again()


def downgrade() -> None:
    # To whom a version belonged that was taken back is the report's; what is more is lost.
    op.drop_table("privacy_incident")
    op.execute(
        "DELETE FROM work_item_hop h USING work_item w "
        "WHERE w.id = h.work_item_id AND w.kind = 'privacy_incident'"
    )
    op.execute("DELETE FROM work_item WHERE kind = 'privacy_incident'")
    op.execute(
        "UPDATE reconciliation_case SET reason = 'patient_mismatch' WHERE reason = 'taken_back'"
    )
    op.execute("DELETE FROM release_entry WHERE action = 'withdrawn'")
    op.execute(
        "UPDATE critical_alert SET acknowledged_at = raised_at, read_back = 'taken back', "
        "acknowledged_by = '00000000-0000-0000-0000-000000000000' "
        "WHERE acknowledged_at IS NULL AND patient_id IS NULL"
    )
    one_open_alert("acknowledged_at IS NULL")
    for table in TAKEN_BACK:
        op.execute(
            f"UPDATE {table} t SET patient_id = r.patient_id FROM diagnostic_report r "  # noqa: S608
            "WHERE r.id = t.report_id AND t.patient_id IS NULL"
        )
        op.alter_column(table, "patient_id", nullable=False)
    for table, column, word in NEW_WORDS:
        know_words(table, column, [one for one in known_words(table, column) if one != word])
    op.drop_constraint(op.f("ck_reconciliation_case_confirmed"), "reconciliation_case")
    op.drop_column("reconciliation_case", "confirmation")
    op.drop_column("reconciliation_case", "differences")
