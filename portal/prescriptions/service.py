"""Use cases of prescribers, and what the refill slice asks of a prescription."""

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core import audit, outbox
from portal.core.actor import Actor
from portal.core.clock import local_day
from portal.core.errors import FieldError
from portal.core.ids import new_id
from portal.directory import service as directory
from portal.patients import confidentiality
from portal.patients import service as patients
from portal.patients.confidentiality import Confidential
from portal.prescriptions import duplicates, queries, rules
from portal.prescriptions.duplicates import ConfirmedDuplicates, hold_therapies
from portal.prescriptions.errors import (
    ChangeIncomplete,
    PharmacyNeeded,
    PrescriptionAgainstTheLaw,
    PrescriptionNotFound,
)
from portal.prescriptions.ingredients import ingredients_of
from portal.prescriptions.model import Prescription, PrescriptionHistory
from portal.prescriptions.states import PrescriptionStatus
from portal.prescriptions.supply import missing_from

# No vowels and nothing that looks like something else: it is read from a label and typed.
_LABEL_ALPHABET = "23456789BCDFGHJKLMNPQRSTVWXZ"
_LABEL_LENGTH = 10


@dataclass(frozen=True, slots=True)
class Order:
    """What is ordered. `quantity` is in `unit` (UCUM), `days_supply` in days; what is taken as
    needed has `max_per_day`, in `unit`, instead. `ingredients` are those that the name doesn't
    tell."""

    rxnorm_code: str
    drug_name: str
    strength: str
    form: str
    directions: str
    quantity: Decimal
    unit: str
    days_supply: int | None
    refills_authorized: int
    schedule: int | None
    ingredients: Sequence[str] = ()
    max_per_day: Decimal | None = None


@dataclass(frozen=True, slots=True)
class WritePrescription:
    """A new order for a patient; without a pharmacy it goes to the preferred one. With a reason it
    is kept from delegates from the beginning; `confirmed` are those of the same medicine beside
    which it may stand."""

    patient_id: UUID
    pharmacy_id: UUID | None
    order: Order
    confidential_reason: str | None = None
    confirmed: ConfirmedDuplicates | None = None


@dataclass(frozen=True, slots=True)
class RenewalChanges:
    """What a prescriber changes when approving a renewal; None keeps what was."""

    refills_authorized: int | None = None
    quantity: Decimal | None = None
    days_supply: int | None = None
    directions: str | None = None
    as_needed: bool | None = None
    max_per_day: Decimal | None = None


def new_refill_number() -> str:
    """What stands on the label: 28^10 possibilities, so that none can be guessed in a lifetime."""
    return "".join(secrets.choice(_LABEL_ALPHABET) for _ in range(_LABEL_LENGTH))


def write_prescription(
    *, session: Session, actor: Actor, command: WritePrescription, now: datetime
) -> Prescription:
    """Write a prescription; the workers send its first fill to the pharmacy at once.

    Raises NotFound for a patient or pharmacy that the actor may not see, PharmacyNeeded when the
    patient has no preferred one, PrescriptionAgainstTheLaw for too many refills, DuplicateTherapy
    where the same medicine stands and isn't confirmed.
    """
    patient = patients.get_patient(session, command.patient_id)
    pharmacy_id = command.pharmacy_id or patient.preferred_pharmacy_id
    if pharmacy_id is None:
        raise PharmacyNeeded()
    hold_therapies(session, patient.id)
    prescription = _write(
        session,
        actor,
        patient_id=patient.id,
        pharmacy_id=directory.get_pharmacy(session, pharmacy_id).id,
        order=command.order,
        today=local_day(now, patient.time_zone),
        confirmed=command.confirmed,
        now=now,
    )
    if command.confidential_reason is not None:
        why = Confidential(True, command.confidential_reason)
        keep_confidential(
            session=session, actor=actor, prescription_id=prescription.id, command=why, now=now
        )
    outbox.emit(session, "prescription.written", now=now, prescription_id=prescription.id)
    return prescription


def keep_confidential(
    *,
    session: Session,
    actor: Actor,
    prescription_id: UUID,
    command: Confidential,
    now: datetime,
) -> Prescription:
    """Keep a prescription from delegates, or open it to them again, together with those that it
    renewed and those that renewed it: each names the same medicine.

    Raises PrescriptionNotFound.
    """
    rows = {row.id: row for row in queries.renewals_for_change(session, prescription_id)}
    if prescription_id not in rows:
        raise PrescriptionNotFound()
    confidentiality.mark(
        session=session,
        actor=actor,
        rows=rows.values(),
        resource="prescription",
        command=command,
        now=now,
    )
    return rows[prescription_id]


def _write(
    session: Session,
    actor: Actor,
    *,
    patient_id: UUID,
    pharmacy_id: UUID,
    order: Order,
    today: date,
    confirmed: ConfirmedDuplicates | None,
    now: datetime,
    previous: Prescription | None = None,
) -> Prescription:
    check_refills(order.schedule, order.refills_authorized)
    ingredients = ingredients_of(order.drug_name, order.ingredients)
    others = duplicates.check_duplicates(
        session,
        patient_id=patient_id,
        rxnorm_code=order.rxnorm_code,
        ingredients=ingredients,
        today=today,
        confirmed=confirmed,
        besides=[previous.id] if previous else [],
    )
    prescription = Prescription(
        id=new_id(),
        refill_number=new_refill_number(),
        patient_id=patient_id,
        prescriber_id=actor.id,
        pharmacy_id=pharmacy_id,
        refills_used=0,
        first_fill_used=0,
        status=PrescriptionStatus.ACTIVE,
        written_on=today,
        expires_on=rules.expires_on(order.schedule, today),
        previous_id=previous.id if previous else None,
        confidential=previous is not None and previous.confidential,
        created_at=now,
        **asdict(order) | {"ingredients": ingredients},
    )
    session.add(prescription)
    session.flush()
    duplicates.keep_confirmed(session, actor, prescription, others, confirmed, now)
    session.add(PrescriptionHistory.of(prescription, None, actor=actor, now=now, reason=None))
    audit_prescription(session, actor, "create", prescription, now)
    return prescription


def check_refills(schedule: int | None, refills: int) -> None:
    """Raises PrescriptionAgainstTheLaw for more refills than the schedule allows."""
    most = rules.most_refills(schedule)
    if refills > most:
        law = {2: "21 CFR 1306.12", 3: "21 CFR 1306.22", 4: "21 CFR 1306.22"}.get(schedule or 0)
        because = f" for schedule {schedule} ({law})" if law else ""
        raise PrescriptionAgainstTheLaw(
            errors=[FieldError("/refills_authorized", f"At most {most}{because}.")]
        )


def write_successor(
    *,
    session: Session,
    actor: Actor,
    prescription_id: UUID,
    pharmacy_id: UUID,
    changes: RenewalChanges,
    confirmed: ConfirmedDuplicates | None,
    today: date,
    now: datetime,
) -> Prescription:
    """Renew: a new prescription with the changes, which supersedes the old one. The caller has the
    patient's therapies (hold_therapies()).

    Raises PrescriptionNotFound, ChangeIncomplete, PrescriptionAgainstTheLaw, IllegalTransition
    when the old one was stopped or put on hold meanwhile, and DuplicateTherapy where another of the
    same medicine stands and isn't confirmed.
    """
    old = get_for_change(session, prescription_id)
    if missing := missing_from(old, changes):
        raise ChangeIncomplete(errors=missing)
    session.add(
        old.move_to(
            PrescriptionStatus.SUPERSEDED, actor=actor, now=now, reason="renewed by its successor"
        )
    )
    return _write(
        session,
        actor,
        patient_id=old.patient_id,
        pharmacy_id=pharmacy_id,
        order=_changed_order(old, changes),
        today=today,
        confirmed=confirmed,
        now=now,
        previous=old,
    )


def _changed_order(old: Prescription, changes: RenewalChanges) -> Order:
    order = {name: getattr(old, name) for name in Order.__dataclass_fields__}
    if changes.as_needed is not None:  # the other's are given anew
        order |= {"max_per_day" if not changes.as_needed else "days_supply": None}
    changed = {name: value for name, value in asdict(changes).items() if value is not None}
    changed.pop("as_needed", None)
    return Order(**order | changed)


def get_for_change(session: Session, prescription_id: UUID) -> Prescription:
    """The prescription, locked. Raises PrescriptionNotFound."""
    prescription = queries.for_change(session, prescription_id)
    if prescription is None:
        raise PrescriptionNotFound()
    return prescription


def patient_of(session: Session, prescription_id: UUID) -> UUID:
    """Whose prescription it is. Raises PrescriptionNotFound."""
    prescription = session.get(Prescription, prescription_id)
    if prescription is None:
        raise PrescriptionNotFound()
    return prescription.patient_id


def is_stopped(session: Session, prescription_id: UUID) -> bool:
    """Whether a prescription was stopped. Raises PrescriptionNotFound."""
    prescription = session.get(Prescription, prescription_id)
    if prescription is None:
        raise PrescriptionNotFound()
    return prescription.status == PrescriptionStatus.STOPPED


def reserve_first_fill(prescription: Prescription) -> None:
    """Take the first fill; the database's CHECK refuses it twice."""
    prescription.first_fill_used += 1


def give_back_fill(prescription: Prescription, *, first: bool) -> None:
    """Return the first fill, or a refill, that was taken and not dispensed."""
    if first and prescription.first_fills_beyond:  # handed over after all, by another
        prescription.first_fills_beyond -= 1
    elif first and prescription.last_filled_on is None:
        prescription.first_fill_used -= 1
    elif not first and prescription.refills_beyond:
        prescription.refills_beyond -= 1
    elif not first:
        prescription.refills_used -= 1


def dispensed_by(session: Session, refill_id: UUID) -> list[UUID]:
    """The prescriptions that a refill has filled: none before it was handed over, else the one it
    was dispensed on and the one that this one renewed."""
    return [id_ for id_ in queries.dispensed_by(session, refill_id) or () if id_ is not None]


def audit_prescription(
    session: Session, actor: Actor, action: str, prescription: Prescription, now: datetime
) -> None:
    """That somebody did something with a prescription."""
    audit.record(
        session,
        actor,
        action,
        "prescription",
        patient_id=prescription.patient_id,
        resource_id=prescription.id,
        at=now,
    )
