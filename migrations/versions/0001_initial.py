"""The first schema: accounts to refills, on the core's outbox and audit trail."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from portal.core.tables import Xid8

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("password_changed_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("totp_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("totp_confirmed_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("totp_last_step", sa.Integer(), nullable=True),
        sa.Column("failed_sign_ins", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("locked_until", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('patient', 'practitioner', 'staff', 'administrator', 'pharmacy', 'laboratory', 'phone', 'worker', 'operator', 'anonymous')",
            name=op.f("ck_account_kind_known"),
        ),
        sa.CheckConstraint(
            "status IN ('invited', 'active', 'disabled')", name=op.f("ck_account_status_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("kind", "person_id", name=op.f("uq_account_kind_person_id")),
    )
    op.create_index("uq_account_email", "account", [sa.literal_column("lower(email)")], unique=True)
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("credential_id", sa.Uuid(), nullable=False),
        sa.Column("on_behalf_of", sa.Uuid(), nullable=True),
        sa.Column("patient_id", sa.Uuid(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=True),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("xact", Xid8(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
        sa.PrimaryKeyConstraint("id", "at", name=op.f("pk_audit_entry")),
        postgresql_partition_by="RANGE (at)",
    )
    op.create_index("ix_audit_entry_patient", "audit_entry", ["patient_id", "at"], unique=False)
    op.create_index("ix_audit_entry_xact", "audit_entry", ["xact", "id"], unique=False)
    op.create_table(
        "audit_seal",
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("sealed_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("from_xact", Xid8(), nullable=False),
        sa.Column("to_xact", Xid8(), nullable=False),
        sa.Column("entry_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("entry_digests", postgresql.ARRAY(postgresql.BYTEA()), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_seal")),
    )
    op.create_table(
        "client",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("public_jwk", sa.Text(), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('patient', 'practitioner', 'staff', 'administrator', 'pharmacy', 'laboratory', 'phone', 'worker', 'operator', 'anonymous')",
            name=op.f("ck_client_kind_known"),
        ),
        sa.CheckConstraint("status IN ('active', 'disabled')", name=op.f("ck_client_status_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client")),
    )
    op.create_table(
        "clinic",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clinic")),
    )
    op.create_table(
        "idempotency_key",
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_digest", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("actor_id", "key", name=op.f("pk_idempotency_key")),
    )
    op.create_index("ix_idempotency_key_expiry", "idempotency_key", ["expires_at"], unique=False)
    op.create_table(
        "notification_preference",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "channel IN ('email')", name=op.f("ck_notification_preference_channel_known")
        ),
        sa.PrimaryKeyConstraint(
            "person_id", "event", "channel", name=op.f("pk_notification_preference")
        ),
    )
    op.create_table(
        "outbox_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("due_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("published_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("done_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'published', 'done', 'dead')",
            name=op.f("ck_outbox_event_status_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_event")),
        postgresql_with={"fillfactor": "70"},
    )
    op.create_index(
        "ix_outbox_event_dead",
        "outbox_event",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("status = 'dead'"),
    )
    op.create_index(
        "ix_outbox_event_done",
        "outbox_event",
        ["done_at"],
        unique=False,
        postgresql_where=sa.text("status = 'done'"),
    )
    op.create_index(
        "ix_outbox_event_pending",
        "outbox_event",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "ix_outbox_event_published",
        "outbox_event",
        ["published_at"],
        unique=False,
        postgresql_where=sa.text("status = 'published'"),
    )
    op.create_table(
        "pharmacy",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("ncpdp_id", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("postal_code", sa.Text(), nullable=False),
        sa.Column("hours", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("mail_order", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("mails", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pharmacy")),
        sa.UniqueConstraint("ncpdp_id", name=op.f("uq_pharmacy_ncpdp_id")),
    )
    op.create_table(
        "phone_miss",
        sa.Column("number_digest", sa.Text(), nullable=False),
        sa.Column("misses", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("locked_until", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("number_digest", name=op.f("pk_phone_miss")),
    )
    op.create_table(
        "access_token",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("token_digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_access_token_client_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_token")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_access_token_token_digest")),
    )
    op.create_index(op.f("ix_access_token_client_id"), "access_token", ["client_id"], unique=False)
    op.create_index("ix_access_token_expiry", "access_token", ["expires_at"], unique=False)
    op.create_table(
        "client_secret",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_client_secret_client_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client_secret")),
    )
    op.create_index(
        op.f("ix_client_secret_client_id"), "client_secret", ["client_id"], unique=False
    )
    op.create_table(
        "clinic_closure",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["clinic_id"], ["clinic.id"], name=op.f("fk_clinic_closure_clinic_id")
        ),
        sa.PrimaryKeyConstraint("clinic_id", "day", name=op.f("pk_clinic_closure")),
    )
    op.create_table(
        "clinic_hours",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("opens", sa.Time(), nullable=False),
        sa.Column("closes", sa.Time(), nullable=False),
        sa.CheckConstraint("opens < closes", name=op.f("ck_clinic_hours_order")),
        sa.CheckConstraint("weekday BETWEEN 0 AND 6", name=op.f("ck_clinic_hours_weekday")),
        sa.ForeignKeyConstraint(
            ["clinic_id"], ["clinic.id"], name=op.f("fk_clinic_hours_clinic_id")
        ),
        sa.PrimaryKeyConstraint("clinic_id", "weekday", name=op.f("pk_clinic_hours")),
    )
    op.create_table(
        "invitation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("code_digest", sa.Text(), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("misses", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("used_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_invitation_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("code_digest", name=op.f("uq_invitation_code_digest")),
    )
    op.create_index(op.f("ix_invitation_account_id"), "invitation", ["account_id"], unique=False)
    op.create_table(
        "password_reset",
        sa.Column("token_digest", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("used_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_password_reset_account_id")
        ),
        sa.PrimaryKeyConstraint("token_digest", name=op.f("pk_password_reset")),
    )
    op.create_index(
        op.f("ix_password_reset_account_id"), "password_reset", ["account_id"], unique=False
    )
    op.create_table(
        "patient",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("mrn", sa.Text(), nullable=False),
        sa.Column("given_name", sa.Text(), nullable=False),
        sa.Column("family_name", sa.Text(), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=False),
        sa.Column("sex", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("line", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("postal_code", sa.Text(), nullable=True),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), server_default=sa.text("'en'"), nullable=False),
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("preferred_pharmacy_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "sex IN ('female', 'male', 'other', 'unknown')", name=op.f("ck_patient_sex_known")
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_patient_clinic_id")),
        sa.ForeignKeyConstraint(
            ["preferred_pharmacy_id"],
            ["pharmacy.id"],
            name=op.f("fk_patient_preferred_pharmacy_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient")),
        sa.UniqueConstraint("mrn", name=op.f("uq_patient_mrn")),
    )
    op.create_index(op.f("ix_patient_clinic_id"), "patient", ["clinic_id"], unique=False)
    op.create_table(
        "pharmacy_feed",
        sa.Column("pharmacy_id", sa.Uuid(), nullable=False),
        sa.Column("last_pull_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("last_update_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["pharmacy_id"], ["pharmacy.id"], name=op.f("fk_pharmacy_feed_pharmacy_id")
        ),
        sa.PrimaryKeyConstraint("pharmacy_id", name=op.f("pk_pharmacy_feed")),
    )
    op.create_table(
        "pharmacy_update",
        sa.Column("pharmacy_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("refill_id", sa.Uuid(), nullable=True),
        sa.Column("content_digest", sa.LargeBinary(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("occurred_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("received_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("refill_status", sa.Text(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('applied', 'duplicate', 'conflict', 'late', 'quarantined', 'not_found', 'invalid')",
            name=op.f("ck_pharmacy_update_outcome_known"),
        ),
        sa.ForeignKeyConstraint(
            ["pharmacy_id"], ["pharmacy.id"], name=op.f("fk_pharmacy_update_pharmacy_id")
        ),
        sa.PrimaryKeyConstraint("pharmacy_id", "event_id", name=op.f("pk_pharmacy_update")),
    )
    op.create_index(
        "ix_pharmacy_update_received",
        "pharmacy_update",
        ["pharmacy_id", "received_at", "event_id"],
        unique=False,
    )
    op.create_index(
        "ix_pharmacy_update_set_aside",
        "pharmacy_update",
        ["pharmacy_id", "outcome"],
        unique=False,
        postgresql_where=sa.text("outcome IN ('late', 'quarantined')"),
    )
    op.create_table(
        "pharmacy_webhook",
        sa.Column("pharmacy_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_success_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("last_failure_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("last_failure", sa.Text(), nullable=True),
        sa.Column("paused_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("changed_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('active', 'paused')", name=op.f("ck_pharmacy_webhook_status_known")
        ),
        sa.ForeignKeyConstraint(
            ["pharmacy_id"], ["pharmacy.id"], name=op.f("fk_pharmacy_webhook_pharmacy_id")
        ),
        sa.PrimaryKeyConstraint("pharmacy_id", name=op.f("pk_pharmacy_webhook")),
    )
    op.create_table(
        "pool",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('nurses', 'clinic_staff', 'pharmacy_liaison')",
            name=op.f("ck_pool_kind_known"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_pool_clinic_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pool")),
        sa.UniqueConstraint("clinic_id", "kind", name=op.f("uq_pool_clinic_id_kind")),
    )
    op.create_table(
        "recovery_code",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("used_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_recovery_code_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", "digest", name=op.f("pk_recovery_code")),
    )
    op.create_table(
        "renewal_request",
        sa.Column("pharmacy_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("content_digest", sa.LargeBinary(), nullable=False),
        sa.Column("refill_id", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("received_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["pharmacy_id"], ["pharmacy.id"], name=op.f("fk_renewal_request_pharmacy_id")
        ),
        sa.PrimaryKeyConstraint("pharmacy_id", "event_id", name=op.f("pk_renewal_request")),
    )
    op.create_table(
        "sign_in_session",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("token_digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_sign_in_session_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_session")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_sign_in_session_token_digest")),
    )
    op.create_index(
        "ix_sign_in_session_account", "sign_in_session", ["account_id", "created_at"], unique=False
    )
    op.create_table(
        "staff_member",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.ForeignKeyConstraint(
            ["clinic_id"], ["clinic.id"], name=op.f("fk_staff_member_clinic_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_member")),
    )
    op.create_index(op.f("ix_staff_member_clinic_id"), "staff_member", ["clinic_id"], unique=False)
    op.create_table(
        "used_assertion",
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("jti", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_used_assertion_client_id")
        ),
        sa.PrimaryKeyConstraint("client_id", "jti", name=op.f("pk_used_assertion")),
    )
    op.create_table(
        "break_glass_grant",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("grantee_id", sa.Uuid(), nullable=False),
        sa.Column("grantee_kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("granted_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("expires_at > granted_at", name=op.f("ck_break_glass_grant_order")),
        sa.CheckConstraint("length(reason) >= 10", name=op.f("ck_break_glass_grant_reason")),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_break_glass_grant_patient_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_break_glass_grant")),
    )
    op.create_index(
        "ix_break_glass_grant_grantee",
        "break_glass_grant",
        ["grantee_id", "patient_id", "expires_at"],
        unique=False,
    )
    op.create_table(
        "care_team_member",
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("member_kind", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("started_on", sa.Date(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "role IN ('primary', 'specialist', 'care_coordinator')",
            name=op.f("ck_care_team_member_role_known"),
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_care_team_member_patient_id")
        ),
        sa.PrimaryKeyConstraint("patient_id", "member_id", name=op.f("pk_care_team_member")),
    )
    op.create_index(
        "ix_care_team_member_member", "care_team_member", ["member_id", "patient_id"], unique=False
    )
    op.create_index(
        "uq_care_team_member_primary",
        "care_team_member",
        ["patient_id"],
        unique=True,
        postgresql_where=sa.text("role = 'primary' AND ended_on IS NULL"),
    )
    op.create_table(
        "notification",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("recipient_kind", sa.Text(), nullable=False),
        sa.Column("recipient_id", sa.Uuid(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("patient_id", sa.Uuid(), nullable=True),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("read_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_notification_patient_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification")),
        sa.UniqueConstraint(
            "source_id",
            "recipient_id",
            "event",
            name=op.f("uq_notification_source_id_recipient_id_event"),
        ),
    )
    op.create_index(
        "ix_notification_recipient",
        "notification",
        ["recipient_id", "created_at", "id"],
        unique=False,
    )
    op.create_table(
        "pool_member",
        sa.Column("pool_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("member_kind", sa.Text(), nullable=False),
        sa.Column("lead", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint(
            "member_kind IN ('practitioner', 'staff')",
            name=op.f("ck_pool_member_member_kind_known"),
        ),
        sa.ForeignKeyConstraint(["pool_id"], ["pool.id"], name=op.f("fk_pool_member_pool_id")),
        sa.PrimaryKeyConstraint("pool_id", "member_id", name=op.f("pk_pool_member")),
    )
    op.create_index("ix_pool_member_member", "pool_member", ["member_id"], unique=False)
    op.create_index(
        "uq_pool_member_lead",
        "pool_member",
        ["pool_id"],
        unique=True,
        postgresql_where=sa.text("lead"),
    )
    op.create_table(
        "practitioner",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("pool_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("specialty", sa.Text(), nullable=False),
        sa.Column("npi", sa.Text(), nullable=True),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.ForeignKeyConstraint(
            ["clinic_id"], ["clinic.id"], name=op.f("fk_practitioner_clinic_id")
        ),
        sa.ForeignKeyConstraint(["pool_id"], ["pool.id"], name=op.f("fk_practitioner_pool_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_practitioner")),
        sa.UniqueConstraint("npi", name=op.f("uq_practitioner_npi")),
    )
    op.create_index(op.f("ix_practitioner_clinic_id"), "practitioner", ["clinic_id"], unique=False)
    op.create_table(
        "work_item",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("responsible_id", sa.Uuid(), nullable=True),
        sa.Column("assignee_id", sa.Uuid(), nullable=True),
        sa.Column("pool_id", sa.Uuid(), nullable=False),
        sa.Column("claimed_by", sa.Uuid(), nullable=True),
        sa.Column("due_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("escalation_level", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("routed_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("closed_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("closed_by", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "(status = 'claimed') <= (claimed_by IS NOT NULL)", name=op.f("ck_work_item_claim")
        ),
        sa.CheckConstraint(
            "(status IN ('done', 'cancelled')) = (closed_at IS NOT NULL)",
            name=op.f("ck_work_item_end"),
        ),
        sa.CheckConstraint(
            "kind IN ('refill_decision', 'refill_overdue', 'refill_failed', 'quarantined_update', 'feed_paused', 'delivery_failed', 'dead_letter')",
            name=op.f("ck_work_item_kind_known"),
        ),
        sa.CheckConstraint(
            "priority IN ('routine', 'urgent', 'stat')", name=op.f("ck_work_item_priority_known")
        ),
        sa.CheckConstraint(
            "status IN ('open', 'claimed', 'done', 'cancelled')",
            name=op.f("ck_work_item_status_known"),
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_work_item_patient_id")
        ),
        sa.ForeignKeyConstraint(["pool_id"], ["pool.id"], name=op.f("fk_work_item_pool_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_item")),
    )
    op.create_index(
        "ix_work_item_assignee",
        "work_item",
        ["assignee_id", "due_at", "id"],
        unique=False,
        postgresql_where=sa.text("status IN ('open', 'claimed')"),
    )
    op.create_index(
        "ix_work_item_claimed",
        "work_item",
        ["claimed_by"],
        unique=False,
        postgresql_where=sa.text("status IN ('open', 'claimed')"),
    )
    op.create_index(
        "ix_work_item_due",
        "work_item",
        ["due_at", "id"],
        unique=False,
        postgresql_where=sa.text("status IN ('open', 'claimed')"),
    )
    op.create_index("ix_work_item_patient", "work_item", ["patient_id"], unique=False)
    op.create_index(
        "ix_work_item_pool",
        "work_item",
        ["pool_id", "due_at", "id"],
        unique=False,
        postgresql_where=sa.text("status IN ('open', 'claimed')"),
    )
    op.create_index("ix_work_item_subject", "work_item", ["subject_id"], unique=False)
    op.create_index(
        "uq_work_item_open_subject",
        "work_item",
        ["kind", "subject_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('open', 'claimed')"),
    )
    op.create_table(
        "coverage",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practitioner_id", sa.Uuid(), nullable=False),
        sa.Column("covering_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("ends_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("cancelled_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "practitioner_id <> covering_id", name=op.f("ck_coverage_somebody_else")
        ),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_coverage_order")),
        sa.ForeignKeyConstraint(
            ["covering_id"], ["practitioner.id"], name=op.f("fk_coverage_covering_id")
        ),
        sa.ForeignKeyConstraint(
            ["practitioner_id"], ["practitioner.id"], name=op.f("fk_coverage_practitioner_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coverage")),
    )
    op.create_index("ix_coverage_covering", "coverage", ["covering_id", "ends_at"], unique=False)
    op.create_index(
        "ix_coverage_practitioner", "coverage", ["practitioner_id", "ends_at"], unique=False
    )
    op.create_table(
        "notification_delivery",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("notification_id", sa.Uuid(), nullable=False),
        sa.Column("recipient_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("finished_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "channel IN ('email')", name=op.f("ck_notification_delivery_channel_known")
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'sent', 'failed', 'suppressed')",
            name=op.f("ck_notification_delivery_status_known"),
        ),
        sa.ForeignKeyConstraint(
            ["notification_id"],
            ["notification.id"],
            name=op.f("fk_notification_delivery_notification_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification_delivery")),
        sa.UniqueConstraint(
            "notification_id",
            "channel",
            name=op.f("uq_notification_delivery_notification_id_channel"),
        ),
    )
    op.create_index(
        "ix_notification_delivery_open",
        "notification_delivery",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_table(
        "prescription",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("refill_number", sa.Text(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("prescriber_id", sa.Uuid(), nullable=False),
        sa.Column("pharmacy_id", sa.Uuid(), nullable=False),
        sa.Column("rxnorm_code", sa.Text(), nullable=False),
        sa.Column("drug_name", sa.Text(), nullable=False),
        sa.Column("strength", sa.Text(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("directions", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(precision=12, scale=3), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("days_supply", sa.Integer(), nullable=False),
        sa.Column("refills_authorized", sa.Integer(), nullable=False),
        sa.Column("refills_used", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("schedule", sa.Integer(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_reason", sa.Text(), nullable=True),
        sa.Column("written_on", sa.Date(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.Column("last_filled_on", sa.Date(), nullable=True),
        sa.Column("early_refill_until", sa.Date(), nullable=True),
        sa.Column("previous_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "status IN ('active', 'on_hold', 'stopped', 'superseded')",
            name=op.f("ck_prescription_status_known"),
        ),
        sa.CheckConstraint(
            "days_supply BETWEEN 1 AND 365", name=op.f("ck_prescription_days_supply_in_bounds")
        ),
        sa.CheckConstraint(
            "expires_on > written_on", name=op.f("ck_prescription_expiry_after_writing")
        ),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_prescription_quantity_positive")),
        sa.CheckConstraint(
            "refills_used BETWEEN 0 AND refills_authorized",
            name=op.f("ck_prescription_refills_used_in_bounds"),
        ),
        sa.CheckConstraint(
            "schedule IS NULL OR schedule BETWEEN 2 AND 5",
            name=op.f("ck_prescription_schedule_known"),
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_prescription_patient_id")
        ),
        sa.ForeignKeyConstraint(
            ["pharmacy_id"], ["pharmacy.id"], name=op.f("fk_prescription_pharmacy_id")
        ),
        sa.ForeignKeyConstraint(
            ["prescriber_id"], ["practitioner.id"], name=op.f("fk_prescription_prescriber_id")
        ),
        sa.ForeignKeyConstraint(
            ["previous_id"], ["prescription.id"], name=op.f("fk_prescription_previous_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prescription")),
        sa.UniqueConstraint("refill_number", name=op.f("uq_prescription_refill_number")),
        postgresql_with={"fillfactor": "85"},
    )
    op.create_index(
        "ix_prescription_patient", "prescription", ["patient_id", "created_at", "id"], unique=False
    )
    op.create_index(
        "ix_prescription_pharmacy", "prescription", ["pharmacy_id", "patient_id"], unique=False
    )
    op.create_index("ix_prescription_previous", "prescription", ["previous_id"], unique=False)
    op.create_table(
        "work_item_hop",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("work_item_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("assignee_id", sa.Uuid(), nullable=True),
        sa.Column("pool_id", sa.Uuid(), nullable=False),
        sa.Column("escalation_level", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["work_item_id"], ["work_item.id"], name=op.f("fk_work_item_hop_work_item_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_item_hop")),
    )
    op.create_index("ix_work_item_hop_item", "work_item_hop", ["work_item_id", "at"], unique=False)
    op.create_table(
        "delivery_attempt",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["delivery_id"],
            ["notification_delivery.id"],
            name=op.f("fk_delivery_attempt_delivery_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_attempt")),
        sa.UniqueConstraint(
            "delivery_id", "number", name=op.f("uq_delivery_attempt_delivery_id_number")
        ),
    )
    op.create_table(
        "dispense",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("prescription_id", sa.Uuid(), nullable=False),
        sa.Column("refill_id", sa.Uuid(), nullable=True),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("pharmacy_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.Numeric(precision=12, scale=3), nullable=False),
        sa.Column("days_supply", sa.Integer(), nullable=False),
        sa.Column("dispensed_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_dispense_patient_id")
        ),
        sa.ForeignKeyConstraint(
            ["pharmacy_id"], ["pharmacy.id"], name=op.f("fk_dispense_pharmacy_id")
        ),
        sa.ForeignKeyConstraint(
            ["prescription_id"], ["prescription.id"], name=op.f("fk_dispense_prescription_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispense")),
        sa.UniqueConstraint("refill_id", name=op.f("uq_dispense_refill_id")),
    )
    op.create_index("ix_dispense_patient", "dispense", ["patient_id", "dispensed_at"], unique=False)
    op.create_index(
        "ix_dispense_prescription", "dispense", ["prescription_id", "dispensed_at"], unique=False
    )
    op.create_table(
        "prescription_history",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("prescription_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["prescription_id"],
            ["prescription.id"],
            name=op.f("fk_prescription_history_prescription_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prescription_history")),
    )
    op.create_index(
        "ix_prescription_history_prescription",
        "prescription_history",
        ["prescription_id", "at"],
        unique=False,
    )
    op.create_table(
        "refill",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("prescription_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("prescriber_id", sa.Uuid(), nullable=False),
        sa.Column("pharmacy_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("delivery", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("reserved", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("urgent", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("requested_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("status_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expected_by", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("occurred_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("reason_code", sa.Text(), nullable=True),
        sa.Column("expected_on", sa.Date(), nullable=True),
        sa.Column("quantity_ready", sa.Numeric(precision=12, scale=3), nullable=True),
        sa.Column("carrier", sa.Text(), nullable=True),
        sa.Column("tracking_number", sa.Text(), nullable=True),
        sa.Column("decision_note", sa.Text(), nullable=True),
        sa.Column("next_step", sa.Text(), nullable=True),
        sa.Column("original_prescription_id", sa.Uuid(), nullable=True),
        sa.Column("replaces_id", sa.Uuid(), nullable=True),
        sa.Column("closed_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status IN ('picked_up', 'delivered', 'denied', 'not_dispensed', 'cancelled')) = (closed_at IS NOT NULL)",
            name=op.f("ck_refill_end"),
        ),
        sa.CheckConstraint(
            "(status IN ('picked_up', 'delivered', 'denied', 'not_dispensed', 'cancelled')) = (expected_by IS NULL)",
            name=op.f("ck_refill_clock"),
        ),
        sa.CheckConstraint(
            "channel IN ('portal', 'phone', 'pharmacy', 'prescriber')",
            name=op.f("ck_refill_channel_known"),
        ),
        sa.CheckConstraint("delivery IN ('pickup', 'mail')", name=op.f("ck_refill_delivery_known")),
        sa.CheckConstraint(
            "kind IN ('refill', 'renewal', 'first_fill')", name=op.f("ck_refill_kind_known")
        ),
        sa.CheckConstraint(
            "status IN ('awaiting_prescriber', 'sending', 'with_pharmacy', 'preparing', 'on_hold', 'partially_ready', 'ready_for_pickup', 'shipped', 'picked_up', 'delivered', 'denied', 'not_dispensed', 'cancelled')",
            name=op.f("ck_refill_status_known"),
        ),
        sa.ForeignKeyConstraint(
            ["original_prescription_id"],
            ["prescription.id"],
            name=op.f("fk_refill_original_prescription_id"),
        ),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_refill_patient_id")),
        sa.ForeignKeyConstraint(
            ["pharmacy_id"], ["pharmacy.id"], name=op.f("fk_refill_pharmacy_id")
        ),
        sa.ForeignKeyConstraint(
            ["prescriber_id"], ["practitioner.id"], name=op.f("fk_refill_prescriber_id")
        ),
        sa.ForeignKeyConstraint(
            ["prescription_id"], ["prescription.id"], name=op.f("fk_refill_prescription_id")
        ),
        sa.ForeignKeyConstraint(["replaces_id"], ["refill.id"], name=op.f("fk_refill_replaces_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refill")),
        postgresql_with={"fillfactor": "80"},
    )
    op.create_index(
        "ix_refill_expected",
        "refill",
        ["expected_by", "id"],
        unique=False,
        postgresql_where=sa.text(
            "status NOT IN ('picked_up', 'delivered', 'denied', 'not_dispensed', 'cancelled')"
        ),
    )
    op.create_index(
        "ix_refill_patient", "refill", ["patient_id", "requested_at", "id"], unique=False
    )
    op.create_index("ix_refill_pharmacy", "refill", ["pharmacy_id", "patient_id"], unique=False)
    op.create_index("ix_refill_prescription", "refill", ["prescription_id"], unique=False)
    op.create_index("ix_refill_replaces", "refill", ["replaces_id"], unique=False)
    op.create_index(
        "uq_refill_open_prescription",
        "refill",
        ["prescription_id"],
        unique=True,
        postgresql_where=sa.text(
            "status NOT IN ('picked_up', 'delivered', 'denied', 'not_dispensed', 'cancelled')"
        ),
    )
    op.create_table(
        "pharmacy_order",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("pharmacy_id", sa.Uuid(), nullable=False),
        sa.Column("refill_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("acknowledged_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("xact", Xid8(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
        sa.CheckConstraint("kind IN ('fill', 'cancel')", name=op.f("ck_pharmacy_order_kind_known")),
        sa.ForeignKeyConstraint(
            ["pharmacy_id"], ["pharmacy.id"], name=op.f("fk_pharmacy_order_pharmacy_id")
        ),
        sa.ForeignKeyConstraint(
            ["refill_id"], ["refill.id"], name=op.f("fk_pharmacy_order_refill_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pharmacy_order")),
    )
    op.create_index(
        "ix_pharmacy_order_feed", "pharmacy_order", ["pharmacy_id", "xact", "id"], unique=False
    )
    op.create_index(
        "ix_pharmacy_order_refill",
        "pharmacy_order",
        ["refill_id", "pharmacy_id", "id"],
        unique=False,
    )
    op.create_table(
        "refill_history",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("refill_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("pharmacy_id", sa.Uuid(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["refill_id"], ["refill.id"], name=op.f("fk_refill_history_refill_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refill_history")),
    )
    op.create_index(
        "ix_refill_history_refill", "refill_history", ["refill_id", "at", "id"], unique=False
    )
    op.create_table(
        "webhook_attempt",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("pharmacy_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("status_code", sa.Integer(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["order_id"], ["pharmacy_order.id"], name=op.f("fk_webhook_attempt_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_attempt")),
    )
    op.create_index("ix_webhook_attempt_order", "webhook_attempt", ["order_id", "at"], unique=False)
    op.create_index(
        "ix_webhook_attempt_pharmacy", "webhook_attempt", ["pharmacy_id", "at"], unique=False
    )


def downgrade() -> None:
    op.drop_index("ix_webhook_attempt_pharmacy", table_name="webhook_attempt")
    op.drop_index("ix_webhook_attempt_order", table_name="webhook_attempt")
    op.drop_table("webhook_attempt")
    op.drop_index("ix_refill_history_refill", table_name="refill_history")
    op.drop_table("refill_history")
    op.drop_index("ix_pharmacy_order_refill", table_name="pharmacy_order")
    op.drop_index("ix_pharmacy_order_feed", table_name="pharmacy_order")
    op.drop_table("pharmacy_order")
    op.drop_index(
        "uq_refill_open_prescription",
        table_name="refill",
        postgresql_where=sa.text(
            "status NOT IN ('picked_up', 'delivered', 'denied', 'not_dispensed', 'cancelled')"
        ),
    )
    op.drop_index("ix_refill_replaces", table_name="refill")
    op.drop_index("ix_refill_prescription", table_name="refill")
    op.drop_index("ix_refill_pharmacy", table_name="refill")
    op.drop_index("ix_refill_patient", table_name="refill")
    op.drop_index(
        "ix_refill_expected",
        table_name="refill",
        postgresql_where=sa.text(
            "status NOT IN ('picked_up', 'delivered', 'denied', 'not_dispensed', 'cancelled')"
        ),
    )
    op.drop_table("refill")
    op.drop_index("ix_prescription_history_prescription", table_name="prescription_history")
    op.drop_table("prescription_history")
    op.drop_index("ix_dispense_prescription", table_name="dispense")
    op.drop_index("ix_dispense_patient", table_name="dispense")
    op.drop_table("dispense")
    op.drop_table("delivery_attempt")
    op.drop_index("ix_work_item_hop_item", table_name="work_item_hop")
    op.drop_table("work_item_hop")
    op.drop_index("ix_prescription_previous", table_name="prescription")
    op.drop_index("ix_prescription_pharmacy", table_name="prescription")
    op.drop_index("ix_prescription_patient", table_name="prescription")
    op.drop_table("prescription")
    op.drop_index(
        "ix_notification_delivery_open",
        table_name="notification_delivery",
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.drop_table("notification_delivery")
    op.drop_index("ix_coverage_practitioner", table_name="coverage")
    op.drop_index("ix_coverage_covering", table_name="coverage")
    op.drop_table("coverage")
    op.drop_index(
        "uq_work_item_open_subject",
        table_name="work_item",
        postgresql_where=sa.text("status IN ('open', 'claimed')"),
    )
    op.drop_index("ix_work_item_subject", table_name="work_item")
    op.drop_index(
        "ix_work_item_pool",
        table_name="work_item",
        postgresql_where=sa.text("status IN ('open', 'claimed')"),
    )
    op.drop_index("ix_work_item_patient", table_name="work_item")
    op.drop_index(
        "ix_work_item_due",
        table_name="work_item",
        postgresql_where=sa.text("status IN ('open', 'claimed')"),
    )
    op.drop_index(
        "ix_work_item_claimed",
        table_name="work_item",
        postgresql_where=sa.text("status IN ('open', 'claimed')"),
    )
    op.drop_index(
        "ix_work_item_assignee",
        table_name="work_item",
        postgresql_where=sa.text("status IN ('open', 'claimed')"),
    )
    op.drop_table("work_item")
    op.drop_index(op.f("ix_practitioner_clinic_id"), table_name="practitioner")
    op.drop_table("practitioner")
    op.drop_index("uq_pool_member_lead", table_name="pool_member", postgresql_where=sa.text("lead"))
    op.drop_index("ix_pool_member_member", table_name="pool_member")
    op.drop_table("pool_member")
    op.drop_index("ix_notification_recipient", table_name="notification")
    op.drop_table("notification")
    op.drop_index(
        "uq_care_team_member_primary",
        table_name="care_team_member",
        postgresql_where=sa.text("role = 'primary' AND ended_on IS NULL"),
    )
    op.drop_index("ix_care_team_member_member", table_name="care_team_member")
    op.drop_table("care_team_member")
    op.drop_index("ix_break_glass_grant_grantee", table_name="break_glass_grant")
    op.drop_table("break_glass_grant")
    op.drop_table("used_assertion")
    op.drop_index(op.f("ix_staff_member_clinic_id"), table_name="staff_member")
    op.drop_table("staff_member")
    op.drop_index("ix_sign_in_session_account", table_name="sign_in_session")
    op.drop_table("sign_in_session")
    op.drop_table("renewal_request")
    op.drop_table("recovery_code")
    op.drop_table("pool")
    op.drop_table("pharmacy_webhook")
    op.drop_index(
        "ix_pharmacy_update_set_aside",
        table_name="pharmacy_update",
        postgresql_where=sa.text("outcome IN ('late', 'quarantined')"),
    )
    op.drop_index("ix_pharmacy_update_received", table_name="pharmacy_update")
    op.drop_table("pharmacy_update")
    op.drop_table("pharmacy_feed")
    op.drop_index(op.f("ix_patient_clinic_id"), table_name="patient")
    op.drop_table("patient")
    op.drop_index(op.f("ix_password_reset_account_id"), table_name="password_reset")
    op.drop_table("password_reset")
    op.drop_index(op.f("ix_invitation_account_id"), table_name="invitation")
    op.drop_table("invitation")
    op.drop_table("clinic_hours")
    op.drop_table("clinic_closure")
    op.drop_index(op.f("ix_client_secret_client_id"), table_name="client_secret")
    op.drop_table("client_secret")
    op.drop_index("ix_access_token_expiry", table_name="access_token")
    op.drop_index(op.f("ix_access_token_client_id"), table_name="access_token")
    op.drop_table("access_token")
    op.drop_table("phone_miss")
    op.drop_table("pharmacy")
    op.drop_index(
        "ix_outbox_event_published",
        table_name="outbox_event",
        postgresql_where=sa.text("status = 'published'"),
    )
    op.drop_index(
        "ix_outbox_event_pending",
        table_name="outbox_event",
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.drop_index(
        "ix_outbox_event_done",
        table_name="outbox_event",
        postgresql_where=sa.text("status = 'done'"),
    )
    op.drop_index(
        "ix_outbox_event_dead",
        table_name="outbox_event",
        postgresql_where=sa.text("status = 'dead'"),
    )
    op.drop_table("outbox_event")
    op.drop_table("notification_preference")
    op.drop_index("ix_idempotency_key_expiry", table_name="idempotency_key")
    op.drop_table("idempotency_key")
    op.drop_table("clinic")
    op.drop_table("client")
    op.drop_table("audit_seal")
    op.drop_index("ix_audit_entry_xact", table_name="audit_entry")
    op.drop_index("ix_audit_entry_patient", table_name="audit_entry")
    op.drop_table("audit_entry")
    op.drop_index("uq_account_email", table_name="account")
    op.drop_table("account")
