"""Wherever a prescription and its refills stand: what the patient is told to do, works."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal.core.actor import OPERATOR
from portal.core.db import transaction
from portal.prescriptions.rules import Reason, RefillAction
from portal.prescriptions.states import PrescriptionStatus
from portal.refills.model import Refill
from portal.refills.pharmacy_model import PharmacyOrder
from portal.refills.states import RefillStatus
from portal.worklist.model import WorkItem
from tests.refills.story import Story
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.examples import how_many

REPORTED = [status for status in RefillStatus if status not in ("awaiting_prescriber", "denied")]
DAY = timedelta(days=1)
Step = Callable[[Story], object]


def last(story: Story) -> Refill | None:
    return next(iter(reversed(story.refills())), None)


def on_last(do: Callable[[Story, Refill], object]) -> Step:
    def step(story: Story) -> object:
        refill = last(story)
        return None if refill is None else do(story, refill)

    return step


def report(status: str) -> Step:
    def do(story: Story, refill: Refill) -> str:
        pharmacies = [pharmacy.id for pharmacy in story.pharmacies]
        return story.report(pharmacies.index(refill.pharmacy_id), refill.id, status)

    return on_last(do)


def until_eligible(story: Story) -> None:
    day = story.answer().next_eligible_on
    if day is not None and day > story.today:
        story.wait_until(day)


STEPS: Mapping[str, Step] = {
    "ask": lambda story: story.ask("patient"),
    "approve": on_last(lambda story, refill: story.decide(refill.id, approve=True)),
    "deny": on_last(lambda story, refill: story.decide(refill.id, approve=False)),
    "cancel": on_last(lambda story, refill: story.cancel("patient", refill.id)),
    "elsewhere": on_last(lambda story, refill: story.change_pharmacy("patient", refill.id, 1)),
    **{
        f"now {status}": partial(Story.set_status, status=status)
        for status in PrescriptionStatus
        if status != PrescriptionStatus.SUPERSEDED
    },
    **{status.value: report(status) for status in REPORTED},
    "until it may be": until_eligible,
    "until it has expired": lambda story: story.wait_until(story.row().expires_on + DAY),
    "long": lambda story: story.wait(days=200),
}


def where(story: Story) -> tuple[Any, ...]:
    """The combination that a story has reached, without what makes no difference."""
    row, answer = story.row(), story.answer()
    refill = last(story)
    return (
        row.status,
        row.first_fill_used,
        row.refills_used >= row.refills_authorized,
        row.last_filled_on is not None,
        tuple(sorted(answer.reasons)),
        answer.action,
        refill and (refill.kind, refill.status, refill.replaces_id is not None),
    )


def open_item(subject_id: object) -> WorkItem | None:
    with transaction(OPERATOR) as session:
        return session.scalars(
            select(WorkItem).where(
                WorkItem.subject_id == subject_id, WorkItem.status.in_(["open", "claimed"])
            )
        ).first()


def it_goes_to_a_pharmacy(story: Story) -> None:
    assert story.ask("patient") == "done"
    story.follow()
    refill = last(story)
    assert refill is not None
    assert (refill.status, refill.expected_by is not None) == ("sending", True)
    with transaction(OPERATOR) as session:
        [order] = session.scalars(select(PharmacyOrder).where(PharmacyOrder.refill_id == refill.id))
    assert (order.pharmacy_id, order.kind) == (refill.pharmacy_id, "fill")


def the_prescriber_has_it(story: Story) -> None:
    assert story.ask("patient") == "done"
    refill = last(story)
    assert refill is not None
    item = open_item(refill.id)
    assert item is not None
    assert (item.kind, item.responsible_id) == ("refill_decision", story.clinic.physician.id)


def it_moves_by_itself(story: Story) -> None:
    """What is under way has an owner once it is late; what is too soon has a day."""
    answer = story.answer()
    if Reason.OPEN_REQUEST not in answer.reasons:
        assert answer.next_eligible_on is not None
        assert answer.next_eligible_on > story.today
        story.wait_until(answer.next_eligible_on)
        assert story.answer().action != RefillAction.WAIT
        return
    refill = last(story)
    assert refill is not None
    if refill.status == "awaiting_prescriber":
        assert open_item(refill.id) is not None
        return
    assert refill.expected_by is not None
    story.wait(days=max(1, (refill.expected_by - story.now).days + 2))
    assert story.would_be_found_late(refill.id)


def somebody_reads_it(app: Flask, story: Story) -> None:
    row = story.row()
    answer = Caller(app, story.token).post(
        "/threads",
        {
            "to": {"practitioner_id": str(row.prescriber_id)},
            "category": "medication",
            "subject": "My tablets",
            "body": "What shall I take now?",
            "about": {"kind": "prescription", "id": str(row.id)},
        },
    )
    assert answer.status_code == 201, answer.text
    assert open_item(answer.json["id"]) is not None


def do_as_told(app: Flask, story: Story) -> None:
    told = story.answer().action
    if told == RefillAction.REFILL:
        it_goes_to_a_pharmacy(story)
    elif told == RefillAction.RENEW:
        the_prescriber_has_it(story)
    elif told == RefillAction.WAIT:
        it_moves_by_itself(story)
    else:
        assert told == RefillAction.CONTACT_PRESCRIBER
        somebody_reads_it(app, story)


@pytest.mark.nightly
@pytest.mark.parametrize(("schedule", "as_needed"), [(None, False), (2, False), (None, True)])
def test_what_the_patient_is_told_to_do_works_wherever_it_stands(
    app: Flask, clinic: SmallClinic, schedule: int | None, as_needed: bool
) -> None:
    """A walk over all that can be reached; by default over a part of it, from a fixed seed."""
    chance = Random(5)
    refills = 0 if schedule == 2 else 1
    first = Story(clinic, schedule=schedule, refills=refills, as_needed=as_needed)
    ahead, seen = [first], {where(first)}
    for _ in range(how_many(1)):
        if not ahead:
            break
        story = ahead.pop(chance.randrange(len(ahead)))
        for step in STEPS.values():
            twin = story.fork()
            step(twin)
            twin.follow()
            twin.look()
            if where(twin) not in seen:
                seen.add(where(twin))
                assert twin.broken() == []
                do_as_told(app, twin.fork())
                ahead.append(twin)


def test_a_first_fill_that_was_cancelled_is_asked_for_again(
    app: Flask, clinic: SmallClinic
) -> None:
    story = Story(clinic)
    story.follow()
    [first] = story.refills()
    assert story.cancel("patient", first.id) == "done"
    assert story.answer().action == RefillAction.REFILL
    do_as_told(app, story)
    assert [refill.kind for refill in story.refills()] == ["first_fill", "first_fill"]


def test_an_approved_renewal_that_was_cancelled_is_asked_for_again(
    app: Flask, clinic: SmallClinic
) -> None:
    story = Story(clinic, refills=0)
    story.follow()
    [first] = story.refills()
    for status in ("with_pharmacy", "ready_for_pickup", "picked_up"):
        assert story.report(0, first.id, status) == "applied"
    until_eligible(story)
    assert story.ask("patient") == "done"
    renewal = story.refills()[-1]
    assert story.decide(renewal.id, approve=True) == "done"
    story.look()
    story.follow()
    assert story.cancel("patient", renewal.id) == "done"
    do_as_told(app, story)


def test_what_was_held_before_it_was_sent_is_sent_when_it_is_resumed(clinic: SmallClinic) -> None:
    story = Story(clinic)
    story.set_status(PrescriptionStatus.ON_HOLD)
    story.follow()
    assert story.refills() == []
    story.set_status(PrescriptionStatus.ACTIVE)
    story.follow()
    assert [refill.kind for refill in story.refills()] == ["first_fill"]
