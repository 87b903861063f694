"""The intake's look-ups: who sends a message, whether it came before, what it is about.

A message costs two round trips beside those of every transaction, whatever the number of its
reports: one finds who sends it and what it is about, one writes everything (intake_statements.py).
One more looks into versions that are there already, two for whom a report is that nobody ordered.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from portal.core.db import run
from portal.patients.matching import recorded
from portal.patients.matching_queries import BY_NUMBER, RECORDED
from portal.results.envelope import Source
from portal.results.intake_rules import Known, OrderFacts, ReportFacts
from portal.results.states import Abnormality, ObservationStatus, ReportStatus

# The laboratory that signed in, or the one that names itself so.
_SENDER = """
    SELECT id, name, time_zone FROM laboratory
    WHERE CASE WHEN CAST(:laboratory_id AS uuid) IS NULL
               THEN active AND (application, facility) = (:application, :facility)
                    AND application || facility <> ''
               ELSE id = :laboratory_id END
"""
# Who sends it, and what was taken before under the same control id.
_ARRIVAL = "s.id AS laboratory_id, s.name, s.time_zone, m.digest, m.outcome, m.answers"
_TWIN = """
    received_message m ON m.control_id = :control_id
     AND m.sender = coalesce(s.id::text, :application || '|' || :facility)
     AND m.outcome IN ('taken_in', 'reconciling')
"""
_ARRIVE = text(
    f"""
    SELECT {_ARRIVAL}
    FROM (VALUES (1)) one LEFT JOIN ({_SENDER}) s ON true LEFT JOIN {_TWIN}
    """
)
# The record that stands for a patient; the function is called for merged ones alone.
_STANDING = "CASE WHEN p.merged_into_id IS NULL THEN p.id ELSE careloop_surviving(p.id) END"
_FIND = text(
    f"""
    WITH sender AS ({_SENDER}), wanted AS (
        SELECT * FROM jsonb_to_recordset(CAST(:reports AS jsonb)) AS r(
            index int, placer text, filler text, code text)
    ), found AS (
        SELECT w.index, q.id AS order_id, q.orderer_id, q.laboratory_id AS order_laboratory_id,
               (SELECT {_STANDING} FROM patient p WHERE p.id = q.patient_id) AS order_patient_id,
               r.id AS report_id,
               (SELECT {_STANDING} FROM patient p WHERE p.id = r.patient_id) AS report_patient_id,
               r.requisition_id, r.responsible_id, r.status, r.version_number,
               r.current_version_id
        FROM wanted w LEFT JOIN sender ON true
        LEFT JOIN LATERAL (
            SELECT * FROM requisition q
            WHERE q.status <> 'draft' AND (q.placer_number = w.placer
                  OR (w.placer = '' AND q.laboratory_id = sender.id
                      AND w.filler <> '' AND q.filler_number = w.filler))
            ORDER BY q.ordered_at DESC LIMIT 1) q ON true
        LEFT JOIN LATERAL (
            SELECT * FROM diagnostic_report r
            WHERE r.code = w.code
              AND ((r.filler_number <> '' AND r.laboratory_id = sender.id
                    AND r.filler_number = w.filler
                    AND (q.id IS NULL OR r.requisition_id IS NULL OR r.requisition_id = q.id))
                   OR (r.filler_number <> '' AND r.laboratory_id IS NULL AND r.sender <> ''
                    AND r.sender = CAST(:named AS text) AND r.filler_number = w.filler
                    AND (q.id IS NULL OR r.requisition_id IS NULL OR r.requisition_id = q.id))
                   OR (r.requisition_id = q.id AND (w.filler = '' OR r.filler_number = '')))
            ORDER BY r.requisition_id IS NOT DISTINCT FROM q.id DESC, r.received_at DESC
            LIMIT 1) r ON true
    ), people AS (
        SELECT {_STANDING} AS survivor_id FROM patient p WHERE {BY_NUMBER}
        UNION SELECT order_patient_id FROM found
        UNION SELECT report_patient_id FROM found
    )
    SELECT {_ARRIVAL},
        coalesce((SELECT jsonb_agg(to_jsonb(f)) FROM found f), '[]') AS reports,
        coalesce((SELECT jsonb_agg({RECORDED}) FROM patient s
                  WHERE s.id = ANY(ARRAY(SELECT survivor_id FROM people))), '[]')
            AS patients
    FROM (VALUES (1)) one LEFT JOIN sender s ON true LEFT JOIN {_TWIN}
    """
)
_VERSIONS = text(
    """
    SELECT v.id, v.issued_at, v.digest, v.note AS said, v.reason, o.code, o.sub_id, o.name,
           o.value_text, o.unit, o.abnormality, o.status, o.position, o.observed_at, o.flags,
           o.reference_text, o.note
    FROM report_version v LEFT JOIN observation o ON o.version_id = v.id
    WHERE v.id = ANY(:version_ids) ORDER BY v.id, o.position
    """
)
_PRIMARIES = text(
    """
    SELECT DISTINCT ON (patient_id) patient_id, member_id FROM care_team_member
    WHERE patient_id = ANY(:patient_ids) AND member_kind = 'practitioner' AND ended_on IS NULL
    ORDER BY patient_id, role <> 'primary', started_on
    """
)
_PRACTITIONERS = text("SELECT npi, id FROM practitioner WHERE npi = ANY(:npis) AND active")
_DOCUMENTS = text(
    """
    SELECT a.digest FROM report_version v JOIN report_attachment a ON a.version_id = v.id
    WHERE v.report_id = :report_id
    """
)
# What waits for a person to decide about it already; the same once more is no further case.
_WAITING = text(
    """
    SELECT id FROM reconciliation_case
    WHERE report_id = :report_id AND status = 'open' AND summary->>'digest' = :digest
    """
)
_FAILURES = text(
    """
    SELECT count(*) AS failures FROM received_message
    WHERE outcome = 'failed' AND sender = :sender
      AND (digest = :digest OR control_id = :control_id)
    """
)
_CASE_OF_FAILURE = text(
    """
    SELECT 1 FROM reconciliation_case
    WHERE status = 'open' AND reason = 'not_taken_in' AND summary->>'digest' = :digest
    """
)
_PLACER = text("SELECT placer_number FROM requisition WHERE id = :id")


def arrive(session: Session, source: Source, control_id: str | None) -> Row[Any]:
    """The laboratory that sends, and what was taken before under the same control id."""
    row: Row[Any] = run(session, _ARRIVE, _arrival(source, control_id))[0]
    return row


def _arrival(source: Source, control_id: str | None) -> dict[str, Any]:
    return {
        "laboratory_id": source.laboratory_id,
        "application": source.application,
        "facility": source.facility,
        "control_id": control_id,
    }


def placer_number(session: Session, requisition_id: UUID | None) -> str | None:
    """Our number of an order."""
    found = run(session, _PLACER, {"id": requisition_id})
    return found[0].placer_number if found else None


class Found:
    """What a message is about, as far as it is known here; `arrival` is what arrive() gives."""

    __slots__ = ("arrival", "orders", "patients", "reports")

    def __init__(self, session: Session, row: Row[Any]) -> None:
        self.arrival = row
        self.patients = {fact.id: fact for fact in map(recorded, row.patients)}
        self.orders: dict[int, OrderFacts] = {
            one["index"]: _order(one) for one in row.reports if one["order_id"] is not None
        }
        known = [one for one in row.reports if one["report_id"] is not None]
        versions = _versions(session, known) if known else {}
        self.reports: dict[int, ReportFacts] = {
            one["index"]: _report(one, versions) for one in known
        }


def find(
    session: Session,
    *,
    source: Source,
    control_id: str | None,
    reports: Sequence[Mapping[str, Any]],
    mrns: Collection[str],
    named: str = "",
) -> Found:
    """What a message names: orders, reports with their current version, patients. `named` is how
    a laboratory that nobody here knows names itself."""
    values = {
        **_arrival(source, control_id),
        "named": named,
        "reports": orjson.dumps(reports).decode(),
        "mrns": list(mrns),
    }
    return Found(session, run(session, _FIND, values)[0])


def practitioners(session: Session, npis: Collection[str]) -> dict[str, UUID]:
    """Practitioners of ours by their NPIs."""
    rows = run(session, _PRACTITIONERS, {"npis": list(npis)}) if npis else []
    return {row.npi: row.id for row in rows}


def primaries(session: Session, patient_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Who cares for patients first of all."""
    rows = run(session, _PRIMARIES, {"patient_ids": list(patient_ids)}) if patient_ids else []
    return {row.patient_id: row.member_id for row in rows}


_STANDING_VERSION = text(
    "SELECT v.number, v.received_at FROM diagnostic_report r "
    "JOIN report_version v ON v.id = r.current_version_id WHERE r.id = :report_id"
)


def documents(session: Session, report_id: UUID) -> list[bytes]:
    """The digests of a report's documents."""
    rows = run(session, _DOCUMENTS, {"report_id": report_id})
    return [bytes(row.digest) for row in rows]


def standing_version(session: Session, report_id: UUID) -> Row[Any]:
    """The number of a report's current version, and when it came."""
    return session.execute(_STANDING_VERSION, {"report_id": report_id}).one()


def waiting_case(session: Session, report_id: UUID, digest: str) -> UUID | None:
    """The open case about a report that what came says the same as."""
    found = run(session, _WAITING, {"report_id": report_id, "digest": digest})
    return found[0].id if found else None


def failures(session: Session, sender: str, digest: bytes, control_id: str | None) -> int:
    """How often the same message has failed on our side."""
    values = {"sender": sender, "digest": digest, "control_id": control_id}
    return int(run(session, _FAILURES, values)[0].failures)


def has_case_of_failure(session: Session, digest: str) -> bool:
    """Whether somebody has a message that says the same, and failed, already."""
    return bool(run(session, _CASE_OF_FAILURE, {"digest": digest}))


def _versions(session: Session, reports: Sequence[Mapping[str, Any]]) -> dict[UUID, list[Any]]:
    """The rows of reports' current versions, one an observation, one at least."""
    wanted = [UUID(one["current_version_id"]) for one in reports]
    found: dict[UUID, list[Any]] = {}
    for row in run(session, _VERSIONS, {"version_ids": wanted}):
        found.setdefault(row.id, []).append(row)
    return found


def _order(one: Mapping[str, Any]) -> OrderFacts:
    return OrderFacts(
        id=UUID(one["order_id"]),
        patient_id=UUID(one["order_patient_id"]),
        laboratory_id=UUID(one["order_laboratory_id"]),
        orderer_id=UUID(one["orderer_id"]),
    )


def _report(one: Mapping[str, Any], versions: Mapping[UUID, list[Any]]) -> ReportFacts:
    version_id = UUID(one["current_version_id"])
    rows = versions[version_id]
    return ReportFacts(
        id=UUID(one["report_id"]),
        patient_id=UUID(one["report_patient_id"]),
        requisition_id=UUID(one["requisition_id"]) if one["requisition_id"] else None,
        responsible_id=UUID(one["responsible_id"]),
        status=ReportStatus(one["status"]),
        version_number=one["version_number"],
        version_id=version_id,
        issued_at=rows[0].issued_at,
        digest=bytes(rows[0].digest),
        observations=tuple(_known(row) for row in rows if row.code is not None),
        note=rows[0].said or "",
        reason=rows[0].reason or "",
    )


def _known(row: Any) -> Known:
    return Known(
        row.code,
        row.sub_id,
        row.name,
        row.value_text,
        row.unit,
        Abnormality(row.abnormality),
        ObservationStatus(row.status),
        position=row.position,
        observed_at=row.observed_at,
        flags=frozenset(row.flags),
        reference_text=row.reference_text,
        note=row.note or "",
    )
