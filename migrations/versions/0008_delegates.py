"""Delegations, parents' access, and what is kept from delegates."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

KINDS_BEFORE = (
    "'patient', 'practitioner', 'staff', 'administrator', 'pharmacy', 'laboratory', 'phone', "
    "'worker', 'operator', 'anonymous'"
)
KINDS = KINDS_BEFORE.replace("'patient', ", "'patient', 'delegate', ")


def know_kinds(kinds: str) -> None:
    """The kinds of actor that accounts and clients can be of."""
    for table in ("account", "client"):
        name = op.f(f"ck_{table}_kind_known")
        op.drop_constraint(name, table, type_="check")
        op.create_check_constraint(name, table, f"kind IN ({kinds})")


def upgrade() -> None:
    know_kinds(KINDS)
    op.create_table(
        "delegate",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delegate")),
    )
    op.create_table(
        "parental_access",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("full_until", sa.Integer(), nullable=False),
        sa.Column("limited_until", sa.Integer(), nullable=False),
        sa.Column("limited", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("changed_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "limited <@ ARRAY['appointments', 'medicines', 'messages', 'results', 'visits']::text[]",
            name=op.f("ck_parental_access_limited"),
        ),
        sa.CheckConstraint(
            "full_until BETWEEN 0 AND limited_until AND limited_until <= 26",
            name=op.f("ck_parental_access_ages"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id"], ["clinic.id"], name=op.f("fk_parental_access_clinic_id")
        ),
        sa.PrimaryKeyConstraint("clinic_id", name=op.f("pk_parental_access")),
    )
    op.create_table(
        "confidentiality_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("confidential", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("length(reason) >= 10", name=op.f("ck_confidentiality_entry_reason")),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_confidentiality_entry_patient_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_confidentiality_entry")),
    )
    op.create_index(
        "ix_confidentiality_entry_patient", "confidentiality_entry", ["patient_id"], unique=False
    )
    op.create_index(
        "ix_confidentiality_entry_resource",
        "confidentiality_entry",
        ["resource_id", "at"],
        unique=False,
    )
    op.create_table(
        "delegation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("delegate_id", sa.Uuid(), nullable=True),
        sa.Column("delegate_kind", sa.Text(), nullable=True),
        sa.Column("delegate_name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("relationship", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("categories", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("notify", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("offered_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("offered_by", sa.Uuid(), nullable=False),
        sa.Column("answered_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "(status = 'revoked') = (revoked_at IS NOT NULL)", name=op.f("ck_delegation_revoked")
        ),
        sa.CheckConstraint(
            "categories <@ ARRAY['appointments', 'medicines', 'messages', 'results', 'visits']::text[] AND cardinality(categories) > 0",
            name=op.f("ck_delegation_categories"),
        ),
        sa.CheckConstraint(
            "kind IN ('granted', 'parental')", name=op.f("ck_delegation_kind_known")
        ),
        sa.CheckConstraint(
            "relationship IN ('parent', 'guardian', 'spouse', 'partner', 'child', 'sibling', 'friend', 'caregiver', 'other')",
            name=op.f("ck_delegation_relationship_known"),
        ),
        sa.CheckConstraint(
            "status IN ('offered', 'accepted', 'declined', 'revoked')",
            name=op.f("ck_delegation_status_known"),
        ),
        sa.CheckConstraint(
            "(delegate_id IS NULL) = (delegate_kind IS NULL)", name=op.f("ck_delegation_person")
        ),
        sa.CheckConstraint("ends_on >= starts_on", name=op.f("ck_delegation_period")),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_delegation_patient_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delegation")),
    )
    op.create_index(
        "ix_delegation_delegate", "delegation", ["delegate_id", "patient_id"], unique=False
    )
    op.create_index(
        "ix_delegation_patient", "delegation", ["patient_id", "offered_at", "id"], unique=False
    )
    op.create_table(
        "delegation_history",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("delegation_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("categories", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["delegation_id"], ["delegation.id"], name=op.f("fk_delegation_history_delegation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delegation_history")),
    )
    op.create_index(
        "ix_delegation_history_delegation",
        "delegation_history",
        ["delegation_id", "at", "id"],
        unique=False,
    )
    op.add_column(
        "diagnostic_report",
        sa.Column("confidential", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column("notification", sa.Column("category", sa.Text(), nullable=True))
    op.add_column(
        "prescription",
        sa.Column("confidential", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column(
        "requisition",
        sa.Column("confidential", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("requisition", "confidential")
    op.drop_column("prescription", "confidential")
    op.drop_column("notification", "category")
    op.drop_column("diagnostic_report", "confidential")
    op.drop_index("ix_delegation_history_delegation", table_name="delegation_history")
    op.drop_table("delegation_history")
    op.drop_index("ix_delegation_patient", table_name="delegation")
    op.drop_index("ix_delegation_delegate", table_name="delegation")
    op.drop_table("delegation")
    op.drop_index("ix_confidentiality_entry_resource", table_name="confidentiality_entry")
    op.drop_index("ix_confidentiality_entry_patient", table_name="confidentiality_entry")
    op.drop_table("confidentiality_entry")
    op.drop_table("parental_access")
    op.drop_table("delegate")
    know_kinds(KINDS_BEFORE)
