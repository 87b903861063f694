"""Where a referral stands, for what waits for it in other slices."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from portal.referrals import queries
from portal.referrals.states import REFERRAL, AboutKind, ReferralStatus

S = ReferralStatus
_SEEN = frozenset({S.ATTENDED, S.REPORT_RECEIVED})


@dataclass(frozen=True, slots=True)
class Standing:
    """The patient was `seen` or the answer came; it was `given_up` before that: what merely expired
    was not. `visit_ids` and `result_ids` are what it was made because of."""

    id: UUID
    patient_id: UUID
    seen: bool
    given_up: bool
    ended: bool
    visit_ids: Sequence[UUID]
    result_ids: Sequence[UUID]


def standing(session: Session, referral_id: UUID) -> Standing | None:
    """Where a referral stands; None for one that was not sent."""
    referral = queries.get(session, referral_id)
    if referral is None or referral.requested_at is None:
        return None
    status = S(referral.status)
    seen = status in _SEEN or (status == S.CLOSED and queries.was_in(session, referral_id, _SEEN))
    return Standing(
        id=referral.id,
        patient_id=referral.patient_id,
        seen=seen,
        given_up=not seen and status in (S.CANCELLED, S.CLOSED),
        ended=status in REFERRAL.ends,
        visit_ids=_named(referral.about, AboutKind.VISIT),
        result_ids=_named(referral.about, AboutKind.RESULT),
    )


def sent_about(session: Session, kind: AboutKind, id_: UUID) -> list[Standing]:
    """Every referral that was made because of something, the last one first."""
    found = (standing(session, one) for one in queries.about(session, kind, id_))
    return [one for one in found if one is not None]


def _named(about: Sequence[dict[str, str]], kind: AboutKind) -> list[UUID]:
    return [UUID(one["id"]) for one in about if one["kind"] == kind]
