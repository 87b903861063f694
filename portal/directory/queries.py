"""The SELECTs by which the other slices ask the directory: hours, coverage, teams, pharmacies."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date, datetime, time
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from portal.core.db import lock
from portal.directory.model import (
    Laboratory,
    Pharmacy,
    Pool,
    PoolKind,
    Practitioner,
    StaffMember,
)
from portal.directory.rules import Calendar, CoverageStep

MAX_COVERAGE_STEPS = 8

_CALENDARS = text(
    """
    SELECT c.id, c.time_zone,
           (SELECT jsonb_agg(jsonb_build_array(weekday, opens, closes))
            FROM clinic_hours WHERE clinic_id = c.id) AS hours,
           (SELECT jsonb_agg(day) FROM clinic_closure WHERE clinic_id = c.id) AS closures
    FROM clinic c WHERE c.id = ANY(:ids)
    """
)
# Each practitioner, whoever covers for them, whoever covers for those: at most :steps further on,
# and never to somebody who was on the way already.
_CHAINS = text(
    """
    WITH RECURSIVE chain AS (
        SELECT p.id AS origin, 0 AS step, p.id AS practitioner_id, p.name, p.active,
               ARRAY[p.id] AS way, covering.covering_id AS covered_by
        FROM practitioner p LEFT JOIN LATERAL (
            SELECT covering_id FROM coverage c
            WHERE c.practitioner_id = p.id AND c.cancelled_at IS NULL
              AND c.starts_at <= :now AND c.ends_at > :now
            ORDER BY c.starts_at, c.id LIMIT 1
        ) covering ON true
        WHERE p.id = ANY(:ids)
      UNION ALL
        SELECT chain.origin, chain.step + 1, p.id, p.name, p.active, chain.way || p.id,
               covering.covering_id
        FROM chain JOIN practitioner p ON p.id = chain.covered_by LEFT JOIN LATERAL (
            SELECT covering_id FROM coverage c
            WHERE c.practitioner_id = p.id AND c.cancelled_at IS NULL
              AND c.starts_at <= :now AND c.ends_at > :now
            ORDER BY c.starts_at, c.id LIMIT 1
        ) covering ON true
        WHERE chain.step < :steps AND p.id <> ALL(chain.way)
    )
    SELECT origin, practitioner_id, name, active, covered_by FROM chain ORDER BY origin, step
    """
)


def calendars(session: Session, clinic_ids: Collection[UUID]) -> Mapping[UUID, Calendar]:
    """The calendar of each clinic, in one query."""
    rows = session.execute(_CALENDARS, {"ids": list(clinic_ids)})
    return {row.id: _calendar(row) for row in rows}


def _calendar(row: Row[Any]) -> Calendar:
    return Calendar(
        zone=ZoneInfo(row.time_zone),
        hours={
            weekday: (time.fromisoformat(opens), time.fromisoformat(closes))
            for weekday, opens, closes in row.hours or ()
        },
        closures=frozenset(date.fromisoformat(day) for day in row.closures or ()),
    )


def coverage_chains(
    session: Session, practitioner_ids: Collection[UUID], now: datetime
) -> Mapping[UUID, list[CoverageStep]]:
    """For each practitioner the way to who answers at `now`, themselves first, in one query."""
    rows = session.execute(
        _CHAINS, {"ids": list(practitioner_ids), "now": now, "steps": MAX_COVERAGE_STEPS}
    )
    chains: dict[UUID, list[CoverageStep]] = defaultdict(list)
    for row in rows:
        step = CoverageStep(row.practitioner_id, row.name, row.active, row.covered_by)
        chains[row.origin].append(step)
    return chains


def pool_id(session: Session, clinic_id: UUID | None, kind: PoolKind) -> UUID | None:
    """The clinic's pool of this kind, else another of the clinic, else any; staff come first."""
    order = (
        Pool.clinic_id.is_distinct_from(clinic_id),
        Pool.kind != kind,
        Pool.kind != PoolKind.CLINIC_STAFF,
        Pool.clinic_id,
        Pool.kind,
    )
    return session.execute(select(Pool.id).order_by(*order).limit(1)).scalar()


def pharmacies(session: Session, ids: Collection[UUID]) -> Mapping[UUID, Pharmacy]:
    found = session.execute(select(Pharmacy).where(Pharmacy.id.in_(ids))).scalars()
    return {pharmacy.id: pharmacy for pharmacy in found}


def laboratory_of_sender(session: Session, application: str, facility: str) -> Laboratory | None:
    return session.scalars(
        select(Laboratory).where(
            Laboratory.application == application,
            Laboratory.facility == facility,
            Laboratory.active,
        )
    ).first()


def staff_clinic(session: Session, staff_id: UUID) -> UUID | None:
    return session.execute(select(StaffMember.clinic_id).where(StaffMember.id == staff_id)).scalar()


def clinic_of_person(session: Session, person_id: UUID) -> UUID | None:
    there = select(Practitioner.clinic_id).where(Practitioner.id == person_id, Practitioner.active)
    return (
        session.execute(there).scalar()
        or session.execute(
            select(StaffMember.clinic_id).where(StaffMember.id == person_id, StaffMember.active)
        ).scalar()
    )


def lock_coverage(session: Session, clinic_id: UUID) -> None:
    """Let one transaction at a time arrange coverage in a clinic."""
    lock(session, [f"coverage {clinic_id}"])
