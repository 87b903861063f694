"""Asking for refills: the hot path, in three statements whatever the number of items."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from portal.core import audit, outbox
from portal.core.actor import Actor
from portal.core.db import run
from portal.core.errors import PortalError
from portal.core.ids import new_id
from portal.directory import service as directory
from portal.directory.hours import calendar_of
from portal.refills import queries, rules
from portal.refills.errors import RefillAlreadyOpen
from portal.refills.service import fills
from portal.refills.states import ENDED, Delivery, RefillChannel, RefillKind, RefillStatus, Way
from portal.refills.views import refill_view
from portal.worklist import rules as due_times
from portal.worklist import service as worklist
from portal.worklist.service import NewItem
from portal.worklist.states import Priority, WorkItemKind


@dataclass(frozen=True, slots=True)
class RefillItem:
    """One prescription to fill again, and how the patient wants to get it."""

    prescription_id: UUID
    delivery: str = Delivery.PICKUP
    pharmacy_id: UUID | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class RequestRefills:
    items: tuple[RefillItem, ...]
    channel: RefillChannel = RefillChannel.PORTAL


@dataclass(frozen=True, slots=True)
class ItemOutcome:
    """What became of one item: a refill, or the reason why there is none."""

    prescription_id: UUID
    refill: dict[str, Any] | None = None
    error: PortalError | None = None


# One refill, its first history row and, where no prescriber is asked, the reservation of one of
# the prescription's refills, or of its first fill. The unique index on open refills decides between
# concurrent requests; the loser's row is left out of the answer.
_CREATE = text(
    f"""
    WITH wanted AS (
        SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
            id uuid, prescription_id uuid, patient_id uuid, prescriber_id uuid, pharmacy_id uuid,
            kind text, channel text, status text, delivery text, note text, reserved boolean,
            urgent boolean, requested_at timestamptz, expected_by timestamptz, replaces_id uuid,
            history_id uuid, actor_kind text, actor_id uuid)
    ), created AS (
        INSERT INTO refill (id, prescription_id, patient_id, prescriber_id, pharmacy_id, kind,
                            channel, status, delivery, note, reserved, urgent, requested_at,
                            status_at, expected_by, replaces_id)
        SELECT id, prescription_id, patient_id, prescriber_id, pharmacy_id, kind, channel, status,
               delivery, note, reserved, urgent, requested_at, requested_at, expected_by,
               replaces_id
        FROM wanted ORDER BY prescription_id
        ON CONFLICT (prescription_id) WHERE status NOT IN {ENDED} DO NOTHING
        RETURNING id
    ), remembered AS (
        INSERT INTO refill_history (id, refill_id, patient_id, pharmacy_id, to_status, at,
                                    actor_kind, actor_id)
        SELECT history_id, id, patient_id, pharmacy_id, status, requested_at, actor_kind, actor_id
        FROM wanted JOIN created USING (id)
    ), reserved AS (
        UPDATE prescription p SET version = version + 1,
            refills_used = refills_used + (wanted.kind = 'refill')::int,
            first_fill_used = first_fill_used + (wanted.kind <> 'refill')::int
        FROM wanted JOIN created USING (id)
        WHERE p.id = wanted.prescription_id AND wanted.reserved
    )
    SELECT id FROM created
    """  # noqa: S608 - no value of anybody's
)


def request_refills(
    *, session: Session, actor: Actor, command: RequestRefills, now: datetime
) -> list[ItemOutcome]:
    """Ask for several prescriptions at once; each item stands for itself.

    Those with refills left go to the pharmacy, the others to their prescriber.
    """
    found = queries.candidates(session, [item.prescription_id for item in command.items])
    named = {item.pharmacy_id for item in command.items if item.pharmacy_id}
    chosen = queries.pharmacies(session, named) if named else {}
    plans: dict[UUID, dict[str, Any]] = {}
    outcomes: list[ItemOutcome] = []
    for item in command.items:
        try:
            if item.prescription_id in plans:
                raise RefillAlreadyOpen("This prescription is in the request twice.")
            plan = _plan(found.get(item.prescription_id), item, chosen, actor, command.channel, now)
            plans[item.prescription_id] = plan
            outcomes.append(ItemOutcome(item.prescription_id))
        except PortalError as error:
            outcomes.append(ItemOutcome(item.prescription_id, error=error))
    _ask_prescribers(session, [p for p in plans.values() if p["kind"] == RefillKind.RENEWAL], now)
    created = create(session, actor, list(plans.values()), now) if plans else set()
    return [_outcome(outcome, plans, created, now) for outcome in outcomes]


def _plan(
    candidate: Row[Any] | None,
    item: RefillItem,
    chosen: Mapping[UUID, Row[Any]],
    actor: Actor,
    channel: RefillChannel,
    now: datetime,
) -> dict[str, Any]:
    """The refill to be written for one item. Raises the PortalError that speaks against it."""
    asked_by_pharmacy = channel == RefillChannel.PHARMACY
    permit = fills.ask(candidate, Way.RENEWAL_REQUEST if asked_by_pharmacy else Way.REQUEST, now)
    candidate = permit.prescription
    own = {"pharmacy_id": candidate.pharmacy_id, "pharmacy_name": candidate.pharmacy_name}
    pharmacy = candidate if item.pharmacy_id is None else chosen.get(item.pharmacy_id)
    rules.check_pharmacy(pharmacy, item.delivery, candidate.has_address)
    if item.pharmacy_id is not None and pharmacy is not None:
        own = {"pharmacy_id": pharmacy.id, "pharmacy_name": pharmacy.name}
    return {
        **new_refill(
            candidate,
            kind=permit.kind,
            channel=channel,
            delivery=item.delivery,
            note=item.note,
            actor=actor,
            now=now,
            expected_by=_sending_by(pharmacy, now),
        ),
        **own,
        "runs_out_on": permit.runs_out_on,
        "clinic_id": candidate.clinic_id,
        "pool_id": candidate.pool_id,
        "prescriber_name": candidate.prescriber_name,
    }


def _ask_prescribers(session: Session, plans: Sequence[dict[str, Any]], now: datetime) -> None:
    """Turn what needs a decision into waiting requests, due by the clinics' business hours."""
    if not plans:
        return
    calendars = directory.calendars_of(session, {plan["clinic_id"] for plan in plans})
    for plan in plans:
        calendar = calendars[plan["clinic_id"]]
        due_at = due_times.due_at(calendar, Priority.ROUTINE, now)
        urgent = rules.is_urgent(plan["runs_out_on"], due_at.astimezone(calendar.zone).date())
        if urgent:
            due_at = due_times.due_at(calendar, Priority.URGENT, now)
        plan.update(status=RefillStatus.AWAITING_PRESCRIBER, expected_by=due_at, urgent=urgent)


def new_refill(
    prescription: Any,
    *,
    kind: RefillKind,
    channel: RefillChannel,
    delivery: str,
    actor: Actor,
    now: datetime,
    note: str | None = None,
    replaces_id: UUID | None = None,
    expected_by: datetime | None = None,
) -> dict[str, Any]:
    """A refill that goes to its prescription's pharmacy at once, as a row to be written.

    `expected_by` is when that pharmacy should have it, by its hours.
    """
    return {
        "id": new_id(),
        "prescription_id": prescription.id,
        "patient_id": prescription.patient_id,
        "prescriber_id": prescription.prescriber_id,
        "pharmacy_id": prescription.pharmacy_id,
        "kind": kind,
        "channel": channel,
        "status": RefillStatus.SENDING,
        "delivery": delivery,
        "note": note,
        "reserved": kind != RefillKind.RENEWAL,
        "urgent": False,
        "requested_at": now,
        "status_at": now,
        "expected_by": expected_by or rules.expected_by(RefillStatus.SENDING, now),
        "replaces_id": replaces_id,
        "history_id": new_id(),
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        # For the answer alone:
        "pharmacy_name": None,
        "prescriber_name": None,
        "drug_name": prescription.drug_name,
        "strength": prescription.strength,
        "reason_code": None,
        "next_step": None,
        "closed_at": None,
    }


def _sending_by(pharmacy: Any, now: datetime) -> datetime | None:
    calendar = calendar_of(pharmacy.opening, pharmacy.pharmacy_zone)
    return rules.expected_by(RefillStatus.SENDING, now, calendar=calendar)


def create(
    session: Session, actor: Actor, rows: Sequence[dict[str, Any]], now: datetime
) -> set[UUID]:
    """Write refills with their history, reservation, work items, audit and outbox rows.

    Returns the ids of those written: one that lost against a concurrent request is left out.
    """
    written = run(session, _CREATE, {"rows": orjson.dumps(rows).decode()})
    created = {row.id for row in written}
    mine = [row for row in rows if row["id"] in created]
    waiting = [_decision(row) for row in mine if row["status"] == RefillStatus.AWAITING_PRESCRIBER]
    if waiting:
        worklist.open_items(session=session, actor=actor, items=waiting, now=now)
    for row in mine:
        outbox.emit(
            session, "refill.moved", now=now, refill_id=row["id"], history_id=row["history_id"]
        )
        audit.record(
            session,
            actor,
            "create",
            "refill",
            patient_id=row["patient_id"],
            resource_id=row["id"],
            at=now,
        )
    return created


def _decision(row: Mapping[str, Any]) -> NewItem:
    """The prescriber's work item for a refill that waits for a decision."""
    return NewItem(
        kind=WorkItemKind.REFILL_DECISION,
        subject_id=row["id"],
        patient_id=row["patient_id"],
        responsible_id=row["prescriber_id"],
        pool_id=row["pool_id"],
        priority=Priority.URGENT if row["urgent"] else Priority.ROUTINE,
        due_at=row["expected_by"],
    )


def _outcome(
    outcome: ItemOutcome, plans: Mapping[UUID, dict[str, Any]], created: set[UUID], now: datetime
) -> ItemOutcome:
    if outcome.error is not None:
        return outcome
    plan = plans[outcome.prescription_id]
    if plan["id"] not in created:
        return ItemOutcome(outcome.prescription_id, error=RefillAlreadyOpen())
    return ItemOutcome(outcome.prescription_id, refill=refill_view(SimpleNamespace(**plan), now))
