"""Deceased patients, and what is re-routed when somebody or something leaves."""

import re

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

# What columns may hold beside what they could before.
NEW_VALUES = {
    ("account", "status"): ["suspended"],
    ("thread", "closed_reason"): ["patient_died"],
    ("work_item", "kind"): ["patient_died", "death_revoked", "rerouting"],
}
DEATH_SOURCES = ("family", "clinician", "hospital", "death_certificate", "registry", "other")


def know_values(table: str, column: str, values: list[str]) -> None:
    """Which values a column may hold."""
    name = op.f(f"ck_{table}_{column}_known")
    listed = ", ".join(f"'{value}'" for value in values)
    op.drop_constraint(name, table, type_="check")
    op.create_check_constraint(name, table, f"{column} IN ({listed})")


def known_values(table: str, column: str) -> list[str]:
    query = sa.text(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name"
    ).bindparams(name=f"ck_{table}_{column}_known")
    return re.findall(r"'([a-z_]+)'", op.get_bind().execute(query).scalar_one())


def moment(name: str, *, nullable: bool = False) -> sa.Column[sa.TIMESTAMP]:
    return sa.Column(name, sa.TIMESTAMP(timezone=True), nullable=nullable)


def words(name: str, *, nullable: bool = False) -> sa.Column[sa.Text]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def reference(table: str, name: str, to: str | None = None) -> sa.Column[sa.Uuid]:
    """An id; `to` is the table whose it is."""
    keys = [] if to is None else [sa.ForeignKey(f"{to}.id", name=op.f(f"fk_{table}_{name}"))]
    return sa.Column(name, sa.Uuid(), *keys, nullable=False)


def upgrade() -> None:
    for (table, column), values in NEW_VALUES.items():
        know_values(table, column, [*known_values(table, column), *values])
    op.add_column("account", sa.Column("suspended_from", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("ck_account_suspended"),
        "account",
        "status <> 'suspended' OR coalesce(suspended_from, '') IN "
        "('invited', 'active', 'disabled')",
    )
    make_deaths()
    make_departures()


def make_departures() -> None:
    op.create_table(
        "departure",
        reference("departure", "id"),
        words("kind"),
        reference("departure", "subject_id"),
        sa.Column("successor_id", sa.Uuid(), nullable=True),
        words("reason"),
        moment("effective_at"),
        moment("recorded_at"),
        reference("departure", "recorded_by"),
        sa.Column("moved", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("batches", sa.Integer(), server_default=sa.text("0"), nullable=False),
        moment("done_at", nullable=True),
        sa.CheckConstraint(
            "kind IN ('practitioner', 'pharmacy', 'laboratory')",
            name=op.f("ck_departure_kind_known"),
        ),
        sa.CheckConstraint("successor_id <> subject_id", name=op.f("ck_departure_somebody_else")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_departure")),
        sa.UniqueConstraint("subject_id", name=op.f("uq_departure_subject_id")),
    )
    op.create_table(
        "departure_left",
        reference("departure_left", "id"),
        reference("departure_left", "departure_id", "departure"),
        words("resource"),
        reference("departure_left", "subject_id"),
        words("why"),
        moment("at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_departure_left")),
        sa.UniqueConstraint(
            "departure_id",
            "subject_id",
            "resource",
            name=op.f("uq_departure_left_departure_id_subject_id_resource"),
        ),
    )


def make_deaths() -> None:
    sources = ", ".join(f"'{source}'" for source in DEATH_SOURCES)
    op.create_table(
        "patient_death",
        reference("patient_death", "id"),
        reference("patient_death", "patient_id", "patient"),
        sa.Column("died_on", sa.Date(), nullable=False),
        words("source"),
        words("reason"),
        moment("recorded_at"),
        words("recorder_kind"),
        reference("patient_death", "recorded_by"),
        sa.Column("standing", sa.Boolean(), nullable=True),
        moment("revoked_at", nullable=True),
        sa.Column("revoked_by", sa.Uuid(), nullable=True),
        words("revoke_reason", nullable=True),
        sa.CheckConstraint(f"source IN ({sources})", name=op.f("ck_patient_death_source_known")),
        sa.CheckConstraint("length(reason) >= 3", name=op.f("ck_patient_death_reason")),
        sa.CheckConstraint(
            "standing IS NOT FALSE AND (standing IS NULL) = (revoked_at IS NOT NULL) "
            "AND (revoked_at IS NULL) = (revoked_by IS NULL) "
            "AND (revoked_at IS NULL) = (revoke_reason IS NULL)",
            name=op.f("ck_patient_death_revoked"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient_death")),
        sa.UniqueConstraint(
            "patient_id", "standing", name=op.f("uq_patient_death_patient_id_standing")
        ),
    )
    op.create_table(
        "death_step",
        reference("death_step", "id"),
        reference("death_step", "death_id", "patient_death"),
        reference("death_step", "patient_id", "patient"),
        words("resource"),
        reference("death_step", "subject_id"),
        words("status_before"),
        words("settled"),
        moment("at"),
        sa.CheckConstraint(
            "settled IN ('closed', 'given')", name=op.f("ck_death_step_settled_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_death_step")),
        sa.UniqueConstraint(
            "death_id",
            "subject_id",
            "resource",
            name=op.f("uq_death_step_death_id_subject_id_resource"),
        ),
    )
    op.create_index("ix_death_step_patient", "death_step", ["patient_id"])
    op.create_table(
        "access_after_death",
        reference("access_after_death", "clinic_id", "clinic"),
        sa.Column("days", sa.Integer(), nullable=False),
        moment("changed_at"),
        reference("access_after_death", "changed_by"),
        sa.CheckConstraint("days BETWEEN 0 AND 3650", name=op.f("ck_access_after_death_days")),
        sa.PrimaryKeyConstraint("clinic_id", name=op.f("pk_access_after_death")),
    )


def downgrade() -> None:
    op.drop_table("departure_left")
    op.drop_table("departure")
    op.drop_table("access_after_death")
    op.drop_index("ix_death_step_patient", table_name="death_step")
    op.drop_table("death_step")
    op.drop_table("patient_death")
    op.execute(
        "UPDATE account SET status = suspended_from, suspended_from = NULL "
        "WHERE status = 'suspended'"
    )
    op.drop_constraint(op.f("ck_account_suspended"), "account", type_="check")
    op.drop_column("account", "suspended_from")
    op.execute(
        "UPDATE thread SET closed_reason = 'no_reply_needed' WHERE closed_reason = 'patient_died'"
    )
    gone = ", ".join(f"'{kind}'" for kind in NEW_VALUES["work_item", "kind"])
    items = f"SELECT id FROM work_item WHERE kind IN ({gone})"  # noqa: S608 - names of ours
    op.execute(f"DELETE FROM work_item_hop WHERE work_item_id IN ({items})")  # noqa: S608
    op.execute(f"DELETE FROM work_item WHERE id IN ({items})")  # noqa: S608
    for (table, column), values in NEW_VALUES.items():
        kept = [one for one in known_values(table, column) if one not in values]
        know_values(table, column, kept)
