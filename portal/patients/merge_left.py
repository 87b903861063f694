"""What was written while two records were one, and whose it is once they are two again.

What is part of something goes with it, by whatever column names that: ids of two tables are never
the same. The rest is the survivor's until a person decides.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, TextClause, Uuid, select, text
from sqlalchemy.orm import Session

from portal.core.db import PATIENT
from portal.patients.merge_moves import Naming, free, tables

# What a person decides about, one by one, when it was written while two records were one.
DECIDED = frozenset(
    {
        "advice_call",
        "appointment",
        "appointment_offer",
        "correction_request",
        "delegation",
        "diagnostic_report",
        "earlier_wish",
        "patient_correction",
        "patient_death",
        "prescription",
        "problem",
        "referral",
        "refill",
        "requisition",
        "standing_order",
        "thread",
        "visit",
        "vital_sign",
    }
)
# These go with what they are about, or tell what happened to the record that they name.
GO_ALONG = frozenset(
    {
        "advice_attempt",
        "appointment_history",
        "attachment",
        "break_glass_grant",
        "call_attempt",
        "care_team_member",
        "confidentiality_entry",
        "consult_note",
        "critical_alert",
        "death_step",
        "delegation_history",
        "dispense",
        "draft",
        "duplicate_confirmation",
        "follow_up",
        "letter",
        "message",
        "message_read",
        "notification",
        "notification_delivery",
        "observation",
        "phone_call",
        "prescription_history",
        "privacy_incident",
        "problem_version",
        "red_flag_warning",
        "referral_history",
        "referral_message",
        "refill_history",
        "release_entry",
        "report_attachment",
        "report_version",
        "requisition_history",
        "result_review",
        "result_view",
        "thread_history",
        "visit_history",
        "visit_instruction",
        "visit_summary",
        "work_item",
        "work_item_hop",
    }
)


@cache
def _ids() -> TextClause:
    """The ids of a patient's rows, of all or of those that were written before a moment."""
    parts = [
        f"SELECT id FROM {table.name} WHERE patient_id = :patient "  # noqa: S608 - names of ours
        "AND (CAST(:before AS timestamptz) IS NULL "
        "OR coalesce(uuid_extract_timestamp(id) < :before, true))"
        for table, _ in tables()
        if {"id", PATIENT} <= set(table.columns.keys())
    ]
    return text(" UNION ALL ".join(parts))


@cache
def _follows() -> Sequence[TextClause]:
    """For each table: what was written after the merge goes where it belongs to, whatever column
    names that."""
    return [
        text(_follow(table, columns)) for table, columns in tables() if _references(table, columns)
    ]


def _references(table: Table, columns: Naming) -> list[str]:
    """The columns that may name a row of another table; ids of two tables are never the same."""
    naming = {column.name for column, _ in columns}
    return [
        column.name
        for column in table.columns
        if isinstance(column.type, Uuid) and column.name != "id" and column.name not in naming
    ]


def _follow(table: Table, columns: Naming) -> str:
    wanted = {
        column.name: f"t.{column.name} = :survivor AND ({when}){free(column, 'duplicate')}"
        for column, when in columns
    }
    sets = ", ".join(
        f"{name} = CASE WHEN {condition} THEN :duplicate ELSE t.{name} END"
        for name, condition in wanted.items()
    )
    whole = " OR ".join(f"({condition})" for condition in wanted.values())
    return (
        f"UPDATE {table.name} t SET {sets} WHERE ({whole}) "  # noqa: S608 - names from the models
        f"AND ({_names(table, columns, 'ids')}) AND {_since(table)}"
    )


def _names(table: Table, columns: Naming, ids: str) -> str:
    return " OR ".join(f"t.{name} = ANY(:{ids})" for name in _references(table, columns))


def _since(table: Table) -> str:
    """Written after the merge; what has no id of its own is part of what it names."""
    return "uuid_extract_timestamp(t.id) >= :since" if "id" in table.columns else "true"


def follow(session: Session, ids: dict[str, Any]) -> None:
    """Have what was written after a merge follow what was given back, until nothing is left."""
    while True:
        theirs = ids_of(session, ids["duplicate"])
        values = {**ids, "ids": theirs}
        if not sum(cast(Any, session.execute(one, values)).rowcount for one in _follows()):
            return


def ids_of(session: Session, patient_id: UUID, *, before: Any = None) -> list[UUID]:
    rows = session.execute(_ids(), {"patient": patient_id, "before": before})
    return list(rows.scalars())


@cache
def _lefts() -> Sequence[TextClause]:
    """For each table that is decided about: what the survivor has since the merge, and whether it
    is part of what can't be moved."""
    return [text(_left(*one)) for one in tables() if one[0].name in DECIDED]


def _left(table: Table, columns: Naming) -> str:
    return (
        "INSERT INTO merge_left AS l "  # noqa: S608 - names from the models
        "(id, merge_id, resource, subject_id, why, stays, found_at) "
        f"SELECT uuidv7(), :merge, '{table.name}', t.id, 'written', "
        f"coalesce({_names(table, columns, 'held') or 'false'}, false), :now "
        f"FROM {table.name} t WHERE t.patient_id = :survivor AND {_since(table)} "
        "ON CONFLICT (merge_id, resource, subject_id) DO UPDATE SET stays = true "
        "WHERE excluded.stays AND NOT l.stays"
    )


# A login that did not come back, since its address is another's by now: its owner is invited anew.
_LOGIN_LEFT = text(
    """
    INSERT INTO merge_left (id, merge_id, resource, subject_id, why, stays, found_at)
    SELECT uuidv7(), :merge, 'account', a.id, 'login', true, :now FROM account a
    WHERE a.id = :retired AND a.status = 'merged'
    ON CONFLICT DO NOTHING
    """
)
# What ended because the other of the two had died: a person looks whether it has to go on.
_CLOSED_LEFT = text(
    """
    INSERT INTO merge_left (id, merge_id, resource, subject_id, why, stays, found_at)
    SELECT uuidv7(), :merge, s.resource, s.subject_id, 'closed_by_death', true, :now
    FROM death_step s JOIN patient_death d ON d.id = s.death_id
    WHERE d.patient_id = :other AND s.at >= :since AND s.subject_id = ANY(:ids)
    ON CONFLICT DO NOTHING
    """
)
_STAYING = text("SELECT subject_id FROM merge_left WHERE merge_id = :merge AND stays")


def list_left(session: Session, values: dict[str, Any]) -> None:
    """Keep what was written since the merge and is the survivor's. What is part of something that
    was the survivor's before stays there, and so does what is part of that."""
    before = ids_of(session, values["survivor"], before=values["since"])
    staying: set[UUID] = set()
    while True:
        for statement in _lefts():
            session.execute(statement, {**values, "held": [*before, *staying]})
        now_staying = set(session.scalars(_STAYING, values))
        if now_staying == staying:
            break
        staying = now_staying
    session.execute(_LOGIN_LEFT, values)
    for one, other in (("duplicate", "survivor"), ("survivor", "duplicate")):
        of_theirs = {**values, "ids": ids_of(session, values[one]), "other": values[other]}
        session.execute(_CLOSED_LEFT, of_theirs)


def named_by(session: Session, table: str, id_: UUID) -> set[UUID]:
    """What a row names of other tables."""
    found, naming = next((one, columns) for one, columns in tables() if one.name == table)
    columns = [found.columns[name] for name in _references(found, naming)]
    if not columns:
        return set()
    row = session.execute(select(*columns).where(found.columns["id"] == id_)).first()
    return set() if row is None else {value for value in row if value is not None}


def give(session: Session, table: str, values: dict[str, Any]) -> None:
    """Give one thing (`subject`) to the duplicate."""
    naming = next(columns for one, columns in tables() if one.name == table)
    owner = next(column for column, _ in naming if column.name == PATIENT)
    sets = ", ".join(
        f"{column.name} = CASE WHEN t.{column.name} = :survivor AND ({when}) "
        f"THEN :duplicate ELSE t.{column.name} END"
        for column, when in naming
    )
    statement = (
        f"UPDATE {table} t SET {sets} "  # noqa: S608 - names from the models
        f"WHERE t.id = :subject AND t.patient_id = :survivor{free(owner, 'duplicate')}"
    )
    session.execute(text(statement), values)


_STILL = text(
    "SELECT l.id FROM merge_left l WHERE l.merge_id = :merge AND l.decided_at IS NULL "
    "AND l.subject_id = ANY(:ids)"
)


def followed(session: Session, values: dict[str, Any]) -> set[UUID]:
    """Those of what nobody decided about that are the duplicate's by now."""
    theirs = ids_of(session, values["duplicate"])
    return set(session.scalars(_STILL, {**values, "ids": theirs}))
