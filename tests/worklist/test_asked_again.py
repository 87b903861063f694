"""Something else happens that an open item asks to look into: whoever has the item is told, and
does not complete it with what they have not seen."""

from typing import Any
from uuid import UUID

import pytest

from portal.core.actor import WORKER, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.ids import new_id
from portal.worklist import service
from portal.worklist.answering import CLOSED_BY
from portal.worklist.rules import ASKED_AGAIN
from portal.worklist.states import Priority, WorkItemKind
from tests.support.api import Answer, Caller
from tests.support.clinic import SmallClinic, actor
from tests.support.races import at_once
from tests.support.work import drain
from tests.worklist.conftest import Open, item, told, way

SUBJECT = new_id()
BY_HAND = sorted(set(WorkItemKind) - CLOSED_BY.keys())


def complete(who: Caller, id_: UUID, version: int | None = None) -> Answer:
    headers = {} if version is None else {"If-Match": f'"{version}"'}
    return who.post(f"/worklist/{id_}/complete", {"outcome": "Seen to."}, headers=headers)


@pytest.mark.parametrize("kind", BY_HAND)
def test_it_is_completed_by_who_has_seen_all_of_it(
    clinic: SmallClinic, physician: Caller, opened: Open, kind: WorkItemKind
) -> None:
    first, second = new_id(), new_id()
    id_ = opened(kind=kind, subject_id=SUBJECT, cause_id=first)
    drain()
    seen = physician.get(f"/worklist/{id_}").json
    assert seen["asked_again_at"] is None
    assert opened(kind=kind, subject_id=SUBJECT, cause_id=second, priority=Priority.URGENT) == id_
    drain()
    assert (clinic.physician.id, "work_urgent") in told(id_)
    assert way(id_)[-1] == (clinic.physician.id, ASKED_AGAIN)
    unsaid = complete(physician, id_)
    assert (unsaid.status_code, unsaid.json["code"]) == (428, "precondition_required")
    late = complete(physician, id_, seen["version"])
    assert (late.status_code, late.json["code"]) == (412, "precondition_failed")
    now = physician.get(f"/worklist/{id_}").json
    assert now["asked_again_at"] is not None
    assert now["priority"] == "urgent"
    assert complete(physician, id_, now["version"]).status_code == 200


def test_the_same_cause_again_is_nothing_new(opened: Open) -> None:
    causes = [new_id(), new_id()]
    ids = {opened(subject_id=SUBJECT, cause_id=cause) for cause in causes}
    drain()
    [id_] = ids
    once = item(id_).version, way(id_)
    assert {opened(subject_id=SUBJECT, cause_id=cause) for cause in causes} == ids
    drain()
    assert (item(id_).version, way(id_)) == once


def test_who_has_claimed_it_keeps_it(clinic: SmallClinic, nurse: Caller, opened: Open) -> None:
    id_ = opened(subject_id=SUBJECT, cause_id=new_id())
    drain()
    assert nurse.post(f"/worklist/{id_}/claim").status_code == 200
    opened(subject_id=SUBJECT, cause_id=new_id())
    drain()
    assert item(id_).claimed_by == clinic.nurse.id
    assert way(id_)[-1] == (clinic.nurse.id, ASKED_AGAIN)


def test_what_was_completed_is_opened_anew(physician: Caller, opened: Open) -> None:
    id_ = opened(subject_id=SUBJECT, cause_id=new_id())
    assert complete(physician, id_, 1).status_code == 200
    assert opened(subject_id=SUBJECT, cause_id=new_id()) != id_


@pytest.mark.parametrize("turn", range(5))
def test_nothing_is_lost_between_the_two(clinic: SmallClinic, opened: Open, turn: int) -> None:
    """Completed at the very moment at which something else happens."""
    first = opened(subject_id=SUBJECT, cause_id=new_id())
    who = actor(ActorKind.PRACTITIONER, clinic.physician.id, clinic.physician.name)

    def done() -> Any:
        try:
            with transaction(who) as session:
                service.complete(
                    session=session,
                    actor=who,
                    item_id=first,
                    outcome="Seen to.",
                    version=1,
                    now=utcnow(),
                )
        except Exception as error:
            return error
        return None

    failed, left = at_once(done, lambda: opened(subject_id=SUBJECT, cause_id=new_id()))
    assert turn >= 0
    kind = item(first).kind
    with transaction(WORKER) as session:
        assert list(service.open_subjects(session, kind, clinic.patient.id)) == [SUBJECT]
    assert (left == first) == (failed is not None)
