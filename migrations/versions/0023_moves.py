"""Patients whose clinic is another from now on: the new clinic's staff look after what is open."""

import re

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

NEW_KIND = "patient_moved"
ITEMS = "SELECT id FROM work_item WHERE kind = 'patient_moved'"


def know_kinds(kinds: list[str]) -> None:
    """Which kinds of work items there may be."""
    name = op.f("ck_work_item_kind_known")
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.drop_constraint(name, "work_item", type_="check")
    op.create_check_constraint(name, "work_item", f"kind IN ({listed})")


def known_kinds() -> list[str]:
    query = sa.text(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name"
    ).bindparams(name="ck_work_item_kind_known")
    return re.findall(r"'([a-z_]+)'", op.get_bind().execute(query).scalar_one())


def upgrade() -> None:
    know_kinds([*known_kinds(), NEW_KIND])


def downgrade() -> None:
    op.execute(f"DELETE FROM work_item_hop WHERE work_item_id IN ({ITEMS})")  # noqa: S608 - no value
    op.execute(f"DELETE FROM work_item WHERE id IN ({ITEMS})")  # noqa: S608 - no value
    know_kinds([kind for kind in known_kinds() if kind != NEW_KIND])
