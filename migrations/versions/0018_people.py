"""Who somebody is: corrections, former names, duplicates, merges undone."""

import re

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

NEW_KINDS = ("correction_requested", "correction_untaken", "letter_outdated")
NUMBER_KEY = (
    "casefold(regexp_replace(normalize(mrn, NFKC), '[[:space:]]', '', 'g') COLLATE pg_unicode_fast)"
)
FORGET_UPDATES = "DELETE FROM {table} WHERE kind = 'update'"
FORGET_WAYS = """
    DELETE FROM work_item_hop WHERE work_item_id IN (
        SELECT id FROM work_item
        WHERE kind IN ('correction_requested', 'correction_untaken', 'letter_outdated'))
"""
FORGET_ITEMS = """
    DELETE FROM work_item
    WHERE kind IN ('correction_requested', 'correction_untaken', 'letter_outdated')
"""
# The logins of records that were merged before are retired, and their addresses free.
RETIRE_ORPHANS = """
    UPDATE account a SET status = 'merged' FROM patient p
    WHERE a.kind = 'patient' AND p.id = a.person_id AND p.merged_into_id IS NOT NULL
"""
KEEP_ORPHANS = (
    "DROP TRIGGER IF EXISTS careloop_unmerged_account_insert ON account",
    "DROP TRIGGER IF EXISTS careloop_unmerged_account_update ON account",
    "DROP TRIGGER IF EXISTS careloop_merged_without_login ON patient",
    # An address that is somebody's by now can't be two accounts'.
    "UPDATE account SET status = 'disabled', email = id || '@merged.invalid' "
    "WHERE status = 'merged'",
)
# Two records of one number can't be told apart any more: people say which number is right.
ONE_NUMBER_EACH = """
    DO $$ DECLARE clashing text; BEGIN
        SELECT string_agg(id::text, ', ' ORDER BY id) INTO clashing FROM patient
        WHERE {key} IN (
            SELECT {key} FROM patient GROUP BY 1 HAVING count(*) > 1);
        IF clashing IS NOT NULL THEN
            RAISE EXCEPTION 'record numbers are compared without case and blanks from now on: give these patients numbers that differ, then migrate again: %', clashing;
        END IF;
    END $$
"""


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


def know_messages(table: str, kinds: tuple[str, ...]) -> None:
    """What a laboratory's queue, or a pharmacy's feed, can say of an order."""
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    name = op.f(f"ck_{table}_kind_known")
    op.drop_constraint(name, table, type_="check")
    op.create_check_constraint(name, table, f"kind IN ({listed})")


def moment(name: str, *, nullable: bool = False) -> sa.Column[sa.TIMESTAMP]:
    return sa.Column(name, sa.TIMESTAMP(timezone=True), nullable=nullable)


def words(name: str, *, nullable: bool = False) -> sa.Column[sa.Text]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def reference(
    table: str, name: str, to: str | None = None, *, nullable: bool = False
) -> sa.Column[sa.Uuid]:
    """A column with an id; of `to`, where that is a table."""
    foreign = [] if to is None else [sa.ForeignKey(f"{to}.id", name=op.f(f"fk_{table}_{name}"))]
    return sa.Column(name, sa.Uuid(), *foreign, nullable=nullable)


def know_account_statuses(*statuses: str) -> None:
    listed = ", ".join(f"'{status}'" for status in statuses)
    name = op.f("ck_account_status_known")
    op.drop_constraint(name, "account", type_="check")
    op.create_check_constraint(name, "account", f"status IN ({listed})")


def address_accounts(where: sa.TextClause | None) -> None:
    """One account for an address; of those for which the condition holds."""
    op.drop_index("uq_account_email", table_name="account")
    op.create_index(
        "uq_account_email",
        "account",
        [sa.literal_column("lower(email)")],
        unique=True,
        postgresql_where=where,
    )


def upgrade() -> None:
    know_kinds([*known_kinds(), *NEW_KINDS])
    identify_patients()
    make_requests()
    make_corrections()
    tell_outside()
    merge_logins()


def identify_patients() -> None:
    op.execute(ONE_NUMBER_EACH.format(key=NUMBER_KEY))
    op.drop_constraint(op.f("uq_patient_mrn"), "patient", type_="unique")
    op.create_index("uq_patient_mrn", "patient", [sa.text(NUMBER_KEY)], unique=True)
    op.create_check_constraint(
        op.f("ck_patient_name"), "patient", "given_name <> '' OR family_name <> ''"
    )
    op.create_index("ix_patient_birth_date", "patient", ["birth_date"])
    op.add_column("patient", reference("patient", "registered_by", nullable=True))
    op.create_index(
        "ix_patient_registered_by",
        "patient",
        ["registered_by"],
        postgresql_where=sa.text("registered_by IS NOT NULL"),
    )


def make_requests() -> None:
    op.create_table(
        "correction_request",
        sa.Column("id", sa.Uuid(), nullable=False),
        reference("correction_request", "patient_id", "patient"),
        sa.Column("fields", postgresql.ARRAY(sa.Text()), nullable=False),
        words("text"),
        words("status"),
        moment("asked_at"),
        moment("ended_at", nullable=True),
        reference("correction_request", "ended_by", nullable=True),
        words("answer", nullable=True),
        sa.CheckConstraint(
            "status IN ('open', 'corrected', 'declined', 'withdrawn')",
            name=op.f("ck_correction_request_status_known"),
        ),
        sa.CheckConstraint(
            "(status = 'open') = (ended_at IS NULL)", name=op.f("ck_correction_request_end")
        ),
        sa.CheckConstraint(
            "(status = 'declined') <= (answer IS NOT NULL)",
            name=op.f("ck_correction_request_reason"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_correction_request")),
    )
    op.create_index(
        "uq_correction_request_open",
        "correction_request",
        ["patient_id"],
        unique=True,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index(
        "ix_correction_request_patient", "correction_request", ["patient_id", "asked_at", "id"]
    )


def make_corrections() -> None:
    op.create_table(
        "patient_correction",
        sa.Column("id", sa.Uuid(), nullable=False),
        reference("patient_correction", "patient_id", "patient"),
        sa.Column("before", postgresql.JSONB(), nullable=False),
        sa.Column("after", postgresql.JSONB(), nullable=False),
        words("former_key", nullable=True),
        words("reason"),
        reference("patient_correction", "request_id", "correction_request", nullable=True),
        moment("at"),
        words("actor_kind"),
        reference("patient_correction", "actor_id"),
        sa.CheckConstraint("length(reason) >= 10", name=op.f("ck_patient_correction_reason")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient_correction")),
    )
    op.create_index(
        "ix_patient_correction_patient", "patient_correction", ["patient_id", "at", "id"]
    )
    op.create_index(
        "ix_patient_correction_former",
        "patient_correction",
        ["former_key"],
        postgresql_where=sa.text("former_key IS NOT NULL"),
    )


def tell_outside() -> None:
    know_messages("laboratory_message", ("new", "update", "cancel"))
    know_messages("pharmacy_order", ("fill", "update", "cancel"))
    for table, order in (("laboratory_message", "requisition_id"), ("pharmacy_order", "refill_id")):
        op.add_column(table, reference(table, "correction_id", "patient_correction", nullable=True))
        op.create_index(
            f"uq_{table}_correction",
            table,
            [order, "correction_id"],
            unique=True,
            postgresql_where=sa.text("correction_id IS NOT NULL"),
        )


def merge_logins() -> None:
    know_account_statuses("invited", "active", "disabled", "merged")
    address_accounts(sa.text("status <> 'merged'"))
    op.execute(RETIRE_ORPHANS)


def downgrade() -> None:
    for statement in KEEP_ORPHANS:
        op.execute(statement)
    address_accounts(None)
    know_account_statuses("invited", "active", "disabled")
    for table, kinds in (
        ("laboratory_message", ("new", "cancel")),
        ("pharmacy_order", ("fill", "cancel")),
    ):
        op.execute(FORGET_UPDATES.format(table=table))
        op.drop_column(table, "correction_id")
        know_messages(table, kinds)
    op.drop_table("patient_correction")
    op.drop_table("correction_request")
    op.drop_column("patient", "registered_by")
    op.drop_index("ix_patient_birth_date", table_name="patient")
    op.drop_constraint(op.f("ck_patient_name"), "patient", type_="check")
    op.drop_index("uq_patient_mrn", table_name="patient")
    op.create_unique_constraint(op.f("uq_patient_mrn"), "patient", ["mrn"])
    op.execute(FORGET_WAYS)
    op.execute(FORGET_ITEMS)
    know_kinds([kind for kind in known_kinds() if kind not in NEW_KINDS])
