"""One prescription and everybody who has a say in it, by a clock of its own."""

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID, uuid4

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from portal.core import audit_chain, loops
from portal.core.actor import OPERATOR, WORKER, AccessCategory, Actor, ActorKind
from portal.core.clock import local_day, utcnow
from portal.core.db import transaction
from portal.core.errors import PortalError
from portal.core.ids import new_id
from portal.patients.model import Patient
from portal.prescriptions import changing
from portal.prescriptions import service as prescriptions
from portal.prescriptions.model import Dispense, Prescription
from portal.prescriptions.rules import Eligibility, eligibility
from portal.prescriptions.service import Order, RenewalChanges, WritePrescription
from portal.prescriptions.states import PrescriptionStatus
from portal.refills import queries, service
from portal.refills.model import Refill, RefillHistory
from portal.refills.pharmacy_model import PharmacyOrder
from portal.refills.pharmacy_schemas import read_update
from portal.refills.service import Decide, RefillItem, RequestRefills, RequestRenewal
from portal.refills.states import RefillChannel
from portal.refills.views import facts_of
from portal.worklist.model import WorkItem
from tests.patients.delegates import give, new_person
from tests.support import clinic as builders
from tests.support.clinic import NOW, ZONE, SmallClinic
from tests.support.work import tasks
from workers import outcomes
from workers.registry import HANDLERS

assert tasks.__all__, "importing the tasks registers every handler"
LATE = "a step is late and nobody was told"
LETTERS = "bcdfghjklmnpqrst"
_DUE = text(
    "SELECT kind, id FROM outbox_event WHERE status = 'pending' "
    "AND (kind LIKE 'refill.%' OR kind LIKE 'prescription.%' OR kind LIKE 'pharmacy_update.%') "
    "ORDER BY id"
)


class Story:
    """A patient of their own with one prescription; what people do answers with a word.

    `furthest` is the clock of the story that is furthest ahead: what pharmacies report is read by
    it (conftest.story_clock).
    """

    furthest: ClassVar[datetime] = NOW

    def __init__(
        self,
        clinic: SmallClinic,
        *,
        schedule: int | None = None,
        refills: int = 2,
        as_needed: bool = False,
    ):
        self.clinic, self.now = clinic, utcnow()
        Story.furthest = self.now
        self.patient = _patient(clinic)
        self.token = builders.token_for(ActorKind.PATIENT, self.patient.id)
        person = new_person()
        give(self.patient, person)
        self.prescriber = builders.practitioner_actor(clinic.physician)
        self.askers = {
            "patient": builders.patient_actor(self.patient),
            "delegate": replace(
                builders.actor(ActorKind.DELEGATE, person, "Robin Other"),
                on_behalf_of=self.patient.id,
                categories=frozenset(AccessCategory),
            ),
            "phone": replace(
                builders.actor(ActorKind.PHONE, new_id()), on_behalf_of=self.patient.id
            ),
        }
        self.pharmacies = [
            builders.pharmacy_actor(clinic.pharmacy),
            builders.pharmacy_actor(clinic.other_pharmacy),
        ]
        self.events: list[dict[str, Any]] = []
        self.current = self._written(schedule, refills, as_needed=as_needed)

    def _written(self, schedule: int | None, refills: int, *, as_needed: bool) -> UUID:
        """It lasts 30 days; what is taken as needed, at least."""
        order = Order(
            rxnorm_code="314076",
            drug_name="Lisinopril",
            strength="10 mg",
            form="tablet",
            directions="Take one tablet by mouth every day.",
            quantity=Decimal(30),
            unit="{tbl}",
            days_supply=None if as_needed else 30,
            max_per_day=Decimal(1) if as_needed else None,
            refills_authorized=refills,
            schedule=schedule,
        )
        command = WritePrescription(self.patient.id, self.clinic.pharmacy.id, order)
        with transaction(self.prescriber) as session:
            return prescriptions.write_prescription(
                session=session, actor=self.prescriber, command=command, now=self.now
            ).id

    # What people do.

    def ask(self, who: str, prescription_id: UUID | None = None) -> str:
        """Ask for a refill by the portal, for somebody, or by phone."""
        actor = self.askers[who]
        channel = RefillChannel.PHONE if who == "phone" else RefillChannel.PORTAL
        item = RefillItem(prescription_id or self.current)

        def do(session: Session) -> str:
            [outcome] = service.request_refills(
                session=session,
                actor=actor,
                command=RequestRefills(items=(item,), channel=channel),
                now=self.now,
            )
            return outcome.error.code if outcome.error else "done"

        return attempt(actor, do)

    def ask_to_renew(self, pharmacy: int) -> str:
        actor = self.pharmacies[pharmacy]
        number = self.row().refill_number
        command = RequestRenewal(str(uuid4()), number)

        def do(session: Session) -> str:
            answer = service.request_renewal(
                session=session, actor=actor, command=command, now=self.now
            )
            return answer.outcome

        return attempt(actor, do)

    def change_pharmacy(self, who: str, refill_id: UUID, pharmacy: int) -> str:
        actor = self.askers[who]
        return attempt(
            actor,
            lambda session: service.change_pharmacy(
                session=session,
                actor=actor,
                refill_id=refill_id,
                pharmacy_id=self.pharmacies[pharmacy].id,
                delivery=None,
                now=self.now,
            ),
        )

    def cancel(self, who: str, refill_id: UUID) -> str:
        actor = self.askers.get(who, self.prescriber)
        return attempt(
            actor,
            lambda session: service.cancel_refill(
                session=session, actor=actor, refill_id=refill_id, reason=None, now=self.now
            ),
        )

    def decide(self, refill_id: UUID, *, approve: bool, refills: int = 1) -> str:
        schedule = self.row().schedule
        changes = RenewalChanges(refills_authorized=0 if schedule == 2 else refills)
        command = (
            Decide(approve=True, changes=changes)
            if approve
            else Decide(approve=False, reason_code="other")
        )
        return attempt(
            self.prescriber,
            lambda session: service.decide(
                session=session,
                actor=self.prescriber,
                refill_id=refill_id,
                command=command,
                now=self.now,
            ),
        )

    def set_status(self, status: PrescriptionStatus) -> str:
        return attempt(
            self.prescriber,
            lambda session: changing.change_status(
                session=session,
                actor=self.prescriber,
                prescription_id=self.current,
                status=status,
                reason="As discussed",
                now=self.now,
            ),
        )

    def allow_early(self, days: int) -> str:
        return attempt(
            self.prescriber,
            lambda session: changing.allow_early_refill(
                session=session,
                actor=self.prescriber,
                prescription_id=self.current,
                until=self.today + timedelta(days=days),
                now=self.now,
            ),
        )

    def report(self, pharmacy: int, refill_id: UUID, status: str, **changes: Any) -> str:
        """A pharmacy's status update, well-formed."""
        reasons = {"on_hold": "out_of_stock", "not_dispensed": "out_of_stock"}
        content = {
            "event_id": str(uuid4()),
            "refill_id": str(refill_id),
            "status": status,
            "occurred_at": self.now.isoformat(),
            **({"reason_code": reasons[status]} if status in reasons else {}),
            **({"carrier": "USPS"} if status == "shipped" else {}),
            **changes,
        }
        self.events.append({"pharmacy": pharmacy, "event_id": content["event_id"]})
        actor = self.pharmacies[pharmacy]

        def do(session: Session) -> str:
            [answer] = service.take_updates(
                session=session, actor=actor, items=[read_update(content)], now=self.now
            )
            return answer.outcome.value

        return attempt(actor, do)

    def replay(self, event: dict[str, Any]) -> str:
        actor = self.pharmacies[event["pharmacy"]]

        def do(session: Session) -> str:
            answer = service.replay(
                session=session,
                actor=actor,
                event_id=event["event_id"],
                read=read_update,
                now=self.now,
            )
            return answer.outcome.value

        return attempt(actor, do)

    def acknowledge(self, pharmacy: int, refill_id: UUID) -> str:
        actor = self.pharmacies[pharmacy]
        return attempt(
            actor,
            lambda session: service.acknowledge(
                session=session, actor=actor, refill_id=refill_id, now=self.now
            ),
        )

    def follow(self) -> None:
        """The workers' part, by this story's clock."""
        while due := self._due():
            for kind, id_ in due:
                with transaction(WORKER) as session:
                    [event] = outcomes.claim(session, [id_])
                    HANDLERS[kind](session=session, events=[event], now=self.now)
                    outcomes.done(session, [id_], self.now)

    def _due(self) -> Sequence[Row[str, UUID]]:
        with transaction(WORKER) as session:
            return session.execute(_DUE).all()

    def wait(self, **length: float) -> None:
        self.now += timedelta(**length)
        Story.furthest = max(Story.furthest, self.now)
        with transaction(OPERATOR) as session:
            audit_chain.ensure_months(session, self.now)

    def wait_until(self, day: date) -> None:
        self.wait(days=(day - self.today).days)

    # What stands.

    @property
    def today(self) -> date:
        return local_day(self.now, ZONE)

    def row(self, prescription_id: UUID | None = None) -> Prescription:
        with transaction(OPERATOR) as session:
            return session.get_one(Prescription, prescription_id or self.current)

    def stands(self) -> "Stands":
        """All that there is of the patient's medicines."""
        with transaction(OPERATOR) as session:
            return Stands(
                self._rows(session, Prescription),
                self._rows(session, Refill),
                self._rows(session, Dispense),
            )

    def _rows(self, session: Session, model: type[Any]) -> Sequence[Any]:
        mine = model.patient_id == self.patient.id
        return session.scalars(select(model).where(mine).order_by(model.id)).all()

    def refills(self) -> Sequence[Refill]:
        """Those of the prescription that stands now, oldest first."""
        return [row for row in self.stands().refills if row.prescription_id == self.current]

    def steps_after(self, *statuses: str) -> Sequence[RefillHistory]:
        """The steps that were made out of these statuses."""
        with transaction(OPERATOR) as session:
            return session.scalars(
                select(RefillHistory).where(
                    RefillHistory.patient_id == self.patient.id,
                    RefillHistory.from_status.in_(statuses),
                )
            ).all()

    def answer(self) -> Eligibility:
        """What the patient is told about the prescription."""
        with transaction(self.askers["patient"]) as session:
            row = queries.prescription(session, self.current)
        assert row is not None
        return eligibility(facts_of(row), self.today)

    def broken(self) -> list[str]:
        """What `portal loops check` says of this story, once the workers have done their part but
        for late steps: looking for those would find the other stories', which have other clocks.
        """
        self.follow()
        mine = {self.current, *(row.id for row in self.refills())}
        with transaction(OPERATOR) as session:
            found = loops.check(session, now=self.now + loops.GRACE)
        return [one.rule for one in found if one.id in mine and one.rule != LATE]

    def would_be_found_late(self, refill_id: UUID) -> bool:
        with transaction(WORKER) as session:
            late = queries.overdue(session, self.now, 10_000)
            return any(row.id == refill_id for row in late)

    def look(self) -> None:
        """Go on with the successor, where a renewal was approved."""
        for row in self.stands().prescriptions:
            if row.previous_id == self.current:
                self.current = row.id

    def fork(self) -> "Story":
        """The same story once more, with a prescription of its own of another medicine."""
        twin = copy(self)
        twin.events = []
        old = self.row()
        named = "".join(LETTERS[int(digit, 16)] for digit in new_id().hex)
        new = _twin(
            old,
            id=new_id(),
            refill_number=new_id().hex,
            drug_name=named,
            rxnorm_code=named,
            ingredients=[named],
        )
        twin.current = new.id
        rows: list[Any] = [new]
        ids: dict[UUID, UUID] = {}
        for refill in self.refills():
            ids[refill.id] = new_id()
            replaced = ids.get(refill.replaces_id) if refill.replaces_id else None
            rows.append(
                _twin(refill, id=ids[refill.id], prescription_id=new.id, replaces_id=replaced)
            )
        with transaction(OPERATOR) as session:
            items = session.scalars(select(WorkItem).where(WorkItem.subject_id.in_(ids))).all()
            rows += [_twin(item, id=new_id(), subject_id=ids[item.subject_id]) for item in items]
            sent = session.scalars(select(PharmacyOrder).where(PharmacyOrder.refill_id.in_(ids)))
            steps = session.scalars(select(RefillHistory).where(RefillHistory.refill_id.in_(ids)))
            handed = session.scalars(select(Dispense).where(Dispense.refill_id.in_(ids)))
            about: list[Any] = [*sent.all(), *steps.all()]
            for row in handed:
                changes: dict[str, Any] = {"prescription_id": new.id}
                if row.refill_id:
                    changes["refill_id"] = ids[row.refill_id]
                rows.append(_twin(row, id=new_id(), **changes))
            rows += [_twin(row, id=new_id(), refill_id=ids[row.refill_id]) for row in about]
            for row in rows:
                session.add(row)
                session.flush()
        return twin


@dataclass(frozen=True, slots=True)
class Stands:
    prescriptions: Sequence[Prescription]
    refills: Sequence[Refill]
    dispenses: Sequence[Dispense]


def _twin(row: Any, **changes: Any) -> Any:
    columns = {column.key: getattr(row, column.key) for column in row.__table__.columns}
    return type(row)(**columns | changes)


def attempt(actor: Actor, do: Callable[[Session], Any]) -> str:
    """Do something in a transaction of its own: what came of it, in a word."""
    try:
        with transaction(actor) as session:
            result = do(session)
    except PortalError as error:
        return error.code
    return result if isinstance(result, str) else "done"


def _patient(clinic: SmallClinic) -> Patient:
    row = builders.patient(clinic.clinic, clinic.pharmacy, "Avery", 1)
    row.mrn = new_id().hex
    builders.add(row, builders.care_team(row, clinic.physician))
    return row
