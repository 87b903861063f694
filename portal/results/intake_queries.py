"""The intake's statements: keeping a message, finding what it is about, writing what it says.

A message costs three round trips beside those of every transaction, whatever the number of its
reports: it is kept, what it is about is found, and everything is written.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from portal.core.db import closing, run, take_gathered
from portal.results.intake_rules import Known, OrderFacts, PatientFacts, ReportFacts
from portal.results.states import Abnormality, ObservationStatus, ReportStatus

# Kept before it is understood. The sender is the laboratory that signed in, or the one that names
# itself so. One transaction at a time has the orders that a message names, so that two versions of
# a report don't race: the next statement sees what the other transaction wrote. The locks come
# before the row, whose unique index makes a twin wait: the other order could wait for ever.
_KEEP = text(
    """
    WITH sender AS (
        SELECT id, name, time_zone FROM laboratory
        WHERE CASE WHEN CAST(:laboratory_id AS uuid) IS NULL
                   THEN active AND application = :application AND facility = :facility
                   ELSE id = :laboratory_id END
    ), locked AS (
        SELECT count(pg_advisory_xact_lock(hashtextextended(key, 7))) AS keys
        FROM (SELECT key FROM unnest(CAST(:keys AS text[])) AS key ORDER BY key) sorted
    ), kept AS (
        INSERT INTO received_message (id, transport, laboratory_id, sender, control_id,
                                      message_type, digest, content, received_at, outcome, answers)
        SELECT :id, :transport, (SELECT id FROM sender),
               coalesce((SELECT id::text FROM sender), :application || '|' || :facility),
               :control_id, :message_type, :digest, :content, :now, :outcome, '{}'
        FROM locked
        ON CONFLICT (sender, control_id) WHERE control_id IS NOT NULL
            AND outcome IN ('received', 'taken_in', 'reconciling') DO NOTHING
        RETURNING id
    )
    SELECT (SELECT id FROM kept) AS kept_id, s.id AS laboratory_id, s.name, s.time_zone
    FROM (VALUES (1)) one LEFT JOIN sender s ON true
    """
)
_LOCK = text(
    """
    SELECT pg_advisory_xact_lock(hashtextextended(key, 7))
    FROM (SELECT key FROM unnest(CAST(:keys AS text[])) AS key ORDER BY key) sorted
    """
)
_TWIN = text(
    """
    SELECT id, digest, outcome, answers FROM received_message
    WHERE sender = :sender AND control_id = :control_id
      AND outcome IN ('received', 'taken_in', 'reconciling')
    """
)
_FIND = text(
    """
    WITH wanted AS (
        SELECT * FROM jsonb_to_recordset(CAST(:reports AS jsonb)) AS r(
            index int, placer text, filler text, code text)
    ), found AS (
        SELECT w.index, q.id AS order_id, q.orderer_id, q.laboratory_id AS order_laboratory_id,
               careloop_surviving(q.patient_id) AS order_patient_id,
               r.id AS report_id, careloop_surviving(r.patient_id) AS report_patient_id,
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
        SELECT careloop_surviving(p.id) AS survivor_id FROM patient p WHERE p.mrn = ANY(:mrns)
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
            AS patients,
        coalesce((SELECT jsonb_agg(jsonb_build_array(
            f.index, o.code, o.sub_id, o.name, o.value_text, o.unit, o.abnormality, o.status)
            ORDER BY o.position)
            FROM found f JOIN observation o ON o.version_id = f.current_version_id), '[]')
            AS observations,
        coalesce((SELECT jsonb_object_agg(p.npi, p.id) FROM practitioner p
                  WHERE p.npi = ANY(:npis) AND p.active), '{}') AS npis
    """
)
_PLACER = text("SELECT placer_number FROM requisition WHERE id = :id")
_REPORT = """
    INSERT INTO diagnostic_report (id, patient_id, requisition_id, laboratory_id, performer_name,
        responsible_id, placer_number, filler_number, code, code_system, name, category, status,
        abnormality, version_number, current_version_id, collected_at, reported_at, received_at,
        release_status)
    SELECT id, patient_id, requisition_id, laboratory_id, performer_name, responsible_id,
           placer_number, filler_number, code, code_system, name, category, status, abnormality, 1,
           version_id, collected_at, issued_at, :now, 'pending'
    FROM jsonb_to_recordset(CAST(:new_reports AS jsonb)) AS r(
        id uuid, patient_id uuid, requisition_id uuid, laboratory_id uuid, performer_name text,
        responsible_id uuid, placer_number text, filler_number text, code text, code_system text,
        name text, category text, status text, abnormality text, version_id uuid,
        collected_at timestamptz, issued_at timestamptz)
"""
_SUPERSEDE = """
    UPDATE diagnostic_report d
    SET status = r.status, abnormality = r.abnormality, version_number = r.version_number,
        current_version_id = r.version_id, received_at = :now,
        filler_number = CASE WHEN d.filler_number = '' THEN r.filler_number
                             ELSE d.filler_number END,
        requisition_id = coalesce(d.requisition_id, r.requisition_id),
        collected_at = coalesce(r.collected_at, d.collected_at), version = d.version + 1
    FROM jsonb_to_recordset(CAST(:next_reports AS jsonb)) AS r(
        id uuid, status text, abnormality text, version_number int, version_id uuid,
        filler_number text, requisition_id uuid, collected_at timestamptz)
    WHERE d.id = r.id
"""
_VERSION = """
    INSERT INTO report_version (id, report_id, patient_id, number, status, abnormality, message_id,
                                issued_at, received_at, note, reason, digest, changes)
    SELECT id, report_id, patient_id, number, status, abnormality, :message_id, issued_at, :now,
           note, reason, decode(digest, 'hex'), changes
    FROM jsonb_to_recordset(CAST(:versions AS jsonb)) AS r(
        id uuid, report_id uuid, patient_id uuid, number int, status text, abnormality text,
        issued_at timestamptz, note text, reason text, digest text, changes jsonb)
"""
_OBSERVATION_COLUMNS = """code, code_system, name, local_code, sub_id, kind, number, high,
    comparator, value_text, value_code, unit, reference_low, reference_high, reference_text, flags,
    abnormality, status, observed_at, note"""
_OBSERVATION = f"""
    INSERT INTO observation (version_id, position, report_id, patient_id, {_OBSERVATION_COLUMNS})
    SELECT version_id, position, report_id, patient_id, {_OBSERVATION_COLUMNS}
    FROM jsonb_to_recordset(CAST(:observations AS jsonb)) AS r(
        version_id uuid, position int, report_id uuid, patient_id uuid, code text,
        code_system text, name text, local_code text, sub_id text, kind text, number numeric,
        high numeric, comparator text, value_text text, value_code text, unit text,
        reference_low numeric, reference_high numeric, reference_text text, flags text[],
        abnormality text, status text, observed_at timestamptz, note text)
"""
_CARRY_OVER = f"""
    INSERT INTO observation (version_id, position, report_id, patient_id, {_OBSERVATION_COLUMNS})
    SELECT r.to_version_id,
           r.after + row_number() OVER (PARTITION BY r.to_version_id ORDER BY o.position),
           o.report_id, o.patient_id, {_OBSERVATION_COLUMNS.replace("code,", "o.code,", 1)}
    FROM jsonb_to_recordset(CAST(:carried AS jsonb)) AS r(
        from_version_id uuid, to_version_id uuid, after int, mentioned jsonb)
    JOIN observation o ON o.version_id = r.from_version_id
     AND NOT r.mentioned @> jsonb_build_array(jsonb_build_array(o.code, o.sub_id))
"""
_ATTACHMENT = """
    INSERT INTO report_attachment (id, version_id, report_id, patient_id, position, content_type,
                                   title, size, digest, content)
    SELECT id, version_id, report_id, patient_id, position, content_type, title, size,
           sha256(decode(content, 'base64')), decode(content, 'base64')
    FROM jsonb_to_recordset(CAST(:attachments AS jsonb)) AS r(
        id uuid, version_id uuid, report_id uuid, patient_id uuid, position int, content_type text,
        title text, size int, content text)
"""
_CASE = """
    INSERT INTO reconciliation_case (id, message_id, report_index, reason, status, clinic_id,
                                     pool_id, laboratory_id, summary, opened_at)
    SELECT r.id, :message_id, r.report_index, r.reason, 'open', p.clinic_id, r.pool_id,
           r.laboratory_id, r.summary, :now
    FROM jsonb_to_recordset(CAST(:cases AS jsonb)) AS r(
        id uuid, report_index int, reason text, pool_id uuid, laboratory_id uuid, summary jsonb)
    JOIN pool p ON p.id = r.pool_id
"""
_SETTLE = """
    UPDATE received_message
    SET outcome = :outcome, answers = coalesce(:answers, answers), problem = :problem
    WHERE id = :message_id
"""
# Once nobody has to match anything of a message any more.
_SETTLE_WHEN_MATCHED = text(
    """
    UPDATE received_message SET outcome = 'taken_in'
    WHERE id = :id AND outcome = 'reconciling' AND NOT EXISTS (
        SELECT FROM reconciliation_case WHERE message_id = :id AND status = 'open')
    """
)
_PARTS = {
    "new_reports": _REPORT,
    "next_reports": _SUPERSEDE,
    "versions": _VERSION,
    "observations": _OBSERVATION,
    "carried": _CARRY_OVER,
    "attachments": _ATTACHMENT,
    "cases": _CASE,
}


def keep(session: Session, message: Mapping[str, Any], keys: Collection[str]) -> Row[Any]:
    """Keep a message, once nobody else takes in what has one of its `keys`; `kept_id` is empty
    where the same one was taken before."""
    row: Row[Any] = run(session, _KEEP, {**message, "keys": list(keys)})[0]
    return row


def lock(session: Session, keys: Collection[str]) -> None:
    """Wait until nobody else takes in what has one of these keys."""
    run(session, _LOCK, {"keys": list(keys)})


def twin(session: Session, sender: str, control_id: str) -> Row[Any] | None:
    """What was taken before under the same control id."""
    return next(iter(run(session, _TWIN, {"sender": sender, "control_id": control_id})), None)


def placer_number(session: Session, requisition_id: UUID | None) -> str | None:
    """Our number of an order."""
    found = run(session, _PLACER, {"id": requisition_id})
    return found[0].placer_number if found else None


class Found:
    """What a message is about, as far as it is known here."""

    __slots__ = ("npis", "orders", "patients", "reports")

    def __init__(self, row: Row[Any]) -> None:
        self.patients = {fact.id: fact for fact in map(_patient, row.patients)}
        self.npis = {npi: UUID(id_) for npi, id_ in row.npis.items()}
        observations: dict[int, list[Known]] = {}
        for index, *values in row.observations:
            observations.setdefault(index, []).append(_known(*values))
        self.orders: dict[int, OrderFacts] = {}
        self.reports: dict[int, ReportFacts] = {}
        for one in row.reports:
            if one["order_id"] is not None:
                self.orders[one["index"]] = _order(one)
            if one["report_id"] is not None:
                known = tuple(observations.get(one["index"], ()))
                self.reports[one["index"]] = _report(one, known)


def find(
    session: Session,
    *,
    laboratory_id: UUID | None,
    reports: Sequence[Mapping[str, Any]],
    mrns: Collection[str],
    npis: Collection[str],
) -> Found:
    """What a message names: orders, reports with their current version, patients, practitioners."""
    values = {
        "laboratory_id": laboratory_id,
        "reports": orjson.dumps(reports).decode(),
        "mrns": list(mrns),
        "npis": list(npis),
    }
    return Found(run(session, _FIND, values)[0])


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


def _report(one: Mapping[str, Any], observations: tuple[Known, ...]) -> ReportFacts:
    return ReportFacts(
        id=UUID(one["report_id"]),
        patient_id=UUID(one["report_patient_id"]),
        requisition_id=UUID(one["requisition_id"]) if one["requisition_id"] else None,
        responsible_id=UUID(one["responsible_id"]),
        status=ReportStatus(one["status"]),
        version_number=one["version_number"],
        version_id=UUID(one["current_version_id"]),
        issued_at=datetime.fromisoformat(one["issued_at"]),
        digest=bytes.fromhex(one["digest"].removeprefix("\\x")),
        observations=observations,
    )


def _known(
    code: str, sub_id: str, name: str, value: str, unit: str, abnormality: str, status: str
) -> Known:
    return Known(
        code, sub_id, name, value, unit, Abnormality(abnormality), ObservationStatus(status)
    )


def write(
    session: Session,
    rows: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    message_id: UUID,
    outcome: str,
    answers: Sequence[bytes] | None,
    problem: str | None,
    now: datetime,
) -> None:
    """Write everything that a message brings, what it was answered, and the audit and outbox rows
    so far, in one statement."""
    parts = tuple(name for name in _PARTS if rows.get(name))
    values: dict[str, Any] = {name: orjson.dumps(rows[name]).decode() for name in parts}
    values |= {
        "message_id": message_id,
        "outcome": outcome,
        "answers": None if answers is None else list(answers),
        "problem": problem,
        "now": now,
    }
    gathered, own, last = take_gathered(session)
    statement = closing((*(_PARTS[name] for name in parts), _SETTLE, *gathered), last)
    run(session, statement, {**values, **own})


def settle_when_matched(session: Session, message_id: UUID) -> None:
    """Note that a message has been taken in, where no case of it is open any more."""
    run(session, _SETTLE_WHEN_MATCHED, {"id": message_id})
