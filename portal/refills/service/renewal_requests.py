"""A pharmacy's own request to renew, when no refills remain (NCPDP SCRIPT RxRenewalRequest)."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.core.actor import Actor
from portal.core.errors import PortalError
from portal.directory import service as directory
from portal.prescriptions.errors import PrescriptionNotFound
from portal.refills import pharmacy_queries as queries
from portal.refills.service.request import RefillItem, RequestRefills, request_refills
from portal.refills.states import Delivery, RefillChannel

_CLAIM = text(
    """
    INSERT INTO renewal_request (pharmacy_id, event_id, content_digest, outcome, received_at)
    VALUES (:pharmacy_id, :event_id, :digest, 'accepted', :now) ON CONFLICT DO NOTHING
    """
)
_KEPT = text(
    "SELECT content_digest, refill_id, outcome FROM renewal_request "
    "WHERE pharmacy_id = :pharmacy_id AND event_id = :event_id"
)
_SETTLE = text(
    "UPDATE renewal_request SET outcome = :outcome, refill_id = :refill_id "
    "WHERE pharmacy_id = :pharmacy_id AND event_id = :event_id"
)


@dataclass(frozen=True, slots=True)
class RequestRenewal:
    event_id: str
    refill_number: str
    note: str | None = None

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(orjson.dumps([self.refill_number, self.note])).digest()


@dataclass(frozen=True, slots=True)
class RenewalAnswer:
    """`accepted`, `duplicate`, `conflict` or `rejected` (with the error)."""

    outcome: str
    refill_id: UUID | None = None
    error: PortalError | None = None


def plain_number(typed: str) -> str:
    """A refill number as it is kept: spaces, dashes and small letters are forgiven."""
    return "".join(c for c in typed.upper() if c.isalnum())


def request_renewal(
    *, session: Session, actor: Actor, command: RequestRenewal, now: datetime
) -> RenewalAnswer:
    """Ask the prescriber to renew; the same event again changes nothing."""
    mine = {"pharmacy_id": actor.id, "event_id": command.event_id}
    claim = {**mine, "digest": command.digest, "now": now}
    if session.connection().execute(_CLAIM, claim).rowcount == 0:
        kept = session.execute(_KEPT, mine).one()
        same = bytes(kept.content_digest) == command.digest
        return RenewalAnswer("duplicate" if same else "conflict", kept.refill_id if same else None)
    answer = _ask(session, actor, command, now)
    settled = {**mine, "outcome": answer.outcome, "refill_id": answer.refill_id}
    session.execute(_SETTLE, settled)
    return answer


def _ask(session: Session, actor: Actor, command: RequestRenewal, now: datetime) -> RenewalAnswer:
    prescription_id = queries.prescription_of(session, plain_number(command.refill_number))
    if prescription_id is None:
        return RenewalAnswer("rejected", error=PrescriptionNotFound())
    mails = directory.get_pharmacy(session, actor.id).mail_order
    item = RefillItem(
        prescription_id,
        delivery=Delivery.MAIL if mails else Delivery.PICKUP,
        pharmacy_id=actor.id,
        note=command.note,
    )
    [outcome] = request_refills(
        session=session,
        actor=actor,
        command=RequestRefills(items=(item,), channel=RefillChannel.PHARMACY),
        now=now,
    )
    if outcome.error is not None or outcome.refill is None:
        return RenewalAnswer("rejected", error=outcome.error)
    return RenewalAnswer("accepted", outcome.refill["id"])
