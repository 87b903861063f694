"""Appointments of every kind in place of those of imaging alone; offers, waits for earlier times."""

import re

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

NEW_KINDS = (
    "appointment_no_show",
    "appointment_outcome",
    "appointment_to_arrange",
    "appointment_offer_untaken",
)
TAKEN = "status IN ('booked', 'attended', 'no_show')"
BOOKED = "status = 'booked'"
OPEN = "status = 'open'"
WAITING = "status = 'waiting'"
STANDS = "withdrawn_at IS NULL"
ABOUT_KNOWN = "about_kind IN ('requisition', 'referral')"
ABOUT_WHOLE = "(about_kind IS NULL) = (about_id IS NULL)"
ONE_PLACE = "num_nonnulls(laboratory_id, practitioner_id) = 1"


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


def check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def primary(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def index(
    table: str, name: str, columns: list[str], *, unique: bool = False, where: str | None = None
) -> None:
    condition = {} if where is None else {"postgresql_where": sa.text(where)}
    op.create_index(name, table, columns, unique=unique, **condition)


def upgrade() -> None:
    know_kinds([*known_kinds(), *NEW_KINDS])
    make_slots()
    make_appointments()
    make_offers()
    make_wishes()
    move_imaging()
    op.drop_table("imaging_appointment")
    op.drop_table("imaging_slot")
    op.execute("DROP FUNCTION IF EXISTS careloop_slot_taken(uuid)")


def make_slots() -> None:
    op.execute("CREATE TYPE textrange AS RANGE (subtype = text)")
    op.create_table(
        "slot",
        reference("slot", "id"),
        reference("slot", "laboratory_id", "laboratory", nullable=True),
        reference("slot", "practitioner_id", "practitioner", nullable=True),
        words("service_type"),
        words("room", nullable=True),
        words("resource"),
        moment("starts_at"),
        moment("ends_at"),
        moment("withdrawn_at", nullable=True),
        check("slot", "order", "starts_at < ends_at"),
        check("slot", "place", ONE_PLACE),
        check("slot", "room", "(laboratory_id IS NULL) OR (room IS NOT NULL)"),
        primary("slot", "id"),
    )
    op.execute(
        "ALTER TABLE slot ADD CONSTRAINT ex_slot_overlap EXCLUDE USING gist ("
        "textrange(resource, resource, '[]') WITH &&, tstzrange(starts_at, ends_at) WITH &&) "
        f"WHERE ({STANDS})"
    )
    index("slot", "ix_slot_laboratory", ["laboratory_id", "service_type", "starts_at", "id"])
    index("slot", "ix_slot_practitioner", ["practitioner_id", "starts_at", "id"])


def make_appointments() -> None:
    name = "appointment"
    op.create_table(
        name,
        reference(name, "id"),
        reference(name, "slot_id", "slot"),
        reference(name, "patient_id", "patient"),
        reference(name, "laboratory_id", "laboratory", nullable=True),
        reference(name, "practitioner_id", "practitioner", nullable=True),
        words("about_kind", nullable=True),
        reference(name, "about_id", nullable=True),
        words("service_type"),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.Date(), nullable=True),
        moment("starts_at"),
        moment("ends_at"),
        words("status"),
        moment("booked_at"),
        words("booked_by_kind"),
        reference(name, "booked_by"),
        moment("ended_at", nullable=True),
        reference(name, "ended_by", nullable=True),
        words("reason_code", nullable=True),
        words("reason", nullable=True),
        reference(name, "calendar_uid"),
        sa.Column("sequence", sa.Integer(), server_default=sa.text("0"), nullable=False),
        moment("next_reminder_at", nullable=True),
        check(name, "status_known", "status IN ('booked', 'cancelled', 'attended', 'no_show')"),
        check(name, "about_kind_known", ABOUT_KNOWN),
        check(
            name,
            "reason_code_known",
            "reason_code IN ('called_off', 'changed', 'slot_withdrawn', 'not_needed')",
        ),
        check(name, "place", ONE_PLACE),
        check(name, "about", ABOUT_WHOLE),
        check(name, "end", "(status = 'booked') = (ended_at IS NULL)"),
        check(name, "reason", "(status = 'cancelled') = (reason_code IS NOT NULL)"),
        primary(name, "id"),
    )
    index(name, "uq_appointment_slot", ["slot_id"], unique=True, where=TAKEN)
    index(name, "uq_appointment_about", ["about_kind", "about_id"], unique=True, where=BOOKED)
    index(name, "ix_appointment_about", ["about_id", "booked_at"])
    index(name, "ix_appointment_patient", ["patient_id", "starts_at", "id"])
    index(name, "ix_appointment_practitioner", ["practitioner_id", "starts_at", "id"])
    index(name, "ix_appointment_laboratory", ["laboratory_id", "starts_at", "id"])
    index(name, "ix_appointment_calendar", ["calendar_uid", "sequence"], unique=True)
    index(name, "ix_appointment_reminder", ["next_reminder_at", "id"], where=BOOKED)
    index(name, "ix_appointment_over", ["ends_at", "id"], where=BOOKED)
    past = "appointment_history"
    op.create_table(
        past,
        reference(past, "id"),
        reference(past, "appointment_id", "appointment"),
        reference(past, "patient_id"),
        words("from_status", nullable=True),
        words("to_status"),
        moment("at"),
        words("actor_kind"),
        reference(past, "actor_id"),
        words("reason_code", nullable=True),
        words("reason", nullable=True),
        primary(past, "id"),
    )
    index(past, "ix_appointment_history_appointment", ["appointment_id", "at", "id"])


def make_offers() -> None:
    name = "appointment_offer"
    op.create_table(
        name,
        reference(name, "id"),
        reference(name, "patient_id", "patient"),
        words("about_kind", nullable=True),
        reference(name, "about_id", nullable=True),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.Date(), nullable=True),
        reference(name, "replaces_id", "appointment", nullable=True),
        reference(name, "practitioner_id", "practitioner", nullable=True),
        reference(name, "pool_id", "pool"),
        words("status"),
        moment("created_at"),
        words("made_by_kind"),
        reference(name, "made_by"),
        moment("expires_at"),
        moment("ended_at", nullable=True),
        words("reason", nullable=True),
        reference(name, "appointment_id", "appointment", nullable=True),
        check(
            name,
            "status_known",
            "status IN ('open', 'accepted', 'declined', 'expired', 'withdrawn')",
        ),
        check(name, "about_kind_known", ABOUT_KNOWN),
        check(name, "about", ABOUT_WHOLE),
        check(name, "end", "(status = 'open') = (ended_at IS NULL)"),
        check(name, "taken", "(status = 'accepted') = (appointment_id IS NOT NULL)"),
        primary(name, "id"),
    )
    index(name, "ix_appointment_offer_patient", ["patient_id", "created_at", "id"])
    index(name, "ix_appointment_offer_expires", ["expires_at", "id"], where=OPEN)
    index(name, "uq_appointment_offer_replaces", ["replaces_id"], unique=True, where=OPEN)
    index(name, "ix_appointment_offer_replaces", ["replaces_id"])
    index(name, "ix_appointment_offer_about", ["about_id", "created_at"])
    times = "appointment_offer_slot"
    op.create_table(
        times,
        reference(times, "offer_id", name),
        reference(times, "slot_id", "slot"),
        primary(times, "offer_id", "slot_id"),
    )
    index(times, "ix_appointment_offer_slot_slot", ["slot_id"])


def make_wishes() -> None:
    name = "earlier_wish"
    op.create_table(
        name,
        reference(name, "id"),
        reference(name, "appointment_id", "appointment"),
        reference(name, "patient_id", "patient"),
        words("status"),
        moment("wished_at"),
        moment("ended_at", nullable=True),
        check(name, "status_known", "status IN ('waiting', 'found', 'left', 'ended')"),
        check(name, "end", "(status = 'waiting') = (ended_at IS NULL)"),
        primary(name, "id"),
    )
    index(name, "uq_earlier_wish_appointment", ["appointment_id"], unique=True, where=WAITING)
    index(name, "ix_earlier_wish_waiting", ["wished_at", "id"], where=WAITING)


def move_imaging() -> None:
    """Reminders of what is coming are planned as for what is booked from now on."""
    op.execute(
        """
        INSERT INTO slot (id, laboratory_id, service_type, room, resource, starts_at, ends_at,
                          withdrawn_at)
        SELECT id, laboratory_id, modality, room, laboratory_id || ' ' || room, starts_at, ends_at,
               withdrawn_at
        FROM imaging_slot
        """
    )
    op.execute(
        """
        INSERT INTO appointment (
            id, slot_id, patient_id, laboratory_id, about_kind, about_id, service_type, minutes,
            not_before, starts_at, ends_at, status, booked_at, booked_by_kind, booked_by, ended_at,
            ended_by, reason_code, reason, calendar_uid, next_reminder_at)
        SELECT a.id, a.slot_id, a.patient_id, a.laboratory_id, 'requisition', a.requisition_id,
               s.modality, coalesce(t.duration_minutes, 0), r.not_before, s.starts_at, s.ends_at,
               a.status, a.booked_at, a.booked_by_kind, a.booked_by, a.ended_at, a.ended_by,
               CASE WHEN a.status <> 'cancelled' THEN NULL
                    WHEN a.reason IN ('changed', 'slot_withdrawn') THEN a.reason
                    WHEN a.reason IN ('cancelled', 'rejected', 'expired') THEN 'not_needed'
                    ELSE 'called_off' END,
               CASE WHEN a.reason IN ('changed', 'slot_withdrawn') THEN NULL ELSE a.reason END,
               a.id,
               CASE WHEN a.status = 'booked' AND s.starts_at > now() + interval '2 hours'
                    THEN greatest(s.starts_at - interval '2 days', now()) END
        FROM imaging_appointment a
        JOIN imaging_slot s ON s.id = a.slot_id
        JOIN requisition r ON r.id = a.requisition_id
        JOIN catalog_test t ON t.code = r.test_code
        """
    )
    op.execute(
        """
        INSERT INTO appointment_history (id, appointment_id, patient_id, to_status, at, actor_kind,
                                         actor_id)
        SELECT uuidv7(), id, patient_id, 'booked', booked_at, booked_by_kind, booked_by
        FROM appointment
        """
    )
    op.execute(
        """
        INSERT INTO appointment_history (id, appointment_id, patient_id, from_status, to_status, at,
                                         actor_kind, actor_id, reason_code, reason)
        SELECT uuidv7(), a.id, a.patient_id, 'booked', a.status, a.ended_at,
               CASE WHEN a.ended_by = a.patient_id THEN 'patient'
                    WHEN a.ended_by = a.laboratory_id THEN 'laboratory'
                    WHEN EXISTS (SELECT FROM practitioner p WHERE p.id = a.ended_by)
                    THEN 'practitioner'
                    WHEN EXISTS (SELECT FROM staff_member m WHERE m.id = a.ended_by) THEN 'staff'
                    ELSE 'worker' END,
               a.ended_by, a.reason_code, a.reason
        FROM appointment a WHERE a.ended_at IS NOT NULL
        """
    )


def downgrade() -> None:
    """Imaging's appointments go back; the others, with offers and waits, are lost."""
    make_imaging_again()
    op.execute(
        """
        INSERT INTO imaging_slot (id, laboratory_id, modality, room, starts_at, ends_at,
                                  withdrawn_at)
        SELECT id, laboratory_id, service_type, room, starts_at, ends_at, withdrawn_at
        FROM slot WHERE laboratory_id IS NOT NULL
        """
    )
    op.execute(
        """
        INSERT INTO imaging_appointment (
            id, slot_id, requisition_id, patient_id, laboratory_id, status, booked_at,
            booked_by_kind, booked_by, ended_at, ended_by, reason)
        SELECT id, slot_id, about_id, patient_id, laboratory_id, status, booked_at, booked_by_kind,
               booked_by, ended_at, ended_by, coalesce(reason, reason_code)
        FROM appointment WHERE laboratory_id IS NOT NULL AND about_kind = 'requisition'
        """
    )
    op.execute("DROP FUNCTION IF EXISTS careloop_slot_taken(uuid, uuid, timestamptz)")
    op.drop_table("earlier_wish")
    op.drop_table("appointment_offer_slot")
    op.drop_table("appointment_offer")
    op.drop_table("appointment_history")
    op.drop_table("appointment")
    op.drop_table("slot")
    op.execute("DROP TYPE textrange")
    op.execute(
        """
        DELETE FROM work_item_hop WHERE work_item_id IN (
            SELECT id FROM work_item WHERE kind LIKE 'appointment_%')
        """
    )
    op.execute("DELETE FROM work_item WHERE kind LIKE 'appointment_%'")
    know_kinds([kind for kind in known_kinds() if kind not in NEW_KINDS])


def make_imaging_again() -> None:
    op.create_table(
        "imaging_slot",
        reference("imaging_slot", "id"),
        reference("imaging_slot", "laboratory_id", "laboratory"),
        words("modality"),
        words("room"),
        moment("starts_at"),
        moment("ends_at"),
        moment("withdrawn_at", nullable=True),
        check("imaging_slot", "order", "starts_at < ends_at"),
        primary("imaging_slot", "id"),
    )
    room = ["laboratory_id", "room", "starts_at"]
    index("imaging_slot", "uq_imaging_slot_room", room, unique=True, where=STANDS)
    index("imaging_slot", "ix_imaging_slot_free", ["modality", "starts_at", "id"])
    name = "imaging_appointment"
    op.create_table(
        name,
        reference(name, "id"),
        reference(name, "slot_id", "imaging_slot"),
        reference(name, "requisition_id", "requisition"),
        reference(name, "patient_id", "patient"),
        reference(name, "laboratory_id", "laboratory"),
        words("status"),
        moment("booked_at"),
        words("booked_by_kind"),
        reference(name, "booked_by"),
        moment("ended_at", nullable=True),
        reference(name, "ended_by", nullable=True),
        words("reason", nullable=True),
        check(name, "status_known", "status IN ('booked', 'cancelled', 'attended', 'no_show')"),
        primary(name, "id"),
    )
    index(name, "uq_imaging_appointment_slot", ["slot_id"], unique=True, where=TAKEN)
    one = ["requisition_id"]
    index(name, "uq_imaging_appointment_requisition", one, unique=True, where=BOOKED)
    index(name, "ix_imaging_appointment_requisition", ["requisition_id", "booked_at"])
    index(name, "ix_imaging_appointment_patient", ["patient_id", "booked_at"])
