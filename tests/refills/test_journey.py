"""The whole loop through the workers: request, order, decision, word to everybody."""

from uuid import UUID

from sqlalchemy import select

from portal.core.actor import OPERATOR
from portal.core.db import transaction
from portal.core.tables import OutboxEvent
from portal.refills.pharmacy_model import PharmacyOrder
from tests.refills.conftest import Make, ask
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.work import drain


def told(person: Caller) -> list[str]:
    return [item["event"] for item in person.get("/notifications").json["items"]][::-1]


def test_from_request_to_worklist_to_pharmacy(
    clinic: SmallClinic, patient: Caller, physician: Caller, refillable: Make
) -> None:
    ready, empty = refillable(), refillable(refills_used=5)
    items = ask(patient, ready.id, empty.id).json["items"]
    renewal = UUID(items[1]["refill"]["id"])
    drain()
    assert told(patient) == ["refill_sent", "refill_awaiting_prescriber"]
    assert told(physician) == ["work_urgent"]
    [work] = physician.get("/worklist?kind=refill_decision").json["items"]
    assert work["refill_id"] == str(renewal)
    assert work["patient"]["name"] == "Avery Testpatient"
    assert work["assignee"]["name"] == clinic.physician.name
    assert [hop["reason"] for hop in work["hops"]] == ["responsible"]
    assert physician.get("/worklist/summary").json["mine"] == 1
    claimed = physician.post(f"/worklist/{work['id']}/claim")
    assert claimed.json["claimed_by"]["name"] == clinic.physician.name
    physician.post(f"/refills/{renewal}/decision", {"decision": "approve"})
    drain()
    assert told(patient)[-1] == "refill_approved"
    assert physician.get("/worklist").json["items"] == []
    with transaction(OPERATOR) as session:
        orders = session.scalars(select(PharmacyOrder)).all()
        assert {order.refill_id for order in orders} == {
            renewal,
            UUID(items[0]["refill"]["id"]),
        }
        assert len(orders) == 2
        here = OutboxEvent.kind != "notification.deliver"  # no mail server in this test
        assert set(session.scalars(select(OutboxEvent.status).where(here))) == {"done"}
