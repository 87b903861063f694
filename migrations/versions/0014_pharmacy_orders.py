"""What pharmacies are asked and answer: stops, holds, parts handed over, hours."""

import re

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

NEW_KINDS = ["pharmacy_cancellation", "dispensed_after_stop"]
ENDED_BEFORE = "('picked_up', 'delivered', 'denied', 'not_dispensed', 'cancelled')"
ENDED = "('picked_up', 'delivered', 'partially_dispensed', 'denied', 'not_dispensed', 'cancelled')"
STATUSES_BEFORE = [
    "awaiting_prescriber",
    "sending",
    "with_pharmacy",
    "preparing",
    "on_hold",
    "partially_ready",
    "ready_for_pickup",
    "shipped",
    "picked_up",
    "delivered",
    "denied",
    "not_dispensed",
    "cancelled",
]
STATUSES = [*STATUSES_BEFORE, "rest_owed", "held", "partially_dispensed"]
OUTCOMES_BEFORE = [
    "applied",
    "duplicate",
    "conflict",
    "late",
    "quarantined",
    "not_found",
    "invalid",
]
OUTCOMES = [*OUTCOMES_BEFORE, "withdrawn"]
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
PERIOD = re.compile(
    r"(?P<first>[A-Z][a-z]{2})(?:-(?P<last>[A-Z][a-z]{2}))? "
    r"(?P<opens>\d{1,2})(?::(?P<opens_minute>\d{2}))?-(?P<closes>\d{1,2})(?::(?P<closes_minute>\d{2}))?"
)


def known(table: str, column: str, values: list[str]) -> None:
    name = op.f(f"ck_{table}_{column}_known")
    listed = ", ".join(f"'{value}'" for value in values)
    op.drop_constraint(name, table, type_="check")
    op.create_check_constraint(name, table, f"{column} IN ({listed})")


def known_kinds() -> list[str]:
    query = sa.text(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE conname = 'ck_work_item_kind_known'"
    )
    return re.findall(r"'([a-z_]+)'", op.get_bind().execute(query).scalar_one())


def moment(name: str) -> sa.Column[sa.TIMESTAMP]:
    return sa.Column(name, sa.TIMESTAMP(timezone=True), nullable=True)


def end_with(ended: str) -> None:
    """Which statuses are ends, wherever the table asks."""
    for name, column in (("end", "closed_at IS NOT NULL"), ("clock", "expected_by IS NULL")):
        op.drop_constraint(op.f(f"ck_refill_{name}"), "refill", type_="check")
        op.create_check_constraint(
            op.f(f"ck_refill_{name}"), "refill", f"(status IN {ended}) = ({column})"
        )
    for name, columns, unique in (
        ("ix_refill_expected", ["expected_by", "id"], False),
        ("uq_refill_open_prescription", ["prescription_id"], True),
    ):
        op.drop_index(name, table_name="refill")
        op.create_index(
            name,
            "refill",
            columns,
            unique=unique,
            postgresql_where=sa.text(f"status NOT IN {ended}"),
        )


def upgrade() -> None:
    known("work_item", "kind", [*known_kinds(), *NEW_KINDS])
    known("refill", "status", STATUSES)
    known("pharmacy_update", "outcome", OUTCOMES)
    end_with(ENDED)
    ask_pharmacies()
    owe_the_rest()
    keep_hours()


def ask_pharmacies() -> None:
    op.add_column("refill", moment("fetched_at"))
    op.add_column("refill", moment("cancel_asked_at"))
    op.add_column("refill", sa.Column("cancel_answer", sa.Text(), nullable=True))
    op.add_column("refill", moment("cancel_answered_at"))
    op.create_check_constraint(
        op.f("ck_refill_cancel_answer_known"),
        "refill",
        "cancel_answer IN ('cancelled', 'already_handed_over')",
    )
    op.create_check_constraint(
        op.f("ck_refill_cancel_answered"),
        "refill",
        "(cancel_answer IS NULL) = (cancel_answered_at IS NULL) "
        "AND (cancel_asked_at IS NOT NULL OR cancel_answer IS NULL)",
    )
    # Nobody wrote down what was fetched: what may have been, was.
    op.execute(
        "UPDATE refill SET fetched_at = status_at WHERE status <> 'awaiting_prescriber' "
        "AND EXISTS (SELECT FROM pharmacy_order o WHERE o.refill_id = refill.id)"
    )


def owe_the_rest() -> None:
    op.add_column(
        "refill",
        sa.Column("quantity_dispensed", sa.Numeric(), server_default=sa.text("0"), nullable=False),
    )
    op.add_column("refill", moment("rest_due_at"))
    op.create_check_constraint(op.f("ck_refill_dispensed"), "refill", "quantity_dispensed >= 0")
    op.create_check_constraint(
        op.f("ck_refill_part"),
        "refill",
        "status NOT IN ('rest_owed', 'partially_dispensed') OR quantity_dispensed > 0",
    )
    op.create_index(
        "ix_refill_rest_due",
        "refill",
        ["rest_due_at", "id"],
        unique=False,
        postgresql_where=sa.text("rest_due_at IS NOT NULL AND closed_at IS NULL"),
    )
    op.execute(
        "UPDATE refill r SET quantity_dispensed = d.quantity FROM dispense d "
        "WHERE d.refill_id = r.id"
    )
    op.add_column("prescription", sa.Column("supply_days", sa.Integer(), nullable=True))
    op.drop_constraint(op.f("uq_dispense_refill_id"), "dispense", type_="unique")
    op.create_index("ix_dispense_refill", "dispense", ["refill_id", "dispensed_at"], unique=False)


def keep_hours() -> None:
    op.add_column("pharmacy", sa.Column("opening", postgresql.JSONB(), nullable=True))
    bind = op.get_bind()
    for row in bind.execute(sa.text("SELECT id, hours FROM pharmacy")).all():
        if (opening := hours_of(row.hours)) is not None:
            bind.execute(
                sa.text("UPDATE pharmacy SET opening = :opening WHERE id = :id").bindparams(
                    sa.bindparam("opening", type_=postgresql.JSONB())
                ),
                {"opening": opening, "id": row.id},
            )


def hours_of(text: str) -> dict[str, list[str]] | None:
    """Hours as they are mostly written, "Mon-Fri 9-18, Sat 9:30-13"; None for any other words."""
    opening: dict[str, list[str]] = {}
    for part in text.split(", "):
        period = PERIOD.fullmatch(part)
        if period is None or not {period["first"], period["last"] or "Mon"} <= set(DAYS):
            return None
        first = DAYS.index(period["first"])
        last = DAYS.index(period["last"] or period["first"])
        opens = f"{int(period['opens']):02}:{period['opens_minute'] or '00'}"
        closes = f"{int(period['closes']):02}:{period['closes_minute'] or '00'}"
        if first > last or opens >= closes or closes > "23:59":
            return None
        opening.update({str(day): [opens, closes] for day in range(first, last + 1)})
    return opening


def downgrade() -> None:
    op.drop_column("pharmacy", "opening")
    op.drop_index("ix_dispense_refill", table_name="dispense")
    # Before, a refill was handed over at once: its first part stands for it.
    op.execute(
        "DELETE FROM dispense d USING dispense e WHERE d.refill_id = e.refill_id AND d.id > e.id"
    )
    op.create_unique_constraint(op.f("uq_dispense_refill_id"), "dispense", ["refill_id"])
    op.drop_column("prescription", "supply_days")
    op.drop_constraint(op.f("ck_refill_part"), "refill", type_="check")
    op.execute(
        "UPDATE refill SET status = 'picked_up', closed_at = coalesce(closed_at, status_at), "
        "expected_by = NULL WHERE status IN ('rest_owed', 'partially_dispensed')"
    )
    op.execute(
        "UPDATE refill SET status = 'cancelled', closed_at = status_at, expected_by = NULL "
        "WHERE status = 'held'"
    )
    op.drop_index("ix_refill_rest_due", table_name="refill")
    for column in ("rest_due_at", "quantity_dispensed"):
        op.drop_column("refill", column)
    op.drop_constraint(op.f("ck_refill_cancel_answered"), "refill", type_="check")
    for column in ("cancel_answered_at", "cancel_answer", "cancel_asked_at", "fetched_at"):
        op.drop_column("refill", column)
    op.execute("DROP FUNCTION IF EXISTS careloop_cancellation_has_owner() CASCADE")
    end_with(ENDED_BEFORE)
    op.execute("UPDATE pharmacy_update SET outcome = 'quarantined' WHERE outcome = 'withdrawn'")
    known("pharmacy_update", "outcome", OUTCOMES_BEFORE)
    known("refill", "status", STATUSES_BEFORE)
    op.execute(
        "UPDATE work_item SET kind = 'refill_failed' WHERE kind IN "
        "('pharmacy_cancellation', 'dispensed_after_stop')"
    )
    known("work_item", "kind", [kind for kind in known_kinds() if kind not in NEW_KINDS])
