"""What a pharmacy put into quarantine is withdrawn or replayed, and nobody need ask any more."""

from uuid import UUID

from tests.refills.conftest import event_of, post_all
from tests.refills.test_taken_back import open_items
from tests.support.api import Caller
from tests.support.work import drain


def test_what_was_a_mistake_is_withdrawn(pharmacy: Caller, acknowledged: UUID) -> None:
    first, second = (event_of(acknowledged, "delivered") for _ in range(2))
    answers = post_all(pharmacy, first, second)
    for answer in answers:
        problem = answer["problem"]
        assert (answer["outcome"], problem["code"]) == ("quarantined", "update_quarantined")
        assert {"type", "title", "status", "detail", "request_id"} <= problem.keys()
    drain()
    assert [item.subject_id for item in open_items("quarantined_update")] == [acknowledged]
    for event, left in ((first, 1), (first, 1), (second, 0)):
        said = pharmacy.post(f"/pharmacy/updates/{event['event_id']}/withdraw")
        assert (said.status_code, said.json["outcome"]) == (200, "withdrawn")
        drain()
        assert len(open_items("quarantined_update")) == left
    listed = pharmacy.get("/pharmacy/updates?outcome=withdrawn").json["items"]
    assert {one["event_id"] for one in listed} == {first["event_id"], second["event_id"]}
    again = pharmacy.post(f"/pharmacy/updates/{first['event_id']}/replay")
    assert (again.status_code, again.json["code"]) == (409, "not_replayable")


def test_what_was_applied_is_not_withdrawn(pharmacy: Caller, acknowledged: UUID) -> None:
    event = event_of(acknowledged, "preparing")
    post_all(pharmacy, event)
    said = pharmacy.post(f"/pharmacy/updates/{event['event_id']}/withdraw")
    assert (said.status_code, said.json["code"]) == (409, "not_withdrawable")
    assert pharmacy.post("/pharmacy/updates/unknown/withdraw").status_code == 404


def test_a_replay_that_fits_closes_the_question(pharmacy: Caller, acknowledged: UUID) -> None:
    event = event_of(acknowledged, "picked_up")
    [answer] = post_all(pharmacy, event)
    assert answer["outcome"] == "quarantined"
    drain()
    assert len(open_items("quarantined_update")) == 1
    ready = event_of(acknowledged, "ready_for_pickup", occurred_at=event["occurred_at"])
    assert post_all(pharmacy, ready)[0]["outcome"] == "applied"
    again = pharmacy.post(f"/pharmacy/updates/{event['event_id']}/replay")
    assert (again.json["outcome"], again.json["refill_status"]) == ("applied", "picked_up")
    drain()
    assert open_items("quarantined_update") == []
