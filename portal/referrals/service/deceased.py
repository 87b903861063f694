"""What becomes of a patient's referrals when they have died."""

from datetime import datetime

from sqlalchemy.orm import Session

from portal.core.actor import WORKER
from portal.patients import deaths
from portal.patients.deaths import PatientDeath
from portal.referrals.model import Referral
from portal.referrals.service import moves
from portal.referrals.states import UNSEEN, ReferralStatus
from portal.worklist import service as worklist
from portal.worklist.states import WorkItemKind

S = ReferralStatus
_BEFORE = frozenset({S.DRAFT, *UNSEEN})
_POINTLESS = (WorkItemKind.REFERRAL_EXPIRED, WorkItemKind.REFERRAL_AUTHORIZATION)


def close_for_deceased(*, session: Session, death: PatientDeath, now: datetime) -> None:
    """Cancel what the patient was not seen for. After that the note is still written and read: its
    items stay. Twice is the same as once."""
    for referral_id in deaths.open_ids(session, Referral, death.patient_id, _BEFORE):
        referral = moves.lock(session, referral_id)
        before = S(referral.status)
        if before in _BEFORE:
            moves.move(
                session,
                referral,
                S.CANCELLED,
                actor=WORKER,
                now=now,
                reason_code=deaths.PATIENT_DIED,
            )
            deaths.note_step(session, death, "referral", referral_id, before, now)
    worklist.cancel_for_deceased(session=session, death=death, kinds=_POINTLESS, now=now)
