"""What pharmacies are asked and answer: stops, holds, parts handed over, dates."""

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
