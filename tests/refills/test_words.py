"""What people are told is what is true: of a first fill, of what is late, after a stop."""

import pytest

from portal.notifications.states import NotificationEvent
from portal.notifications.texts import words_of
from portal.refills.service.phone import words_of as words_of_phone
from portal.refills.states import RefillKind, RefillStatus

# What waits for its prescriber is a renewal, and no first fill.
REFILLS = [
    event
    for event in NotificationEvent
    if event.startswith("refill_") and event != NotificationEvent.REFILL_AWAITING_PRESCRIBER
]


@pytest.mark.parametrize("event", REFILLS, ids=str)
def test_a_first_fill_is_nothing_that_was_asked_for_or_filled_before(
    event: NotificationEvent,
) -> None:
    title, text = words_of(event, {"kind": "first_fill"})
    assert "refill" not in f"{title} {text}".lower()
    assert words_of(event, {"kind": "refill"}) == words_of(event, {})


@pytest.mark.parametrize("status", list(RefillStatus))
def test_the_phone_line_knows_a_first_fill_too(status: RefillStatus) -> None:
    said = words_of_phone(status, RefillKind.FIRST_FILL)
    assert "refill" not in said.lower()
    assert "last" not in said


def test_nobody_is_said_to_look_before_the_clinic_opens() -> None:
    _, text = words_of(NotificationEvent.REFILL_LATE, {})
    assert "opening hours" in text
