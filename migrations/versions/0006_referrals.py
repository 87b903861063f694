"""Referrals, what colleagues write about them, and consult notes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ADDED = (
    "referral_decision",
    "referral_information",
    "referral_declined",
    "referral_scheduling",
    "referral_attendance",
    "referral_no_show",
    "referral_note_missing",
    "referral_closing",
    "referral_authorization",
    "referral_expired",
)
CONSTRAINT = "ck_work_item_kind_known"


def kinds() -> list[str]:
    """The kinds of work item that the database knows now, whatever came before this."""
    listed = op.get_bind().scalar(
        sa.text(
            "SELECT array_agg(found[1]) FROM pg_constraint c, "
            "regexp_matches(pg_get_constraintdef(c.oid), $re$'(\\w+)'$re$, 'g') AS found "
            "WHERE c.conname = :name"
        ),
        {"name": CONSTRAINT},
    )
    return list(listed)


def know_kinds(known: list[str]) -> None:
    listed = ", ".join(f"'{kind}'" for kind in known)
    op.drop_constraint(op.f(CONSTRAINT), "work_item", type_="check")
    op.create_check_constraint(op.f(CONSTRAINT), "work_item", f"kind IN ({listed})")


def upgrade() -> None:
    op.execute("CREATE SEQUENCE referral_number START 100001")
    know_kinds([*kinds(), *ADDED])
    op.create_table(
        "referral",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("referrer_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("specialty", sa.Text(), nullable=False),
        sa.Column("specialist_id", sa.Uuid(), nullable=True),
        sa.Column("outside_name", sa.Text(), nullable=True),
        sa.Column("outside_organization", sa.Text(), nullable=True),
        sa.Column("outside_npi", sa.Text(), nullable=True),
        sa.Column("outside_phone", sa.Text(), nullable=True),
        sa.Column("outside_fax", sa.Text(), nullable=True),
        sa.Column("pool_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("urgency", sa.Text(), nullable=False),
        sa.Column("same_day", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=True),
        sa.Column("diagnoses", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("about", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("authorization_number", sa.Text(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("visits_allowed", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("requested_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("status_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expected_by", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("warned_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("accepted_by", sa.Uuid(), nullable=True),
        sa.Column("appointment_id", sa.Uuid(), nullable=True),
        sa.Column("appointment_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("appointment_place", sa.Text(), nullable=True),
        sa.Column("no_shows", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "(status = 'scheduled') <= (appointment_at IS NOT NULL)",
            name=op.f("ck_referral_scheduled"),
        ),
        sa.CheckConstraint(
            "(status IN ('closed', 'cancelled', 'expired')) = (closed_at IS NOT NULL)",
            name=op.f("ck_referral_end"),
        ),
        sa.CheckConstraint(
            "(status IN ('closed', 'cancelled', 'expired')) = (expected_by IS NULL)",
            name=op.f("ck_referral_clock"),
        ),
        sa.CheckConstraint(
            "NOT same_day OR urgency <> 'routine'", name=op.f("ck_referral_same_day")
        ),
        sa.CheckConstraint(
            "kind IN ('referral', 'consultation')", name=op.f("ck_referral_kind_known")
        ),
        sa.CheckConstraint(
            "requested_at IS NOT NULL OR status IN ('draft', 'cancelled', 'expired')",
            name=op.f("ck_referral_sent"),
        ),
        sa.CheckConstraint(
            "status IN ('draft', 'requested', 'needs_information', 'declined', 'accepted', 'scheduled', 'no_show', 'attended', 'report_received', 'closed', 'cancelled', 'expired')",
            name=op.f("ck_referral_status_known"),
        ),
        sa.CheckConstraint(
            "urgency IN ('routine', 'urgent', 'stat')", name=op.f("ck_referral_urgency_known")
        ),
        sa.CheckConstraint(
            "num_nonnulls(specialist_id, outside_name) = 1", name=op.f("ck_referral_addressee")
        ),
        sa.CheckConstraint("specialist_id <> referrer_id", name=op.f("ck_referral_somebody_else")),
        sa.CheckConstraint("valid_from <= valid_until", name=op.f("ck_referral_validity")),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_referral_patient_id")
        ),
        sa.ForeignKeyConstraint(["pool_id"], ["pool.id"], name=op.f("fk_referral_pool_id")),
        sa.ForeignKeyConstraint(
            ["referrer_id"], ["practitioner.id"], name=op.f("fk_referral_referrer_id")
        ),
        sa.ForeignKeyConstraint(
            ["specialist_id"], ["practitioner.id"], name=op.f("fk_referral_specialist_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referral")),
        sa.UniqueConstraint("number", name=op.f("uq_referral_number")),
    )
    op.create_index(
        "ix_referral_appointment",
        "referral",
        ["appointment_at", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'scheduled'"),
    )
    op.create_index(
        "ix_referral_expires",
        "referral",
        ["expires_at", "id"],
        unique=False,
        postgresql_where=sa.text("status NOT IN ('closed', 'cancelled', 'expired')"),
    )
    op.create_index(
        "ix_referral_patient", "referral", ["patient_id", "created_at", "id"], unique=False
    )
    op.create_index("ix_referral_pool", "referral", ["pool_id", "created_at", "id"], unique=False)
    op.create_index(
        "ix_referral_referrer", "referral", ["referrer_id", "created_at", "id"], unique=False
    )
    op.create_index(
        "ix_referral_specialist", "referral", ["specialist_id", "created_at", "id"], unique=False
    )
    op.create_table(
        "referral_history",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["referral_id"], ["referral.id"], name=op.f("fk_referral_history_referral_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referral_history")),
    )
    op.create_index(
        "ix_referral_history_referral",
        "referral_history",
        ["referral_id", "at", "id"],
        unique=False,
    )
    op.create_table(
        "referral_message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "visible_to_patient", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("author_kind", sa.Text(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('question', 'answer', 'decline')", name=op.f("ck_referral_message_kind_known")
        ),
        sa.ForeignKeyConstraint(
            ["referral_id"], ["referral.id"], name=op.f("fk_referral_message_referral_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referral_message")),
    )
    op.create_index(
        "ix_referral_message_referral",
        "referral_message",
        ["referral_id", "created_at", "id"],
        unique=False,
    )
    op.create_table(
        "consult_note",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("recommendations", sa.Text(), nullable=True),
        sa.Column("follow_up", sa.Text(), nullable=False),
        sa.Column("amendment", sa.Text(), nullable=True),
        sa.Column("author_name", sa.Text(), nullable=False),
        sa.Column("author_kind", sa.Text(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("written_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("release_status", sa.Text(), nullable=False),
        sa.Column("release_rule", sa.Text(), nullable=True),
        sa.Column("released_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("hold_exception", sa.Text(), nullable=True),
        sa.Column("hold_reason", sa.Text(), nullable=True),
        sa.Column("held_until", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(release_status = 'released') = (release_rule IS NOT NULL)",
            name=op.f("ck_consult_note_release_rule"),
        ),
        sa.CheckConstraint(
            "(release_status = 'released') = (released_at IS NOT NULL)",
            name=op.f("ck_consult_note_when"),
        ),
        sa.CheckConstraint(
            "follow_up IN ('none', 'referrer', 'specialist')",
            name=op.f("ck_consult_note_follow_up_known"),
        ),
        sa.CheckConstraint(
            "hold_exception IN ('preventing_harm', 'privacy', 'patient_request')",
            name=op.f("ck_consult_note_hold_exception_known"),
        ),
        sa.CheckConstraint(
            "release_rule IN ('at_once', 'by_practitioner', 'hold_expired')",
            name=op.f("ck_consult_note_release_rule_known"),
        ),
        sa.CheckConstraint(
            "release_status <> 'held' OR (hold_exception IS NOT NULL AND length(hold_reason) >= 10 AND held_until IS NOT NULL)",
            name=op.f("ck_consult_note_hold"),
        ),
        sa.CheckConstraint(
            "release_status IN ('released', 'held')",
            name=op.f("ck_consult_note_release_status_known"),
        ),
        sa.ForeignKeyConstraint(
            ["referral_id"], ["referral.id"], name=op.f("fk_consult_note_referral_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consult_note")),
        sa.UniqueConstraint(
            "referral_id", "number", name=op.f("uq_consult_note_referral_id_number")
        ),
    )
    op.create_index(
        "ix_consult_note_held",
        "consult_note",
        ["held_until", "id"],
        unique=False,
        postgresql_where=sa.text("release_status = 'held'"),
    )


def downgrade() -> None:
    op.drop_index(
        "ix_consult_note_held",
        table_name="consult_note",
        postgresql_where=sa.text("release_status = 'held'"),
    )
    op.drop_table("consult_note")
    op.drop_index("ix_referral_message_referral", table_name="referral_message")
    op.drop_table("referral_message")
    op.drop_index("ix_referral_history_referral", table_name="referral_history")
    op.drop_table("referral_history")
    op.drop_index(
        "ix_referral_appointment",
        table_name="referral",
        postgresql_where=sa.text("status = 'scheduled'"),
    )
    op.drop_index(
        "ix_referral_expires",
        table_name="referral",
        postgresql_where=sa.text("status NOT IN ('closed', 'cancelled', 'expired')"),
    )
    op.drop_index("ix_referral_patient", table_name="referral")
    op.drop_index("ix_referral_pool", table_name="referral")
    op.drop_index("ix_referral_referrer", table_name="referral")
    op.drop_index("ix_referral_specialist", table_name="referral")
    op.drop_table("referral")
    know_kinds([kind for kind in kinds() if kind not in ADDED])
    op.execute("DROP SEQUENCE referral_number")
