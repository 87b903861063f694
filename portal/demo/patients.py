"""The demo's patients and their prescriptions, with what was dispensed on them so far."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from portal.core.actor import Actor, ActorKind
from portal.core.clock import local_day
from portal.core.ids import new_id
from portal.demo import cast
from portal.demo.directory import CLINIC_ID, Places
from portal.demo.drugs import Drug
from portal.demo.medicines import IN_STORIES, LISTS, Standing
from portal.patients.model import CareTeamMember, Patient
from portal.prescriptions.model import Dispense, Prescription, PrescriptionHistory
from portal.prescriptions.rules import expires_on
from portal.prescriptions.service import new_refill_number

# A refill is usually fetched a little before the last one is used up.
EARLY_DAYS = 3


@dataclass(frozen=True, slots=True)
class Records:
    """The ids of what was written: patients by given name, prescriptions by drug as well; and of
    the mother, who is nobody's patient."""

    patients: dict[str, UUID] = field(default_factory=dict)
    prescriptions: dict[tuple[str, str], UUID] = field(default_factory=dict)
    mother_id: UUID = field(default_factory=new_id)

    def patient(self, given_name: str) -> Actor:
        return Actor(ActorKind.PATIENT, self.patients[given_name], name=given_name)

    def prescription(self, given_name: str, drug: Drug) -> UUID:
        return self.prescriptions[given_name, drug.name]


def write(session: Session, places: Places, now: datetime) -> Records:
    records = Records()
    for number, resident in enumerate(cast.PATIENTS, 1):
        patient = _patient(resident, number, places, now)
        records.patients[resident.given_name] = patient.id
        session.add(patient)
        session.flush()
        session.add(
            CareTeamMember(
                patient_id=patient.id,
                member_id=places.practitioners[resident.primary],
                member_kind="practitioner",
                role="primary",
                started_on=date(2021, 3, 1),
            )
        )
        drugs = (*LISTS[resident.given_name], *IN_STORIES[resident.given_name])
        moments = count()
        for drug, standing in drugs:
            row = _prescription(session, patient, resident, places, drug, standing, now)
            row.created_at += timedelta(minutes=next(moments))
            records.prescriptions[resident.given_name, drug.name] = row.id
    session.flush()
    return records


def _patient(resident: cast.Resident, number: int, places: Places, now: datetime) -> Patient:
    born = cast.born_on(resident, local_day(now, resident.time_zone))
    return Patient(
        id=new_id(),
        mrn=f"RFM-{10_000 + number}",
        given_name=resident.given_name,
        family_name=resident.family_name,
        birth_date=resident.registered_as or born,
        sex=resident.sex,
        phone=resident.phone,
        line=resident.line,
        city=resident.city,
        state=None if resident.line is None else resident.state,
        postal_code=resident.postal_code,
        time_zone=resident.time_zone,
        language=resident.language,
        clinic_id=CLINIC_ID,
        preferred_pharmacy_id=places.pharmacies[resident.pharmacy],
        preferred_laboratory_id=places.laboratories[cast.CAPITAL.name],
        created_at=now - timedelta(days=1_200),
    )


def _prescription(
    session: Session,
    patient: Patient,
    resident: cast.Resident,
    places: Places,
    drug: Drug,
    standing: Standing,
    now: datetime,
) -> Prescription:
    today = local_day(now, resident.time_zone)
    fills = fill_days(drug, standing, today)
    written_on = fills[0] if standing.written is None else today - timedelta(days=standing.written)
    row = Prescription(
        id=new_id(),
        refill_number=new_refill_number(),
        patient_id=patient.id,
        prescriber_id=places.practitioners[resident.primary],
        pharmacy_id=places.pharmacies[resident.pharmacy],
        rxnorm_code=drug.rxnorm_code,
        drug_name=drug.name,
        strength=drug.strength,
        form=drug.form,
        directions=drug.directions,
        quantity=Decimal(drug.quantity),
        unit=drug.unit,
        days_supply=drug.days_supply,
        max_per_day=drug.max_per_day,
        refills_authorized=standing.authorized,
        refills_used=standing.used,
        first_fill_used=1,
        schedule=drug.schedule,
        status="active",
        written_on=written_on,
        expires_on=expires_on(drug.schedule, written_on),
        last_filled_on=fills[-1],
        created_at=_moment(written_on, 9, resident.time_zone),
    )
    session.add(row)
    session.flush()
    prescriber = places.practitioner(resident.primary)
    session.add(
        PrescriptionHistory.of(row, None, actor=prescriber, now=row.created_at, reason=None)
    )
    session.add_all(_dispense(row, day, resident.time_zone) for day in fills)
    return row


def fill_days(drug: Drug, standing: Standing, today: date) -> list[date]:
    """The first fill and one for each refill used, the last one `standing.filled` days ago."""
    last = today - timedelta(days=standing.filled)
    between = max(1, drug.lasts - EARLY_DAYS)
    days = [last - timedelta(days=between * back) for back in range(standing.used, -1, -1)]
    if standing.written is None:
        return days
    written = today - timedelta(days=standing.written)
    return [day for day in days if day >= written] or [last]


def _dispense(row: Prescription, day: date, time_zone: str) -> Dispense:
    return Dispense(
        id=new_id(),
        prescription_id=row.id,
        patient_id=row.patient_id,
        pharmacy_id=row.pharmacy_id,
        quantity=row.quantity,
        days_supply=row.days_supply,
        dispensed_at=_moment(day, 17, time_zone),
    )


def _moment(day: date, hour: int, time_zone: str) -> datetime:
    return datetime.combine(day, time(hour), tzinfo=ZoneInfo(time_zone)).astimezone(UTC)
