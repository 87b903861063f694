"""What radiology can offer: times of a room that don't overlap, all of them or none."""

from datetime import timedelta
from typing import Any

from portal.appointments.model import Slot
from tests.requisitions.conftest import in_days, pointers, rows
from tests.support.api import Caller


def test_times_of_a_room_do_not_overlap(radiology: Caller) -> None:
    def slots(*times: tuple[str, int, int]) -> dict[str, Any]:
        base = in_days(3)
        return {
            "slots": [
                {
                    "modality": "CT",
                    "room": room,
                    "starts_at": (base + timedelta(minutes=begin)).isoformat(),
                    "ends_at": (base + timedelta(minutes=end)).isoformat(),
                }
                for room, begin, end in times
            ]
        }

    def refused(*times: tuple[str, int, int]) -> list[str]:
        answer = radiology.post("/imaging/slots", slots(*times))
        assert answer.status_code == 422, answer.text
        return list(pointers(answer))

    assert refused(("A", 0, 30), ("B", 0, 30), ("A", 29, 60)) == ["/slots/2"]
    assert refused(("A", 0, 90), ("A", 10, 20), ("A", 60, 80)) == ["/slots/1", "/slots/2"]
    assert radiology.post("/imaging/slots", slots(("A", 30, 60))).status_code == 201
    assert refused(("A", 60, 90), ("A", 0, 31)) == ["/slots/1"]
    assert refused(("A", 45, 50)) == ["/slots/0"]
    assert refused(("A", 60, 60)) == ["/slots/0/ends_at"]
    assert refused(("A", -60 * 24 * 4, 0)) == ["/slots/0/starts_at"]
    assert radiology.post("/imaging/slots", slots(("A", 60, 90), ("A", 0, 30))).status_code == 201
    assert len(rows(Slot)) == 3
