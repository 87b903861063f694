"""Reading referrals, with the people whom they concern."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select, text
from sqlalchemy.orm import Session

from portal.referrals.model import Referral, ReferralHistory
from portal.referrals.note_model import ConsultNote
from portal.referrals.states import AboutKind, ReferralStatus
from portal.worklist.states import WorkItemKind

_NUMBER = text("SELECT nextval('referral_number')")
# Until when times are held of which the patient is to take one.
_OFFERED_UNTIL = """
    SELECT max(o.expires_at) FROM appointment_offer o
    WHERE o.about_id = {id} AND o.status = 'open' AND o.replaces_id IS NULL
"""
_OPEN_OFFER = text(_OFFERED_UNTIL.format(id=":id"))
_REFERRAL = f"""
    SELECT r.*, ref.name AS referrer_name, sp.name AS specialist_name, po.name AS pool_name,
           pa.given_name, pa.family_name, pa.birth_date, cl.phone AS clinic_phone,
           ({_OFFERED_UNTIL.format(id="r.id")}) AS offered_until
    FROM referral r
    JOIN patient pa ON pa.id = r.patient_id
    JOIN practitioner ref ON ref.id = r.referrer_id
    JOIN pool po ON po.id = r.pool_id
    JOIN clinic cl ON cl.id = po.clinic_id
    LEFT JOIN practitioner sp ON sp.id = r.specialist_id
"""
_REFERRALS = text(
    f"""
    {_REFERRAL}
    WHERE (CAST(:patient_id AS uuid) IS NULL OR r.patient_id = :patient_id)
      AND (CAST(:referrer_id AS uuid) IS NULL OR r.referrer_id = :referrer_id)
      AND (CAST(:specialist_id AS uuid) IS NULL
           OR r.specialist_id = :specialist_id AND r.requested_at IS NOT NULL)
      AND (CAST(:member_id AS uuid) IS NULL OR r.requested_at IS NOT NULL AND r.pool_id = ANY(
           ARRAY(SELECT pool_id FROM pool_member WHERE member_id = :member_id)))
      AND (CAST(:statuses AS text[]) IS NULL OR r.status = ANY(CAST(:statuses AS text[])))
      AND (CAST(:moment AS timestamptz) IS NULL
           OR (r.created_at, r.id) < (:moment, CAST(:id AS uuid)))
    ORDER BY r.created_at DESC, r.id DESC
    LIMIT :limit
    """
)
_ONE_REFERRAL = text(f"{_REFERRAL} WHERE r.id = :id")
_HISTORY = text(
    """
    SELECT h.id, h.from_status, h.to_status, h.at, h.actor_kind, h.reason_code, h.note,
           coalesce(pr.name, st.name, CASE WHEN h.actor_kind = 'delegate'
                THEN careloop_delegate_name(h.actor_id, h.patient_id) END) AS actor_name
    FROM referral_history h
    LEFT JOIN practitioner pr ON h.actor_kind = 'practitioner' AND pr.id = h.actor_id
    LEFT JOIN staff_member st ON h.actor_kind = 'staff' AND st.id = h.actor_id
    WHERE h.referral_id = :id
    ORDER BY h.at, h.id
    """
)
_MESSAGES = text(
    """
    SELECT m.id, m.kind, m.text, m.visible_to_patient, m.created_at, m.author_kind,
           coalesce(pr.name, st.name) AS author_name
    FROM referral_message m
    LEFT JOIN practitioner pr ON m.author_kind = 'practitioner' AND pr.id = m.author_id
    LEFT JOIN staff_member st ON m.author_kind = 'staff' AND st.id = m.author_id
    WHERE m.referral_id = :id
    ORDER BY m.created_at, m.id
    """
)
_OFFERS = text(
    """
    SELECT o.id, o.status, o.created_at, o.expires_at, o.ended_at, o.reason
    FROM appointment_offer o
    WHERE o.about_id = :id AND o.replaces_id IS NULL
    ORDER BY o.created_at, o.id
    """
)
# Whether an open item of this kind is with somebody: theirs, or their team's and nobody's yet.
_HAS_ITEM = text(
    """
    SELECT EXISTS (
        SELECT FROM work_item w
        WHERE w.subject_id = :id AND w.kind = :kind AND w.status IN ('open', 'claimed')
          AND (w.assignee_id = :person OR w.claimed_by = :person
               OR w.assignee_id IS NULL AND w.claimed_by IS NULL AND EXISTS (
                    SELECT FROM pool_member m
                    WHERE m.pool_id = w.pool_id AND m.member_id = :person)))
    """
)
_ANSWERS = text(
    "SELECT EXISTS (SELECT FROM work_item WHERE subject_id = :id AND kind = :kind "
    "AND status IN ('open', 'claimed') AND responsible_id = :person)"
)
# What of a patient's record a referral may be about, as far as the actor sees it.
_RECORDS = text(
    """
    SELECT 'result' AS kind, id FROM diagnostic_report
    WHERE patient_id = :patient_id AND id = ANY(:ids)
    UNION ALL
    SELECT 'requisition', id FROM requisition WHERE patient_id = :patient_id AND id = ANY(:ids)
    UNION ALL
    SELECT 'prescription', id FROM prescription WHERE patient_id = :patient_id AND id = ANY(:ids)
    UNION ALL
    SELECT 'attachment', id FROM attachment WHERE patient_id = :patient_id AND id = ANY(:ids)
    UNION ALL
    SELECT 'visit', id FROM visit WHERE patient_id = :patient_id AND id = ANY(:ids)
    """
)
_HAD_ITEM = text(
    """
    SELECT EXISTS (SELECT FROM work_item WHERE subject_id = :id AND kind = :kind
                   AND (status IN ('open', 'claimed') OR created_at >= :since))
    """
)

_ELSEWHERE = text(
    """
    SELECT id, appointment_at, coalesce(appointment_place, '') AS place FROM referral
    WHERE patient_id = :patient_id AND status = 'scheduled' AND appointment_id IS NULL
      AND appointment_at > :after AND appointment_at < :before
    ORDER BY appointment_at, id
    """
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which referrals are asked for: a patient's, from or to a practitioner, of a member's
    teams."""

    patient_id: UUID | None = None
    referrer_id: UUID | None = None
    specialist_id: UUID | None = None
    member_id: UUID | None = None


def number(session: Session) -> str:
    """The next number of a referral, as people say it on the telephone."""
    return f"REF-{session.scalar(_NUMBER)}"


def referrals(
    session: Session,
    wanted: Wanted,
    *,
    statuses: Sequence[str] | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Referrals, newest first; one more than `limit`, in one statement."""
    moment, id_ = after or (None, None)
    values = {
        "patient_id": wanted.patient_id,
        "referrer_id": wanted.referrer_id,
        "specialist_id": wanted.specialist_id,
        "member_id": wanted.member_id,
        "statuses": None if statuses is None else list(statuses),
        "moment": moment,
        "id": id_,
        "limit": limit + 1,
    }
    return session.execute(_REFERRALS, values).all()


def referral(session: Session, referral_id: UUID) -> Row[Any] | None:
    return session.execute(_ONE_REFERRAL, {"id": referral_id}).first()


def history(session: Session, referral_id: UUID) -> Sequence[Row[Any]]:
    """Every move of a referral in order, with the names of those who made it."""
    return session.execute(_HISTORY, {"id": referral_id}).all()


def messages(session: Session, referral_id: UUID) -> Sequence[Row[Any]]:
    """What colleagues wrote about a referral, as far as the actor may see it."""
    return session.execute(_MESSAGES, {"id": referral_id}).all()


def offered_until(session: Session, referral_id: UUID) -> datetime | None:
    """Until when the patient can take one of the times that they were offered last."""
    until: datetime | None = session.scalar(_OPEN_OFFER, {"id": referral_id})
    return until


def offers(session: Session, referral_id: UUID) -> Sequence[Row[Any]]:
    """What times the patient was offered, and what they answered."""
    return session.execute(_OFFERS, {"id": referral_id}).all()


def notes(session: Session, referral_id: UUID) -> Sequence[ConsultNote]:
    """Every version of the consult note that the actor may see, the first one first."""
    return session.scalars(
        select(ConsultNote)
        .where(ConsultNote.referral_id == referral_id)
        .order_by(ConsultNote.number)
    ).all()


def arranged_elsewhere(
    session: Session, patient_id: UUID, after: datetime, before: datetime
) -> Sequence[Row[Any]]:
    """A patient's appointments that are no times of ours, and begin within a period."""
    values = {"patient_id": patient_id, "after": after, "before": before}
    return session.execute(_ELSEWHERE, values).all()


def versions_of_note(session: Session, referral_id: UUID) -> int:
    """How many versions of the consult note there are."""
    query = select(func.count()).select_from(ConsultNote)
    return session.scalar(query.where(ConsultNote.referral_id == referral_id)) or 0


def note(session: Session, note_id: UUID) -> ConsultNote | None:
    return session.get(ConsultNote, note_id)


def get(session: Session, referral_id: UUID) -> Referral | None:
    """A referral as it stands, which nobody need wait for."""
    return session.get(Referral, referral_id, populate_existing=True)


def for_change(session: Session, referral_id: UUID) -> Referral | None:
    """A referral, locked until the transaction ends: a concurrent mover waits, then sees our
    move."""
    return session.scalars(
        select(Referral)
        .where(Referral.id == referral_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()


def records(
    session: Session, patient_id: UUID, ids: Collection[UUID]
) -> frozenset[tuple[str, UUID]]:
    """Those of the ids that are of a patient's record, each with its kind, in one query."""
    rows = session.execute(_RECORDS, {"patient_id": patient_id, "ids": list(ids)})
    return frozenset((row.kind, row.id) for row in rows)


def was_in(session: Session, referral_id: UUID, statuses: Collection[ReferralStatus]) -> bool:
    """Whether a referral has ever been in one of these."""
    query = select(ReferralHistory.id).where(
        ReferralHistory.referral_id == referral_id, ReferralHistory.to_status.in_(statuses)
    )
    return session.scalars(query.limit(1)).first() is not None


def about(session: Session, kind: AboutKind, id_: UUID) -> Sequence[UUID]:
    """The referrals that name something of the patient's record, the last one first."""
    named = [{"kind": kind.value, "id": str(id_)}]
    query = select(Referral.id).where(Referral.about.contains(named))
    return session.scalars(query.order_by(Referral.created_at.desc(), Referral.id.desc())).all()


def step(session: Session, history_id: UUID) -> ReferralHistory | None:
    return session.get(ReferralHistory, history_id)


def has_item(session: Session, referral_id: UUID, kind: WorkItemKind, person: UUID) -> bool:
    """Whether somebody was asked to do this step, or is of the team that was."""
    values = {"id": referral_id, "kind": kind, "person": person}
    return bool(session.scalar(_HAS_ITEM, values))


def answers(session: Session, referral_id: UUID, kind: WorkItemKind, person: UUID) -> bool:
    """Whether somebody is responsible for this step."""
    values = {"id": referral_id, "kind": kind, "person": person}
    return bool(session.scalar(_ANSWERS, values))


def had_item(session: Session, referral_id: UUID, kind: WorkItemKind, since: datetime) -> bool:
    """Whether an item of this kind is open, or was opened since."""
    values = {"id": referral_id, "kind": kind, "since": since}
    return bool(session.scalar(_HAD_ITEM, values))


def held_notes(session: Session, referral_ids: Collection[UUID]) -> Sequence[ConsultNote]:
    """The versions of consult notes that are kept from their patients, locked."""
    return session.scalars(
        select(ConsultNote)
        .where(ConsultNote.referral_id.in_(referral_ids), ConsultNote.release_status == "held")
        .order_by(ConsultNote.number)
        .with_for_update()
    ).all()
