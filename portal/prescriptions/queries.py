"""Reading prescriptions."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from portal.prescriptions.model import Dispense, Prescription
from portal.prescriptions.rules import REFILL_AFTER_CONTROLLED

# A prescription with all that it renewed, and all that renewed it.
_RENEWALS = text(
    """
    WITH RECURSIVE before AS (
        SELECT id, previous_id FROM prescription WHERE id = :id
        UNION
        SELECT p.id, p.previous_id FROM before b JOIN prescription p ON p.id = b.previous_id
    ), line AS (
        SELECT id FROM before
        UNION
        SELECT p.id FROM line l JOIN prescription p ON p.previous_id = l.id
    )
    SELECT id FROM line
    """
)

# `expired` follows from the day where the patient is: see states.py. Of schedule II nothing more
# can come once it was handed over (21 CFR 1306.12): each month's is written anew, and once the next
# may be filled, the one before is none that it would double.
_STANDS = f"""{{0}}.status IN ('active', 'on_hold') AND {{0}}.expires_on >= {{1}}
      AND NOT ({{0}}.schedule IS NOT DISTINCT FROM 2 AND {{0}}.last_filled_on IS NOT NULL
               AND {{0}}.last_filled_on + ceil({REFILL_AFTER_CONTROLLED}
                   * coalesce({{0}}.supply_days, {{0}}.days_supply,
                              floor({{0}}.quantity / {{0}}.max_per_day)))::int <= {{1}})"""
OF_THE_SAME = text(
    f"""
    SELECT p.id, p.drug_name, p.strength, p.form, p.status, p.written_on, p.expires_on,
           p.last_filled_on, p.prescriber_id, pr.name AS prescriber_name
    FROM prescription p JOIN practitioner pr ON pr.id = p.prescriber_id
    WHERE p.patient_id = :patient_id AND {_STANDS.format("p", ":today")}
      AND (p.rxnorm_code = :rxnorm_code OR p.ingredients && CAST(:ingredients AS text[]))
      AND p.id <> ALL(CAST(:besides AS uuid[]))
    ORDER BY p.created_at, p.id
    """
)
# Two that stand and have an ingredient in common, and nobody said that both are meant; of each two
# the one that was written later, and the other. Of who has died none matters any more.
UNCONFIRMED_PAIRS = f"""
    SELECT p.id, o.id AS other_id, p.patient_id, p.prescriber_id
    FROM prescription p
    JOIN patient pa ON pa.id = p.patient_id
    JOIN prescription o ON o.patient_id = p.patient_id
      AND (o.created_at, o.id) < (p.created_at, p.id)
      AND (o.rxnorm_code = p.rxnorm_code OR o.ingredients && p.ingredients)
    WHERE {_STANDS.format("p", "(CAST(:now AS timestamptz) AT TIME ZONE pa.time_zone)::date")}
      AND {_STANDS.format("o", "(CAST(:now AS timestamptz) AT TIME ZONE pa.time_zone)::date")}
      AND NOT EXISTS (SELECT FROM duplicate_confirmation c
                      WHERE c.prescription_id = p.id AND c.other_id = o.id
                         OR c.prescription_id = o.id AND c.other_id = p.id)
      AND NOT EXISTS (SELECT FROM patient_death d WHERE d.patient_id = p.patient_id AND d.standing)
"""
_PAIRS_OF = text(f"{UNCONFIRMED_PAIRS} AND p.patient_id = :patient_id ORDER BY p.id, o.id")
_CONFIRMED = text(
    """
    SELECT c.prescription_id, c.other_id, c.reason, c.at, pr.name AS confirmed_by
    FROM duplicate_confirmation c LEFT JOIN practitioner pr ON pr.id = c.actor_id
    WHERE c.prescription_id = :id OR c.other_id = :id ORDER BY c.at, c.id
    """
)


def standing_of_the_same(
    session: Session,
    patient_id: UUID,
    *,
    rxnorm_code: str,
    ingredients: Collection[str],
    today: date,
    besides: Collection[UUID],
) -> Sequence[Row[Any]]:
    """A patient's prescriptions that stand, with one of these ingredients or this code."""
    return session.execute(
        OF_THE_SAME,
        {
            "patient_id": patient_id,
            "rxnorm_code": rxnorm_code,
            "ingredients": list(ingredients),
            "today": today,
            "besides": list(besides),
        },
    ).all()


def unconfirmed_pairs(session: Session, patient_id: UUID, now: datetime) -> Sequence[Row[Any]]:
    return session.execute(_PAIRS_OF, {"patient_id": patient_id, "now": now}).all()


def confirmations(session: Session, prescription_id: UUID) -> Sequence[Row[Any]]:
    """Why a prescription stands beside others of the same medicine, first to last."""
    return session.execute(_CONFIRMED, {"id": prescription_id}).all()


def for_change(session: Session, prescription_id: UUID) -> Prescription | None:
    """A prescription, locked until the transaction ends."""
    return session.scalars(
        select(Prescription)
        .where(Prescription.id == prescription_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()


def dispensed_by(session: Session, refill_id: UUID) -> tuple[UUID, UUID | None] | None:
    """The prescription on which a refill was handed over, and the one that it renewed."""
    row = session.execute(
        select(Prescription.id, Prescription.previous_id)
        .join(Dispense, Dispense.prescription_id == Prescription.id)
        .where(Dispense.refill_id == refill_id)
    ).first()
    return None if row is None else (row.id, row.previous_id)


def renewals_for_change(session: Session, prescription_id: UUID) -> Sequence[Prescription]:
    """A prescription, those that it renewed and those that renewed it, locked in id order."""
    ids = session.execute(_RENEWALS, {"id": prescription_id}).scalars().all()
    return session.scalars(
        select(Prescription)
        .where(Prescription.id.in_(ids))
        .order_by(Prescription.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
