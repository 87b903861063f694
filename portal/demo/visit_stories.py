"""Visits of the demo's patients: past ones with summaries, one without, and those to come."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import Actor
from portal.demo import cast, drugs
from portal.demo.cast import Person
from portal.demo.settling import settle
from portal.demo.stories import Teller
from portal.visits import service as visits
from portal.visits.service import (
    AddProblem,
    Measured,
    MedicineNote,
    PlanVisit,
    WantedInstruction,
    WriteSummary,
)
from portal.visits.states import CodeSystem, InstructionKind, ProblemStatus, VisitKind
from portal.visits.vital_rules import BLOOD_PRESSURE, HEIGHT, PULSE, TEMPERATURE, WEIGHT

DAY = timedelta(days=1)
VISIT_TAKES = timedelta(minutes=25)


@dataclass(frozen=True, slots=True)
class AtTheClinic:
    """Has people see each other, each at its time before `now`, and the workers follow at once."""

    teller: Teller

    @property
    def session(self) -> Session:
        return self.teller.session

    def at(self, ago: timedelta) -> datetime:
        return self.teller.now - ago

    def practitioner(self, person: Person) -> Actor:
        return self.teller.places.practitioner(person.name)

    def plan(
        self,
        person: Person,
        patient: str,
        reason: str,
        ago: timedelta,
        kind: str = "office",
        confidential_reason: str | None = None,
    ) -> UUID:
        """A visit that begins so long ago, or ahead, planned a week before."""
        starts_at = self.at(ago)
        visit = visits.plan_visit(
            session=self.session,
            actor=self.practitioner(person),
            command=PlanVisit(
                self.teller.records.patients[patient],
                VisitKind(kind),
                reason,
                starts_at=starts_at,
                confidential_reason=confidential_reason,
            ),
            now=min(starts_at - 7 * DAY, self.teller.now),
        )
        self._settle(max(ago + 7 * DAY, timedelta(0)))
        return visit.id

    def hold(
        self,
        person: Person,
        patient: str,
        reason: str,
        ago: timedelta,
        *measured: Measured,
        confidential_reason: str | None = None,
    ) -> UUID:
        """A visit that was held, and what was measured at it."""
        visit_id = self.plan(person, patient, reason, ago, confidential_reason=confidential_reason)
        actor, begins = self.practitioner(person), self.at(ago)
        visits.start_visit(session=self.session, actor=actor, visit_id=visit_id, now=begins)
        if measured:
            visits.record_vitals(
                session=self.session, actor=actor, visit_id=visit_id, items=measured, now=begins
            )
        ends = begins + VISIT_TAKES
        visits.finish_visit(session=self.session, actor=actor, visit_id=visit_id, now=ends)
        self._settle(ago - VISIT_TAKES)
        return visit_id

    def problem(
        self, person: Person, patient: str, code: str, text: str, visit_id: UUID, ago: timedelta
    ) -> UUID:
        """A problem that was found at a visit."""
        command = AddProblem(
            patient_id=self.teller.records.patients[patient],
            code_system=CodeSystem.ICD_10_CM,
            code=code,
            text=text,
            status=ProblemStatus.ACTIVE,
            onset_on=None,
            resolved_on=None,
            note=None,
            visit_id=visit_id,
        )
        actor = self.practitioner(person)
        made = visits.add_problem(
            session=self.session, actor=actor, command=command, now=self.at(ago)
        )
        return made.id

    def sum_up(self, person: Person, visit_id: UUID, summary: WriteSummary, ago: timedelta) -> None:
        """A practitioner writes a summary and releases it."""
        actor, now = self.practitioner(person), self.at(ago)
        visits.write_summary(
            session=self.session,
            actor=actor,
            visit_id=visit_id,
            command=summary,
            expected=None,
            now=now,
        )
        visits.release_summary(
            session=self.session,
            actor=actor,
            visit_id=visit_id,
            amendment=None,
            expected=None,
            now=now,
        )
        self._settle(ago)

    def measure(self, patient: str, ago: timedelta, item: Measured) -> None:
        """A patient measures at home."""
        visits.record_own(
            session=self.session,
            actor=self.teller.records.patient(patient),
            item=item,
            now=self.at(ago),
        )

    def _settle(self, ago: timedelta) -> None:
        settle(self.session, self.at(ago) + timedelta(seconds=2))


def _values(weight: str, upper: int, lower: int, pulse: int = 72) -> Sequence[Measured]:
    return (
        Measured(HEIGHT, "cm", Decimal(168)),
        Measured(WEIGHT, "[lb_av]", Decimal(weight)),
        pressure(upper, lower),
        Measured(PULSE, "/min", Decimal(pulse)),
        Measured(TEMPERATURE, "[degF]", Decimal("98.2")),
    )


def pressure(upper: int, lower: int) -> Measured:
    return Measured(
        BLOOD_PRESSURE,
        "mm[Hg]",
        systolic=Decimal(upper),
        diastolic=Decimal(lower),
        position="sitting",
    )


def tell(teller: Teller) -> None:
    """Everybody's visits so far, and what became of what they asked for."""
    clinic = AtTheClinic(teller)
    _blood_pressure(clinic)
    _without_summary(clinic)
    _overdue(clinic)
    clinic.plan(cast.OKAFOR, "Avery", "Blood pressure check", -12 * DAY)
    clinic.plan(cast.CHEN, "James", "Results of the blood test", -5 * DAY, "telehealth")
    for look in (visits.find_missing_summaries, visits.find_overdue_instructions):
        look(session=teller.session, now=teller.now, limit=100)
    settle(teller.session, teller.now)


def _blood_pressure(clinic: AtTheClinic) -> None:
    """Seen twice in half a year; measures at home in between."""
    first = 170 * DAY
    visit = clinic.hold(cast.OKAFOR, "Avery", "Annual check", first, *_values("161.5", 148, 94))
    problem = clinic.problem(
        cast.OKAFOR, "Avery", "I10", "Essential (primary) hypertension", visit, first - VISIT_TAKES
    )
    clinic.sum_up(
        cast.OKAFOR,
        visit,
        WriteSummary(
            reason="Annual check",
            found="Your blood pressure is too high. Everything else is as it should be.",
            problem_ids=[problem],
            medicines=[_medicine("started")],
            instructions=[WantedInstruction(InstructionKind.VISIT, "Come again in five months.")],
        ),
        first - VISIT_TAKES,
    )
    for days, (upper, lower) in {90: (139, 88), 60: (134, 86), 30: (131, 84), 4: (129, 83)}.items():
        clinic.measure("Avery", days * DAY, pressure(upper, lower))
    second = 20 * DAY
    visit = clinic.hold(
        cast.OKAFOR, "Avery", "Blood pressure check", second, *_values("155", 130, 84)
    )
    clinic.sum_up(
        cast.OKAFOR,
        visit,
        WriteSummary(
            reason="Blood pressure check",
            found="Your blood pressure is almost where we want it. Keep walking every day.",
            problem_ids=[problem],
            medicines=[_medicine("unchanged")],
            instructions=[
                WantedInstruction(
                    InstructionKind.OTHER, "Measure your blood pressure at home once a week."
                ),
                WantedInstruction(InstructionKind.VISIT, "Come again in a month."),
            ],
        ),
        second - VISIT_TAKES,
    )


def _medicine(change: str) -> MedicineNote:
    drug = drugs.AMLODIPINE
    return MedicineNote(change, f"{drug.name} {drug.strength}", drug.directions)


def _without_summary(clinic: AtTheClinic) -> None:
    """Held a week ago, and its summary is still missing."""
    clinic.hold(cast.RAMAN, "Marcus", "Shortness of breath", 7 * DAY, *_values("190", 142, 88, 80))


def _overdue(clinic: AtTheClinic) -> None:
    """Something that was to be done by now."""
    ago = 10 * DAY
    visit = clinic.hold(cast.CHEN, "James", "Knee pain", ago, *_values("201", 128, 82, 68))
    clinic.sum_up(
        cast.CHEN,
        visit,
        WriteSummary(
            reason="Knee pain",
            found="The knee is stable. Exercises should help.",
            problem_ids=[],
            medicines=[],
            instructions=[
                WantedInstruction(
                    InstructionKind.OTHER,
                    "Call the physical therapist for a first appointment.",
                    due_on=clinic.at(3 * DAY).date(),
                )
            ],
        ),
        ago - VISIT_TAKES,
    )
