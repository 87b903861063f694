"""Requisitions, imaging, results, their release and review, letters and phone calls."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from portal.core.tables import Xid8

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KINDS_BEFORE = (
    "'refill_decision', 'refill_overdue', 'refill_failed', 'quarantined_update', 'feed_paused', "
    "'delivery_failed', 'dead_letter'"
)
KINDS = (
    f"{KINDS_BEFORE}, 'requisition_rejected', 'cancellation_refused', 'requisition_uncollected', 'requisition_expired', "
    "'requisition_unresulted', 'result_review', 'result_critical', 'result_communication', "
    "'result_unseen', 'result_follow_up', 'reconciliation', 'phone_call', 'letter_returned', "
    "'laboratory_unreachable'"
)


def know_kinds(kinds: str) -> None:
    """The kinds of work item that there are."""
    op.drop_constraint(op.f("ck_work_item_kind_known"), "work_item", type_="check")
    op.create_check_constraint(op.f("ck_work_item_kind_known"), "work_item", f"kind IN ({kinds})")


def upgrade() -> None:
    op.execute("CREATE SEQUENCE placer_number START 100001")
    know_kinds(KINDS)
    op.create_table(
        "catalog_test",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("specimen_code", sa.Text(), nullable=True),
        sa.Column("specimen_name", sa.Text(), nullable=True),
        sa.Column("fasting_hours", sa.Integer(), nullable=True),
        sa.Column("preparation", sa.Text(), nullable=True),
        sa.Column("modality", sa.Text(), nullable=True),
        sa.Column("duration_minutes", sa.Integer(), nullable=True),
        sa.Column("turnaround_hours", sa.Integer(), server_default=sa.text("48"), nullable=False),
        sa.Column(
            "components",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('laboratory', 'imaging')", name=op.f("ck_catalog_test_kind_known")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_catalog_test")),
    )
    op.create_index("ix_catalog_test_name", "catalog_test", ["name", "code"], unique=False)
    op.create_table(
        "contact_preference",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("results_by", sa.Text(), nullable=False),
        sa.Column("results_when", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "results_by IN ('portal', 'letter', 'phone')",
            name=op.f("ck_contact_preference_results_by_known"),
        ),
        sa.CheckConstraint(
            "results_when IN ('at_once', 'after_comment')",
            name=op.f("ck_contact_preference_results_when_known"),
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_contact_preference")),
    )
    op.create_table(
        "laboratory",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("clia", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("postal_code", sa.Text(), nullable=False),
        sa.Column("hours", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("application", sa.Text(), nullable=False),
        sa.Column("facility", sa.Text(), nullable=False),
        sa.Column("transport", sa.Text(), nullable=False),
        sa.Column("mllp_host", sa.Text(), nullable=True),
        sa.Column("mllp_port", sa.Integer(), nullable=True),
        sa.Column("mllp_tls", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('laboratory', 'radiology')", name=op.f("ck_laboratory_kind_known")
        ),
        sa.CheckConstraint(
            "transport <> 'mllp' OR (mllp_host IS NOT NULL AND mllp_port IS NOT NULL)",
            name=op.f("ck_laboratory_address"),
        ),
        sa.CheckConstraint(
            "transport IN ('mllp', 'feed')", name=op.f("ck_laboratory_transport_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_laboratory")),
        sa.UniqueConstraint(
            "application", "facility", name=op.f("uq_laboratory_application_facility")
        ),
        sa.UniqueConstraint("clia", name=op.f("uq_laboratory_clia")),
    )
    op.create_table(
        "imaging_slot",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("modality", sa.Text(), nullable=False),
        sa.Column("room", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("ends_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_imaging_slot_order")),
        sa.ForeignKeyConstraint(
            ["laboratory_id"], ["laboratory.id"], name=op.f("fk_imaging_slot_laboratory_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imaging_slot")),
    )
    op.create_index(
        "uq_imaging_slot_room",
        "imaging_slot",
        ["laboratory_id", "room", "starts_at"],
        unique=True,
        postgresql_where=sa.text("withdrawn_at IS NULL"),
    )
    op.create_index(
        "ix_imaging_slot_free", "imaging_slot", ["modality", "starts_at", "id"], unique=False
    )
    op.create_table(
        "laboratory_connection",
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("last_sent_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("last_answer_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("last_failure_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("last_failure", sa.Text(), nullable=True),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_heard_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["laboratory_id"],
            ["laboratory.id"],
            name=op.f("fk_laboratory_connection_laboratory_id"),
        ),
        sa.PrimaryKeyConstraint("laboratory_id", name=op.f("pk_laboratory_connection")),
    )
    op.create_table(
        "received_message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("transport", sa.Text(), nullable=False),
        sa.Column("laboratory_id", sa.Uuid(), nullable=True),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("control_id", sa.Text(), nullable=True),
        sa.Column("message_type", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("answers", postgresql.ARRAY(postgresql.BYTEA()), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('taken_in', 'reconciling', 'refused', 'failed')",
            name=op.f("ck_received_message_outcome_known"),
        ),
        sa.CheckConstraint(
            "transport IN ('mllp', 'http', 'fhir')",
            name=op.f("ck_received_message_transport_known"),
        ),
        sa.ForeignKeyConstraint(
            ["laboratory_id"], ["laboratory.id"], name=op.f("fk_received_message_laboratory_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_received_message")),
    )
    op.create_index(
        "ix_received_message_laboratory",
        "received_message",
        ["laboratory_id", "received_at"],
        unique=False,
    )
    op.create_index(
        "ix_received_message_received", "received_message", ["received_at", "id"], unique=False
    )
    op.create_index(
        "uq_received_message_control",
        "received_message",
        ["sender", "control_id"],
        unique=True,
        postgresql_where=sa.text(
            "control_id IS NOT NULL AND outcome IN ('taken_in', 'reconciling')"
        ),
    )
    op.create_table(
        "letter",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("addressee", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("printed_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("ended_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "status IN ('queued', 'printed', 'returned', 'cancelled')",
            name=op.f("ck_letter_status_known"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_letter_clinic_id")),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_letter_patient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letter")),
        sa.UniqueConstraint("source_id", name=op.f("uq_letter_source_id")),
    )
    op.create_index("ix_letter_clinic", "letter", ["clinic_id", "created_at", "id"], unique=False)
    op.create_index("ix_letter_patient", "letter", ["patient_id"], unique=False)
    op.create_index(
        "ix_letter_queued",
        "letter",
        ["created_at", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.create_table(
        "phone_call",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("script", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("ended_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status = 'open') = (ended_at IS NULL)", name=op.f("ck_phone_call_end")
        ),
        sa.CheckConstraint(
            "status IN ('open', 'reached', 'given_up', 'cancelled')",
            name=op.f("ck_phone_call_status_known"),
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_phone_call_patient_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone_call")),
        sa.UniqueConstraint("source_id", name=op.f("uq_phone_call_source_id")),
    )
    op.create_index("ix_phone_call_patient", "phone_call", ["patient_id"], unique=False)
    op.create_table(
        "call_attempt",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("caller_kind", sa.Text(), nullable=False),
        sa.Column("caller_id", sa.Uuid(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('reached', 'no_answer', 'asked_to_call_back', 'wrong_number')",
            name=op.f("ck_call_attempt_outcome_known"),
        ),
        sa.ForeignKeyConstraint(
            ["call_id"], ["phone_call.id"], name=op.f("fk_call_attempt_call_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_attempt")),
        sa.UniqueConstraint("call_id", "number", name=op.f("uq_call_attempt_call_id_number")),
    )
    op.create_table(
        "letter_history",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("letter_id", sa.Uuid(), nullable=False),
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["letter_id"], ["letter.id"], name=op.f("fk_letter_history_letter_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letter_history")),
    )
    op.create_index("ix_letter_history_letter", "letter_history", ["letter_id", "at"], unique=False)
    op.create_table(
        "standing_order",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("orderer_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("ordered_count", sa.Integer(), nullable=False),
        sa.Column("interval_days", sa.Integer(), nullable=False),
        sa.Column("made", sa.Integer(), nullable=False),
        sa.Column("next_on", sa.Date(), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("ended_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('active', 'completed', 'cancelled')",
            name=op.f("ck_standing_order_status_known"),
        ),
        sa.CheckConstraint("interval_days >= 1", name=op.f("ck_standing_order_interval")),
        sa.CheckConstraint("made BETWEEN 0 AND ordered_count", name=op.f("ck_standing_order_made")),
        sa.ForeignKeyConstraint(
            ["orderer_id"], ["practitioner.id"], name=op.f("fk_standing_order_orderer_id")
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_standing_order_patient_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_standing_order")),
    )
    op.create_index(
        "ix_standing_order_next",
        "standing_order",
        ["next_on", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'active'"),
    )
    op.create_index("ix_standing_order_patient", "standing_order", ["patient_id"], unique=False)
    op.create_table(
        "requisition",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("placer_number", sa.Text(), nullable=False),
        sa.Column("group_number", sa.Text(), nullable=False),
        sa.Column("filler_number", sa.Text(), nullable=True),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("orderer_id", sa.Uuid(), nullable=False),
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("standing_order_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("test_code", sa.Text(), nullable=False),
        sa.Column("test_name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("diagnoses", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("specimen_code", sa.Text(), nullable=True),
        sa.Column("specimen_name", sa.Text(), nullable=True),
        sa.Column("fasting", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("draft", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("not_before", sa.Date(), nullable=True),
        sa.Column("ordered_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("status_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("collect_by", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("expected_by", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("occurred_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("collected_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("reason_code", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("reminded_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("closed_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status IN ('resulted', 'rejected', 'cancelled', 'expired')) = (closed_at IS NOT NULL)",
            name=op.f("ck_requisition_end"),
        ),
        sa.CheckConstraint(
            "(status IN ('resulted', 'rejected', 'cancelled', 'expired')) = (expected_by IS NULL)",
            name=op.f("ck_requisition_clock"),
        ),
        sa.CheckConstraint("(status = 'draft') <= draft", name=op.f("ck_requisition_draft")),
        sa.CheckConstraint(
            "kind IN ('laboratory', 'imaging')", name=op.f("ck_requisition_kind_known")
        ),
        sa.CheckConstraint(
            "priority IN ('routine', 'urgent', 'stat')", name=op.f("ck_requisition_priority_known")
        ),
        sa.CheckConstraint(
            "status IN ('draft', 'placed', 'sent', 'accepted', 'scheduled', 'collected', 'in_progress', 'resulted', 'rejected', 'cancelled', 'expired')",
            name=op.f("ck_requisition_status_known"),
        ),
        sa.ForeignKeyConstraint(
            ["laboratory_id"], ["laboratory.id"], name=op.f("fk_requisition_laboratory_id")
        ),
        sa.ForeignKeyConstraint(
            ["orderer_id"], ["practitioner.id"], name=op.f("fk_requisition_orderer_id")
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_requisition_patient_id")
        ),
        sa.ForeignKeyConstraint(
            ["standing_order_id"],
            ["standing_order.id"],
            name=op.f("fk_requisition_standing_order_id"),
        ),
        sa.ForeignKeyConstraint(
            ["test_code"], ["catalog_test.code"], name=op.f("fk_requisition_test_code")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requisition")),
        sa.UniqueConstraint("placer_number", name=op.f("uq_requisition_placer_number")),
        postgresql_with={"fillfactor": "80"},
    )
    op.create_index(
        "ix_requisition_expected",
        "requisition",
        ["expected_by", "id"],
        unique=False,
        postgresql_where=sa.text("status NOT IN ('resulted', 'rejected', 'cancelled', 'expired')"),
    )
    op.create_index(
        "ix_requisition_expires",
        "requisition",
        ["expires_at", "id"],
        unique=False,
        postgresql_where=sa.text("status NOT IN ('resulted', 'rejected', 'cancelled', 'expired')"),
    )
    op.create_index(
        "ix_requisition_filler", "requisition", ["laboratory_id", "filler_number"], unique=False
    )
    op.create_index(
        "ix_requisition_laboratory", "requisition", ["laboratory_id", "patient_id"], unique=False
    )
    op.create_index(
        "ix_requisition_patient", "requisition", ["patient_id", "ordered_at", "id"], unique=False
    )
    op.create_index("ix_requisition_standing", "requisition", ["standing_order_id"], unique=False)
    op.create_table(
        "diagnostic_report",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("requisition_id", sa.Uuid(), nullable=True),
        sa.Column("laboratory_id", sa.Uuid(), nullable=True),
        sa.Column("performer_name", sa.Text(), nullable=False),
        sa.Column("responsible_id", sa.Uuid(), nullable=False),
        sa.Column("placer_number", sa.Text(), nullable=False),
        sa.Column("filler_number", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("code_system", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("abnormality", sa.Text(), nullable=False),
        sa.Column("version_number", sa.Integer(), nullable=False),
        sa.Column("current_version_id", sa.Uuid(), nullable=False),
        sa.Column("collected_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("reported_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("received_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("release_status", sa.Text(), nullable=False),
        sa.Column("release_due_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("released_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("reviewed_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("reviewed_by", sa.Uuid(), nullable=True),
        sa.Column("reviewed_version", sa.Integer(), nullable=True),
        sa.Column("communicated_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("seen_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("reminded_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "(release_status = 'released') = (released_at IS NOT NULL)",
            name=op.f("ck_diagnostic_report_release"),
        ),
        sa.CheckConstraint(
            "(release_status IN ('deferred', 'held')) = (release_due_at IS NOT NULL)",
            name=op.f("ck_diagnostic_report_release_due"),
        ),
        sa.CheckConstraint(
            "abnormality IN ('unknown', 'normal', 'abnormal', 'critical')",
            name=op.f("ck_diagnostic_report_abnormality_known"),
        ),
        sa.CheckConstraint(
            "release_status IN ('pending', 'deferred', 'held', 'released')",
            name=op.f("ck_diagnostic_report_release_status_known"),
        ),
        sa.CheckConstraint(
            "status IN ('registered', 'partial', 'preliminary', 'final', 'corrected', 'amended', 'cancelled', 'entered_in_error')",
            name=op.f("ck_diagnostic_report_status_known"),
        ),
        sa.ForeignKeyConstraint(
            ["laboratory_id"], ["laboratory.id"], name=op.f("fk_diagnostic_report_laboratory_id")
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_diagnostic_report_patient_id")
        ),
        sa.ForeignKeyConstraint(
            ["requisition_id"], ["requisition.id"], name=op.f("fk_diagnostic_report_requisition_id")
        ),
        sa.ForeignKeyConstraint(
            ["responsible_id"],
            ["practitioner.id"],
            name=op.f("fk_diagnostic_report_responsible_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_diagnostic_report")),
        postgresql_with={"fillfactor": "80"},
    )
    op.create_index(
        "ix_diagnostic_report_patient",
        "diagnostic_report",
        ["patient_id", "reported_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_diagnostic_report_release_due",
        "diagnostic_report",
        ["release_due_at", "id"],
        unique=False,
        postgresql_where=sa.text("release_due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_diagnostic_report_requisition",
        "diagnostic_report",
        ["requisition_id", "code"],
        unique=False,
    )
    op.create_index(
        "ix_diagnostic_report_uncommunicated",
        "diagnostic_report",
        ["reviewed_at", "id"],
        unique=False,
        postgresql_where=sa.text("communicated_at IS NULL"),
    )
    op.create_index(
        "ix_diagnostic_report_unreviewed",
        "diagnostic_report",
        ["received_at", "id"],
        unique=False,
        postgresql_where=sa.text("reviewed_at IS NULL"),
    )
    op.create_index(
        "ix_diagnostic_report_unseen",
        "diagnostic_report",
        ["released_at", "id"],
        unique=False,
        postgresql_where=sa.text("release_status = 'released' AND seen_at IS NULL"),
    )
    op.create_index(
        "uq_diagnostic_report_filler",
        "diagnostic_report",
        ["laboratory_id", "filler_number", "code", "requisition_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("filler_number <> ''"),
    )
    op.create_table(
        "imaging_appointment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slot_id", sa.Uuid(), nullable=False),
        sa.Column("requisition_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("booked_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("booked_by_kind", sa.Text(), nullable=False),
        sa.Column("booked_by", sa.Uuid(), nullable=False),
        sa.Column("ended_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "status IN ('booked', 'cancelled', 'attended', 'no_show')",
            name=op.f("ck_imaging_appointment_status_known"),
        ),
        sa.ForeignKeyConstraint(
            ["laboratory_id"], ["laboratory.id"], name=op.f("fk_imaging_appointment_laboratory_id")
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_imaging_appointment_patient_id")
        ),
        sa.ForeignKeyConstraint(
            ["requisition_id"],
            ["requisition.id"],
            name=op.f("fk_imaging_appointment_requisition_id"),
        ),
        sa.ForeignKeyConstraint(
            ["slot_id"], ["imaging_slot.id"], name=op.f("fk_imaging_appointment_slot_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imaging_appointment")),
    )
    op.create_index(
        "ix_imaging_appointment_patient",
        "imaging_appointment",
        ["patient_id", "booked_at"],
        unique=False,
    )
    op.create_index(
        "ix_imaging_appointment_requisition",
        "imaging_appointment",
        ["requisition_id", "booked_at"],
        unique=False,
    )
    op.create_index(
        "uq_imaging_appointment_requisition",
        "imaging_appointment",
        ["requisition_id"],
        unique=True,
        postgresql_where=sa.text("status = 'booked'"),
    )
    op.create_index(
        "uq_imaging_appointment_slot",
        "imaging_appointment",
        ["slot_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('booked', 'attended', 'no_show')"),
    )
    op.create_table(
        "laboratory_message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("requisition_id", sa.Uuid(), nullable=False),
        sa.Column("transport", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("control_id", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("rejections", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("next_try_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("sent_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("answered_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("answer_code", sa.Text(), nullable=True),
        sa.Column("answer_text", sa.Text(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("xact", Xid8(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('new', 'cancel')", name=op.f("ck_laboratory_message_kind_known")
        ),
        sa.CheckConstraint(
            "status IN ('queued', 'accepted', 'refused', 'withdrawn')",
            name=op.f("ck_laboratory_message_status_known"),
        ),
        sa.CheckConstraint(
            "transport IN ('mllp', 'feed')", name=op.f("ck_laboratory_message_transport_known")
        ),
        sa.ForeignKeyConstraint(
            ["laboratory_id"], ["laboratory.id"], name=op.f("fk_laboratory_message_laboratory_id")
        ),
        sa.ForeignKeyConstraint(
            ["requisition_id"],
            ["requisition.id"],
            name=op.f("fk_laboratory_message_requisition_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_laboratory_message")),
        sa.UniqueConstraint("control_id", name=op.f("uq_laboratory_message_control_id")),
    )
    op.create_index(
        "ix_laboratory_message_feed",
        "laboratory_message",
        ["laboratory_id", "xact", "id"],
        unique=False,
    )
    op.create_index(
        "ix_laboratory_message_queue",
        "laboratory_message",
        ["laboratory_id", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.create_index(
        "ix_laboratory_message_requisition",
        "laboratory_message",
        ["requisition_id", "id"],
        unique=False,
    )
    op.create_table(
        "requisition_history",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("requisition_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["requisition_id"],
            ["requisition.id"],
            name=op.f("fk_requisition_history_requisition_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requisition_history")),
    )
    op.create_index(
        "ix_requisition_history_requisition",
        "requisition_history",
        ["requisition_id", "at", "id"],
        unique=False,
    )
    op.create_table(
        "critical_alert",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("version_number", sa.Integer(), nullable=False),
        sa.Column("criticals", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("raised_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("acknowledged_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.Uuid(), nullable=True),
        sa.Column("read_back", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(acknowledged_at IS NULL) = (acknowledged_by IS NULL) AND (acknowledged_at IS NULL) = (read_back IS NULL)",
            name=op.f("ck_critical_alert_acknowledged"),
        ),
        sa.ForeignKeyConstraint(
            ["report_id"], ["diagnostic_report.id"], name=op.f("fk_critical_alert_report_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_critical_alert")),
    )
    op.create_index(
        "ix_critical_alert_report", "critical_alert", ["report_id", "raised_at"], unique=False
    )
    op.create_index(
        "uq_critical_alert_open",
        "critical_alert",
        ["report_id"],
        unique=True,
        postgresql_where=sa.text("acknowledged_at IS NULL"),
    )
    op.create_table(
        "reconciliation_case",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("report_index", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("pool_id", sa.Uuid(), nullable=False),
        sa.Column("laboratory_id", sa.Uuid(), nullable=True),
        sa.Column("summary", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("opened_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("closed_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("closed_by", sa.Uuid(), nullable=True),
        sa.Column("outcome_note", sa.Text(), nullable=True),
        sa.Column("report_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(status = 'open') = (closed_at IS NULL)", name=op.f("ck_reconciliation_case_end")
        ),
        sa.CheckConstraint(
            "reason IN ('sender_unknown', 'patient_unknown', 'patient_mismatch', 'order_unknown', 'order_elsewhere', 'nobody_responsible')",
            name=op.f("ck_reconciliation_case_reason_known"),
        ),
        sa.CheckConstraint(
            "status IN ('open', 'matched', 'discarded')",
            name=op.f("ck_reconciliation_case_status_known"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id"], ["clinic.id"], name=op.f("fk_reconciliation_case_clinic_id")
        ),
        sa.ForeignKeyConstraint(
            ["laboratory_id"], ["laboratory.id"], name=op.f("fk_reconciliation_case_laboratory_id")
        ),
        sa.ForeignKeyConstraint(
            ["message_id"], ["received_message.id"], name=op.f("fk_reconciliation_case_message_id")
        ),
        sa.ForeignKeyConstraint(
            ["pool_id"], ["pool.id"], name=op.f("fk_reconciliation_case_pool_id")
        ),
        sa.ForeignKeyConstraint(
            ["report_id"], ["diagnostic_report.id"], name=op.f("fk_reconciliation_case_report_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliation_case")),
        sa.UniqueConstraint(
            "message_id",
            "report_index",
            name=op.f("uq_reconciliation_case_message_id_report_index"),
        ),
    )
    op.create_index(
        "ix_reconciliation_case_open",
        "reconciliation_case",
        ["clinic_id", "opened_at", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_table(
        "release_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("version_number", sa.Integer(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("exception", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("until", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "action <> 'held' OR (exception IS NOT NULL AND length(reason) >= 10 AND until IS NOT NULL AND actor_kind = 'practitioner')",
            name=op.f("ck_release_entry_hold"),
        ),
        sa.CheckConstraint(
            "action IN ('released', 'deferred', 'held')", name=op.f("ck_release_entry_action_known")
        ),
        sa.CheckConstraint(
            "exception IN ('preventing_harm', 'privacy', 'patient_request')",
            name=op.f("ck_release_entry_exception_known"),
        ),
        sa.CheckConstraint(
            "rule IN ('at_once', 'patient_preference', 'commented', 'waited_long_enough', 'hold_expired', 'by_practitioner', 'by_patient')",
            name=op.f("ck_release_entry_rule_known"),
        ),
        sa.ForeignKeyConstraint(
            ["report_id"], ["diagnostic_report.id"], name=op.f("fk_release_entry_report_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release_entry")),
    )
    op.create_index(
        "ix_release_entry_report", "release_entry", ["report_id", "at", "id"], unique=False
    )
    op.create_table(
        "report_version",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("abnormality", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("issued_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("received_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("changes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(
            "abnormality IN ('unknown', 'normal', 'abnormal', 'critical')",
            name=op.f("ck_report_version_abnormality_known"),
        ),
        sa.CheckConstraint(
            "status IN ('registered', 'partial', 'preliminary', 'final', 'corrected', 'amended', 'cancelled', 'entered_in_error')",
            name=op.f("ck_report_version_status_known"),
        ),
        sa.ForeignKeyConstraint(
            ["report_id"], ["diagnostic_report.id"], name=op.f("fk_report_version_report_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_version")),
        sa.UniqueConstraint("report_id", "number", name=op.f("uq_report_version_report_id_number")),
    )
    op.create_index("ix_report_version_message", "report_version", ["message_id"], unique=False)
    op.create_table(
        "result_review",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("version_number", sa.Integer(), nullable=False),
        sa.Column("reviewer_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("follow_up", sa.Text(), nullable=False),
        sa.Column("follow_up_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "follow_up IN ('none', 'repeat_test', 'visit', 'referral', 'message')",
            name=op.f("ck_result_review_follow_up_known"),
        ),
        sa.ForeignKeyConstraint(
            ["report_id"], ["diagnostic_report.id"], name=op.f("fk_result_review_report_id")
        ),
        sa.ForeignKeyConstraint(
            ["reviewer_id"], ["practitioner.id"], name=op.f("fk_result_review_reviewer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_result_review")),
    )
    op.create_index("ix_result_review_report", "result_review", ["report_id", "at"], unique=False)
    op.create_table(
        "result_view",
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("version_number", sa.Integer(), nullable=False),
        sa.Column("viewer_id", sa.Uuid(), nullable=False),
        sa.Column("viewer_kind", sa.Text(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("seen_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["report_id"], ["diagnostic_report.id"], name=op.f("fk_result_view_report_id")
        ),
        sa.PrimaryKeyConstraint(
            "report_id", "version_number", "viewer_id", name=op.f("pk_result_view")
        ),
    )
    op.create_table(
        "follow_up",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("review_id", sa.Uuid(), nullable=False),
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("requisition_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("kind <> 'none'", name=op.f("ck_follow_up_something")),
        sa.CheckConstraint(
            "kind IN ('none', 'repeat_test', 'visit', 'referral', 'message')",
            name=op.f("ck_follow_up_kind_known"),
        ),
        sa.ForeignKeyConstraint(
            ["report_id"], ["diagnostic_report.id"], name=op.f("fk_follow_up_report_id")
        ),
        sa.ForeignKeyConstraint(
            ["requisition_id"], ["requisition.id"], name=op.f("fk_follow_up_requisition_id")
        ),
        sa.ForeignKeyConstraint(
            ["review_id"], ["result_review.id"], name=op.f("fk_follow_up_review_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_follow_up")),
    )
    op.create_index("ix_follow_up_report", "follow_up", ["report_id"], unique=False)
    op.create_table(
        "observation",
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("code_system", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("local_code", sa.Text(), nullable=True),
        sa.Column("sub_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("number", sa.Numeric(), nullable=True),
        sa.Column("high", sa.Numeric(), nullable=True),
        sa.Column("comparator", sa.Text(), nullable=False),
        sa.Column("value_text", sa.Text(), nullable=False),
        sa.Column("value_code", sa.Text(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("reference_low", sa.Numeric(), nullable=True),
        sa.Column("reference_high", sa.Numeric(), nullable=True),
        sa.Column("reference_text", sa.Text(), nullable=False),
        sa.Column("flags", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("abnormality", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("observed_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "abnormality IN ('unknown', 'normal', 'abnormal', 'critical')",
            name=op.f("ck_observation_abnormality_known"),
        ),
        sa.CheckConstraint(
            "kind IN ('quantity', 'range', 'ratio', 'text', 'coded', 'date', 'time', 'datetime', 'attachment', 'none')",
            name=op.f("ck_observation_kind_known"),
        ),
        sa.CheckConstraint(
            "status IN ('registered', 'partial', 'preliminary', 'final', 'corrected', 'amended', 'cancelled', 'entered_in_error')",
            name=op.f("ck_observation_status_known"),
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["report_version.id"], name=op.f("fk_observation_version_id")
        ),
        sa.PrimaryKeyConstraint("version_id", "position", name=op.f("pk_observation")),
    )
    op.create_index(
        "ix_observation_trend", "observation", ["patient_id", "code", "observed_at"], unique=False
    )
    op.create_table(
        "report_attachment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"], ["report_version.id"], name=op.f("fk_report_attachment_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_attachment")),
    )
    op.create_index(
        "ix_report_attachment_version",
        "report_attachment",
        ["version_id", "position"],
        unique=False,
    )
    op.add_column("patient", sa.Column("preferred_laboratory_id", sa.Uuid(), nullable=True))
    op.add_column("patient", sa.Column("merged_into_id", sa.Uuid(), nullable=True))
    op.add_column("patient", sa.Column("merged_at", sa.TIMESTAMP(timezone=True), nullable=True))
    op.add_column("patient", sa.Column("merge_reason", sa.Text(), nullable=True))
    op.create_index("ix_patient_merged_into_id", "patient", ["merged_into_id"], unique=False)
    op.create_check_constraint(
        op.f("ck_patient_merge"),
        "patient",
        "(merged_into_id IS NULL) = (merged_at IS NULL) "
        "AND (merged_into_id IS NULL) = (merge_reason IS NULL) AND merged_into_id <> id",
    )
    op.create_foreign_key(
        op.f("fk_patient_preferred_laboratory_id"),
        "patient",
        "laboratory",
        ["preferred_laboratory_id"],
        ["id"],
    )
    op.create_foreign_key(
        op.f("fk_patient_merged_into_id"), "patient", "patient", ["merged_into_id"], ["id"]
    )
    op.create_index(
        "ix_patient_merged_into",
        "patient",
        ["merged_into_id"],
        unique=False,
        postgresql_where=sa.text("merged_into_id IS NOT NULL"),
    )
    op.add_column(
        "work_item",
        sa.Column(
            "alternate_ids",
            postgresql.ARRAY(sa.Uuid()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
    )


def downgrade() -> None:
    op.drop_column("work_item", "alternate_ids")
    op.drop_index(
        "ix_patient_merged_into",
        table_name="patient",
        postgresql_where=sa.text("merged_into_id IS NOT NULL"),
    )
    op.drop_constraint(op.f("fk_patient_merged_into_id"), "patient", type_="foreignkey")
    op.drop_constraint(op.f("fk_patient_preferred_laboratory_id"), "patient", type_="foreignkey")
    op.drop_constraint(op.f("ck_patient_merge"), "patient", type_="check")
    op.drop_index("ix_patient_merged_into_id", table_name="patient")
    op.drop_column("patient", "merge_reason")
    op.drop_column("patient", "merged_at")
    op.drop_column("patient", "merged_into_id")
    op.drop_column("patient", "preferred_laboratory_id")
    op.drop_index("ix_report_attachment_version", table_name="report_attachment")
    op.drop_table("report_attachment")
    op.drop_index("ix_observation_trend", table_name="observation")
    op.drop_table("observation")
    op.drop_index("ix_follow_up_report", table_name="follow_up")
    op.drop_table("follow_up")
    op.drop_table("result_view")
    op.drop_index("ix_result_review_report", table_name="result_review")
    op.drop_table("result_review")
    op.drop_index("ix_report_version_message", table_name="report_version")
    op.drop_table("report_version")
    op.drop_index("ix_release_entry_report", table_name="release_entry")
    op.drop_table("release_entry")
    op.drop_index(
        "ix_reconciliation_case_open",
        table_name="reconciliation_case",
        postgresql_where=sa.text("status = 'open'"),
    )
    op.drop_table("reconciliation_case")
    op.drop_index(
        "uq_critical_alert_open",
        table_name="critical_alert",
        postgresql_where=sa.text("acknowledged_at IS NULL"),
    )
    op.drop_index("ix_critical_alert_report", table_name="critical_alert")
    op.drop_table("critical_alert")
    op.drop_index("ix_requisition_history_requisition", table_name="requisition_history")
    op.drop_table("requisition_history")
    op.drop_index("ix_laboratory_message_requisition", table_name="laboratory_message")
    op.drop_index(
        "ix_laboratory_message_queue",
        table_name="laboratory_message",
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.drop_index("ix_laboratory_message_feed", table_name="laboratory_message")
    op.drop_table("laboratory_message")
    op.drop_index(
        "uq_imaging_appointment_slot",
        table_name="imaging_appointment",
        postgresql_where=sa.text("status IN ('booked', 'attended', 'no_show')"),
    )
    op.drop_index(
        "uq_imaging_appointment_requisition",
        table_name="imaging_appointment",
        postgresql_where=sa.text("status = 'booked'"),
    )
    op.drop_index("ix_imaging_appointment_requisition", table_name="imaging_appointment")
    op.drop_index("ix_imaging_appointment_patient", table_name="imaging_appointment")
    op.drop_table("imaging_appointment")
    op.drop_index(
        "uq_diagnostic_report_filler",
        table_name="diagnostic_report",
        postgresql_where=sa.text("filler_number <> ''"),
    )
    op.drop_index(
        "ix_diagnostic_report_unseen",
        table_name="diagnostic_report",
        postgresql_where=sa.text("release_status = 'released' AND seen_at IS NULL"),
    )
    op.drop_index(
        "ix_diagnostic_report_unreviewed",
        table_name="diagnostic_report",
        postgresql_where=sa.text("reviewed_at IS NULL"),
    )
    op.drop_index(
        "ix_diagnostic_report_uncommunicated",
        table_name="diagnostic_report",
        postgresql_where=sa.text("communicated_at IS NULL"),
    )
    op.drop_index("ix_diagnostic_report_requisition", table_name="diagnostic_report")
    op.drop_index(
        "ix_diagnostic_report_release_due",
        table_name="diagnostic_report",
        postgresql_where=sa.text("release_due_at IS NOT NULL"),
    )
    op.drop_index("ix_diagnostic_report_patient", table_name="diagnostic_report")
    op.drop_table("diagnostic_report")
    op.drop_index("ix_requisition_standing", table_name="requisition")
    op.drop_index("ix_requisition_patient", table_name="requisition")
    op.drop_index("ix_requisition_laboratory", table_name="requisition")
    op.drop_index("ix_requisition_filler", table_name="requisition")
    op.drop_index(
        "ix_requisition_expires",
        table_name="requisition",
        postgresql_where=sa.text("status NOT IN ('resulted', 'rejected', 'cancelled', 'expired')"),
    )
    op.drop_index(
        "ix_requisition_expected",
        table_name="requisition",
        postgresql_where=sa.text("status NOT IN ('resulted', 'rejected', 'cancelled', 'expired')"),
    )
    op.drop_table("requisition")
    op.drop_index("ix_standing_order_patient", table_name="standing_order")
    op.drop_index(
        "ix_standing_order_next",
        table_name="standing_order",
        postgresql_where=sa.text("status = 'active'"),
    )
    op.drop_table("standing_order")
    op.drop_index("ix_letter_history_letter", table_name="letter_history")
    op.drop_table("letter_history")
    op.drop_table("call_attempt")
    op.drop_index("ix_phone_call_patient", table_name="phone_call")
    op.drop_table("phone_call")
    op.drop_index(
        "ix_letter_queued", table_name="letter", postgresql_where=sa.text("status = 'queued'")
    )
    op.drop_index("ix_letter_patient", table_name="letter")
    op.drop_index("ix_letter_clinic", table_name="letter")
    op.drop_table("letter")
    op.drop_index(
        "uq_received_message_control",
        table_name="received_message",
        postgresql_where=sa.text(
            "control_id IS NOT NULL AND outcome IN ('taken_in', 'reconciling')"
        ),
    )
    op.drop_index("ix_received_message_received", table_name="received_message")
    op.drop_index("ix_received_message_laboratory", table_name="received_message")
    op.drop_table("received_message")
    op.drop_table("laboratory_connection")
    op.drop_index(
        "uq_imaging_slot_room",
        table_name="imaging_slot",
        postgresql_where=sa.text("withdrawn_at IS NULL"),
    )
    op.drop_index("ix_imaging_slot_free", table_name="imaging_slot")
    op.drop_table("imaging_slot")
    op.drop_table("laboratory")
    op.drop_table("contact_preference")
    op.drop_index("ix_catalog_test_name", table_name="catalog_test")
    op.drop_table("catalog_test")
    know_kinds(KINDS_BEFORE)
    op.execute("DROP SEQUENCE placer_number")
