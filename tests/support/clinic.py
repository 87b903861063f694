"""Builders of a small clinic: each call commits one row or one small group of rows."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import chain, count, groupby
from typing import Any
from uuid import UUID

from sqlalchemy import select

from portal.accounts.model import AccessToken, Account, Client, SignInSession
from portal.core.actor import OPERATOR, Actor, ActorKind
from portal.core.crypto import digest, new_token
from portal.core.db import Base, transaction
from portal.core.ids import new_id
from portal.directory.model import (
    Clinic,
    ClinicHours,
    Laboratory,
    Pharmacy,
    Pool,
    PoolMember,
    Practitioner,
    StaffMember,
)
from portal.patients.model import CareTeamMember, Patient
from portal.prescriptions.model import Dispense, Prescription
from portal.requisitions.model import CatalogTest

NOW = datetime(2026, 3, 4, 16, 0, tzinfo=UTC)  # a Wednesday, 11:00 in New York
TODAY = date(2026, 3, 4)
ZONE = "America/New_York"


def add(*rows: Base) -> None:
    """Commit rows as the operator, in the given order; neighbours of one table at once."""
    with transaction(OPERATOR) as session:
        for _, neighbours in groupby(rows, type):
            session.add_all(neighbours)
            session.flush()


@dataclass(slots=True)
class SmallClinic:
    """A clinic with two physicians, a nurse, pharmacies, laboratories and two patients."""

    clinic: Clinic
    nurses: Pool
    liaison: Pool
    physician: Practitioner
    colleague: Practitioner
    nurse: StaffMember
    liaison_officer: StaffMember
    pharmacy: Pharmacy
    other_pharmacy: Pharmacy
    mail_pharmacy: Pharmacy
    patient: Patient
    other_patient: Patient
    laboratory: Laboratory
    other_laboratory: Laboratory
    radiology: Laboratory


def build_clinic() -> SmallClinic:
    clinic = Clinic(id=new_id(), name="Elm Street Clinic", time_zone=ZONE, phone="555-0100")
    hours = [
        ClinicHours(clinic_id=clinic.id, weekday=day, opens=time(8), closes=time(17))
        for day in range(5)
    ]
    nurses = Pool(id=new_id(), clinic_id=clinic.id, kind="nurses", name="Nurses")
    liaison = Pool(
        id=new_id(), clinic_id=clinic.id, kind="pharmacy_liaison", name="Pharmacy liaison"
    )
    physician = practitioner(clinic, nurses, "Dr. Ines Okafor")
    colleague = practitioner(clinic, nurses, "Dr. Tom Lindqvist")
    nurse = StaffMember(id=new_id(), clinic_id=clinic.id, name="Nora Bell", title="RN")
    officer = StaffMember(id=new_id(), clinic_id=clinic.id, name="Lee Park", title="Liaison")
    members = [
        PoolMember(pool_id=nurses.id, member_id=physician.id, member_kind="practitioner"),
        PoolMember(pool_id=nurses.id, member_id=colleague.id, member_kind="practitioner"),
        PoolMember(pool_id=nurses.id, member_id=nurse.id, member_kind="staff", lead=True),
        PoolMember(pool_id=liaison.id, member_id=officer.id, member_kind="staff", lead=True),
    ]
    here, there = pharmacy("Corner Pharmacy", mails=True), pharmacy("Harbor Pharmacy")
    mail = pharmacy("Post Pharmacy", mail_order=True, mails=True)
    patients = [patient(clinic, here, "Avery", 1), patient(clinic, there, "Blake", 2)]
    team = [care_team(patients[0], physician), care_team(patients[1], colleague)]
    people = [nurses, liaison, physician, colleague, nurse, officer]
    laboratories = [
        laboratory("Acme Laboratory", "ACMELAB", "ACME LAB"),
        laboratory("Beacon Laboratory", "BEACON", "BEACON LAB"),
        laboratory("Elm Street Radiology", "RADIS", "ELM RAD", kind="radiology"),
    ]
    places = [here, there, mail, *laboratories]
    add(clinic, *hours, *people, *members, *places, *patients, *team, *catalog())
    return SmallClinic(
        clinic,
        nurses,
        liaison,
        physician,
        colleague,
        nurse,
        officer,
        here,
        there,
        mail,
        patients[0],
        patients[1],
        *laboratories,
    )


def practitioner(clinic: Clinic, pool: Pool, name: str) -> Practitioner:
    return Practitioner(
        id=new_id(),
        clinic_id=clinic.id,
        pool_id=pool.id,
        name=name,
        specialty="Family medicine",
        active=True,
    )


def pharmacy(name: str, *, mail_order: bool = False, mails: bool = False) -> Pharmacy:
    return Pharmacy(
        id=new_id(),
        name=name,
        phone="555-0142",
        line="1 High Street",
        city="Springfield",
        state="NY",
        postal_code="12345",
        hours="Mon-Fri 9-18",
        time_zone=ZONE,
        mail_order=mail_order,
        mails=mails,
        active=True,
    )


def laboratory(
    name: str, application: str, facility: str, *, kind: str = "laboratory", **changes: Any
) -> Laboratory:
    """A laboratory that pulls its orders from the feed, unless `changes` say otherwise."""
    values: dict[str, Any] = {
        "id": new_id(),
        "kind": kind,
        "name": name,
        "clia": None,
        "phone": "555-0177",
        "line": "3 Mill Street",
        "city": "Springfield",
        "state": "NY",
        "postal_code": "12345",
        "hours": "Mon-Fri 7-16",
        "time_zone": ZONE,
        "application": application,
        "facility": facility,
        "transport": "feed",
        "mllp_tls": False,
        "active": True,
        **changes,
    }
    return Laboratory(**values)


def catalog() -> list[CatalogTest]:
    """What can be ordered: three panels and a chest CT."""
    serum = {"specimen_code": "119364003", "specimen_name": "Serum specimen"}
    blood = {"specimen_code": "119297000", "specimen_name": "Blood specimen"}
    panels: list[tuple[str, str, dict[str, Any]]] = [
        ("24323-8", "Comprehensive metabolic 2000 panel", serum),
        ("58410-2", "CBC panel", blood),
        ("24331-1", "Lipid 1996 panel", {**serum, "fasting_hours": 12}),
    ]
    tests = [
        CatalogTest(
            code=code, kind="laboratory", name=name, components=[], turnaround_hours=48, **more
        )
        for code, name, more in panels
    ]
    scan = CatalogTest(
        code="24627-2",
        kind="imaging",
        name="CT Chest",
        modality="CT",
        duration_minutes=30,
        preparation="Nothing to eat for four hours before.",
        components=[],
        turnaround_hours=24,
    )
    for test in (*tests, scan):
        test.active = True
    return [*tests, scan]


def patient(clinic: Clinic, preferred: Pharmacy, given_name: str, number: int) -> Patient:
    return Patient(
        id=new_id(),
        mrn=f"MRN-{number:04}",
        given_name=given_name,
        family_name="Testpatient",
        birth_date=date(1980, 4, 15),
        sex="female",
        phone="555-0199",
        line="2 Oak Lane",
        city="Springfield",
        state="NY",
        postal_code="12345",
        time_zone=ZONE,
        language="en",
        clinic_id=clinic.id,
        preferred_pharmacy_id=preferred.id,
        created_at=NOW,
        version=1,
    )


def care_team(patient: Patient, member: Practitioner, role: str = "primary") -> CareTeamMember:
    return CareTeamMember(
        patient_id=patient.id,
        member_id=member.id,
        member_kind="practitioner",
        role=role,
        started_on=date(2020, 1, 1),
    )


def prescription(
    small: SmallClinic, *, filled_days_ago: int | None = 40, **changes: Any
) -> Prescription:
    """A prescription of the first patient, refillable now; `changes` override its columns. A
    patient's second one is of another drug."""
    code, drug = _another_drug(changes.get("patient_id", small.patient.id))
    values: dict[str, Any] = {
        "id": new_id(),
        "refill_number": new_id().hex[-10:].upper(),
        "patient_id": small.patient.id,
        "prescriber_id": small.physician.id,
        "pharmacy_id": small.pharmacy.id,
        "rxnorm_code": code,
        "drug_name": drug,
        "strength": "10 mg",
        "form": "tablet",
        "directions": "Take one tablet by mouth every day.",
        "quantity": Decimal(30),
        "unit": "{tbl}",
        "days_supply": 30,
        "refills_authorized": 5,
        "refills_used": 1,
        "schedule": None,
        "status": "active",
        "written_on": TODAY - timedelta(days=100),
        "expires_on": TODAY + timedelta(days=265),
        "last_filled_on": None
        if filled_days_ago is None
        else TODAY - timedelta(days=filled_days_ago),
        "created_at": NOW,
        "version": 1,
        **changes,
    }
    values.setdefault("first_fill_used", int(values["last_filled_on"] is not None))
    row = Prescription(**values)
    rows: list[Base] = [row]
    if row.last_filled_on is not None:
        rows.append(
            Dispense(
                id=new_id(),
                prescription_id=row.id,
                patient_id=row.patient_id,
                pharmacy_id=row.pharmacy_id,
                quantity=row.quantity,
                days_supply=row.days_supply,
                dispensed_at=datetime.combine(row.last_filled_on, time(17), tzinfo=UTC),
            )
        )
    add(*rows)
    return row


DRUGS = (
    ("314076", "Lisinopril"),
    ("197361", "Amlodipine"),
    ("313988", "Furosemide"),
    ("197604", "Digoxin"),
    ("312961", "Simvastatin"),
)


def _another_drug(patient_id: UUID) -> tuple[str, str]:
    """Which one a patient has no prescription of."""
    query = select(Prescription.drug_name).where(Prescription.patient_id == patient_id)
    with transaction(OPERATOR) as session:
        taken = set(session.scalars(query))
    made_up = ((str(990_000 + n), f"Drug{n}") for n in count())
    return next(one for one in chain(DRUGS, made_up) if one[1] not in taken)


def actor(kind: ActorKind, id_: UUID, name: str = "") -> Actor:
    return Actor(kind=kind, id=id_, credential_id=new_id(), session_id=new_id(), name=name)


def patient_actor(row: Patient) -> Actor:
    return actor(ActorKind.PATIENT, row.id, row.name)


def practitioner_actor(row: Practitioner) -> Actor:
    return actor(ActorKind.PRACTITIONER, row.id, row.name)


def staff_actor(row: StaffMember) -> Actor:
    return actor(ActorKind.STAFF, row.id, row.name)


def laboratory_actor(row: Laboratory) -> Actor:
    return actor(ActorKind.LABORATORY, row.id, row.name)


def pharmacy_actor(row: Pharmacy) -> Actor:
    return actor(ActorKind.PHARMACY, row.id, row.name)


def token_for(kind: ActorKind, id_: UUID, name: str = "Somebody") -> str:
    """A session or access token that is valid by the real clock."""
    token, now = new_token(), datetime.now(UTC)
    if kind in (ActorKind.PHARMACY, ActorKind.LABORATORY, ActorKind.PHONE):
        return _client_token(kind, id_, name, now)
    account = Account(
        id=new_id(),
        kind=kind.value,
        person_id=id_,
        email=f"{new_id().hex}@example.org",
        name=name,
        status="active",
        failed_sign_ins=0,
        created_at=now,
    )
    session = SignInSession(
        id=new_id(),
        account_id=account.id,
        token_digest=digest(token),
        created_at=now,
        expires_at=now + timedelta(hours=1),
        user_agent="tests",
        address="127.0.0.1",
    )
    add(account, session)
    return token


def _client_token(kind: ActorKind, id_: UUID, name: str, now: datetime) -> str:
    token = f"client_{new_token()}"
    client = Client(
        id=new_id(),
        kind=kind.value,
        organization_id=id_,
        name=name,
        status="active",
        created_at=now,
    )
    access = AccessToken(
        id=new_id(),
        client_id=client.id,
        token_digest=digest(token),
        created_at=now,
        expires_at=now + timedelta(hours=1),
    )
    add(client, access)
    return token
