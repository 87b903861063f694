"""Several at once: holds and releases, workers and people."""

from datetime import timedelta

import pytest
from flask import Flask

from portal.core.actor import ActorKind
from portal.core.clock import utcnow
from portal.results import service
from tests.results.conftest import (
    NORMAL,
    as_worker,
    items,
    ledger,
    load,
    receive,
    received,
    set_report,
    told,
    wish,
)
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, token_for
from tests.support.races import at_once
from tests.support.work import drain
from workers import schedule


@pytest.mark.parametrize("_attempt", range(5))
def test_a_hold_while_the_release_is_due(app: Flask, clinic: SmallClinic, _attempt: int) -> None:
    wish(clinic, when="after_comment")
    report = received(clinic)
    set_report(report, release_due_at=utcnow() - timedelta(seconds=1))
    who = clinic.physician
    physician = Caller(app, token_for(ActorKind.PRACTITIONER, who.id, who.name))
    until = (utcnow() + timedelta(days=3)).isoformat()
    body = {"exception": "privacy", "reason": "The patient asked for it.", "until": until}
    released, answer = at_once(
        schedule.release_due, lambda: physician.post(f"/results/{report}/hold", body)
    )
    drain()
    if answer.status_code == 200:
        assert (released, load(report).release_status) == (0, "held")
        assert told(clinic.patient.id) == []
    else:
        assert (answer.status_code, answer.json["code"]) == (409, "already_released")
        assert (released, load(report).release_status) == (1, "released")
        assert told(clinic.patient.id) == ["result_available"]
    assert len(ledger(report)) == 2


def test_two_workers_follow_the_same_version(clinic: SmallClinic) -> None:
    report = receive(clinic)
    version = load(report).current_version_id

    def follow() -> None:
        as_worker(service.follow_version, report_id=report, version_id=version, now=utcnow())

    at_once(follow, follow, follow)
    drain()
    assert ledger(report) == [("released", "at_once")]
    assert [item.kind for item in items()] == ["result_review"]
    assert told(clinic.patient.id) == ["result_available"]


def test_two_ticks_release_each_result_once(clinic: SmallClinic) -> None:
    wish(clinic, when="after_comment")
    reports = [received(clinic, NORMAL) for _ in range(6)]
    for report in reports:
        set_report(report, release_due_at=utcnow() - timedelta(seconds=1))
    assert sum(at_once(*[schedule.release_due] * 3)) == 6
    drain()
    assert all(len(ledger(report)) == 2 for report in reports)
    assert told(clinic.patient.id) == ["result_available"] * 6
