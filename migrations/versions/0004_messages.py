"""Messages, drafts, quick replies, red flags and the advice line."""

import re

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NEW_KINDS = ("thread_reply", "advice_call")


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
        "red_flag_set",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("loaded_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_red_flag_set")),
    )
    op.create_table(
        "advice_call",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("pool_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("callback_number", sa.Text(), nullable=False),
        sa.Column("urgency", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("red_flag_version", sa.Integer(), nullable=True),
        sa.Column(
            "red_flags", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("requested_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("due_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("ended_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(red_flag_version IS NULL) = (red_flags = '{}'::text[])",
            name=op.f("ck_advice_call_red_flags"),
        ),
        sa.CheckConstraint(
            "(status = 'waiting') = (due_at IS NOT NULL)", name=op.f("ck_advice_call_clock")
        ),
        sa.CheckConstraint(
            "(status = 'waiting') = (ended_at IS NULL)", name=op.f("ck_advice_call_end")
        ),
        sa.CheckConstraint(
            "status IN ('waiting', 'advised', 'sent_to_emergency', 'unreached', 'cancelled')",
            name=op.f("ck_advice_call_status_known"),
        ),
        sa.CheckConstraint(
            "urgency IN ('stat', 'urgent')", name=op.f("ck_advice_call_urgency_known")
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_advice_call_patient_id")
        ),
        sa.ForeignKeyConstraint(["pool_id"], ["pool.id"], name=op.f("fk_advice_call_pool_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_advice_call")),
    )
    op.create_index(
        "ix_advice_call_patient", "advice_call", ["patient_id", "requested_at", "id"], unique=False
    )
    op.create_index(
        "ix_advice_call_waiting",
        "advice_call",
        ["patient_id"],
        unique=False,
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.create_table(
        "quick_reply",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("pool_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("updated_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["pool_id"], ["pool.id"], name=op.f("fk_quick_reply_pool_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quick_reply")),
        sa.UniqueConstraint("pool_id", "title", name=op.f("uq_quick_reply_pool_id_title")),
    )
    op.create_table(
        "red_flag_warning",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("warned_of", sa.Text(), nullable=False),
        sa.Column("set_version", sa.Integer(), nullable=False),
        sa.Column(
            "red_flags", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "warned_of IN ('message', 'advice_call')",
            name=op.f("ck_red_flag_warning_warned_of_known"),
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_red_flag_warning_patient_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_red_flag_warning")),
    )
    op.create_index(
        "ix_red_flag_warning_patient", "red_flag_warning", ["patient_id", "at"], unique=False
    )
    op.create_table(
        "advice_attempt",
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
            "outcome IN ('advice_given', 'sent_to_emergency', 'voicemail', 'no_answer')",
            name=op.f("ck_advice_attempt_outcome_known"),
        ),
        sa.ForeignKeyConstraint(
            ["call_id"], ["advice_call.id"], name=op.f("fk_advice_attempt_call_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_advice_attempt")),
        sa.UniqueConstraint("call_id", "number", name=op.f("uq_advice_attempt_call_id_number")),
    )
    op.create_table(
        "thread",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("pool_id", sa.Uuid(), nullable=False),
        sa.Column("practitioner_id", sa.Uuid(), nullable=True),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("about_kind", sa.Text(), nullable=True),
        sa.Column("about_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("closed_reason", sa.Text(), nullable=True),
        sa.Column("urgent", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("reply_due_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("last_message_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("unread_by_patient", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("unread_by_team", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "search",
            postgresql.TSVECTOR(),
            sa.Computed("to_tsvector('english'::regconfig, subject)", persisted=True),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(status = 'awaiting_care_team') = (reply_due_at IS NOT NULL)",
            name=op.f("ck_thread_clock"),
        ),
        sa.CheckConstraint(
            "(status = 'closed') = (closed_reason IS NOT NULL)", name=op.f("ck_thread_end")
        ),
        sa.CheckConstraint(
            "about_kind IN ('prescription', 'refill', 'requisition', 'result')",
            name=op.f("ck_thread_about_kind_known"),
        ),
        sa.CheckConstraint(
            "category IN ('medication', 'result', 'referral', 'appointment', 'form', 'other')",
            name=op.f("ck_thread_category_known"),
        ),
        sa.CheckConstraint(
            "closed_reason IN ('answered', 'no_reply_needed', 'handled_elsewhere', 'withdrawn', 'duplicate', 'misuse')",
            name=op.f("ck_thread_closed_reason_known"),
        ),
        sa.CheckConstraint(
            "status IN ('awaiting_care_team', 'awaiting_patient', 'closed')",
            name=op.f("ck_thread_status_known"),
        ),
        sa.CheckConstraint(
            "(about_kind IS NULL) = (about_id IS NULL)", name=op.f("ck_thread_about")
        ),
        sa.CheckConstraint(
            "unread_by_patient >= 0 AND unread_by_team >= 0", name=op.f("ck_thread_unread")
        ),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_thread_patient_id")),
        sa.ForeignKeyConstraint(["pool_id"], ["pool.id"], name=op.f("fk_thread_pool_id")),
        sa.ForeignKeyConstraint(
            ["practitioner_id"], ["practitioner.id"], name=op.f("fk_thread_practitioner_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_thread")),
        postgresql_with={"fillfactor": "80"},
    )
    op.create_index(
        "ix_thread_open",
        "thread",
        ["patient_id"],
        unique=False,
        postgresql_where=sa.text("status = 'awaiting_care_team' OR unread_by_team > 0"),
    )
    op.create_index(
        "ix_thread_patient", "thread", ["patient_id", "last_message_at", "id"], unique=False
    )
    op.create_index(
        "ix_thread_practitioner",
        "thread",
        ["practitioner_id", "patient_id"],
        unique=False,
        postgresql_where=sa.text("status <> 'closed'"),
    )
    op.create_index("ix_thread_search", "thread", ["search"], unique=False, postgresql_using="gin")
    op.create_index(
        "ix_thread_unread",
        "thread",
        ["patient_id", "last_message_at"],
        unique=False,
        postgresql_where=sa.text("unread_by_patient > 0"),
    )
    op.create_table(
        "draft",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("author_kind", sa.Text(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("thread_id", sa.Uuid(), nullable=True),
        sa.Column("target_id", sa.Uuid(), nullable=False),
        sa.Column("pool_id", sa.Uuid(), nullable=True),
        sa.Column("practitioner_id", sa.Uuid(), nullable=True),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("about_kind", sa.Text(), nullable=True),
        sa.Column("about_id", sa.Uuid(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "about_kind IN ('prescription', 'refill', 'requisition', 'result')",
            name=op.f("ck_draft_about_kind_known"),
        ),
        sa.CheckConstraint(
            "category IN ('medication', 'result', 'referral', 'appointment', 'form', 'other')",
            name=op.f("ck_draft_category_known"),
        ),
        sa.CheckConstraint("length(body) <= 20000", name=op.f("ck_draft_length")),
        sa.CheckConstraint(
            "thread_id IS NULL OR target_id = thread_id", name=op.f("ck_draft_target")
        ),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_draft_patient_id")),
        sa.ForeignKeyConstraint(["pool_id"], ["pool.id"], name=op.f("fk_draft_pool_id")),
        sa.ForeignKeyConstraint(
            ["practitioner_id"], ["practitioner.id"], name=op.f("fk_draft_practitioner_id")
        ),
        sa.ForeignKeyConstraint(["thread_id"], ["thread.id"], name=op.f("fk_draft_thread_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draft")),
        sa.UniqueConstraint("author_id", "target_id", name=op.f("uq_draft_author_id_target_id")),
    )
    op.create_index("ix_draft_patient", "draft", ["patient_id"], unique=False)
    op.create_index("ix_draft_practitioner", "draft", ["practitioner_id"], unique=False)
    op.create_table(
        "message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("thread_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("author_kind", sa.Text(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("signature_kind", sa.Text(), nullable=True),
        sa.Column("signature", sa.Text(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("read_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("red_flag_version", sa.Integer(), nullable=True),
        sa.Column(
            "red_flags", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column(
            "search",
            postgresql.TSVECTOR(),
            sa.Computed("to_tsvector('english'::regconfig, body)", persisted=True),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(red_flag_version IS NULL) = (red_flags = '{}'::text[])",
            name=op.f("ck_message_red_flags"),
        ),
        sa.CheckConstraint(
            "kind IN ('message', 'internal_note', 'automatic_notice')",
            name=op.f("ck_message_kind_known"),
        ),
        sa.CheckConstraint(
            "signature_kind IN ('person', 'team')", name=op.f("ck_message_signature_kind_known")
        ),
        sa.CheckConstraint("length(body) BETWEEN 1 AND 20000", name=op.f("ck_message_length")),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_message_patient_id")),
        sa.ForeignKeyConstraint(["thread_id"], ["thread.id"], name=op.f("fk_message_thread_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
    )
    op.create_index("ix_message_patient", "message", ["patient_id"], unique=False)
    op.create_index(
        "ix_message_search", "message", ["search"], unique=False, postgresql_using="gin"
    )
    op.create_index("ix_message_thread", "message", ["thread_id", "sent_at", "id"], unique=False)
    op.create_index(
        "uq_message_notice",
        "message",
        ["thread_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'automatic_notice'"),
    )
    op.create_table(
        "thread_history",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("thread_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "action IN ('started', 'moved', 'made_urgent', 'rerouted')",
            name=op.f("ck_thread_history_action_known"),
        ),
        sa.ForeignKeyConstraint(
            ["thread_id"], ["thread.id"], name=op.f("fk_thread_history_thread_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_thread_history")),
    )
    op.create_index(
        "ix_thread_history_thread", "thread_history", ["thread_id", "at", "id"], unique=False
    )
    op.create_table(
        "message_read",
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("reader_id", sa.Uuid(), nullable=False),
        sa.Column("reader_kind", sa.Text(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_message_read_message_id")
        ),
        sa.PrimaryKeyConstraint("message_id", "reader_id", name=op.f("pk_message_read")),
    )
    op.create_index("ix_message_read_patient", "message_read", ["patient_id"], unique=False)


def downgrade() -> None:
    # The trigger of work items goes with its function; those of the tables with the tables.
    op.execute("DROP FUNCTION IF EXISTS careloop_thread_has_owner() CASCADE")
    op.execute(
        "DROP FUNCTION IF EXISTS careloop_threads_saying(text, uuid, timestamptz, uuid, int)"
    )
    op.execute(
        "DROP FUNCTION IF EXISTS careloop_waiting_threads(text[], text, boolean, timestamptz, uuid, int)"
    )
    op.execute("DROP FUNCTION IF EXISTS careloop_count_threads()")
    op.execute(
        "DELETE FROM work_item_hop WHERE work_item_id IN (SELECT id FROM work_item WHERE kind IN ('thread_reply', 'advice_call'))"
    )
    op.execute("DELETE FROM work_item WHERE kind IN ('thread_reply', 'advice_call')")
    op.drop_index("ix_message_read_patient", table_name="message_read")
    op.drop_table("message_read")
    op.drop_index("ix_thread_history_thread", table_name="thread_history")
    op.drop_table("thread_history")
    op.drop_index(
        "uq_message_notice",
        table_name="message",
        postgresql_where=sa.text("kind = 'automatic_notice'"),
    )
    op.drop_index("ix_message_thread", table_name="message")
    op.drop_index("ix_message_search", table_name="message", postgresql_using="gin")
    op.drop_index("ix_message_patient", table_name="message")
    op.drop_table("message")
    op.drop_index("ix_draft_practitioner", table_name="draft")
    op.drop_index("ix_draft_patient", table_name="draft")
    op.drop_table("draft")
    op.drop_index(
        "ix_thread_unread", table_name="thread", postgresql_where=sa.text("unread_by_patient > 0")
    )
    op.drop_index("ix_thread_search", table_name="thread", postgresql_using="gin")
    op.drop_index(
        "ix_thread_practitioner",
        table_name="thread",
        postgresql_where=sa.text("status <> 'closed'"),
    )
    op.drop_index("ix_thread_patient", table_name="thread")
    op.drop_index(
        "ix_thread_open",
        table_name="thread",
        postgresql_where=sa.text("status = 'awaiting_care_team' OR unread_by_team > 0"),
    )
    op.drop_table("thread")
    op.drop_table("advice_attempt")
    op.drop_index("ix_red_flag_warning_patient", table_name="red_flag_warning")
    op.drop_table("red_flag_warning")
    op.drop_table("quick_reply")
    op.drop_index(
        "ix_advice_call_waiting",
        table_name="advice_call",
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.drop_index("ix_advice_call_patient", table_name="advice_call")
    op.drop_table("advice_call")
    op.drop_table("red_flag_set")
    know_kinds([kind for kind in known_kinds() if kind not in NEW_KINDS])
