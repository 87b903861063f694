"""What two records had that meets, once they are one: the same medicine twice, two appointments at
one time, two birth dates. Each slice says what of its own meets (`meets`)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, cast

from sqlalchemy import CursorResult, TextClause, text
from sqlalchemy.orm import Session

from portal.patients.correction_states import CorrectionRequestStatus
from portal.patients.delegation_states import DelegationStatus
from portal.patients.merge_model import FindingKind, PatientMerge

F = FindingKind


@dataclass(frozen=True, slots=True)
class Meeting:
    """Rows of a table that meet: `t` the duplicate's and `o` the survivor's own."""

    kind: FindingKind
    table: str
    statuses: tuple[str, ...]
    same: str
    asked: str | None


_MEETINGS: list[Meeting] = []


def meets(
    kind: FindingKind,
    table: str,
    statuses: Iterable[str],
    same: str,
    *,
    asked: str | None = None,
) -> None:
    """Declare which rows of a table meet, when both are in one of these states, by a condition
    about `t` and `o`; `asked` is the column of the practitioner whose such a row is, for what is
    clinical."""
    _MEETINGS.append(Meeting(kind, table, tuple(str(status) for status in statuses), same, asked))


_WISHES: list[tuple[FindingKind, str, tuple[str, ...]]] = []


def differs(kind: FindingKind, table: str, columns: Iterable[str]) -> None:
    """Declare that two people may want different things in these columns of a table of theirs
    (`person_id`): the survivor's hold, and the duplicate's are lost unless they are listed."""
    _WISHES.append((kind, table, tuple(columns)))


ADMINISTRATIVE = frozenset({F.DELEGATE, F.CORRECTION_REQUEST})


def look_for(session: Session, merge: PatientMerge, now: datetime) -> int:
    """Keep what both records had that meets; returns how much of it is new. For the workers, once
    the rows were moved: the ledger tells whose each was."""
    values = {
        "merge": merge.id,
        "duplicate": merge.duplicate_id,
        "survivor": merge.survivor_id,
        "now": now,
    }
    return sum(
        cast(CursorResult[Any], session.execute(one, values)).rowcount for one in _statements()
    )


@cache
def _statements() -> list[TextClause]:
    return [
        *(text(_of_rows(meeting)) for meeting in _MEETINGS),
        *(text(_of_wishes(*wishes)) for wishes in _WISHES),
        *_OF_RECORDS,
    ]


_INSERT = (
    "INSERT INTO merge_finding (id, merge_id, kind, theirs_id, own_id, theirs, own, clinical, "
    "clash, asked_id, found_at) "
)


def _of_rows(meeting: Meeting) -> str:
    moved = (
        "SELECT CAST(m.row_key ->> 'id' AS uuid) FROM merge_move m "  # noqa: S608 - names of ours
        f"WHERE m.merge_id = :merge AND m.table_name = '{meeting.table}'"
    )
    listed = ", ".join(f"'{status}'" for status in sorted(meeting.statuses))
    clinical = "false" if meeting.kind in ADMINISTRATIVE else "true"
    return (
        f"{_INSERT} SELECT uuidv7(), :merge, '{meeting.kind}', "  # noqa: S608 - names of ours
        f"t.id, o.id, NULL, NULL, {clinical}, "
        f"true, {f'o.{meeting.asked}' if meeting.asked else 'NULL'}, :now "
        f"FROM {meeting.table} t JOIN {meeting.table} o ON {meeting.same} "
        f"WHERE t.status IN ({listed}) AND o.status IN ({listed}) "
        "AND t.patient_id IN (:survivor, :duplicate) AND o.patient_id = :survivor "
        f"AND (t.patient_id = :duplicate OR t.id IN ({moved})) AND o.id NOT IN ({moved}) "
        "ON CONFLICT DO NOTHING"
    )


def _of_wishes(kind: FindingKind, table: str, columns: tuple[str, ...]) -> str:
    theirs, own = (f"concat_ws(', ', {', '.join(f'{of}.{c}' for c in columns)})" for of in "ts")
    return (
        f"{_INSERT} SELECT uuidv7(), :merge, '{kind}', "  # noqa: S608 - names of ours
        f"NULL, NULL, {theirs}, nullif({own}, ''), false, true, NULL, :now "
        f"FROM {table} t LEFT JOIN {table} s ON s.person_id = :survivor "
        f"WHERE t.person_id = :duplicate AND {theirs} <> {own} ON CONFLICT DO NOTHING"
    )


# The record numbers of two records always differ: the duplicate's stays found as a former one.
_OF_RECORD = """
    SELECT uuidv7(), :merge, v.kind, NULL, NULL, v.theirs, v.own, false, v.kind <> 'mrn', NULL, :now
    FROM patient d JOIN patient s ON s.id = :survivor CROSS JOIN LATERAL (VALUES
        ('mrn', d.mrn, s.mrn),
        ('given_name', d.given_name, s.given_name),
        ('family_name', d.family_name, s.family_name),
        ('birth_date', d.birth_date::text, s.birth_date::text),
        ('sex', d.sex, s.sex),
        ('phone', d.phone, s.phone),
        ('address', nullif(concat_ws(', ', d.line, d.city, d.state, d.postal_code), ''),
                    nullif(concat_ws(', ', s.line, s.city, s.state, s.postal_code), '')),
        ('language', d.language, s.language)
    ) AS v(kind, theirs, own)
    WHERE d.id = :duplicate AND v.theirs <> v.own
    ON CONFLICT DO NOTHING
"""
_OF_PLACES = """
    SELECT uuidv7(), :merge, v.kind, v.theirs, v.own, NULL, NULL, false, true, NULL, :now
    FROM patient d JOIN patient s ON s.id = :survivor CROSS JOIN LATERAL (VALUES
        ('preferred_pharmacy', d.preferred_pharmacy_id, s.preferred_pharmacy_id),
        ('preferred_laboratory', d.preferred_laboratory_id, s.preferred_laboratory_id)
    ) AS v(kind, theirs, own)
    WHERE d.id = :duplicate AND v.theirs <> v.own
    ON CONFLICT DO NOTHING
"""
_OF_PRIMARIES = """
    SELECT uuidv7(), :merge, 'primary_practitioner', t.member_id, o.member_id, NULL, NULL, false,
           true, NULL, :now
    FROM merge_move m
    JOIN care_team_member t ON t.member_id = CAST(m.row_key ->> 'member_id' AS uuid)
     AND t.patient_id = :survivor
    JOIN care_team_member o ON o.patient_id = :survivor AND o.role = 'primary'
     AND o.ended_on IS NULL AND o.member_id <> t.member_id
    WHERE m.merge_id = :merge AND m.table_name = 'care_team_member'
      AND m.before ->> 'role' = 'primary' AND jsonb_exists(m.before, 'patient_id')
    ON CONFLICT DO NOTHING
"""
_OF_LOGINS = """
    SELECT uuidv7(), :merge, 'login',
           CASE WHEN moved_account THEN kept_account ELSE retired_account END,
           CASE WHEN moved_account THEN retired_account ELSE kept_account END,
           NULL, NULL, false, true, NULL, :now
    FROM patient_merge WHERE id = :merge AND retired_account IS NOT NULL
    ON CONFLICT DO NOTHING
"""
_OF_RECORDS = [text(_INSERT + one) for one in (_OF_RECORD, _OF_PLACES, _OF_PRIMARIES, _OF_LOGINS)]

meets(
    F.DELEGATE,
    "delegation",
    (DelegationStatus.OFFERED, DelegationStatus.ACCEPTED),
    "t.delegate_id = o.delegate_id",
)
# The patient asks once at a time: the duplicate's request stays with it until it is answered.
meets(F.CORRECTION_REQUEST, "correction_request", (CorrectionRequestStatus.OPEN,), "true")
