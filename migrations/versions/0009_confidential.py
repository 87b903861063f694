"""What is kept from delegates: visits by the ledger that all have, appointments and referrals."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("appointment", "referral"):
        op.add_column(
            table,
            sa.Column(
                "confidential", sa.Boolean(), server_default=sa.text("false"), nullable=False
            ),
        )
    op.drop_constraint(op.f("ck_visit_confidential"), "visit", type_="check")
    op.execute(
        "INSERT INTO confidentiality_entry "
        "(id, patient_id, resource, resource_id, confidential, reason, at, actor_id) "
        "SELECT gen_random_uuid(), patient_id, 'visit', id, true, "
        "       confidential_reason || repeat('.', 10 - length(confidential_reason)), "
        "       confidential_at, confidential_by "
        "FROM visit WHERE confidential"
    )
    for name in ("confidential_by", "confidential_at", "confidential_reason"):
        op.drop_column("visit", name)


def downgrade() -> None:
    op.add_column("visit", sa.Column("confidential_by", sa.Uuid(), nullable=True))
    op.add_column("visit", sa.Column("confidential_at", sa.TIMESTAMP(timezone=True)))
    op.add_column("visit", sa.Column("confidential_reason", sa.Text()))
    op.create_foreign_key(
        op.f("fk_visit_confidential_by"), "visit", "practitioner", ["confidential_by"], ["id"]
    )
    op.execute(
        "UPDATE visit SET (confidential_by, confidential_at, confidential_reason) = "
        "(SELECT e.actor_id, e.at, e.reason FROM confidentiality_entry e "
        " WHERE e.resource_id = visit.id AND e.confidential ORDER BY e.at DESC LIMIT 1) "
        "WHERE confidential"
    )
    op.create_check_constraint(
        op.f("ck_visit_confidential"),
        "visit",
        "confidential = (confidential_by IS NOT NULL) "
        "AND confidential = (confidential_reason IS NOT NULL)",
    )
    for table in ("referral", "appointment"):
        op.drop_column(table, "confidential")
