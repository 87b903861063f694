"""Whatever anybody does, in whatever order and at once: no fill that was not authorised."""

from collections.abc import Callable
from datetime import timedelta
from math import ceil
from typing import Any
from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from portal.prescriptions.model import Prescription
from portal.prescriptions.states import PrescriptionStatus
from portal.refills.model import Refill
from portal.refills.states import RefillStatus
from tests.refills.story import Story
from tests.support.clinic import SmallClinic
from tests.support.examples import examples
from tests.support.races import at_once

ASKERS = st.sampled_from(["patient", "delegate", "phone"])
PEOPLE = st.sampled_from(["patient", "delegate"])
FURTHEST = 400  # days: past each kind of expiry
NTH = st.sampled_from([0, 0, 0, 1, 2, 3])
RACERS = [
    *("patient", "delegate", "phone", "pharmacy", "stop", "hold", "cancel", "elsewhere", "back"),
    *("approve", "not_dispensed", "picked_up"),
]
PHARMACIES = st.sampled_from([0, 1])
# What a refill does that is at a pharmacy, or was: the others are written before a pharmacy is
# asked, or end without it.
_NOT_SENT = {"awaiting_prescriber", "denied", "not_dispensed", "cancelled"}
_TAKEN_BACK = {"cancelled", "held"}
REPORTED = st.sampled_from([s.value for s in RefillStatus if s != "awaiting_prescriber"])


class Fills(RuleBasedStateMachine):
    """One prescription with its renewals. The sums are this machine's own."""

    clinic: SmallClinic

    @initialize(
        schedule=st.sampled_from([None, 2, 3, 4, 5]),
        refills=st.integers(0, 2),
        as_needed=st.booleans(),
        sent=st.booleans(),
    )
    def write(self, schedule: int | None, refills: int, as_needed: bool, sent: bool) -> None:
        none = schedule == 2
        self.story = Story(
            self.clinic,
            schedule=schedule,
            refills=0 if none else refills,
            as_needed=as_needed,
        )
        self.sent: set[UUID] = set()
        self.against: set[UUID] = set()
        self.waited = 0
        self.before = self.now = self.story.stands()
        if sent:
            self.story.follow()
            self.settle()

    # What people do.

    @rule(who=ASKERS)
    def ask(self, who: str) -> None:
        self.story.ask(who)

    @rule(pharmacy=PHARMACIES)
    def ask_to_renew(self, pharmacy: int) -> None:
        self.story.ask_to_renew(pharmacy)

    @rule(who=PEOPLE, pharmacy=PHARMACIES, nth=NTH)
    def change_pharmacy(self, who: str, pharmacy: int, nth: int) -> None:
        if refill := self.some(nth):
            self.story.change_pharmacy(who, refill, pharmacy)

    @rule(who=st.sampled_from(["patient", "delegate", "prescriber"]), nth=NTH)
    def cancel(self, who: str, nth: int) -> None:
        if refill := self.some(nth):
            self.story.cancel(who, refill)

    @rule(approve=st.booleans(), refills=st.integers(0, 2), nth=NTH)
    def decide(self, approve: bool, refills: int, nth: int) -> None:
        if refill := self.some(nth):
            self.story.decide(refill, approve=approve, refills=refills)

    @rule(status=st.sampled_from(["active", "on_hold", "active", "stopped"]))
    def set_status(self, status: str) -> None:
        self.story.set_status(PrescriptionStatus(status))

    @rule(days=st.integers(0, 5))
    def allow_early(self, days: int) -> None:
        self.story.allow_early(days)

    @rule(pharmacy=PHARMACIES, nth=NTH)
    def acknowledge(self, pharmacy: int, nth: int) -> None:
        if refill := self.some(nth):
            self.story.acknowledge(pharmacy, refill)

    @rule(status=REPORTED, correction=st.booleans(), nth=NTH)
    def report(self, status: str, correction: bool, nth: int) -> None:
        refill = self.some(nth)
        if refill is None:
            return
        changes = {"correction": True, "reason_code": "other"} if correction else {}
        for pharmacy in (0, 1):
            self.story.report(pharmacy, refill, status, **changes)

    @rule()
    def hand_over(self) -> None:
        """The short way: what is at a pharmacy is picked up today."""
        self.story.follow()
        for refill in self.story.stands().refills[-1:]:
            for pharmacy in (0, 1):
                self.story.acknowledge(pharmacy, refill.id)
                self.story.report(pharmacy, refill.id, "ready_for_pickup")
                self.story.report(pharmacy, refill.id, "picked_up")

    @rule()
    def not_to_be_had(self) -> None:
        """The other short way: the pharmacy gives up."""
        self.story.follow()
        for refill in self.story.stands().refills[-1:]:
            for pharmacy in (0, 1):
                self.story.report(pharmacy, refill.id, "not_dispensed")

    @rule(replacement=st.sampled_from(["not_dispensed", "picked_up"]))
    def hand_over_what_was_replaced(self, replacement: str) -> None:
        """Taken back and asked for again, the first is handed over all the same."""
        self.story.follow()
        for refill in self.story.stands().refills[-1:]:
            self.story.acknowledge(0, refill.id)
            self.story.cancel("patient", refill.id)
            self.story.ask("patient")
            self.story.follow()
            self.story.report(0, refill.id, "picked_up")
            self.settle()
            [newest] = self.story.stands().refills[-1:]
            if newest.id != refill.id:
                self.story.report(0, newest.id, replacement)

    @rule(nth=NTH)
    def replay(self, nth: int) -> None:
        if events := self.story.events:
            self.story.replay(events[-1 - nth % len(events)])

    @rule()
    def follow(self) -> None:
        self.story.follow()

    @precondition(lambda self: self.waited < FURTHEST)
    @rule(days=st.sampled_from([1, 7, 22, 23, 26, 27, 30, 180, 370]))
    def wait(self, days: int) -> None:
        self.waited += days
        self.story.wait(days=days)

    @rule(nth=NTH, chosen=st.lists(st.sampled_from(RACERS), min_size=2, max_size=4))
    def race(self, nth: int, chosen: list[str]) -> None:
        """Several at the same moment, each in a thread of its own."""
        ways = self.ways(nth)
        if racing := [ways[name] for name in chosen if name in ways]:
            at_once(*racing)

    def ways(self, nth: int) -> dict[str, Callable[[], Any]]:
        story = self.story
        ways: dict[str, Callable[[], Any]] = {
            "patient": lambda: story.ask("patient"),
            "delegate": lambda: story.ask("delegate"),
            "phone": lambda: story.ask("phone"),
            "pharmacy": lambda: story.ask_to_renew(0),
            "stop": lambda: story.set_status(PrescriptionStatus.STOPPED),
            "hold": lambda: story.set_status(PrescriptionStatus.ON_HOLD),
        }
        if refill := self.some(nth):
            ways |= {
                "cancel": lambda: story.cancel("patient", refill),
                "elsewhere": lambda: story.change_pharmacy("patient", refill, 1),
                "back": lambda: story.change_pharmacy("delegate", refill, 0),
                "approve": lambda: story.decide(refill, approve=True),
                "not_dispensed": lambda: story.report(0, refill, "not_dispensed"),
                "picked_up": lambda: story.report(0, refill, "picked_up"),
            }
        return ways

    def some(self, nth: int) -> UUID | None:
        """Any refill, counted from the newest.

        What races leave differs from run to run: nothing may be drawn from it.
        """
        refills = self.now.refills
        return refills[-1 - nth % len(refills)].id if refills else None

    # What must hold.

    @invariant()
    def settle(self) -> None:
        if not hasattr(self, "story"):
            return
        self.story.look()
        self.before, self.now = self.now, self.story.stands()
        self.against |= self.handed_over_all_the_same()
        self.no_fill_that_may_not_be()
        for row in self.now.prescriptions:
            self.no_more_than_authorised(row)
            self.counted_as_it_is(row)
        replaced = [refill.replaces_id for refill in self.now.refills if refill.replaces_id]
        assert len(replaced) == len(set(replaced)), "replaced twice"

    def handed_over_all_the_same(self) -> set[UUID]:
        """What a pharmacy handed over though it was taken back: recorded, and somebody's work."""
        steps = self.story.steps_after(*_TAKEN_BACK)
        handed = {row.refill_id for row in self.now.dispenses if row.refill_id}
        return {step.refill_id for step in steps if step.actor_kind == "pharmacy"} & handed

    def no_fill_that_may_not_be(self) -> None:
        """What went to a pharmacy since the last look might go there, on this day."""
        rows = {row.id: row for row in self.now.prescriptions}
        before = {row.id: row for row in self.before.prescriptions}
        for refill in self.now.refills:
            if refill.id in self.sent or refill.status in ("awaiting_prescriber", "denied"):
                continue
            self.sent.add(refill.id)
            if refill.status == "cancelled":  # perhaps before it went anywhere
                continue
            now = rows[refill.prescription_id]
            then = before.get(now.id, now)
            assert "active" in (now.status, then.status), "stopped or held"
            assert self.story.today <= now.expires_on, "expired"
            if refill.kind == "refill":
                self.check_day(then, now)

    def check_day(self, then: Prescription, now: Prescription) -> None:
        last = then.last_filled_on
        assert last is not None, "a refill before the first fill"
        share = 0.75 if then.schedule is None else 0.9
        first = last + timedelta(days=ceil(30 * share))
        early = now.early_refill_until
        assert self.story.today >= first or (early and self.story.today <= early), "too soon"

    def no_more_than_authorised(self, row: Prescription) -> None:
        out = self.out(row)
        handed = [
            one
            for one in self.now.dispenses
            if one.prescription_id == row.id and one.refill_id not in self.against
        ]
        most = 1 + row.refills_authorized
        assert len(out) <= most
        assert sum(one.quantity for one in handed) <= most * row.quantity
        assert len({one.refill_id for one in handed}) <= most
        assert row.schedule != 2 or len(out) <= 1, "21 CFR 1306.12"
        assert row.schedule not in (3, 4) or len(out) <= 6, "21 CFR 1306.22"

    def counted_as_it_is(self, row: Prescription) -> None:
        """Each fill once, also what was handed over all the same: that may be more than there was,
        and then what is given back goes to it first."""
        against = [
            refill
            for refill in self.now.refills
            if refill.prescription_id == row.id and refill.id in self.against
        ]
        counted = [refill.kind == "refill" for refill in (*self.out(row), *against)]
        for number, most, used, beyond in (
            (counted.count(False), 1, row.first_fill_used, row.first_fills_beyond),
            (counted.count(True), row.refills_authorized, row.refills_used, row.refills_beyond),
        ):
            assert (used, beyond) == (min(number, most), max(0, number - most))

    def out(self, row: Prescription) -> list[Refill]:
        """A prescription's refills that are at a pharmacy, or were handed over."""
        mine = [refill for refill in self.now.refills if refill.prescription_id == row.id]
        return [
            refill
            for refill in mine
            if refill.status not in _NOT_SENT and refill.id not in self.against
        ]

    def teardown(self) -> None:
        if not hasattr(self, "story") or self.against:
            return
        assert self.story.broken() == []


@pytest.mark.nightly
def test_never_more_than_authorised_nor_before_its_day(clinic: SmallClinic) -> None:
    machine = type("FillsHere", (Fills,), {"clinic": clinic})
    run_state_machine_as_test(machine, settings=examples(3, steps=20))


@pytest.mark.parametrize("first", [True, False], ids=["first fill", "refill"])
@pytest.mark.parametrize("replacement", ["not_dispensed", "picked_up"])
def test_what_was_handed_over_all_the_same_has_the_fill_that_is_given_back(
    clinic: SmallClinic, replacement: str, first: bool
) -> None:
    """Cancelled, asked for again, and then the pharmacy has handed over the first of the two."""
    story = Story(clinic, refills=1)
    story.follow()
    if not first:
        hand_over(story, story.refills()[-1].id)
        story.wait(days=30)
        assert story.ask("patient") == "done"
        story.follow()
    taken_back = story.refills()[-1].id
    story.acknowledge(0, taken_back)
    story.cancel("patient", taken_back)
    assert story.ask("patient") == "done"
    story.follow()
    assert story.report(0, taken_back, "picked_up") == "applied"
    story.report(0, story.refills()[-1].id, "ready_for_pickup")
    story.report(0, story.refills()[-1].id, replacement)
    row, beyond = story.row(), int(replacement == "picked_up")
    assert (row.first_fill_used, row.refills_used) == (1, int(not first))
    assert (row.first_fills_beyond, row.refills_beyond) == (beyond * first, beyond * (not first))


def hand_over(story: Story, refill_id: UUID) -> None:
    for status in ("with_pharmacy", "ready_for_pickup", "picked_up"):
        story.report(0, refill_id, status)
    story.follow()
