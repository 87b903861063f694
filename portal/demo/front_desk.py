"""The demo's front desk: times that are opened and booked, referrals and what becomes of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from portal.appointments import service as appointments
from portal.appointments.rules import About
from portal.appointments.service import NewSlot
from portal.appointments.states import AboutKind
from portal.core.actor import Actor
from portal.demo import cast
from portal.demo.cast import Person
from portal.demo.settling import settle
from portal.demo.stories import Teller
from portal.referrals import service as referrals
from portal.referrals.service import Addressee, Arrange, Authorization, Outside, Refer, WriteNote
from portal.referrals.states import ReferralKind, Urgency

DAY = timedelta(days=1)
CLERK = cast.STAFF[2]
OPENED = 7 * DAY
VISIT, TAKES = "office visit", timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class FrontDesk:
    """Has people refer and arrange, each at its time before `now`, and the workers follow."""

    teller: Teller

    @property
    def session(self) -> Session:
        return self.teller.session

    def at(self, ago: timedelta) -> datetime:
        return self.teller.now - ago

    @property
    def clerk(self) -> Actor:
        return self.teller.places.staff_member(CLERK.name)

    def practitioner(self, person: Person) -> Actor:
        return self.teller.places.practitioner(person.name)

    def open_times(self, person: Person, starts: Sequence[datetime]) -> list[UUID]:
        """The ids of a practitioner's new times, in their order."""
        actor = self.practitioner(person)
        slots = [NewSlot(VISIT, None, start, start + TAKES, actor.id) for start in starts]
        made = appointments.open_slots(
            session=self.session, actor=actor, slots=slots, now=self.at(OPENED)
        )
        ids = [slot.id for slot in made]
        self.settle(OPENED)
        return ids

    def book_for(self, referral_id: UUID, slot_id: UUID, ago: timedelta) -> None:
        """The front desk books a time for a referral."""
        appointments.book(
            session=self.session,
            actor=self.clerk,
            slot_id=slot_id,
            about=About(AboutKind.REFERRAL, referral_id),
            patient_id=None,
            now=self.at(ago),
        )
        self.settle(ago)

    def book_own(self, patient: str, slot_id: UUID, ago: timedelta) -> UUID:
        """A patient books a visit; the appointment's id."""
        actor = self.teller.records.patient(patient)
        booked = appointments.book(
            session=self.session,
            actor=actor,
            slot_id=slot_id,
            about=None,
            patient_id=actor.id,
            now=self.at(ago),
        )
        id_ = booked.id
        self.settle(ago)
        return id_

    def refer(
        self,
        person: Person,
        patient: str,
        specialty: str,
        to: Person | Outside,
        reason: str,
        ago: timedelta,
        *,
        kind: ReferralKind = ReferralKind.REFERRAL,
        urgency: Urgency = Urgency.ROUTINE,
        authorization: Authorization | None = None,
    ) -> UUID:
        addressee = (
            Addressee(specialist_id=self.practitioner(to).id)
            if isinstance(to, Person)
            else Addressee(outside=to)
        )
        made = referrals.refer(
            session=self.session,
            actor=self.practitioner(person),
            command=Refer(
                self.teller.records.patients[patient],
                kind,
                specialty,
                addressee,
                reason,
                urgency=urgency,
                authorization=authorization or Authorization(),
            ),
            now=self.at(ago),
        )
        self.settle(ago)
        return made.id

    def accept(self, actor: Actor, referral_id: UUID, ago: timedelta) -> None:
        """The specialist does; what an office elsewhere says, the front desk writes down."""
        referrals.accept(
            session=self.session, actor=actor, referral_id=referral_id, now=self.at(ago)
        )
        self.settle(ago)

    def arrange(self, referral_id: UUID, place: str, when: timedelta, ago: timedelta) -> None:
        """An appointment elsewhere, which begins `when` before now."""
        referrals.schedule(
            session=self.session,
            actor=self.clerk,
            referral_id=referral_id,
            command=Arrange(self.at(when), place),
            now=self.at(ago),
        )
        self.settle(ago)

    def report(self, referral_id: UUID, note: WriteNote, ago: timedelta) -> None:
        """The patient was seen there, and the front desk enters the note that came back."""
        referrals.attended(
            session=self.session,
            actor=self.clerk,
            referral_id=referral_id,
            now=self.at(ago + DAY),
        )
        self.settle(ago + DAY)
        referrals.write_note(
            session=self.session,
            actor=self.clerk,
            referral_id=referral_id,
            command=note,
            now=self.at(ago),
        )
        self.settle(ago)

    def settle(self, ago: timedelta) -> None:
        settle(self.session, self.at(ago) + timedelta(seconds=2))
