"""Messages for tests of other parts: events of every kind, and what a digest is for."""

from typing import Any

from sqlalchemy import text

from portal.core.actor import OPERATOR
from portal.core.clock import utcnow
from portal.core.db import transaction
from tests.messages.conftest import answer, close, new_thread, started
from tests.support.api import Caller
from tests.support.clinic import SmallClinic

CALL: dict[str, Any] = {
    "reason": "My child has had a fever since yesterday.",
    "callback_number": "+1 518 555 0101",
    "urgency": "urgent",
}


def leave_message_events(clinic: SmallClinic, patient: Caller, nurse: Caller) -> None:
    """Threads that are answered, closed, opened again and with somebody who leaves; a call that
    reaches nobody."""
    care_team = f"/patients/{clinic.patient.id}/care-team"
    member = {"practitioner_id": str(clinic.colleague.id), "role": "specialist"}
    assert nurse.post(care_team, member).status_code == 200
    to = {"practitioner_id": str(clinic.colleague.id)}
    with_colleague = started(patient, new_thread(clinic, to=to))
    patient.post("/drafts", {"to": to, "body": "I wanted to ask"})
    asked = started(patient, new_thread(clinic))
    assert answer(nurse, asked).status_code == 201
    assert close(nurse, asked).status_code == 200
    assert patient.post(f"/threads/{asked}/reopen").status_code == 200
    call = patient.post("/advice-calls", CALL).json["id"]
    for _ in range(3):
        nurse.post(f"/advice-calls/{call}/outcome", {"outcome": "no_answer"})
    assert nurse.delete(f"{care_team}/{clinic.colleague.id}").status_code == 204
    assert patient.get(f"/threads/{with_colleague}").status_code == 200


def want_a_digest(clinic: SmallClinic, patient: Caller, nurse: Caller) -> None:
    """The patient has an unread message and wants a digest; where they live it is noon."""
    answer(nurse, started(patient, new_thread(clinic)))
    patient.patch("/me/preferences", {"by_email": {"message_digest": True}})
    east = utcnow().hour - 12  # of noon; POSIX counts zones westwards
    with transaction(OPERATOR) as session:
        session.execute(
            text("UPDATE patient SET time_zone = :zone WHERE id = :id"),
            {"zone": f"Etc/GMT{east:+d}" if east else "Etc/GMT", "id": clinic.patient.id},
        )
