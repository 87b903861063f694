"""What a report says of the requisition that it answers."""

from uuid import UUID

import pytest

from portal.core.actor import OPERATOR
from portal.core.db import transaction
from portal.requisitions.model import Requisition
from tests.results.conftest import HIGH, NORMAL, order, receive_next, received
from tests.support.clinic import SmallClinic
from tests.support.work import drain


def requisition(id_: UUID) -> Requisition:
    with transaction(OPERATOR) as session:
        return session.get_one(Requisition, id_)


@pytest.mark.parametrize(
    ("status", "moved_to"),
    [
        ("registered", "collected"),
        ("partial", "in_progress"),
        ("preliminary", "in_progress"),
        ("final", "resulted"),
        ("corrected", "resulted"),
        ("cancelled", "rejected"),
        ("entered_in_error", "collected"),
    ],
)
def test_the_requisition_follows_its_report(
    clinic: SmallClinic, status: str, moved_to: str
) -> None:
    ordered = order(clinic, status="collected").id
    received(clinic, NORMAL, status, requisition_id=ordered)
    found = requisition(ordered)
    assert found.status == moved_to
    if status == "cancelled":
        assert found.reason_code == "cancelled_by_laboratory"


def test_later_versions_move_it_no_further(clinic: SmallClinic) -> None:
    ordered = order(clinic, status="collected").id
    report = received(clinic, NORMAL, "preliminary", requisition_id=ordered)
    for status in ("final", "corrected", "cancelled"):
        receive_next(report, HIGH, status)
        drain()
        assert requisition(ordered).status == "resulted"
