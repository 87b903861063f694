"""Eligibility: every action and every reason, all at once."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.prescriptions import rules
from portal.prescriptions.rules import PrescriptionFacts, Reason, RefillAction
from portal.prescriptions.states import PrescriptionStatus

TODAY = date(2026, 3, 4)
READY = PrescriptionFacts(
    status="active",
    schedule=None,
    written_on=TODAY - timedelta(days=100),
    expires_on=TODAY + timedelta(days=265),
    days_supply=30,
    refills_authorized=5,
    refills_used=1,
    first_fill_used=1,
    last_filled_on=TODAY - timedelta(days=40),
    early_refill_until=None,
    open_refill_id=None,
)
LAST_WEEK = TODAY - timedelta(days=7)
NEVER_FILLED = {"last_filled_on": None, "refills_used": 0, "first_fill_used": 0}

CASES = {
    "ready": ({}, "refill", set()),
    "open request": ({"open_refill_id": uuid4()}, "wait", {"open_request"}),
    "too soon": ({"last_filled_on": LAST_WEEK}, "wait", {"too_soon"}),
    "vacation": ({"last_filled_on": LAST_WEEK, "early_refill_until": TODAY}, "refill", set()),
    "vacation over": (
        {"last_filled_on": LAST_WEEK, "early_refill_until": TODAY - timedelta(days=1)},
        "wait",
        {"too_soon"},
    ),
    "none left": ({"refills_used": 5}, "renew", {"no_refills_remaining"}),
    "expired": ({"expires_on": TODAY - timedelta(days=1)}, "renew", {"expired"}),
    "renewable on the last day": (
        {"expires_on": TODAY - timedelta(days=120)},
        "renew",
        {"expired"},
    ),
    "expired for too long": (
        {"expires_on": TODAY - timedelta(days=121)},
        "contact_prescriber",
        {"expired"},
    ),
    "on hold": ({"status": "on_hold"}, "contact_prescriber", {"on_hold"}),
    "stopped": ({"status": "stopped"}, "contact_prescriber", {"stopped"}),
    "superseded": ({"status": "superseded"}, "contact_prescriber", {"superseded"}),
    "first fill under way": (
        {"last_filled_on": None, "refills_used": 0, "open_refill_id": uuid4()},
        "wait",
        {"open_request", "first_fill_pending"},
    ),
    "first fill that nobody has": (NEVER_FILLED, "refill", set()),
    "never filled, and no refills": ({**NEVER_FILLED, "refills_authorized": 0}, "refill", set()),
    "never filled and expired": (
        {**NEVER_FILLED, "expires_on": TODAY - timedelta(days=1)},
        "renew",
        {"expired"},
    ),
    "schedule II, never filled": (
        {**NEVER_FILLED, "schedule": 2, "refills_authorized": 0},
        "refill",
        set(),
    ),
    "schedule II, never filled and expired": (
        {
            **NEVER_FILLED,
            "schedule": 2,
            "refills_authorized": 0,
            "expires_on": TODAY - timedelta(days=1),
        },
        "contact_prescriber",
        {"schedule_ii", "expired"},
    ),
    "schedule II": (
        {"schedule": 2, "refills_authorized": 0, "refills_used": 0},
        "contact_prescriber",
        {"schedule_ii"},
    ),
    "schedule IV, five used": (
        {"schedule": 4, "refills_used": 5},
        "renew",
        {"schedule_iii_iv_limit", "no_refills_remaining"},
    ),
    "schedule III, six months": (
        {"schedule": 3, "written_on": TODAY - timedelta(days=200)},
        "renew",
        {"schedule_iii_iv_limit"},
    ),
    "schedule V has no such limit": (
        {"schedule": 5, "written_on": TODAY - timedelta(days=200)},
        "refill",
        set(),
    ),
    "everything at once": (
        {
            "status": "stopped",
            "open_refill_id": uuid4(),
            "refills_used": 5,
            "expires_on": TODAY - timedelta(days=2),
            "last_filled_on": LAST_WEEK,
        },
        "contact_prescriber",
        {"stopped", "open_request", "no_refills_remaining", "expired", "too_soon"},
    ),
}


@pytest.mark.parametrize(("changes", "action", "reasons"), CASES.values(), ids=CASES.keys())
def test_action_and_every_reason(
    changes: dict[str, object], action: str, reasons: set[str]
) -> None:
    answer = rules.eligibility(replace(READY, **changes), TODAY)  # type: ignore[arg-type]
    assert (answer.action, set(answer.reasons)) == (action, reasons)


@pytest.mark.parametrize(("schedule", "days"), [(None, 23), (4, 27)])
def test_the_first_day_that_is_not_too_soon(schedule: int | None, days: int) -> None:
    facts = replace(READY, schedule=schedule, last_filled_on=TODAY, written_on=TODAY)
    eligible = TODAY + timedelta(days=days)
    assert rules.next_eligible_on(facts) == eligible
    assert Reason.TOO_SOON in rules.eligibility(facts, eligible - timedelta(days=1)).reasons
    assert Reason.TOO_SOON not in rules.eligibility(facts, eligible).reasons
    assert rules.runs_out_on(facts) == TODAY + timedelta(days=30)


@pytest.mark.parametrize(
    ("written", "months", "expected"),
    [
        (date(2026, 8, 31), 6, date(2027, 2, 28)),
        (date(2027, 8, 31), 6, date(2028, 2, 29)),
        (date(2026, 1, 15), 12, date(2027, 1, 15)),
        (date(2026, 12, 1), 1, date(2027, 1, 1)),
    ],
)
def test_months_end_on_the_last_day_there_is(written: date, months: int, expected: date) -> None:
    assert rules.add_months(written, months) == expected


@given(
    facts=st.builds(
        PrescriptionFacts,
        status=st.sampled_from(list(PrescriptionStatus)),
        schedule=st.sampled_from([None, 2, 3, 4, 5]),
        written_on=st.dates(date(2024, 1, 1), TODAY),
        expires_on=st.dates(date(2025, 1, 1), date(2027, 6, 1)),
        days_supply=st.integers(1, 365),
        refills_authorized=st.integers(0, 12),
        refills_used=st.integers(0, 12),
        first_fill_used=st.integers(0, 1),
        last_filled_on=st.none() | st.dates(date(2024, 1, 1), TODAY),
        early_refill_until=st.none() | st.dates(date(2026, 1, 1), date(2026, 6, 1)),
        open_refill_id=st.none() | st.uuids(),
    )
)
def test_a_refill_is_offered_only_without_any_reason(facts: PrescriptionFacts) -> None:
    answer = rules.eligibility(facts, TODAY)
    assert (answer.action == RefillAction.REFILL) == (
        not answer.reasons and facts.expires_on >= TODAY
    )
    assert answer.refills_remaining >= 0
    if facts.schedule == 2:
        assert answer.action != RefillAction.RENEW
        assert answer.action != RefillAction.REFILL or not facts.first_fill_used
