"""Results of the first patient in every state that the slice knows, by its own calls."""

from typing import Any
from uuid import UUID

from sqlalchemy import select

from portal.core.actor import OPERATOR
from portal.core.db import transaction
from portal.notifications.outreach_model import Letter, PhoneCall
from tests.results.conftest import CRITICAL, HIGH, attach, order, receive, receive_next, wish
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.work import drain

READ_BACK = {"read_back": "Potassium 6.8"}


def good(answer: Any) -> None:
    assert answer.status_code == 200, answer.text


def tell_of_critical(small: SmallClinic, patient: Caller, physician: Caller) -> UUID:
    """A critical result that was acknowledged, reviewed, looked at and has a document."""
    report = receive(small, CRITICAL, requisition_id=order(small, status="collected").id)
    attach(report)
    drain()
    good(physician.post(f"/results/{report}/acknowledge", READ_BACK))
    body = {"version": 1, "comment": "Come in today.", "follow_up": {"kind": "message"}}
    good(physician.post(f"/results/{report}/review", body))
    drain()
    good(patient.get(f"/results/{report}"))
    return report


def leave_events(small: SmallClinic, physician: Caller, nurse: Caller) -> None:
    """One event of each kind of this slice's, and those of letters and calls, to be followed."""
    letter, call = _letter_and_call(small)
    wish(small, when="after_comment")
    waiting = receive(small)
    drain()
    wish(small)
    good(nurse.post(f"/letters/{letter}/status", {"status": "printed"}))
    good(nurse.post(f"/letters/{letter}/status", {"status": "returned"}))
    good(nurse.post(f"/calls/{call}/outcome", {"outcome": "reached"}))
    body = {"version": 1, "comment": "All fine."}
    good(physician.post(f"/results/{waiting}/review", body))
    receive_next(waiting, HIGH, "corrected")


def _letter_and_call(small: SmallClinic) -> tuple[UUID, UUID]:
    for way in ("letter", "phone"):
        wish(small, by=way)
        receive(small)
        drain()
    with transaction(OPERATOR) as session:
        letter = session.scalars(select(Letter.id)).one()
        call = session.scalars(select(PhoneCall.id)).one()
    return letter, call
