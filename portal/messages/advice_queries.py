"""The SELECTs of the advice line."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, exists, select, text
from sqlalchemy.orm import Session

from portal.core.db import lock
from portal.messages.advice_model import AdviceCall
from portal.messages.states import AdviceStatus

_CALL = """
    SELECT c.id, c.patient_id, c.reason, c.callback_number, c.urgency, c.status,
           c.red_flag_version, c.red_flags, c.requested_at, c.due_at, c.ended_at, c.pool_id,
           c.confidential, c.requester_kind,
           CASE WHEN c.requester_kind = 'delegate'
                THEN careloop_delegate_name(c.requester_id, c.patient_id)
                ELSE btrim(pa.given_name || ' ' || pa.family_name) END AS requester_name,
           po.name AS pool_name, btrim(pa.given_name || ' ' || pa.family_name) AS patient_name,
           pa.birth_date, pa.language
    FROM advice_call c
    JOIN pool po ON po.id = c.pool_id
    JOIN patient pa ON pa.id = c.patient_id
"""
_LIST = text(
    f"""
    {_CALL}
    WHERE c.patient_id = :patient_id
      AND (CAST(:statuses AS text[]) IS NULL OR c.status = ANY(CAST(:statuses AS text[])))
      AND (CAST(:moment AS timestamptz) IS NULL OR (c.requested_at, c.id) < (:moment, :id))
    ORDER BY c.requested_at DESC, c.id DESC LIMIT :limit
    """
)
_ONE = text(f"{_CALL} WHERE c.id = :id")
_ATTEMPTS = text(
    """
    SELECT a.call_id, a.number, a.at, a.caller_kind, a.outcome, a.note,
           coalesce(p.name, s.name) AS caller_name
    FROM advice_attempt a
    LEFT JOIN practitioner p ON p.id = a.caller_id
    LEFT JOIN staff_member s ON s.id = a.caller_id
    WHERE a.call_id = ANY(:ids) ORDER BY a.call_id, a.number
    """
)


def calls(
    session: Session,
    patient_id: UUID,
    *,
    statuses: list[str] | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """A patient's requests for a call, newest first."""
    moment, id_ = after or (None, None)
    values = {"patient_id": patient_id, "statuses": statuses, "moment": moment, "id": id_}
    return session.execute(_LIST, {**values, "limit": limit + 1}).all()


def call(session: Session, call_id: UUID) -> Row[Any] | None:
    return session.execute(_ONE, {"id": call_id}).first()


def attempts(session: Session, call_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """Every attempt of these calls with who made it, in order."""
    return session.execute(_ATTEMPTS, {"ids": list(call_ids)}).all()


def lock_requests(session: Session, patient_id: UUID) -> None:
    """Let one transaction at a time ask for a patient to be called."""
    lock(session, [f"advice_call {patient_id}"])


def is_waiting(session: Session, patient_id: UUID) -> bool:
    """Whether a patient waits for a nurse's call."""
    waiting = exists().where(
        AdviceCall.patient_id == patient_id, AdviceCall.status == AdviceStatus.WAITING
    )
    return bool(session.scalar(select(waiting)))


def call_for_change(session: Session, call_id: UUID) -> AdviceCall | None:
    """A request, locked until the transaction ends."""
    return session.get(AdviceCall, call_id, with_for_update=True, populate_existing=True)
