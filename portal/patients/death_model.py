"""Deaths of patients: recorded, revoked when wrong, and what was closed or given to a person.

Nobody asks anything new for a patient who has died: whoever inserts a request is refused by the
database (`refuse_for_deceased`), and the slices say what of theirs must not be left with nobody
(`must_end`).
"""

from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import loops, rls
from portal.core.actor import ActorKind
from portal.core.db import DECEASED, PATIENT, Base, one_of
from portal.core.rls import INSERT, ME, SELECT, UPDATE, to


class DeathSource(StrEnum):
    """From whom the clinic knows."""

    FAMILY = "family"
    CLINICIAN = "clinician"
    HOSPITAL = "hospital"
    DEATH_CERTIFICATE = "death_certificate"
    REGISTRY = "registry"
    OTHER = "other"


class Settled(StrEnum):
    """What became of something that was open: it ended, or a person has it."""

    CLOSED = "closed"
    GIVEN = "given"


class PatientDeath(Base):
    """That a patient has died (FHIR R4 Patient.deceased). One at a time stands; what was revoked
    stays as it was recorded."""

    __tablename__ = "patient_death"
    __table_args__ = (
        one_of("source", DeathSource),
        CheckConstraint("length(reason) >= 3", name="reason"),
        CheckConstraint(
            "standing IS NOT FALSE AND (standing IS NULL) = (revoked_at IS NOT NULL) "
            "AND (revoked_at IS NULL) = (revoked_by IS NULL) "
            "AND (revoked_at IS NULL) = (revoke_reason IS NULL)",
            name="revoked",
        ),
        UniqueConstraint("patient_id", "standing"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    died_on: Mapped[date]
    source: Mapped[str]
    reason: Mapped[str]
    recorded_at: Mapped[datetime]
    recorder_kind: Mapped[str]
    recorded_by: Mapped[UUID]
    # Empty once it was revoked, so that one row a patient stands.
    standing: Mapped[bool | None]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[UUID | None]
    revoke_reason: Mapped[str | None]


class DeathStep(Base):
    """One open loop of a patient who died, and what became of it."""

    __tablename__ = "death_step"
    __table_args__ = (
        one_of("settled", Settled),
        UniqueConstraint("death_id", "subject_id", "resource"),
        Index("ix_death_step_patient", "patient_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    death_id: Mapped[UUID] = mapped_column(ForeignKey("patient_death.id"))
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    resource: Mapped[str]
    subject_id: Mapped[UUID]
    status_before: Mapped[str]
    settled: Mapped[str]
    at: Mapped[datetime]


class AccessAfterDeath(Base):
    """For how many days delegates may go on reading at a clinic; without a row they may not."""

    __tablename__ = "access_after_death"
    __table_args__ = (CheckConstraint("days BETWEEN 0 AND 3650", name="days"),)

    clinic_id: Mapped[UUID] = mapped_column(ForeignKey("clinic.id"), primary_key=True)
    days: Mapped[int]
    changed_at: Mapped[datetime]
    changed_by: Mapped[UUID]


_CARE_TEAM = (ActorKind.PRACTITIONER, ActorKind.STAFF)
_CARED_FOR = "careloop_cares_for(patient_id)"
_KEPT_BY_STAFF = f"{_CARED_FOR} OR careloop_registers(patient_id)"
_REVOKED = ("standing", "revoked_at", "revoked_by", "revoke_reason")

rls.protect(
    "patient_death",
    *to(ActorKind.PRACTITIONER, (SELECT, INSERT), _CARED_FOR),
    # The front desk is who is called, and must not write to the dead as to the living.
    *to(ActorKind.STAFF, (SELECT, INSERT), _KEPT_BY_STAFF),
    # Nobody is signed in while it stands: patients see that there is none.
    *to(ActorKind.PATIENT, SELECT, f"patient_id = {ME} AND standing"),
    *to(ActorKind.PRACTITIONER, UPDATE, _CARED_FOR, columns=_REVOKED),
    *to(ActorKind.STAFF, UPDATE, _KEPT_BY_STAFF, columns=_REVOKED),
    *rls.system_access(),
)
rls.protect("death_step", *to(_CARE_TEAM, SELECT, _CARED_FOR), *rls.system_access())
rls.share(
    "access_after_death",
    *to(tuple(kind for kind in ActorKind if kind not in rls.SYSTEM), SELECT),
    *to(ActorKind.ADMINISTRATOR, (INSERT, UPDATE)),
    *rls.system_access(),
)

IS_DECEASED = "careloop_deceased"
rls.owned_function(
    f"{IS_DECEASED}(of_patient uuid)",
    "boolean",
    "SELECT EXISTS (SELECT FROM patient_death WHERE patient_id = of_patient AND standing)",
)
# Whoever records a death sees no accounts. While it stands the patient's is suspended, with every
# session ended; when it is revoked the account is what it was.
rls.owned_function(
    "careloop_suspend_deceased(of_patient uuid)",
    "uuid",
    """
    DECLARE suspended uuid;
    BEGIN
        UPDATE account SET suspended_from = status, status = 'suspended'
        WHERE kind = 'patient' AND person_id = of_patient AND status <> 'suspended'
          AND careloop_deceased(of_patient)
        RETURNING id INTO suspended;
        UPDATE sign_in_session SET revoked_at = now()
        WHERE account_id = suspended AND revoked_at IS NULL;
        RETURN suspended;
    END
    """,
    language="plpgsql",
)
rls.owned_function(
    "careloop_restore_after_death(of_patient uuid)",
    "uuid",
    """
    DECLARE restored uuid;
    BEGIN
        UPDATE account SET status = suspended_from, suspended_from = NULL
        WHERE kind = 'patient' AND person_id = of_patient AND status = 'suspended'
          AND NOT careloop_deceased(of_patient)
        RETURNING id INTO restored;
        RETURN restored;
    END
    """,
    language="plpgsql",
)
# Asked after the row is written, and after its foreign key has waited for whoever records a death:
# what is inserted was committed before, and is closed, or it is refused.
rls.owned_function(
    "careloop_refuse_for_deceased()",
    "trigger",
    f"""
    BEGIN
        IF careloop_deceased((to_jsonb(NEW) ->> TG_ARGV[0])::uuid) THEN
            RAISE EXCEPTION 'this patient has died' USING ERRCODE = '{DECEASED}';
        END IF;
        RETURN NULL;
    END
    """,
    language="plpgsql",
)

REFUSING: set[str] = set()
"""The tables in which nothing new is asked for a patient who has died."""


def refuse_for_deceased(
    table: str, *, when: str | None = None, column: str = PATIENT, moves: str | None = None
) -> None:
    """Refuse new rows of a table (of those for which `when` holds, about NEW) for patients who have
    died. `moves` says which changes of a row are as good as a new one (about OLD and NEW)."""
    REFUSING.add(table)
    _trigger(table, "insert", "INSERT", when, column)
    if moves is not None:
        _trigger(table, "move", "UPDATE OF status", moves, column)


def _trigger(table: str, name: str, event: str, when: str | None, column: str) -> None:
    called = f"careloop_alive_{table}_{name}"
    condition = f" WHEN ({when})" if when else ""
    rls.define_trigger(f"DROP TRIGGER IF EXISTS {called} ON {table}")
    rls.define_trigger(
        f"CREATE TRIGGER {called} AFTER {event} ON {table} FOR EACH ROW{condition} "
        f"EXECUTE FUNCTION careloop_refuse_for_deceased('{column}')"
    )


MUST_END: dict[str, tuple[str, ...]] = {}
"""By table, the states in which something of a patient who has died must be with a person."""


def must_end(table: str, statuses: Iterable[str], *, when: str = "true") -> None:
    """Declare in which states something waits for the patient, or is under way to them: once they
    have died it ends, or a work item about it is open. `when` narrows it, about the row `t`."""
    listed = tuple(str(status) for status in statuses)
    MUST_END[table] = listed
    named = ", ".join(f"'{status}'" for status in listed)
    left = (
        f"SELECT t.id FROM {table} t "  # noqa: S608 - names from the models
        "JOIN patient_death d ON d.patient_id = t.patient_id "
        f"WHERE d.standing AND d.recorded_at < :settled AND t.status IN ({named}) AND ({when}) "
        "AND NOT EXISTS (SELECT FROM work_item w WHERE w.subject_id = t.id "
        "AND w.status IN ('open', 'claimed'))"
    )
    what = table.replace("_", " ")
    loops.declare({f"a patient has died and nobody has an open {what} of theirs": left})


refuse_for_deceased("account", when="NEW.kind = 'patient'", column="person_id")
