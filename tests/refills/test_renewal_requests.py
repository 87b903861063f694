"""A pharmacy's own request to renew."""

from typing import Any
from uuid import UUID, uuid4

from portal.prescriptions.model import Prescription
from tests.refills.conftest import Make, ask, refill
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.work import drain


def renew(pharmacy: Caller, rx: Prescription, **changes: Any) -> Any:
    body = {"event_id": str(uuid4()), "refill_number": rx.refill_number, **changes}
    return pharmacy.post("/pharmacy/renewal-requests", body)


def test_it_reaches_the_prescriber_and_comes_back(
    patient: Caller, pharmacy: Caller, physician: Caller, refillable: Make
) -> None:
    answer = renew(pharmacy, refillable(refills_used=5), note="Patient is at the counter")
    assert (answer.status_code, answer.json["outcome"]) == (201, "accepted"), answer.text
    refill_id = UUID(answer.json["refill_id"])
    row = refill(refill_id)
    assert (row.channel, row.kind, row.status) == ("pharmacy", "renewal", "awaiting_prescriber")
    drain()
    [item] = physician.get("/worklist?kind=refill_decision").json["items"]
    assert item["refill_id"] == str(refill_id)
    assert patient.get("/refills").json["items"][0]["id"] == str(refill_id)
    approved = physician.post(f"/refills/{refill_id}/decision", {"decision": "approve"})
    assert approved.status_code == 200
    drain()
    assert [one["refill_id"] for one in pharmacy.get("/pharmacy/orders").json["items"]] == [
        str(refill_id)
    ]


def test_the_same_event_changes_nothing(pharmacy: Caller, refillable: Make) -> None:
    rx, event = refillable(refills_used=5), str(uuid4())
    first = renew(pharmacy, rx, event_id=event)
    again = renew(pharmacy, rx, event_id=event)
    assert (again.status_code, again.json["outcome"]) == (200, "duplicate")
    assert again.json["refill_id"] == first.json["refill_id"]
    other = renew(pharmacy, rx, event_id=event, note="Something else")
    assert (other.status_code, other.json["outcome"]) == (409, "conflict")


def test_one_open_request_whatever_the_channel(
    patient: Caller, pharmacy: Caller, refillable: Make
) -> None:
    rx = refillable(refills_used=5)
    assert ask(patient, rx.id).status_code == 201
    answer = renew(pharmacy, rx)
    assert (answer.status_code, answer.json["outcome"]) == (422, "rejected")
    assert answer.json["problem"]["code"] == "open_request"


def test_what_has_refills_left_needs_no_renewal(pharmacy: Caller, refillable: Make) -> None:
    answer = renew(pharmacy, refillable())
    assert (answer.status_code, answer.json["outcome"]) == (422, "rejected")
    assert answer.json["problem"]["detail"]


def test_a_number_that_is_not_the_pharmacys_does_not_exist(
    other_pharmacy: Caller, pharmacy: Caller, refillable: Make, clinic: SmallClinic
) -> None:
    rx = refillable(refills_used=5)
    assert renew(other_pharmacy, rx).json["problem"]["status"] == 404
    unknown = renew(pharmacy, rx, refill_number="NOSUCHNUMBER")
    assert unknown.json["problem"]["status"] == 404
    typed = f" {rx.refill_number[:4].lower()}-{rx.refill_number[4:]} "
    assert renew(pharmacy, rx, refill_number=typed).status_code == 201


def test_bad_input_names_the_member(pharmacy: Caller, refillable: Make) -> None:
    for changes, pointer in (
        ({"event_id": "a b"}, "/event_id"),
        ({"refill_number": ""}, "/refill_number"),
        ({"note": "\x00"}, "/note"),
        ({"more": 1}, "/more"),
    ):
        answer = renew(pharmacy, refillable(), **changes)
        assert answer.status_code == 422
        assert answer.json["errors"][0]["pointer"] == pointer
