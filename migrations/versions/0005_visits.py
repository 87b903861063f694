"""Visits, their summaries and what is to be done after them, vital signs, problems."""

import re

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NEW_KINDS = ("summary_missing", "visit_instruction_overdue")


def know_kinds(kinds: list[str]) -> None:
    """The kinds of work item that there are."""
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.drop_constraint(op.f("ck_work_item_kind_known"), "work_item", type_="check")
    op.create_check_constraint(op.f("ck_work_item_kind_known"), "work_item", f"kind IN ({listed})")


def known_kinds() -> list[str]:
    query = sa.text(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE conname = 'ck_work_item_kind_known'"
    )
    return re.findall(r"'([a-z_]+)'", op.get_bind().execute(query).scalar_one())


def upgrade() -> None:
    know_kinds([*known_kinds(), *NEW_KINDS])
    op.create_table(
        "visit",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("practitioner_id", sa.Uuid(), nullable=False),
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("appointment_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("started_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("ended_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("status_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("summary_due_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("confidential", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("confidential_by", sa.Uuid(), nullable=True),
        sa.Column("confidential_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("confidential_reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "(status = 'finished') <= (ended_at IS NOT NULL)", name=op.f("ck_visit_end")
        ),
        sa.CheckConstraint(
            "(status IN ('in_progress', 'finished')) <= (started_at IS NOT NULL)",
            name=op.f("ck_visit_start"),
        ),
        sa.CheckConstraint(
            "(summary_due_at IS NOT NULL) <= (status IN ('in_progress', 'finished'))",
            name=op.f("ck_visit_summary"),
        ),
        sa.CheckConstraint(
            "kind IN ('office', 'telehealth', 'phone', 'home')", name=op.f("ck_visit_kind_known")
        ),
        sa.CheckConstraint(
            "status IN ('planned', 'in_progress', 'finished', 'cancelled', 'entered_in_error')",
            name=op.f("ck_visit_status_known"),
        ),
        sa.CheckConstraint(
            "confidential = (confidential_by IS NOT NULL) AND confidential = (confidential_reason IS NOT NULL)",
            name=op.f("ck_visit_confidential"),
        ),
        sa.CheckConstraint("ended_at >= started_at", name=op.f("ck_visit_order")),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_visit_clinic_id")),
        sa.ForeignKeyConstraint(
            ["confidential_by"], ["practitioner.id"], name=op.f("fk_visit_confidential_by")
        ),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_visit_patient_id")),
        sa.ForeignKeyConstraint(
            ["practitioner_id"], ["practitioner.id"], name=op.f("fk_visit_practitioner_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit")),
    )
    op.create_index("ix_visit_appointment", "visit", ["appointment_id"], unique=False)
    op.create_index("ix_visit_patient", "visit", ["patient_id", "starts_at", "id"], unique=False)
    op.create_index(
        "ix_visit_practitioner", "visit", ["practitioner_id", "patient_id"], unique=False
    )
    op.create_index(
        "ix_visit_schedule", "visit", ["practitioner_id", "starts_at", "id"], unique=False
    )
    op.create_index(
        "ix_visit_summary_due",
        "visit",
        ["summary_due_at", "id"],
        unique=False,
        postgresql_where=sa.text("summary_due_at IS NOT NULL"),
    )
    op.create_table(
        "problem",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=True),
        sa.Column("code_system", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("onset_on", sa.Date(), nullable=True),
        sa.Column("resolved_on", sa.Date(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(resolved_on IS NOT NULL) <= (status = 'resolved')", name=op.f("ck_problem_resolution")
        ),
        sa.CheckConstraint(
            "code_system IN ('icd_10_cm', 'snomed_ct')", name=op.f("ck_problem_code_system_known")
        ),
        sa.CheckConstraint(
            "status IN ('active', 'recurrence', 'remission', 'resolved', 'entered_in_error')",
            name=op.f("ck_problem_status_known"),
        ),
        sa.CheckConstraint("resolved_on >= onset_on", name=op.f("ck_problem_order")),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_problem_patient_id")),
        sa.ForeignKeyConstraint(
            ["recorded_by"], ["practitioner.id"], name=op.f("fk_problem_recorded_by")
        ),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_problem_visit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_problem")),
    )
    op.create_index(
        "ix_problem_patient", "problem", ["patient_id", "recorded_at", "id"], unique=False
    )
    op.create_index("ix_problem_visit", "problem", ["visit_id"], unique=False)
    op.create_table(
        "visit_history",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("starts_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_visit_history_visit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_history")),
    )
    op.create_index(
        "ix_visit_history_visit", "visit_history", ["visit_id", "at", "id"], unique=False
    )
    op.create_table(
        "visit_instruction",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("due_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("target_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("closed_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("closed_by_kind", sa.Text(), nullable=True),
        sa.Column("closed_by", sa.Uuid(), nullable=True),
        sa.Column("done_by", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(status = 'done') = (done_by IS NOT NULL)", name=op.f("ck_visit_instruction_done")
        ),
        sa.CheckConstraint(
            "(status = 'open') = (closed_at IS NULL)", name=op.f("ck_visit_instruction_end")
        ),
        sa.CheckConstraint(
            "done_by IN ('dispensed', 'resulted', 'visited', 'referred', 'answered', 'by_hand')",
            name=op.f("ck_visit_instruction_done_by_known"),
        ),
        sa.CheckConstraint(
            "kind IN ('fill', 'test', 'referral', 'visit', 'message', 'other')",
            name=op.f("ck_visit_instruction_kind_known"),
        ),
        sa.CheckConstraint(
            "status IN ('open', 'done', 'cancelled')",
            name=op.f("ck_visit_instruction_status_known"),
        ),
        sa.CheckConstraint(
            "(due_on IS NULL) = (due_at IS NULL)", name=op.f("ck_visit_instruction_due")
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_visit_instruction_patient_id")
        ),
        sa.ForeignKeyConstraint(
            ["visit_id"], ["visit.id"], name=op.f("fk_visit_instruction_visit_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_instruction")),
    )
    op.create_index(
        "ix_visit_instruction_due",
        "visit_instruction",
        ["due_at", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'open' AND due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_visit_instruction_patient", "visit_instruction", ["patient_id", "id"], unique=False
    )
    op.create_index(
        "ix_visit_instruction_target",
        "visit_instruction",
        ["target_id"],
        unique=False,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index("ix_visit_instruction_visit", "visit_instruction", ["visit_id"], unique=False)
    op.create_table(
        "visit_summary",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("written_by", sa.Uuid(), nullable=False),
        sa.Column("written_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("released_by", sa.Uuid(), nullable=True),
        sa.Column("released_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("amendment", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(number > 1 AND status = 'released') <= (amendment IS NOT NULL)",
            name=op.f("ck_visit_summary_amendment"),
        ),
        sa.CheckConstraint(
            "(status = 'released') = (released_at IS NOT NULL)",
            name=op.f("ck_visit_summary_release"),
        ),
        sa.CheckConstraint(
            "status IN ('draft', 'released')", name=op.f("ck_visit_summary_status_known")
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_visit_summary_patient_id")
        ),
        sa.ForeignKeyConstraint(
            ["released_by"], ["practitioner.id"], name=op.f("fk_visit_summary_released_by")
        ),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_visit_summary_visit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_summary")),
        sa.UniqueConstraint("visit_id", "number", name=op.f("uq_visit_summary_visit_id_number")),
    )
    op.create_index("ix_visit_summary_patient", "visit_summary", ["patient_id"], unique=False)
    op.create_index(
        "uq_visit_summary_draft",
        "visit_summary",
        ["visit_id"],
        unique=True,
        postgresql_where=sa.text("status = 'draft'"),
    )
    op.create_table(
        "vital_sign",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("value", sa.Numeric(precision=12, scale=3), nullable=True),
        sa.Column("systolic", sa.Numeric(precision=12, scale=3), nullable=True),
        sa.Column("diastolic", sa.Numeric(precision=12, scale=3), nullable=True),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("position", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("measured_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("withdrawn_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.Uuid(), nullable=True),
        sa.Column("withdrawn_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(code = '85354-9') = (value IS NULL) AND (code = '85354-9') = (systolic IS NOT NULL) AND (code = '85354-9') = (diastolic IS NOT NULL)",
            name=op.f("ck_vital_sign_panel"),
        ),
        sa.CheckConstraint(
            "(source = 'patient') <= (visit_id IS NULL)", name=op.f("ck_vital_sign_place")
        ),
        sa.CheckConstraint(
            "position IN ('sitting', 'standing', 'lying')",
            name=op.f("ck_vital_sign_position_known"),
        ),
        sa.CheckConstraint(
            "source IN ('clinic', 'patient')", name=op.f("ck_vital_sign_source_known")
        ),
        sa.CheckConstraint(
            "(withdrawn_at IS NULL) = (withdrawn_by IS NULL)", name=op.f("ck_vital_sign_withdrawal")
        ),
        sa.CheckConstraint("diastolic < systolic", name=op.f("ck_vital_sign_pressure")),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_vital_sign_patient_id")
        ),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_vital_sign_visit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vital_sign")),
    )
    op.create_index(
        "ix_vital_sign_code",
        "vital_sign",
        ["patient_id", "code", "measured_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_vital_sign_patient", "vital_sign", ["patient_id", "measured_at", "id"], unique=False
    )
    op.create_index("ix_vital_sign_visit", "vital_sign", ["visit_id"], unique=False)
    op.create_table(
        "problem_version",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("problem_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("onset_on", sa.Date(), nullable=True),
        sa.Column("resolved_on", sa.Date(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("written_by", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_problem_version_patient_id")
        ),
        sa.ForeignKeyConstraint(
            ["problem_id"], ["problem.id"], name=op.f("fk_problem_version_problem_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_problem_version")),
        sa.UniqueConstraint(
            "problem_id", "number", name=op.f("uq_problem_version_problem_id_number")
        ),
    )
    op.create_index("ix_problem_version_patient", "problem_version", ["patient_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_problem_version_patient", table_name="problem_version")
    op.drop_table("problem_version")
    op.drop_index("ix_vital_sign_visit", table_name="vital_sign")
    op.drop_index("ix_vital_sign_patient", table_name="vital_sign")
    op.drop_index("ix_vital_sign_code", table_name="vital_sign")
    op.drop_table("vital_sign")
    op.drop_index(
        "uq_visit_summary_draft",
        table_name="visit_summary",
        postgresql_where=sa.text("status = 'draft'"),
    )
    op.drop_index("ix_visit_summary_patient", table_name="visit_summary")
    op.drop_table("visit_summary")
    op.drop_index("ix_visit_instruction_visit", table_name="visit_instruction")
    op.drop_index(
        "ix_visit_instruction_target",
        table_name="visit_instruction",
        postgresql_where=sa.text("status = 'open'"),
    )
    op.drop_index("ix_visit_instruction_patient", table_name="visit_instruction")
    op.drop_index(
        "ix_visit_instruction_due",
        table_name="visit_instruction",
        postgresql_where=sa.text("status = 'open' AND due_at IS NOT NULL"),
    )
    op.drop_table("visit_instruction")
    op.drop_index("ix_visit_history_visit", table_name="visit_history")
    op.drop_table("visit_history")
    op.drop_index("ix_problem_visit", table_name="problem")
    op.drop_index("ix_problem_patient", table_name="problem")
    op.drop_table("problem")
    op.drop_index(
        "ix_visit_summary_due",
        table_name="visit",
        postgresql_where=sa.text("summary_due_at IS NOT NULL"),
    )
    op.drop_index("ix_visit_schedule", table_name="visit")
    op.drop_index("ix_visit_practitioner", table_name="visit")
    op.drop_index("ix_visit_patient", table_name="visit")
    op.drop_index("ix_visit_appointment", table_name="visit")
    op.drop_table("visit")
    know_kinds([kind for kind in known_kinds() if kind not in NEW_KINDS])
