"""Nothing that a laboratory says is dropped: withdrawn, kept, out of order."""

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
