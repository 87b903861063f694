"""HL7 v2 messages of laboratories: kept, read, put on charts, acknowledged."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.web import extension
from portal.hl7v2.acknowledging import ACCEPTED, Outcome, acknowledgements, outcome_of
from portal.hl7v2.errors import (
    ErrorCondition,
    Fault,
    MessageRefused,
    RefusalCode,
    refused,
    rejected,
)
from portal.hl7v2.header import Header
from portal.hl7v2.reading import Message, header_of, read
from portal.requisitions import service as requisitions
from portal.requisitions.orl import read_response
from portal.results import oru
from portal.results.envelope import Arrival, Envelope, Placed, Sender, Source
from portal.results.service.failing import Answers, note_failure
from portal.results.service.keeping import arrive, keep
from portal.results.service.placing import MOST_NUMBERS, look, order_locks, place_reports
from portal.results.states import IntakeTransport, MessageOutcome

RESPONSES = ("ORL^O22", "ORL^O34", "ACK^O21", "ACK^")
SUPPORTED = (*oru.TYPES, *RESPONSES)
# As long as v2.5.1 lets a control id be.
_CONTROL_ID_BYTES = 10


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of a message: the acknowledgements to send, none where the sender wants none."""

    outcome: MessageOutcome
    answers: Sequence[bytes]
    placed: Sequence[Placed] = ()
    problem: Outcome = ACCEPTED


def new_control_id() -> str:
    return secrets.token_hex(_CONTROL_ID_BYTES)


@dataclass(frozen=True, slots=True)
class Opened:
    """A message as far as it can be read without the database, or why it is refused, with as much
    of its header as there is. `locks` is what its transaction has to lock: see transaction()."""

    source: Source
    envelope: Envelope
    header: Header | None
    message: Message | MessageRefused
    locks: frozenset[str] = frozenset()


def open_hl7(raw: bytes, source: Source) -> Opened:
    """Never raises, whatever it is that came."""
    try:
        message = read(raw)
        message.require(*SUPPORTED)
        _check_processing(message)
        locks = _order_locks(message)
    except MessageRefused as refusal:
        return _unread(raw, source, refusal)
    return Opened(_named(source, message), _envelope(raw, message), message, message, locks)


def _check_processing(message: Message) -> None:
    """What is sent for training or debugging reaches no real chart. Raises MessageRefused."""
    accepted = extension("config").hl7_processing
    if message.processing_id not in accepted:
        problem = f"Accepted here: {', '.join(sorted(accepted))}."
        raise rejected("MSH^1^11", ErrorCondition.UNSUPPORTED_PROCESSING_ID, problem)


def _unread(raw: bytes, source: Source, refusal: MessageRefused) -> Opened:
    header = header_of(raw)
    return Opened(_named(source, header), _envelope(raw, header), header, refusal)


def receive_hl7(*, session: Session, opened: Opened, now: datetime) -> Answered:
    """Take one message in. What can't be used is kept too, and its sender told what to mend.

    The answers may go out once the transaction has committed, and not before. Raises
    TakenMeanwhile.
    """
    message = opened.message
    if isinstance(message, MessageRefused):
        return _refuse(session, opened, message, now)
    try:
        return _understand(session, opened, message, now)
    except MessageRefused as refusal:
        return _refuse(session, opened, refusal, now)


def refuse_long(
    *, session: Session, source: Source, start: bytes, limit: int, now: datetime
) -> Answered:
    """Refuse a message that is longer than `limit` bytes, of which only the start was read."""
    refusal = refused("", ErrorCondition.APPLICATION_INTERNAL_ERROR, f"Longer than {limit} bytes.")
    return _refuse(session, _unread(start, source, refusal), refusal, now)


_AGAIN = Outcome(
    RefusalCode.REJECT.value,
    (Fault("", ErrorCondition.APPLICATION_INTERNAL_ERROR, "Not taken in: send it again."),),
)


def refuse_for_now(raw: bytes, now: datetime) -> Answered:
    """The answer where nothing can be kept: AR, so that the sender tries again later."""
    answers = acknowledgements(header_of(raw), _AGAIN, now=now, new_id=new_control_id)
    return Answered(MessageOutcome.FAILED, answers, problem=_AGAIN)


def fail_hl7(*, session: Session, source: Source, raw: bytes, now: datetime) -> Answered:
    """The answer where we failed: AR, and once it has failed often, that it is taken: it is
    somebody's case then, and the sender goes on."""
    header = header_of(raw)
    again, taken = (
        acknowledgements(header, outcome, now=now, new_id=new_control_id)
        for outcome in (_AGAIN, ACCEPTED)
    )
    outcome, answers = note_failure(
        session=session,
        source=_named(source, header),
        envelope=_envelope(raw, header),
        answers=Answers(again, taken),
        now=now,
    )
    failed = outcome == MessageOutcome.FAILED
    return Answered(outcome, answers, problem=_AGAIN if failed else ACCEPTED)


def take_hl7_again(
    *, session: Session, opened: Opened, message_id: UUID, now: datetime
) -> Sequence[Placed]:
    """Take in a message that is kept already. Raises MessageRefused."""
    message = opened.message
    if isinstance(message, MessageRefused):
        raise message
    # It would find itself under its control id.
    envelope = replace(opened.envelope, control_id=None)
    if message.kind not in oru.TYPES:
        arrival = arrive(session=session, source=opened.source, envelope=envelope)
        _take_response(session, arrival.sender, message, now)
        return ()
    arrival, reports, found = look(
        session=session,
        source=opened.source,
        envelope=envelope,
        read=lambda zone: oru.read_report(message, zone=zone),
    )
    return place_reports(
        session=session,
        arrival=replace(arrival, message_id=message_id),
        message=reports,
        found=found,
        answer=None,
        now=now,
    )


def _named(source: Source, header: Header | None) -> Source:
    """A source over MLLP goes by how the message names its sender."""
    if header is None or source.transport != IntakeTransport.MLLP:
        return source
    return Source(source.transport, None, header.sender, header.sender_facility)


def _envelope(raw: bytes, header: Header | None) -> Envelope:
    """The time at which a message says it was made differs each time that it is sent."""
    stamp = header.sent_at.encode() if header is not None else b""
    digest = hashlib.sha256(raw.replace(b"|" + stamp + b"|", b"||", 1) if stamp else raw)
    return Envelope(
        content=raw,
        control_id=header.control_id or None if header is not None else None,
        message_type=f"{header.type}^{header.event}" if header is not None else "",
        digest=digest.digest(),
    )


def _order_locks(message: Message) -> frozenset[str]:
    """Of every number of an order that the message has. Raises MessageRefused for too many."""
    orders = [one for one in message.segments if one.name in ("ORC", "OBR")]
    locks = order_locks(*(one.text(field) for one in orders for field in (2, 3)))
    if len(locks) > MOST_NUMBERS:
        problem = f"At most {MOST_NUMBERS} different order numbers a message."
        raise refused("OBR", ErrorCondition.APPLICATION_INTERNAL_ERROR, problem)
    return locks


def _understand(session: Session, opened: Opened, message: Message, now: datetime) -> Answered:
    answers = acknowledgements(message, ACCEPTED, now=now, new_id=new_control_id)
    if message.kind not in oru.TYPES:
        return _understand_response(session, opened, message, answers, now)
    arrival, reports, found = look(
        session=session,
        source=opened.source,
        envelope=opened.envelope,
        read=lambda zone: oru.read_report(message, zone=zone),
    )
    if arrival.twin is not None:
        return _answer_again(message, arrival, now)
    placed = place_reports(
        session=session,
        arrival=arrival,
        message=reports,
        found=found,
        answer=lambda _placed: answers,
        now=now,
    )
    return Answered(MessageOutcome.TAKEN_IN, answers, placed)


def _understand_response(
    session: Session, opened: Opened, message: Message, answers: Sequence[bytes], now: datetime
) -> Answered:
    arrival = arrive(session=session, source=opened.source, envelope=opened.envelope)
    if arrival.twin is not None:
        return _answer_again(message, arrival, now)
    _take_response(session, arrival.sender, message, now)
    outcome = MessageOutcome.TAKEN_IN
    keep(session=session, arrival=arrival, outcome=outcome, answers=answers, now=now)
    return Answered(outcome, answers)


def _take_response(session: Session, sender: Sender, message: Message, now: datetime) -> None:
    response = read_response(message)
    if sender.laboratory_id is None:
        raise refused(
            "MSH^1^3",
            ErrorCondition.UNKNOWN_KEY_IDENTIFIER,
            "No laboratory here names itself so.",
        )
    requisitions.take_response(
        session=session,
        actor=sender.actor,
        laboratory_id=sender.laboratory_id,
        response=response,
        now=now,
    )


def _answer_again(message: Message, arrival: Arrival, now: datetime) -> Answered:
    """The same message again is answered as before; another one under its control id is not."""
    twin = arrival.twin
    if bytes(twin.digest) == arrival.envelope.digest:
        return Answered(MessageOutcome(twin.outcome), [bytes(one) for one in twin.answers])
    fault = Fault(
        "MSH^1^10",
        ErrorCondition.DUPLICATE_KEY_IDENTIFIER,
        "Another message came under this control id: use a new one.",
    )
    outcome = Outcome(RefusalCode.ERROR.value, (fault,))
    answers = acknowledgements(message, outcome, now=now, new_id=new_control_id)
    return Answered(MessageOutcome.REFUSED, answers, problem=outcome)


def _refuse(session: Session, opened: Opened, refusal: MessageRefused, now: datetime) -> Answered:
    outcome = outcome_of(refusal)
    answers = acknowledgements(opened.header, outcome, now=now, new_id=new_control_id)
    keep(
        session=session,
        arrival=arrive(session=session, source=opened.source, envelope=opened.envelope),
        outcome=MessageOutcome.REFUSED,
        answers=answers,
        problem=str(refusal),
        now=now,
    )
    return Answered(MessageOutcome.REFUSED, answers, problem=outcome)
