"""A patient with something open in every slice, and what becomes of it when they have died."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Engine, text

from portal.core import loops
from portal.core.actor import OPERATOR, WORKER
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.ids import new_id
from portal.notifications import service as notifications
from portal.notifications.queries import address_of
from portal.notifications.service import LetterText
from portal.notifications.states import NotificationEvent
from portal.patients.death_model import MUST_END
from portal.worklist.states import Priority
from tests.appointments.conftest import act, booked, open_slots
from tests.appointments.conftest import in_days as at_ten
from tests.appointments.conftest import offer as offer_times
from tests.messages.conftest import answer, new_thread, started
from tests.messages.story import CALL
from tests.patients.delegates import give, new_person, today
from tests.referrals.conftest import body as referral_body
from tests.referrals.conftest import done
from tests.referrals.conftest import step as move_referral
from tests.refills.conftest import Make, ask_one
from tests.requisitions.conftest import order as order_tests
from tests.support.api import Answer, Caller
from tests.support.clinic import SmallClinic
from tests.support.work import drain
from tests.visits.conftest import in_days, plan, released
from tests.visits.conftest import step as move_visit

EVENT_WAITS = "an event waits far longer than it should"
ITEM_LATE = "a work item is past its due time and has not moved up"
# What a state has beside its name.
WITH = {
    ("referral", "scheduled"): "appointment_at = now() + interval '5 days'",
    ("requisition", "draft"): "draft = true",
    ("refill", "rest_owed"): "quantity_dispensed = 10",
    ("thread", "awaiting_patient"): "reply_due_at = NULL",
}
# In these nothing can be put by force: what belongs to them would be missing.
BY_HAND = {"referral": ("attended", "report_received")}


class Life:
    """The first patient with those around them, who opens one thing of each kind at a time."""

    def __init__(
        self,
        clinic: SmallClinic,
        patient: Caller,
        physician: Caller,
        colleague: Caller,
        nurse: Caller,
        refillable: Make,
    ) -> None:
        self.clinic, self.patient, self.physician = clinic, patient, physician
        self.colleague, self.nurse, self.refillable = colleague, nurse, refillable
        self._days = iter(range(3, 60))

    def open_one(self, table: str) -> UUID:
        """Something new in this table, in the state in which it begins."""
        makers: dict[str, Callable[[], Any]] = {
            "delegation": self._offered_access,
            "refill": lambda: ask_one(self.patient, self.refillable().id),
            "requisition": lambda: order_tests(self.physician, self.clinic)[0],
            "standing_order": self._standing,
            "referral": lambda: done(
                self.physician.post("/referrals", referral_body(self.clinic, self.clinic.colleague))
            )["id"],
            "appointment": lambda: booked(self.patient, self._slot()),
            "appointment_offer": lambda: done(
                offer_times(self.physician, self.clinic, self._slot())
            )["id"],
            "earlier_wish": self._wish,
            "visit": lambda: plan(self.physician, self.clinic),
            "visit_instruction": self._instruction,
            "thread": lambda: started(self.patient, new_thread(self.clinic)),
            "advice_call": lambda: done(self.patient.post("/advice-calls", CALL))["id"],
            "letter": self._letter,
            "phone_call": self._call,
        }
        return UUID(str(makers[table]()))

    def bring_to(self, table: str, id_: UUID, status: str) -> None:
        """Make the steps that lead there, where force would leave something out."""
        move_referral(self.colleague, str(id_), "accept")
        move_referral(self.colleague, str(id_), "note", text="Seen on the ward.")
        assert (table, status) == ("referral", "report_received")

    def _slot(self) -> UUID:
        return open_slots(self.physician, at_ten(next(self._days)))[0]

    def _offered_access(self) -> UUID:
        return give(self.clinic.patient, new_person(), status="offered").id

    def _standing(self) -> UUID:
        order_tests(self.physician, self.clinic, standing={"count": 3, "interval_days": 30})
        return newest("standing_order")

    def _wish(self) -> UUID:
        act(self.patient, booked(self.patient, self._slot()), "earlier")
        return newest("earlier_wish")

    def _instruction(self) -> UUID:
        visit = plan(self.physician, self.clinic, starts_at=None)
        move_visit(self.physician, visit, "start")
        released(
            self.physician,
            visit,
            {"kind": "other", "text": "Rest.", "due_on": in_days(5)[:10]},
        )
        return newest("visit_instruction")

    def _letter(self) -> UUID:
        with transaction(WORKER) as session:
            return notifications.queue_letter(
                session=session,
                patient_id=self.clinic.patient.id,
                event=NotificationEvent.REQUISITION_EXPIRED,
                source_id=new_id(),
                subject_id=new_id(),
                text=LetterText("A new result", ["There is a new result for you."]),
                now=utcnow(),
            )

    def _call(self) -> UUID:
        with transaction(WORKER) as session:
            return notifications.open_call(
                session=session,
                patient_id=self.clinic.patient.id,
                responsible_id=None,
                pool_id=self.clinic.nurses.id,
                event=NotificationEvent.REQUISITION_EXPIRED,
                source_id=new_id(),
                subject_id=new_id(),
                script=["Hello."],
                priority=Priority.ROUTINE,
                due_at=utcnow(),
                now=utcnow(),
            )

    def open_everything(self) -> dict[str, UUID]:
        """One of each, as it begins."""
        made = {table: self.open_one(table) for table in sorted(MUST_END)}
        answer(self.nurse, started(self.patient, new_thread(self.clinic)))
        return made


def newest(table: str) -> UUID:
    query = text(f"SELECT id FROM {table} ORDER BY id DESC LIMIT 1")
    with transaction(OPERATOR) as session:
        found: UUID = session.execute(query).scalar_one()
        return found


def status_of(table: str, id_: UUID) -> str:
    query = text(f"SELECT status FROM {table} WHERE id = :id")
    with transaction(OPERATOR) as session:
        return str(session.execute(query, {"id": id_}).scalar_one())


def force(owner: Engine, table: str, id_: UUID, status: str) -> None:
    """Put a row into a state as if no rule of the database were there."""
    more = WITH.get((table, status), "id = id")
    with owner.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(
            text(f"UPDATE {table} SET status = :status, {more} WHERE id = :id"),
            {"status": status, "id": id_},
        )


def open_items(subject_id: UUID) -> list[str]:
    query = text(
        "SELECT kind FROM work_item WHERE subject_id = :id AND status IN ('open', 'claimed')"
    )
    with transaction(OPERATOR) as session:
        return list(session.scalars(query, {"id": subject_id}))


def record_death(who: Caller, patient_id: UUID, **changes: Any) -> Answer:
    body = {
        "died_on": today().isoformat(),
        "source": "family",
        "reason": "Her husband called.",
        **changes,
    }
    return who.post(f"/patients/{patient_id}/death", body)


def die(who: Caller, patient_id: UUID) -> dict[str, Any]:
    """Record a death, have the workers follow it; what the record of it says."""
    made = record_death(who, patient_id)
    assert made.status_code == 201, made.text
    drain()
    seen: dict[str, Any] = who.get(f"/patients/{patient_id}/death").json
    return seen


def sent_to(patient_id: UUID) -> list[str]:
    """What was sent to a patient, and to those who act for them, or would be now."""
    query = text(
        """
        SELECT n.event, d.id, d.status FROM notification_delivery d
        JOIN notification n ON n.id = d.notification_id
        WHERE n.patient_id = :id AND n.recipient_kind IN ('patient', 'delegate')
          AND d.status <> 'suppressed'
        """
    )
    with transaction(WORKER) as session:
        found = []
        for row in session.execute(query, {"id": patient_id}).all():
            address = address_of(session, row.id)
            if row.status != "pending" or (address is not None and address.email is not None):
                found.append(str(row.event))
    return found


def broken() -> list[str]:
    """The rules of the promise that are broken once the workers should have been done."""
    later = utcnow() + loops.GRACE * 2
    with transaction(OPERATOR) as session:
        rules = {one.rule for one in loops.check(session, now=later)}
    # There is no mail server here, and the clock was put forward.
    return sorted(rules - {EVENT_WAITS, ITEM_LATE})


def key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid4())}
