"""What goes on in the demo's clinic: requests in every status, told through the use cases."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.clock import local_day
from portal.demo import cast, drugs
from portal.demo.counter import report
from portal.demo.directory import Places
from portal.demo.drugs import Drug
from portal.demo.patients import Records
from portal.demo.settling import settle
from portal.prescriptions import changing
from portal.prescriptions import service as prescriptions
from portal.prescriptions.service import Order, RenewalChanges, WritePrescription
from portal.prescriptions.states import PrescriptionStatus
from portal.refills import queries
from portal.refills import service as refills
from portal.refills.service import Decide, RefillItem, RequestRefills
from portal.refills.states import RefillStatus

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Teller:
    """Has people do things, each at its time before `now`, and the workers follow at once."""

    session: Session
    places: Places
    records: Records
    now: datetime

    def ask(
        self, patient: str, drug: Drug, ago: timedelta, *, delivery: str = "pickup", note: str = ""
    ) -> UUID:
        """A patient asks for a refill; its id."""
        item = RefillItem(self.records.prescription(patient, drug), delivery, note=note or None)
        [outcome] = refills.request_refills(
            session=self.session,
            actor=self.records.patient(patient),
            command=RequestRefills((item,)),
            now=self.now - ago,
        )
        if outcome.error is not None:
            raise outcome.error
        self._settle(ago)
        refill = queries.open_refill_of(self.session, item.prescription_id)
        assert refill is not None  # noqa: S101 - it was accepted
        return refill.id

    def report(
        self, shop: cast.Shop, refill_id: UUID, status: str, ago: timedelta, **details: Any
    ) -> None:
        """A pharmacy reports a status."""
        report(
            self.session,
            self.places.pharmacy(shop.name),
            refill_id,
            RefillStatus(status),
            self.now - ago,
            **details,
        )
        self._settle(ago)

    def decide(
        self, person: cast.Person, refill_id: UUID, decision: Decide, ago: timedelta
    ) -> None:
        refills.decide(
            session=self.session,
            actor=self.places.practitioner(person.name),
            refill_id=refill_id,
            command=decision,
            now=self.now - ago,
        )
        self._settle(ago)

    def write(self, person: cast.Person, patient: str, drug: Drug, ago: timedelta) -> UUID:
        """A practitioner writes a new prescription; the id of its first fill."""
        order = Order(
            rxnorm_code=drug.rxnorm_code,
            drug_name=drug.name,
            strength=drug.strength,
            form=drug.form,
            directions=drug.directions,
            quantity=Decimal(drug.quantity),
            unit=drug.unit,
            days_supply=drug.days_supply,
            max_per_day=None if drug.max_per_day is None else Decimal(drug.max_per_day),
            refills_authorized=3,
            schedule=drug.schedule,
        )
        written = prescriptions.write_prescription(
            session=self.session,
            actor=self.places.practitioner(person.name),
            command=WritePrescription(self.records.patients[patient], None, order),
            now=self.now - ago,
        )
        self._settle(ago)
        refill = queries.open_refill_of(self.session, written.id)
        assert refill is not None  # noqa: S101 - every new prescription is sent
        return refill.id

    def change(
        self,
        person: cast.Person,
        patient: str,
        drug: Drug,
        status: PrescriptionStatus,
        reason: str,
        ago: timedelta,
    ) -> None:
        """A practitioner stops a prescription, or puts it on hold."""
        changing.change_status(
            session=self.session,
            actor=self.places.practitioner(person.name),
            prescription_id=self.records.prescription(patient, drug),
            status=status,
            reason=reason,
            now=self.now - ago,
        )
        self._settle(ago)

    def _settle(self, ago: timedelta) -> None:
        settle(self.session, self.now - ago + timedelta(seconds=2))


def tell(teller: Teller) -> None:
    """Everything that has happened so far."""
    _at_the_pharmacies(teller)
    _stopped_and_held(teller)
    _in_parts(teller)
    _by_mail(teller)
    _at_the_prescribers(teller)
    _decided(teller)
    _that_ended(teller)
    _about_prescriptions(teller)
    refills.find_overdue(session=teller.session, now=teller.now, limit=100)
    settle(teller.session, teller.now)


def _at_the_pharmacies(teller: Teller) -> None:
    amlodipine = teller.ask("Avery", drugs.AMLODIPINE, 3 * DAY)
    teller.report(cast.CORNER, amlodipine, "with_pharmacy", 3 * DAY - HOUR)
    teller.report(cast.CORNER, amlodipine, "preparing", 2 * DAY)
    teller.report(cast.CORNER, amlodipine, "ready_for_pickup", DAY)
    # Late: the pharmacy took it and said nothing since.
    inhaler = teller.ask("Avery", drugs.FLUTICASONE_SALMETEROL, 31 * HOUR)
    teller.report(cast.CORNER, inhaler, "with_pharmacy", 30 * HOUR)
    waiting = teller.ask("Sofia", drugs.FLUTICASONE_SALMETEROL, 2 * DAY)
    teller.report(cast.CORNER, waiting, "with_pharmacy", 2 * DAY - HOUR)
    teller.report(
        cast.CORNER,
        waiting,
        "on_hold",
        DAY,
        reason_code="out_of_stock",
        expected_on=local_day(teller.now, cast.ZONE) + 2 * DAY,
    )
    lisinopril = teller.ask("James", drugs.LISINOPRIL, DAY, note="I will come after work.")
    teller.report(cast.HARBOR, lisinopril, "with_pharmacy", 20 * HOUR)
    teller.report(cast.HARBOR, lisinopril, "preparing", 3 * HOUR)
    digoxin = teller.ask("Grace", drugs.DIGOXIN, 2 * DAY)
    teller.report(cast.CORNER, digoxin, "with_pharmacy", 2 * DAY - HOUR)
    teller.report(cast.CORNER, digoxin, "partially_ready", 5 * HOUR, quantity=Decimal(10))
    teller.ask("Rosa", drugs.LEVOTHYROXINE, HOUR / 6)
    new = teller.write(cast.CHEN, "Mei-Ling", drugs.LEVOTHYROXINE, 4 * HOUR)
    teller.report(cast.CORNER, new, "with_pharmacy", 3 * HOUR)


def _stopped_and_held(teller: Teller) -> None:
    # Ready at the counter when it was stopped: the pharmacy has not said yet whether in time.
    amlodipine = teller.ask("Sofia", drugs.AMLODIPINE, 2 * DAY)
    teller.report(cast.CORNER, amlodipine, "with_pharmacy", 2 * DAY - HOUR)
    teller.report(cast.CORNER, amlodipine, "ready_for_pickup", DAY)
    stopped, held = PrescriptionStatus.STOPPED, PrescriptionStatus.ON_HOLD
    teller.change(cast.OKAFOR, "Sofia", drugs.AMLODIPINE, stopped, "Her ankles swell.", HOUR)
    levothyroxine = teller.ask("Grace", drugs.LEVOTHYROXINE, DAY)
    teller.report(cast.CORNER, levothyroxine, "with_pharmacy", DAY - HOUR)
    teller.change(
        cast.LINDQVIST, "Grace", drugs.LEVOTHYROXINE, held, "Until the TSH is back.", 3 * HOUR
    )


def _in_parts(teller: Teller) -> None:
    ten = {"quantity": Decimal(10)}
    # She has got ten; the rest is owed and comes the day after tomorrow.
    owed = teller.ask("Olga", drugs.ATORVASTATIN, 2 * DAY)
    teller.report(cast.CORNER, owed, "with_pharmacy", 2 * DAY - HOUR)
    teller.report(cast.CORNER, owed, "partially_ready", DAY, **ten)
    comes = local_day(teller.now, cast.ZONE) + 2 * DAY
    teller.report(cast.CORNER, owed, "picked_up", 5 * HOUR, **ten, expected_on=comes)
    # Here the rest never came, and the pharmacy gave it up.
    given_up = teller.ask("Samuel", drugs.ATORVASTATIN, 12 * DAY)
    teller.report(cast.HARBOR, given_up, "with_pharmacy", 12 * DAY - HOUR)
    teller.report(cast.HARBOR, given_up, "partially_ready", 11 * DAY, **ten)
    teller.report(cast.HARBOR, given_up, "picked_up", 10 * DAY, **ten)
    teller.report(cast.HARBOR, given_up, "not_dispensed", 6 * DAY, reason_code="out_of_stock")


def _by_mail(teller: Teller) -> None:
    on_its_way = teller.ask("Daniel", drugs.LOSARTAN, 4 * DAY, delivery="mail")
    teller.report(cast.EVERGREEN, on_its_way, "with_pharmacy", 4 * DAY - HOUR)
    teller.report(cast.EVERGREEN, on_its_way, "preparing", 3 * DAY)
    teller.report(
        cast.EVERGREEN,
        on_its_way,
        "shipped",
        DAY,
        carrier="USPS",
        tracking_number="9400100000000000000000",
    )
    arrived = teller.ask("Daniel", drugs.ATORVASTATIN, 20 * DAY, delivery="mail")
    teller.report(cast.EVERGREEN, arrived, "with_pharmacy", 20 * DAY - HOUR)
    teller.report(
        cast.EVERGREEN,
        arrived,
        "shipped",
        19 * DAY,
        carrier="USPS",
        tracking_number="9400100000000000000017",
    )
    teller.report(cast.EVERGREEN, arrived, "delivered", 16 * DAY)


def _at_the_prescribers(teller: Teller) -> None:
    teller.ask("Marcus", drugs.LOSARTAN, 2 * HOUR)
    # Dr. Lindqvist is away: this reaches who covers. It is urgent, since she runs out tomorrow.
    teller.ask("Grace", drugs.LISINOPRIL, HOUR, note="I have one tablet left.")
    # Dr. Whitman has retired: this reaches the nurses.
    teller.ask("Ahmed", drugs.ATORVASTATIN, 3 * HOUR)


def _decided(teller: Teller) -> None:
    approved = teller.ask("Rosa", drugs.CLOPIDOGREL, 2 * DAY)
    decision = Decide(
        approve=True,
        changes=RenewalChanges(refills_authorized=5),
        note="Renewed until your check-up in spring.",
    )
    teller.decide(cast.RAMAN, approved, decision, DAY)
    teller.report(cast.CORNER, approved, "with_pharmacy", 5 * HOUR)
    denied = teller.ask("Mei-Ling", drugs.SERTRALINE, 6 * DAY)
    decision = Decide(
        approve=False,
        reason_code="visit_needed",
        note="It has been a year: please come in, so that we can look at this together.",
    )
    teller.decide(cast.CHEN, denied, decision, 5 * DAY)


def _that_ended(teller: Teller) -> None:
    fetched = teller.ask("Olga", drugs.FERROUS_SULFATE, 9 * DAY)
    teller.report(cast.CORNER, fetched, "with_pharmacy", 9 * DAY - HOUR)
    teller.report(cast.CORNER, fetched, "ready_for_pickup", 8 * DAY)
    teller.report(cast.CORNER, fetched, "picked_up", 7 * DAY)
    refused = teller.ask("Samuel", drugs.ALLOPURINOL, 2 * DAY)
    teller.report(cast.HARBOR, refused, "with_pharmacy", 2 * DAY - HOUR)
    teller.report(cast.HARBOR, refused, "not_dispensed", HOUR / 2, reason_code="insurance_rejected")
    changed_mind = teller.ask("Tyler", drugs.SERTRALINE, 26 * HOUR)
    refills.cancel_refill(
        session=teller.session,
        actor=teller.records.patient("Tyler"),
        refill_id=changed_mind,
        reason="I still have some.",
        now=teller.now - DAY,
    )
    settle(teller.session, teller.now - DAY)
    # Written and never fetched: the pharmacy put it back.
    left = teller.write(cast.CHEN, "James", drugs.PREDNISONE, 25 * DAY)
    teller.report(cast.HARBOR, left, "with_pharmacy", 25 * DAY - HOUR)
    teller.report(cast.HARBOR, left, "ready_for_pickup", 24 * DAY)
    teller.report(cast.HARBOR, left, "not_dispensed", 9 * DAY, reason_code="never_collected")


def _about_prescriptions(teller: Teller) -> None:
    stopped, held = PrescriptionStatus.STOPPED, PrescriptionStatus.ON_HOLD
    teller.change(
        cast.OKAFOR, "Sofia", drugs.DIAZEPAM, stopped, "Sertraline works well enough.", 10 * DAY
    )
    teller.change(
        cast.LINDQVIST, "Daniel", drugs.METFORMIN, held, "Until the kidney test is back.", 5 * DAY
    )
    # A vacation override: Ahmed travels for three weeks.
    changing.allow_early_refill(
        session=teller.session,
        actor=teller.places.staff_member(cast.STAFF[0].name),
        prescription_id=teller.records.prescription("Ahmed", drugs.WARFARIN),
        until=local_day(teller.now, cast.ZONE) + 10 * DAY,
        now=teller.now - DAY,
    )
    settle(teller.session, teller.now)
