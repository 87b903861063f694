"""The phone line: a refill number and a date of birth, and what to say."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.core.actor import Actor
from portal.core.crypto import keyed_digest
from portal.core.errors import PortalError
from portal.notifications.texts import of_a_new_medicine
from portal.prescriptions.rules import Reason, RefillAction
from portal.refills import queries
from portal.refills.service.renewal_requests import plain_number
from portal.refills.service.request import RefillItem, RequestRefills, request_refills
from portal.refills.states import RefillChannel, RefillKind, RefillStatus

MISSES_BEFORE_LOCK = 5
LOCKED_FOR = timedelta(hours=1)

_HOLDER = text("SELECT * FROM careloop_label_holder(:number, :born)")
_LOCKED = text("SELECT 1 FROM phone_miss WHERE number_digest = :digest AND locked_until > :now")
# Misses of the last hour count; the fifth locks the number for an hour.
_MISS = text(
    """
    INSERT INTO phone_miss AS m (number_digest, misses, first_at) VALUES (:digest, 1, :now)
    ON CONFLICT (number_digest) DO UPDATE SET
        misses = CASE WHEN m.first_at < :since THEN 1 ELSE m.misses + 1 END,
        first_at = CASE WHEN m.first_at < :since THEN :now ELSE m.first_at END,
        locked_until = CASE WHEN m.first_at >= :since AND m.misses + 1 >= :most
                            THEN CAST(:until AS timestamptz) ELSE m.locked_until END
    """
)


@dataclass(frozen=True, slots=True)
class Label:
    """What the caller types: the number on the label, and a date of birth."""

    refill_number: str
    date_of_birth: date


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose label it is: the phone line acts for them from here on."""

    patient_id: UUID
    prescription_id: UUID


@dataclass(frozen=True, slots=True)
class Spoken:
    """What the phone line says, as a code and in plain words."""

    code: str
    say: str
    refill: dict[str, Any] | None = None


# One answer for an unknown number, a wrong date and a locked number.
NO_MATCH = Spoken(
    "no_match", "These numbers don't match our records. Check the label, or call your pharmacy."
)
_STATUS_WORDS = {
    RefillStatus.AWAITING_PRESCRIBER: "Your prescriber has been asked and has not answered yet.",
    RefillStatus.SENDING: "Your refill is on its way to the pharmacy.",
    RefillStatus.WITH_PHARMACY: "The pharmacy has your refill.",
    RefillStatus.PREPARING: "The pharmacy is preparing your refill.",
    RefillStatus.ON_HOLD: "The pharmacy has put your refill on hold. Please call the pharmacy.",
    RefillStatus.PARTIALLY_READY: "A part of your refill is ready to be picked up.",
    RefillStatus.READY_FOR_PICKUP: "Your refill is ready to be picked up.",
    RefillStatus.SHIPPED: "Your refill has been shipped.",
    RefillStatus.REST_OWED: "You have got a part of your refill. The pharmacy owes you the rest.",
    RefillStatus.HELD: "Your prescriber has put this medicine on hold. "
    "Please call your prescriber's office.",
    RefillStatus.PARTIALLY_DISPENSED: "You have got a part of your refill, and the rest will not "
    "follow. Please call your prescriber's office.",
    RefillStatus.PICKED_UP: "Your last refill was picked up.",
    RefillStatus.DELIVERED: "Your last refill was delivered.",
    RefillStatus.DENIED: "Your prescriber did not approve. Please call your prescriber's office.",
    RefillStatus.NOT_DISPENSED: "The pharmacy could not fill it. Please call the pharmacy.",
    RefillStatus.CANCELLED: "Your last request was cancelled.",
}


def identify(*, session: Session, label: Label, secret_key: str, now: datetime) -> Holder | None:
    """Whose label this is; None for a wrong pair, which is counted, and for a locked number."""
    number = plain_number(label.refill_number)
    digest = keyed_digest(secret_key, "phone", number)
    locked = session.execute(_LOCKED, {"digest": digest, "now": now}).first()
    row = session.execute(_HOLDER, {"number": number, "born": label.date_of_birth}).first()
    if locked is None and row is not None:
        return Holder(row.patient_id, row.prescription_id)
    miss = {
        "digest": digest,
        "now": now,
        "since": now - LOCKED_FOR,
        "until": now + LOCKED_FOR,
        "most": MISSES_BEFORE_LOCK,
    }
    session.execute(_MISS, miss)
    return None


def for_holder(actor: Actor, holder: Holder) -> Actor:
    """The phone line, acting for a patient."""
    return replace(actor, on_behalf_of=holder.patient_id)


def request_by_phone(
    *, session: Session, actor: Actor, holder: Holder, delivery: str, now: datetime
) -> Spoken:
    """Ask for a refill by phone."""
    item = RefillItem(holder.prescription_id, delivery=delivery)
    [outcome] = request_refills(
        session=session,
        actor=actor,
        command=RequestRefills(items=(item,), channel=RefillChannel.PHONE),
        now=now,
    )
    if outcome.refill is None:
        return _refusal(outcome.error)
    view = {key: outcome.refill[key] for key in ("id", "status", "expected_by")}
    if outcome.refill["status"] == RefillStatus.AWAITING_PRESCRIBER:
        return Spoken(
            "sent_to_prescriber",
            "No refills are left. Your prescriber has been asked to renew.",
            view,
        )
    return Spoken("accepted", "Your refill has been requested.", view)


def _refusal(error: PortalError | None) -> Spoken:
    extra: Any = error.extra if error else {}
    reasons = extra.get("reasons", [])
    if Reason.OPEN_REQUEST in reasons or (error and error.code == "open_request"):
        return Spoken("open_request", "A refill is already under way.")
    if Reason.TOO_SOON in reasons:
        day = extra.get("next_eligible_on")
        return Spoken("too_soon", f"It is too soon. You can ask again from {day:%B %d} on.")
    if extra.get("action") == RefillAction.CONTACT_PRESCRIBER:
        return Spoken("call_prescriber", "Please call your prescriber's office about this.")
    return Spoken("not_possible", error.detail if error else "This is not possible.")


def status_by_phone(*, session: Session, holder: Holder) -> Spoken:
    """Where the last refill of this label stands."""
    row = queries.last_refill_of(session, holder.prescription_id)
    if row is None:
        return Spoken("no_refill", "No refill has been requested for this label.")
    view = {"id": row.id, "status": row.status, "expected_by": row.expected_by}
    return Spoken(row.status, words_of(RefillStatus(row.status), RefillKind(row.kind)), view)


def words_of(status: RefillStatus, kind: RefillKind) -> str:
    """What is said of where a refill stands; of a first fill, that nobody asked for it and nothing
    was filled before."""
    words = _STATUS_WORDS[status]
    return of_a_new_medicine(words) if kind == RefillKind.FIRST_FILL else words
