"""Attachments."""

import re

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NEW_KINDS = ("attachment_infected", "attachment_unscannable")


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
        "attachment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("uploader_kind", sa.Text(), nullable=False),
        sa.Column("uploader_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("finding", sa.Text(), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("to_kind", sa.Text(), nullable=True),
        sa.Column("to_id", sa.Uuid(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("shared", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("attached_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('quarantined', 'clean', 'infected', 'unscannable')",
            name=op.f("ck_attachment_status_known"),
        ),
        sa.CheckConstraint("size > 0", name=op.f("ck_attachment_size")),
        sa.CheckConstraint("length(digest) = 32", name=op.f("ck_attachment_digest")),
        sa.CheckConstraint(
            "(to_kind IS NULL) = (attached_at IS NULL) AND (to_id IS NULL) = (attached_at IS NULL)",
            name=op.f("ck_attachment_attached"),
        ),
        sa.CheckConstraint(
            "(status = 'infected') = (finding IS NOT NULL)", name=op.f("ck_attachment_finding")
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_attachment_patient_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachment")),
    )
    op.create_index("ix_attachment_patient", "attachment", ["patient_id"], unique=False)
    op.create_index("ix_attachment_digest", "attachment", ["digest"], unique=False)
    op.create_index(
        "ix_attachment_to",
        "attachment",
        ["to_id", "position"],
        unique=False,
        postgresql_where=sa.text("attached_at IS NOT NULL"),
    )
    op.create_index(
        "ix_attachment_unused",
        "attachment",
        ["created_at", "id"],
        unique=False,
        postgresql_where=sa.text("attached_at IS NULL"),
    )
    op.create_index(
        "ix_attachment_unused_uploader",
        "attachment",
        ["uploader_id"],
        unique=False,
        postgresql_where=sa.text("attached_at IS NULL"),
    )
    op.create_index(
        "ix_attachment_waiting",
        "attachment",
        ["status", "status_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('quarantined', 'unscannable')"),
    )


def downgrade() -> None:
    op.drop_table("attachment")
    op.execute(
        "DELETE FROM work_item_hop WHERE work_item_id IN (SELECT id FROM work_item "
        "WHERE kind IN ('attachment_infected', 'attachment_unscannable'))"
    )
    op.execute(
        "DELETE FROM work_item WHERE kind IN ('attachment_infected', 'attachment_unscannable')"
    )
    know_kinds([kind for kind in known_kinds() if kind not in NEW_KINDS])
