"""Notifications in the portal, and choosing what comes by mail, by HTTP."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from portal.core.actor import OPERATOR, ActorKind
from portal.core.db import transaction
from portal.core.ids import new_id
from portal.notifications.model import Notification
from portal.notifications.rules import by_email
from portal.notifications.states import NotificationEvent
from portal.notifications.texts import link_of, words_of
from tests.notifications.conftest import READY, Tell
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.worklist.conftest import SignIn


def listed(caller: Caller, query: str = "") -> Any:
    answer = caller.get(f"/notifications{query}")
    assert answer.status_code == 200, answer.text
    return answer.json


@pytest.fixture
def five(patient: Caller, tell: Tell) -> list[UUID]:
    """What five notifications of the patient are about, the newest first."""
    assert listed(patient)["items"] == []
    return [tell(new_id()) for _ in range(5)][::-1]


def test_the_newest_come_first_in_pages(patient: Caller, five: list[UUID]) -> None:
    first = listed(patient, "?limit=2")
    second = listed(patient, f"?limit=2&cursor={first['next']}")
    last = listed(patient, f"?limit=2&cursor={second['next']}")
    pages = [page["items"] for page in (first, second, last)]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [item["subject_id"] for page in pages for item in page] == [str(id_) for id_ in five]
    assert [page["unread"] for page in (first, second, last)] == [5, 5, 5]
    assert last["next"] is None


def test_a_page_is_not_shifted_by_what_comes_meanwhile(
    patient: Caller, tell: Tell, five: list[UUID]
) -> None:
    first = listed(patient, "?limit=2")
    tell(new_id())
    second = listed(patient, f"?limit=2&cursor={first['next']}")
    assert [item["subject_id"] for item in second["items"]] == [str(id_) for id_ in five[2:4]]


def test_what_was_read_is_marked_once(patient: Caller, five: list[UUID]) -> None:
    assert five
    id_ = listed(patient)["items"][1]["id"]
    assert patient.post(f"/notifications/{id_}/read").status_code == 204
    read_at = listed(patient)["items"][1]["read_at"]
    assert patient.post(f"/notifications/{id_}/read").status_code == 204
    assert listed(patient)["items"][1]["read_at"] == read_at
    assert datetime.fromisoformat(read_at).tzinfo is not None
    unread = listed(patient, "?unread=true")
    assert (len(unread["items"]), unread["unread"]) == (4, 4)
    assert id_ not in [item["id"] for item in unread["items"]]


def test_all_at_once(patient: Caller, five: list[UUID]) -> None:
    assert five
    assert patient.post("/notifications/read-all").status_code == 204
    assert listed(patient)["unread"] == 0
    assert listed(patient, "?unread=true")["items"] == []


def test_somebody_elses_notification_does_not_exist(
    clinic: SmallClinic, caller: SignIn, patient: Caller, five: list[UUID]
) -> None:
    assert five
    other = caller(ActorKind.PATIENT, clinic.other_patient.id)
    id_ = listed(patient)["items"][0]["id"]
    assert listed(other)["items"] == []
    for unknown in (id_, uuid4()):
        answer = other.post(f"/notifications/{unknown}/read")
        assert (answer.status_code, answer.json["code"]) == (404, "notification_not_found")
    assert other.post("/notifications/read-all").status_code == 204
    assert listed(patient)["unread"] == 5


def test_people_alone_have_notifications(
    clinic: SmallClinic, caller: SignIn, anonymous: Caller
) -> None:
    pharmacy = caller(ActorKind.PHARMACY, clinic.pharmacy.id)
    for path in ("/notifications", "/me/preferences"):
        assert anonymous.get(path).status_code == 401
        assert pharmacy.get(path).status_code == 403
    assert anonymous.post("/notifications/read-all").status_code == 401
    assert pharmacy.post(f"/notifications/{uuid4()}/read").status_code == 403


def test_words_are_chosen_on_reading_and_the_row_holds_codes(patient: Caller, tell: Tell) -> None:
    tell(new_id(), NotificationEvent.REFILL_ON_HOLD, reason_code="out_of_stock")
    [item] = listed(patient)["items"]
    assert item["title"] == "On hold at the pharmacy"
    assert item["text"].endswith("It is out of stock.")
    assert item["link"] == f"/api/v1/refills/{item['subject_id']}"
    with transaction(OPERATOR) as session:
        assert session.get_one(Notification, UUID(item["id"])).data == {
            "reason_code": "out_of_stock"
        }


@pytest.mark.parametrize("event", NotificationEvent)
def test_every_event_has_words(event: NotificationEvent) -> None:
    title, text = words_of(event, {})
    assert title
    assert text.endswith(".")
    subject = new_id()
    assert (link_of(event, subject) or f"/{subject}").endswith(str(subject))


def test_preferences_list_every_event_with_its_default(patient: Caller) -> None:
    chosen = patient.get("/me/preferences").json["by_email"]
    assert chosen == {event.value: by_email(event) for event in NotificationEvent}


def test_a_choice_changes_what_it_names_and_nobody_elses(
    clinic: SmallClinic, caller: SignIn, patient: Caller
) -> None:
    other = caller(ActorKind.PATIENT, clinic.other_patient.id)
    before = other.get("/me/preferences").json
    for wanted in (False, True, False):
        changed = patient.patch("/me/preferences", {"by_email": {READY: wanted}}).json
        assert changed["by_email"] == {**before["by_email"], READY: wanted}
    assert patient.get("/me/preferences").json == changed
    assert other.get("/me/preferences").json == before


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"by_email": {"refill_eaten": True}}, "/by_email/refill_eaten/key"),
        ({"by_email": {READY: "perhaps"}}, f"/by_email/{READY}/value"),
        ({"by_email": {}, "by_owl": {}}, "/by_owl"),
        ({"by_email": None}, "/by_email"),
    ],
)
def test_bad_input_names_the_member(patient: Caller, body: Any, pointer: str) -> None:
    before = patient.get("/me/preferences").json
    answer = patient.patch("/me/preferences", body)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]
    assert patient.get("/me/preferences").json == before


@pytest.mark.parametrize("query", ["?limit=0", "?limit=201", "?unread=maybe"])
def test_bad_queries_change_nothing(patient: Caller, query: str) -> None:
    assert patient.get(f"/notifications{query}").status_code == 422
