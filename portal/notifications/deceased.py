"""What becomes of the letters and calls to a patient who has died. What waits to be sent by e-mail
is not sent: their account is suspended."""

from datetime import datetime

from sqlalchemy.orm import Session

from portal.core.actor import WORKER
from portal.notifications import outreach_queries
from portal.notifications.calls import end_call
from portal.notifications.letters import move_letter
from portal.notifications.outreach_model import Letter, PhoneCall
from portal.notifications.outreach_states import CallStatus, LetterStatus
from portal.patients import deaths
from portal.patients.deaths import PatientDeath
from portal.worklist import service as worklist
from portal.worklist.states import WorkItemKind


def close_for_deceased(*, session: Session, death: PatientDeath, now: datetime) -> None:
    """Nothing more is printed for the patient, and nobody calls them. Twice is the same as once."""
    queued, opened = LetterStatus.QUEUED, CallStatus.OPEN
    for letter_id in deaths.open_ids(session, Letter, death.patient_id, [queued]):
        letter = outreach_queries.letter_for_change(session, letter_id)
        if letter is not None and letter.status == queued:
            move_letter(
                session=session,
                actor=WORKER,
                letter_id=letter_id,
                status=LetterStatus.CANCELLED,
                note=deaths.PATIENT_DIED,
                now=now,
            )
            deaths.note_step(session, death, "letter", letter_id, queued, now)
    for call_id in deaths.open_ids(session, PhoneCall, death.patient_id, [opened]):
        call = outreach_queries.call_for_change(session, call_id)
        if call is not None and call.status == opened:
            end_call(session, WORKER, call, CallStatus.CANCELLED, deaths.PATIENT_DIED, now)
            deaths.note_step(session, death, "phone_call", call_id, opened, now)
    kinds = [WorkItemKind.LETTER_RETURNED]
    worklist.cancel_for_deceased(session=session, death=death, kinds=kinds, now=now)
