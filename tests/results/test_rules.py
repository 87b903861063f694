"""Decisions of release, telling and reading back, without a database."""

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from portal.core.actor import Actor, ActorKind
from portal.core.ids import new_id
from portal.core.states import IllegalTransition
from portal.notifications.outreach_states import ReleaseWish
from portal.requisitions.states import RequisitionStatus
from portal.results import rules
from portal.results.model import DiagnosticReport
from portal.results.states import (
    RELEASE,
    WITH_VALUES,
    ReleaseRule,
    ReleaseStatus,
    ReportStatus,
)

NOW = datetime(2026, 3, 4, 16, tzinfo=UTC)
R, S = ReleaseStatus, ReportStatus
MOVERS = {
    (R.PENDING, R.RELEASED): {"practitioner", "worker"},
    (R.PENDING, R.DEFERRED): {"worker"},
    (R.PENDING, R.HELD): {"practitioner"},
    (R.DEFERRED, R.RELEASED): {"practitioner", "worker", "patient"},
    (R.DEFERRED, R.HELD): {"practitioner"},
    (R.DEFERRED, R.PENDING): {"staff"},
    (R.HELD, R.PENDING): {"staff"},
    (R.HELD, R.RELEASED): {"practitioner", "worker"},
    (R.HELD, R.DEFERRED): {"practitioner", "worker"},
}


@pytest.mark.parametrize(("before", "after"), list(product(R, R)))
@pytest.mark.parametrize("kind", list(ActorKind))
def test_every_pair_of_release_states_for_every_mover(
    before: ReleaseStatus, after: ReleaseStatus, kind: ActorKind
) -> None:
    report = DiagnosticReport(release_status=before)
    actor = Actor(kind=kind, id=new_id())
    allowed = kind.value in MOVERS.get((before, after), set())
    assert RELEASE.allows(before, after, kind) == allowed
    if not allowed:
        with pytest.raises(IllegalTransition):
            report.move_release(after, actor=actor, now=NOW, due_at=NOW)
        assert report.release_status == before
        return
    due_at = None if after == R.RELEASED else NOW
    report.move_release(after, actor=actor, now=NOW, due_at=due_at)
    assert (report.release_status, report.release_due_at) == (after, due_at)
    assert report.released_at == (NOW if after == R.RELEASED else None)


def test_nothing_leads_out_of_released() -> None:
    assert {R.RELEASED} == RELEASE.ends
    assert RELEASE.moves[R.RELEASED] == {}


def decide(**changes: Any) -> rules.Release | None:
    facts: dict[str, Any] = {
        "status": S.FINAL,
        "release_status": R.PENDING,
        "wish": ReleaseWish.AT_ONCE,
        "commented": False,
        "first_values_at": NOW,
        **changes,
    }
    return rules.release_decision(rules.ReleaseFacts(**facts), NOW)


@pytest.mark.parametrize("status", list(S))
@pytest.mark.parametrize("release_status", list(R))
def test_only_what_is_pending_and_has_values_is_decided(
    status: ReportStatus, release_status: ReleaseStatus
) -> None:
    decision = decide(status=status, release_status=release_status)
    decided = status in WITH_VALUES and release_status == R.PENDING
    assert decision == (rules.Release(R.RELEASED, ReleaseRule.AT_ONCE) if decided else None)


@pytest.mark.parametrize(
    ("commented", "days", "status", "rule"),
    [
        (False, 0, R.DEFERRED, ReleaseRule.PATIENT_PREFERENCE),
        (False, 6, R.DEFERRED, ReleaseRule.PATIENT_PREFERENCE),
        (False, 7, R.RELEASED, ReleaseRule.WAITED_LONG_ENOUGH),
        (True, 0, R.RELEASED, ReleaseRule.COMMENTED),
    ],
)
def test_waiting_for_the_comment_is_bounded(
    commented: bool, days: int, status: ReleaseStatus, rule: ReleaseRule
) -> None:
    first = NOW - timedelta(days=days)
    decision = decide(wish=ReleaseWish.AFTER_COMMENT, commented=commented, first_values_at=first)
    assert decision is not None
    assert (decision.status, decision.rule) == (status, rule)
    assert decision.due_at == (first + timedelta(days=7) if status == R.DEFERRED else None)


def test_each_status_of_a_report_says_where_its_order_stands() -> None:
    said = {status: rules.progress_of(status) for status in S}
    final = RequisitionStatus.RESULTED
    assert said == {
        S.REGISTERED: None,
        S.PARTIAL: RequisitionStatus.IN_PROGRESS,
        S.PRELIMINARY: RequisitionStatus.IN_PROGRESS,
        S.FINAL: final,
        S.CORRECTED: final,
        S.AMENDED: final,
        S.CANCELLED: RequisitionStatus.REJECTED,
        S.ENTERED_IN_ERROR: None,
    }


def tell(**changes: Any) -> list[str]:
    facts: dict[str, Any] = {
        "released": True,
        "status": S.FINAL,
        "number": 2,
        "changed": True,
        "released_number": 1,
        "released_status": S.FINAL,
        "saw_earlier": True,
        **changes,
    }
    found = rules.events_for_patient(rules.TellingFacts(**facts))
    return [event.value.removeprefix("result_") for event in found]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"released": False}, []),
        ({"number": 1}, ["available"]),
        ({"number": 1, "status": S.CORRECTED}, ["available"]),
        ({"released_status": S.PRELIMINARY, "changed": False}, ["available", "updated"]),
        ({"released_status": S.REGISTERED}, ["available"]),
        ({"changed": False}, ["available"]),
        ({"status": S.PRELIMINARY, "released_status": S.PARTIAL}, ["available"]),
        ({"status": S.CORRECTED}, ["available", "corrected"]),
        ({"status": S.AMENDED}, ["available", "corrected"]),
        ({"status": S.AMENDED, "saw_earlier": False}, ["available"]),
        ({"status": S.ENTERED_IN_ERROR}, ["corrected"]),
        ({"status": S.CANCELLED}, ["corrected"]),
        ({"status": S.CANCELLED, "saw_earlier": False}, []),
        ({"status": S.CANCELLED, "released_status": S.REGISTERED}, []),
    ],
)
def test_what_the_patient_is_told(changes: dict[str, Any], told: list[str]) -> None:
    assert tell(**changes) == told


def critical(value: str, name: str = "Potassium") -> dict[str, str]:
    return {"code": name, "name": name, "value": value, "unit": ""}


@pytest.mark.parametrize(
    ("said", "values", "missing"),
    [
        ("6.8", ["6.8"], []),
        ("6.80 and 30", ["6.8", "30"], []),
        ("30", ["6.8", "30"], ["6.8"]),
        ("30", ["30", "30"], ["30"]),
        ("30, again 30", ["30", "30"], []),
        ("more than 500", [">500"], []),
        ("2 of 2 bottles", ["positive in 2 of 2"], []),
        ("2 bottles", ["positive in 2 of 2"], ["positive in 2 of 2"]),
        ("", ["positive"], ["positive"]),
        ("It is POSITIVE.", ["Positive"], []),
    ],
)
def test_a_read_back_has_every_value(said: str, values: list[str], missing: list[str]) -> None:
    found = rules.missing_from_read_back(said, [critical(value) for value in values])
    assert [one["value"] for one in found] == missing


def test_only_critical_values_that_nobody_was_asked_about_are_new() -> None:
    low, high = critical("2.1"), critical("6.8")
    assert rules.new_criticals([low], [])
    assert rules.new_criticals([low], [high])
    assert not rules.new_criticals([high], [low, high])
    assert not rules.new_criticals([], [high])


def test_a_newer_value_of_a_test_replaces_the_older() -> None:
    sodium = critical("110", "Sodium")
    merged = rules.merged_criticals([critical("7.1")], [critical("6.8"), sodium])
    assert merged == [sodium, critical("7.1")]
