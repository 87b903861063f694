"""The advice line: asking for a nurse's call, and what comes of it."""

from datetime import datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest

from portal.core.actor import OPERATOR, WORKER, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.ids import new_id
from portal.core.states import IllegalTransition
from portal.messages.advice_model import AdviceCall
from portal.messages.states import AdviceStatus
from portal.worklist import service as worklist
from tests.messages.conftest import ALARMING, SignIn, broken, items, open_items, told
from tests.messages.story import CALL
from tests.messages.test_red_flags import warnings
from tests.support.api import Caller
from tests.support.clinic import NOW, SmallClinic, actor
from tests.support.work import drain

CLOSERS = {ActorKind.PRACTITIONER, ActorKind.STAFF}


@pytest.fixture
def waiting(patient: Caller) -> UUID:
    posted = patient.post("/advice-calls", CALL)
    assert posted.status_code == 201, posted.text
    return UUID(posted.json["id"])


def report(who: Caller, call_id: UUID, outcome: str, note: str | None = None) -> Any:
    return who.post(f"/advice-calls/{call_id}/outcome", {"outcome": outcome, "note": note})


@pytest.mark.parametrize(("before", "after"), list(product(AdviceStatus, AdviceStatus)), ids=str)
def test_every_pair_for_every_mover(before: AdviceStatus, after: AdviceStatus) -> None:
    movers: set[ActorKind] = set()
    if before == "waiting" and after == "cancelled":
        # The workers', where the patient has died.
        movers = {ActorKind.PATIENT, ActorKind.DELEGATE, ActorKind.WORKER}
    elif before == "waiting" and after != "waiting":
        movers = CLOSERS
    for kind in ActorKind:
        call = AdviceCall(id=new_id(), patient_id=new_id(), status=before)
        if kind in movers:
            call.move_to(after, actor=actor(kind, new_id()), now=NOW)
            assert (call.status, call.ended_at, call.due_at) == (after, NOW, None)
        else:
            with pytest.raises(IllegalTransition):
                call.move_to(after, actor=actor(kind, new_id()), now=NOW)


@pytest.mark.parametrize(("urgency", "within"), [("stat", 30), ("urgent", 120)])
def test_the_nurses_have_it_day_and_night(
    clinic: SmallClinic, patient: Caller, urgency: str, within: int
) -> None:
    before = utcnow()
    posted = patient.post("/advice-calls", {**CALL, "urgency": urgency}).json
    assert (posted["status"], posted["team"]["name"]) == ("waiting", "Nurses")
    due_in = datetime.fromisoformat(posted["due_at"]) - before
    assert timedelta(minutes=within) <= due_in < timedelta(minutes=within, seconds=30)
    [item] = items(UUID(posted["id"]))
    assert (item.kind, item.priority, item.pool_id) == ("advice_call", urgency, clinic.nurses.id)
    drain()
    late = item.due_at + timedelta(seconds=1)
    with transaction(OPERATOR) as session:
        worklist.escalate_due(session=session, actor=WORKER, now=late, limit=10)
    [moved] = items(UUID(posted["id"]))
    assert (moved.escalation_level, moved.due_at) == (1, late + timedelta(minutes=30))
    assert broken() == []


def test_advice_that_was_given_ends_it(
    clinic: SmallClinic, patient: Caller, nurse: Caller, waiting: UUID
) -> None:
    drain()
    [item] = nurse.get("/worklist?kind=advice_call").json["items"]
    assert item["link"] == f"/api/v1/advice-calls/{waiting}"
    done = report(nurse, waiting, "advice_given", "Fluids, and paracetamol by weight.")
    assert (done.status_code, done.json["status"]) == (200, "advised")
    assert open_items(waiting) == []
    view = patient.get(f"/advice-calls/{waiting}").json
    assert view["attempts"][0]["note"] == "Fluids, and paracetamol by weight."
    assert view["attempts"][0]["by"] == {"kind": "staff", "name": "Nora Bell"}
    over = report(nurse, waiting, "no_answer")
    assert (over.status_code, over.json["status_now"]) == (409, "advised")
    drain()
    assert told(clinic.patient.id) == []
    assert broken() == []


def test_who_is_not_reached_is_tried_again_and_then_told(
    clinic: SmallClinic, patient: Caller, nurse: Caller, waiting: UUID
) -> None:
    for outcome in ("no_answer", "voicemail"):
        before = utcnow()
        again = report(nurse, waiting, outcome).json
        assert again["status"] == "waiting"
        [item] = open_items(waiting)
        assert timedelta(minutes=30) <= item.due_at - before < timedelta(minutes=31)
    assert report(nurse, waiting, "no_answer").json["status"] == "unreached"
    assert open_items(waiting) == []
    drain()
    assert told(clinic.patient.id) == ["advice_call_unreached"]
    [notice] = patient.get("/notifications").json["items"]
    assert notice["link"] == f"/api/v1/advice-calls/{waiting}"


def test_one_at_a_time_and_the_patient_may_cancel(patient: Caller, waiting: UUID) -> None:
    second = patient.post("/advice-calls", CALL)
    assert (second.status_code, second.json["code"]) == (409, "advice_call_open")
    cancelled = patient.post(f"/advice-calls/{waiting}/cancel")
    assert (cancelled.status_code, cancelled.json["status"]) == (200, "cancelled")
    assert open_items(waiting) == []
    assert patient.post("/advice-calls", CALL).status_code == 201
    statuses = [one["status"] for one in patient.get("/advice-calls").json["items"]]
    assert statuses == ["waiting", "cancelled"]
    assert len(patient.get("/advice-calls?status=open").json["items"]) == 1


def test_red_flags_first_and_then_at_once(patient: Caller) -> None:
    alarming = {**CALL, "reason": ALARMING}
    refused = patient.post("/advice-calls", alarming)
    assert (refused.status_code, refused.json["code"]) == (409, "red_flags_found")
    assert warnings() == [("advice_call", 1, ["chest_pain"])]
    sent = patient.post("/advice-calls", {**alarming, "acknowledged_red_flags": 1}).json
    assert (sent["urgency"], sent["red_flags"]) == ("stat", ["chest_pain"])


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"reason": "\u202e"}, "/reason"),
        ({"callback_number": "call me"}, "/callback_number"),
        ({"callback_number": "+1 518 555 0101\n"}, "/callback_number"),
        ({"urgency": "routine"}, "/urgency"),
    ],
)
def test_bad_input_names_the_member(patient: Caller, changes: dict[str, Any], pointer: str) -> None:
    refused = patient.post("/advice-calls", {**CALL, **changes})
    assert [error["pointer"] for error in refused.json["errors"]] == [pointer]


def test_others_patients_see_nothing(
    clinic: SmallClinic, caller: SignIn, colleague: Caller, waiting: UUID
) -> None:
    other = caller(ActorKind.PATIENT, clinic.other_patient.id)
    for who in (other, caller(ActorKind.STAFF, clinic.liaison_officer.id)):
        assert who.get(f"/advice-calls/{waiting}").status_code == 404
    assert other.post(f"/advice-calls/{waiting}/cancel").status_code == 404
