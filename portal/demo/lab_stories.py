"""What the demo's laboratories have done so far: orders at every step, results in every state."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from portal.appointments import service as appointments
from portal.appointments.service import NewSlot
from portal.core.actor import WORKER, Actor, ActorKind
from portal.demo import cast
from portal.demo.cast import Bench, Person
from portal.demo.lab_report import Person as Whom
from portal.demo.lab_report import Report, write_report
from portal.demo.settling import settle
from portal.demo.stories import Teller
from portal.notifications import service as notifications
from portal.notifications.outreach_states import ContactChannel
from portal.patients import service as patients
from portal.requisitions import service as requisitions
from portal.requisitions.model import Requisition
from portal.requisitions.service import OrderedTest, OrderTests, Standing
from portal.requisitions.states import RequisitionPriority
from portal.results import service as results
from portal.results.envelope import Source
from portal.results.service import Acknowledge, Review, WantedFollowUp
from portal.results.service.hl7_intake import open_hl7, receive_hl7
from portal.results.states import FollowUpKind, IntakeTransport
from portal.worklist import service as worklist

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
CMP, CBC, LIPIDS, A1C, TSH = "24323-8", "58410-2", "24331-1", "4548-4", "3016-3"
CHEST_XRAY = "36643-5"
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class AtWork:
    """A laboratory at work: has things done at their times, and the workers follow at once."""

    teller: Teller

    @property
    def session(self) -> Session:
        return self.teller.session

    def at(self, ago: timedelta) -> datetime:
        return self.teller.now - ago

    def laboratory(self, bench: Bench) -> Actor:
        id_ = self.teller.places.laboratories[bench.name]
        return Actor(ActorKind.LABORATORY, id_, name=bench.name)

    def order(
        self,
        person: Person,
        patient: str,
        code: str,
        ago: timedelta,
        *,
        bench: Bench = cast.MOHAWK,
        **more: Any,
    ) -> Requisition:
        """A practitioner orders one test."""
        [made] = requisitions.order_tests(
            session=self.session,
            actor=self.teller.places.practitioner(person.name),
            command=OrderTests(
                patient_id=self.teller.records.patients[patient],
                laboratory_id=self.teller.places.laboratories[bench.name],
                tests=[OrderedTest(code)],
                priority=more.pop("priority", RequisitionPriority.ROUTINE),
                diagnoses=more.pop("diagnoses", []),
                **more,
            ),
            now=self.at(ago),
        )
        self._settle(ago)
        return made

    def take(self, made: Requisition, bench: Bench, ago: timedelta) -> None:
        """The laboratory acknowledges an order of its feed."""
        requisitions.acknowledge(
            session=self.session,
            actor=self.laboratory(bench),
            requisition_id=made.id,
            filler_number=self._filler(made),
            now=self.at(ago),
        )
        self._settle(ago)

    @staticmethod
    def _filler(made: Requisition) -> str:
        return f"MV-{made.placer_number.rpartition('-')[2]}"

    def collect(self, made: Requisition, ago: timedelta, nurse: str = cast.STAFF[0].name) -> None:
        requisitions.collect(
            session=self.session,
            actor=self.teller.places.staff_member(nurse),
            requisition_id=made.id,
            collected_at=None,
            now=self.at(ago),
        )
        self._settle(ago)

    def report(self, made: Requisition, ago: timedelta, **more: Any) -> UUID | None:
        """The laboratory reports; the id of the result."""
        patient = patients.get_patient(self.session, made.patient_id)
        name = patient.family_name, patient.given_name
        whom = Whom(patient.mrn, *name, patient.birth_date, patient.sex)
        return self.send(
            made.placer_number, whom, made.test_code, ago, filler=self._filler(made), **more
        )

    def send(
        self,
        placer: str,
        whom: Whom,
        code: str,
        ago: timedelta,
        *,
        filler: str,
        taken: timedelta = 5 * HOUR,
        **more: Any,
    ) -> UUID | None:
        raw = write_report(
            Report(
                control_id=f"MV{next(_numbers):06}",
                application=cast.MOHAWK.application,
                facility=cast.MOHAWK.facility,
                person=whom,
                test_code=code,
                placer_number=placer,
                filler_number=filler,
                issued_at=self.at(ago),
                collected_at=self.at(ago + taken),
                **more,
            )
        )
        source = Source(IntakeTransport.HTTP, self.laboratory(cast.MOHAWK).id)
        answered = receive_hl7(session=self.session, opened=open_hl7(raw, source), now=self.at(ago))
        self._settle(ago)
        return answered.placed[0].report_id

    def review(
        self, person: Person, result_id: UUID | None, ago: timedelta, review: Review
    ) -> None:
        assert result_id is not None  # noqa: S101 - it was put on a chart
        results.review(
            session=self.session,
            actor=self.teller.places.practitioner(person.name),
            report_id=result_id,
            command=review,
            now=self.at(ago),
        )
        self._settle(ago)

    def look(self, patient: str, result_id: UUID | None, ago: timedelta) -> None:
        assert result_id is not None  # noqa: S101 - it was put on a chart
        results.look(
            session=self.session,
            actor=self.teller.records.patient(patient),
            report_id=result_id,
            now=self.at(ago),
        )
        self._settle(ago)

    def _settle(self, ago: timedelta) -> None:
        settle(self.session, self.at(ago) + timedelta(seconds=2))


def tell(teller: Teller) -> None:
    """Everything that the laboratories have to do with so far."""
    at_work = AtWork(teller)
    _outstanding(at_work)
    _imaging(at_work)
    _over_the_years(at_work)
    _reviewed(at_work)
    _to_be_reviewed(at_work)
    _critical(at_work)
    _corrected(at_work)
    _withdrawn(at_work)
    _by_letter(at_work)
    _of_nobody(at_work)
    for look in (
        requisitions.remind_uncollected,
        requisitions.find_uncollected,
        results.find_unseen,
        results.find_uncommunicated,
    ):
        look(session=teller.session, now=teller.now, limit=100)
    settle(teller.session, teller.now)
    # What was not answered in time has moved up meanwhile.
    worklist.escalate_due(session=teller.session, actor=WORKER, now=teller.now, limit=500)
    settle(teller.session, teller.now)


def _outstanding(at_work: AtWork) -> None:
    hypertension = [{"code": "I10", "text": "Essential (primary) hypertension"}]
    # To be done: the laboratory gets it over MLLP as soon as everything is up.
    at_work.order(
        cast.OKAFOR, "Avery", CMP, DAY, bench=cast.CAPITAL, fasting=True, diagnoses=hypertension
    )
    # Never done: the patient was reminded, and somebody asks.
    late = at_work.order(cast.CHEN, "James", LIPIDS, 29 * DAY, priority=RequisitionPriority.URGENT)
    at_work.take(late, cast.MOHAWK, 29 * DAY - HOUR)
    drawn = at_work.order(cast.OKAFOR, "Samuel", CBC, 6 * HOUR)
    at_work.take(drawn, cast.MOHAWK, 5 * HOUR)
    at_work.collect(drawn, 4 * HOUR)
    at_work.order(
        cast.RAMAN,
        "Marcus",
        TSH,
        2 * DAY,
        standing=Standing(count=4, interval_days=90),
    )


def _imaging(at_work: AtWork) -> None:
    teller = at_work.teller
    morning = (teller.now + 2 * DAY).replace(hour=14, minute=0, second=0, microsecond=0)
    slots: Sequence[NewSlot] = [
        NewSlot(modality, room, start, start + timedelta(minutes=30))
        for modality, room in (("CT", "CT 1"), ("DX", "X-ray 1"), ("MR", "MR 1"), ("US", "US 1"))
        for day in range(8)
        for half_hour in range(6)
        for start in [morning + day * DAY + half_hour * timedelta(minutes=30)]
    ]
    offered = appointments.open_slots(
        session=teller.session, actor=at_work.laboratory(cast.IMAGING), slots=slots, now=teller.now
    )
    settle(teller.session, teller.now)
    scan = at_work.order(cast.LINDQVIST, "Olga", CHEST_XRAY, 2 * DAY, bench=cast.IMAGING)
    at_work.take(scan, cast.IMAGING, 2 * DAY - HOUR)
    times = [slot for slot in offered if slot.service_type == "DX"]
    requisitions.book_slot(
        session=teller.session,
        actor=teller.records.patient("Olga"),
        slot_id=times[7].id,
        requisition_id=scan.id,
        now=teller.now - HOUR,
    )
    settle(teller.session, teller.now - HOUR)
    at_work.order(cast.OKAFOR, "Avery", "24627-2", 5 * HOUR, bench=cast.IMAGING)


LATEST_MONTHS = 6
_AGAIN = WantedFollowUp(reason="Measured again in half a year.")
_VISIT = WantedFollowUp(FollowUpKind.VISIT, within_days=190, note="At your next check-up.")


def _over_the_years(at_work: AtWork) -> None:
    """A trend that rises, and a check-up to talk about it that is still to be arranged."""
    for months, value in zip(
        (24, 18, 12, LATEST_MONTHS), ("6.1", "6.3", "6.6", "6.9"), strict=True
    ):
        ago = months * 30 * DAY
        made = at_work.order(cast.OKAFOR, "Avery", A1C, ago + 2 * DAY)
        at_work.take(made, cast.MOHAWK, ago + DAY)
        result = at_work.report(made, ago, values={A1C: value})
        then = _AGAIN if months > LATEST_MONTHS else _VISIT
        at_work.review(
            cast.OKAFOR,
            result,
            ago - DAY,
            Review(1, "A little higher than it should be: keep moving.", then),
        )
        at_work.look("Avery", result, ago - DAY - HOUR)


def _reviewed(at_work: AtWork) -> None:
    made = at_work.order(cast.OKAFOR, "Avery", LIPIDS, 10 * DAY)
    at_work.take(made, cast.MOHAWK, 10 * DAY - HOUR)
    result = at_work.report(made, 8 * DAY)
    at_work.review(cast.OKAFOR, result, 7 * DAY, Review(1, "All of this is as it should be."))
    at_work.look("Avery", result, 6 * DAY)


def _to_be_reviewed(at_work: AtWork) -> None:
    made = at_work.order(cast.OKAFOR, "Avery", CBC, 3 * DAY)
    at_work.take(made, cast.MOHAWK, 3 * DAY - HOUR)
    at_work.report(made, 3 * HOUR, values={"718-7": "11.2"})
    preliminary = at_work.order(cast.OKAFOR, "Sofia", CMP, 2 * DAY)
    at_work.take(preliminary, cast.MOHAWK, 2 * DAY - HOUR)
    at_work.report(preliminary, 2 * HOUR, status="preliminary", only=("2951-2", "2823-3"))
    # Dr. Lindqvist is away: this reaches who covers.
    thyroid = at_work.order(cast.LINDQVIST, "Grace", TSH, 4 * DAY)
    at_work.take(thyroid, cast.MOHAWK, 4 * DAY - HOUR)
    at_work.report(thyroid, 4 * HOUR)


def _critical(at_work: AtWork) -> None:
    made = at_work.order(cast.RAMAN, "Marcus", CMP, DAY, priority=RequisitionPriority.URGENT)
    at_work.take(made, cast.MOHAWK, DAY - HOUR)
    at_work.report(made, timedelta(minutes=4), values={"2823-3": "6.7HH"})


def _corrected(at_work: AtWork) -> None:
    made = at_work.order(cast.RAMAN, "Rosa", CMP, 5 * DAY)
    at_work.take(made, cast.MOHAWK, 5 * DAY - HOUR)
    result = at_work.report(made, 3 * DAY, values={"2823-3": "2.3LL"})
    assert result is not None  # noqa: S101 - it was put on a chart
    results.acknowledge(
        session=at_work.session,
        actor=at_work.teller.places.practitioner(cast.CHEN.name),
        report_id=result,
        command=Acknowledge("Potassium 2.3", "Called the patient: is well, comes in today."),
        now=at_work.at(3 * DAY - HOUR / 2),
    )
    at_work.look("Rosa", result, 3 * DAY - HOUR)
    at_work.report(made, DAY, status="corrected", values={"2823-3": "4.3"})


def _withdrawn(at_work: AtWork) -> None:
    """Two samples were mixed up: the patient saw a value that was somebody else's, and is told."""
    made = at_work.order(cast.OKAFOR, "Samuel", LIPIDS, 6 * DAY)
    at_work.take(made, cast.MOHAWK, 6 * DAY - HOUR)
    result = at_work.report(made, 4 * DAY, values={"2571-8": "512"})
    at_work.look("Samuel", result, 4 * DAY - HOUR)
    note = "Triglycerides withdrawn: the sample was another patient's. Please draw again."
    at_work.report(made, 2 * DAY, status="corrected", withdrawn=("2571-8",), note=note)


def _by_letter(at_work: AtWork) -> None:
    notifications.choose_contact(
        session=at_work.session,
        actor=at_work.teller.records.patient("Ahmed"),
        results_by=ContactChannel.LETTER,
        results_when=None,
        now=at_work.at(20 * DAY),
    )
    # Dr. Whitman has retired: whoever sees his patients now may order for them.
    made = at_work.order(cast.WHITMAN, "Ahmed", TSH, 6 * DAY)
    at_work.take(made, cast.MOHAWK, 6 * DAY - HOUR)
    at_work.report(made, 2 * DAY)


def _of_nobody(at_work: AtWork) -> None:
    """A report that matches nobody waits for the front desk."""
    whom = Whom("RFM-99999", "Okonkwo", "Blessing", cast.PATIENTS[0].birth_date, "female")
    at_work.send("", whom, TSH, 6 * HOUR, filler="MV-771204")
