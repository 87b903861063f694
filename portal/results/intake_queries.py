"""The intake's look-ups: who sends a message, whether it came before, what it is about.

A message costs three round trips beside those of every transaction, whatever the number of its
reports: who sends it, what it is about, and one that writes everything (intake_statements.py). One
more looks into versions that are there already, one more for whom a report is that nobody ordered.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from portal.core.db import run
from portal.results.envelope import Source
from portal.results.intake_rules import Known, OrderFacts, PatientFacts, ReportFacts
from portal.results.states import Abnormality, ObservationStatus, ReportStatus

# The sender is the laboratory that signed in, or the one that names itself so. One transaction at a
# time has the orders that a message names, so that two versions of a report don't race: the next
# statement sees what the other transaction wrote.
_ARRIVE = text(
    """
    WITH sender AS (
        SELECT id, name, time_zone FROM laboratory
        WHERE CASE WHEN CAST(:laboratory_id AS uuid) IS NULL
                   THEN active AND application = :application AND facility = :facility
                   ELSE id = :laboratory_id END
    ), locked AS (
        SELECT count(pg_advisory_xact_lock(hashtextextended(key, 7))) AS keys
        FROM (SELECT key FROM unnest(CAST(:keys AS text[])) AS key ORDER BY key) sorted
    )
    SELECT s.id AS laboratory_id, s.name, s.time_zone, m.digest, m.outcome, m.answers
    FROM locked
    LEFT JOIN sender s ON true
    LEFT JOIN received_message m ON m.control_id = :control_id
     AND m.sender = coalesce(s.id::text, :application || '|' || :facility)
     AND m.outcome IN ('taken_in', 'reconciling')
    """
)
_LOCK = text(
    """
    SELECT pg_advisory_xact_lock(hashtextextended(key, 7))
    FROM (SELECT key FROM unnest(CAST(:keys AS text[])) AS key ORDER BY key) sorted
    """
)
# The record that stands for a patient; the function is called for merged ones alone.
_STANDING = "CASE WHEN p.merged_into_id IS NULL THEN p.id ELSE careloop_surviving(p.id) END"
_FIND = text(
    f"""
    WITH wanted AS (
        SELECT * FROM jsonb_to_recordset(CAST(:reports AS jsonb)) AS r(
            index int, placer text, filler text, code text)
    ), found AS (
        SELECT w.index, q.id AS order_id, q.orderer_id, q.laboratory_id AS order_laboratory_id,
               (SELECT {_STANDING} FROM patient p WHERE p.id = q.patient_id) AS order_patient_id,
               r.id AS report_id,
               (SELECT {_STANDING} FROM patient p WHERE p.id = r.patient_id) AS report_patient_id,
               r.requisition_id, r.responsible_id, r.status, r.version_number,
               r.current_version_id, v.issued_at, v.digest
        FROM wanted w
        LEFT JOIN LATERAL (
            SELECT * FROM requisition q
            WHERE q.status <> 'draft' AND (q.placer_number = w.placer
                  OR (w.placer = '' AND q.laboratory_id = :laboratory_id
                      AND w.filler <> '' AND q.filler_number = w.filler))
            ORDER BY q.ordered_at DESC LIMIT 1) q ON true
        LEFT JOIN LATERAL (
            SELECT * FROM diagnostic_report r
            WHERE r.code = w.code
              AND ((r.filler_number <> '' AND r.laboratory_id = :laboratory_id
                    AND r.filler_number = w.filler
                    AND (q.id IS NULL OR r.requisition_id IS NULL OR r.requisition_id = q.id))
                   OR (r.requisition_id = q.id AND (w.filler = '' OR r.filler_number = '')))
            ORDER BY r.requisition_id IS NOT DISTINCT FROM q.id DESC, r.received_at DESC
            LIMIT 1) r ON true
        LEFT JOIN report_version v ON v.id = r.current_version_id
    ), people AS (
        SELECT {_STANDING} AS survivor_id FROM patient p WHERE p.mrn = ANY(:mrns)
        UNION SELECT order_patient_id FROM found
        UNION SELECT report_patient_id FROM found
    )
    SELECT
        coalesce((SELECT jsonb_agg(to_jsonb(f)) FROM found f), '[]') AS reports,
        coalesce((SELECT jsonb_agg(jsonb_build_object(
            'id', s.id, 'family_name', s.family_name, 'given_name', s.given_name,
            'birth_date', s.birth_date,
            'mrns', ARRAY[s.mrn] || ARRAY(SELECT m.mrn FROM patient m
                                          WHERE m.merged_into_id = s.id),
            'primary_id', (SELECT c.member_id FROM care_team_member c
                           WHERE c.patient_id = s.id AND c.member_kind = 'practitioner'
                             AND c.ended_on IS NULL
                           ORDER BY c.role <> 'primary', c.started_on LIMIT 1)))
            FROM patient s WHERE s.id = ANY(ARRAY(SELECT survivor_id FROM people))), '[]')
            AS patients
    """
)
_OBSERVATIONS = text(
    """
    SELECT version_id, code, sub_id, name, value_text, unit, abnormality, status
    FROM observation WHERE version_id = ANY(:version_ids) ORDER BY version_id, position
    """
)
_PRACTITIONERS = text("SELECT npi, id FROM practitioner WHERE npi = ANY(:npis) AND active")
_PLACER = text("SELECT placer_number FROM requisition WHERE id = :id")


def arrive(
    session: Session, source: Source, control_id: str | None, keys: Collection[str]
) -> Row[Any]:
    """The laboratory that sends, and what was taken before under the same control id, once nobody
    else takes in what has one of the `keys`."""
    values = {
        "laboratory_id": source.laboratory_id,
        "application": source.application,
        "facility": source.facility,
        "control_id": control_id,
        "keys": list(keys),
    }
    row: Row[Any] = run(session, _ARRIVE, values)[0]
    return row


def lock(session: Session, keys: Collection[str]) -> None:
    """Wait until nobody else takes in what has one of these keys."""
    run(session, _LOCK, {"keys": list(keys)})


def placer_number(session: Session, requisition_id: UUID | None) -> str | None:
    """Our number of an order."""
    found = run(session, _PLACER, {"id": requisition_id})
    return found[0].placer_number if found else None


class Found:
    """What a message is about, as far as it is known here."""

    __slots__ = ("orders", "patients", "reports")

    def __init__(self, session: Session, row: Row[Any]) -> None:
        self.patients = {fact.id: fact for fact in map(_patient, row.patients)}
        self.orders: dict[int, OrderFacts] = {
            one["index"]: _order(one) for one in row.reports if one["order_id"] is not None
        }
        known = [one for one in row.reports if one["report_id"] is not None]
        observations = _observations(session, known) if known else {}
        self.reports: dict[int, ReportFacts] = {
            one["index"]: _report(one, observations) for one in known
        }


def find(
    session: Session,
    *,
    laboratory_id: UUID | None,
    reports: Sequence[Mapping[str, Any]],
    mrns: Collection[str],
) -> Found:
    """What a message names: orders, reports with their current version, patients."""
    values = {
        "laboratory_id": laboratory_id,
        "reports": orjson.dumps(reports).decode(),
        "mrns": list(mrns),
    }
    return Found(session, run(session, _FIND, values)[0])


def practitioners(session: Session, npis: Collection[str]) -> dict[str, UUID]:
    """Practitioners of ours by their NPIs."""
    rows = run(session, _PRACTITIONERS, {"npis": list(npis)}) if npis else []
    return {row.npi: row.id for row in rows}


def _observations(
    session: Session, reports: Sequence[Mapping[str, Any]]
) -> dict[UUID, tuple[Known, ...]]:
    """What the current versions of reports hold."""
    wanted = [UUID(one["current_version_id"]) for one in reports]
    found: dict[UUID, list[Known]] = {}
    for version_id, *values in run(session, _OBSERVATIONS, {"version_ids": wanted}):
        found.setdefault(version_id, []).append(_known(*values))
    return {version_id: tuple(held) for version_id, held in found.items()}


def _patient(one: Mapping[str, Any]) -> PatientFacts:
    return PatientFacts(
        id=UUID(one["id"]),
        mrns=frozenset(one["mrns"]),
        family_name=one["family_name"],
        given_name=one["given_name"],
        birth_date=date.fromisoformat(one["birth_date"]),
        primary_id=UUID(one["primary_id"]) if one["primary_id"] else None,
    )


def _order(one: Mapping[str, Any]) -> OrderFacts:
    return OrderFacts(
        id=UUID(one["order_id"]),
        patient_id=UUID(one["order_patient_id"]),
        laboratory_id=UUID(one["order_laboratory_id"]),
        orderer_id=UUID(one["orderer_id"]),
    )


def _report(one: Mapping[str, Any], observations: Mapping[UUID, tuple[Known, ...]]) -> ReportFacts:
    version_id = UUID(one["current_version_id"])
    return ReportFacts(
        id=UUID(one["report_id"]),
        patient_id=UUID(one["report_patient_id"]),
        requisition_id=UUID(one["requisition_id"]) if one["requisition_id"] else None,
        responsible_id=UUID(one["responsible_id"]),
        status=ReportStatus(one["status"]),
        version_number=one["version_number"],
        version_id=version_id,
        issued_at=datetime.fromisoformat(one["issued_at"]),
        digest=bytes.fromhex(one["digest"].removeprefix("\\x")),
        observations=observations.get(version_id, ()),
    )


def _known(
    code: str, sub_id: str, name: str, value: str, unit: str, abnormality: str, status: str
) -> Known:
    return Known(
        code, sub_id, name, value, unit, Abnormality(abnormality), ObservationStatus(status)
    )
