"""What becomes of the loops about a patient's results when they have died."""

from datetime import datetime

from sqlalchemy.orm import Session

from portal.patients.deaths import PatientDeath
from portal.worklist import service as worklist
from portal.worklist.states import WorkItemKind

# The review of a result, a critical value and an unmatched report are still somebody's: what came
# is read. Nobody is told of it, and nothing follows.
_POINTLESS = (
    WorkItemKind.RESULT_UNSEEN,
    WorkItemKind.RESULT_COMMUNICATION,
    WorkItemKind.RESULT_FOLLOW_UP,
)


def close_for_deceased(*, session: Session, death: PatientDeath, now: datetime) -> None:
    """Nobody has to tell the patient any more. Twice is the same as once."""
    worklist.cancel_for_deceased(session=session, death=death, kinds=_POINTLESS, now=now)
