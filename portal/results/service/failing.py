"""Messages that we fail to take in: asked for again a few times, then set aside as somebody's case,
so that whoever sends goes on, and nothing is lost."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from portal.core.ids import new_id
from portal.directory.errors import NoPool
from portal.results import intake_queries as queries
from portal.results import intake_statements as statements
from portal.results.envelope import Arrival, Envelope, Source
from portal.results.incoming import Coding, IncomingMessage, IncomingReport, PatientIdentity
from portal.results.service.cases import Waiting, open_cases
from portal.results.service.keeping import arrive, kept
from portal.results.service.rereading import read_again
from portal.results.states import CaseReason, IntakeTransport, MessageOutcome, ReportStatus

# How often the same message is asked for again.
MOST_FAILURES = 3
_UNREADABLE = IncomingReport("", Coding("", "", ""), ReportStatus.REGISTERED)


@dataclass(frozen=True, slots=True)
class Answers:
    """What is answered: that it is to be sent again, or that it is taken."""

    again: Sequence[bytes]
    taken: Sequence[bytes]


def failure_locks(raw: bytes) -> frozenset[str]:
    """What a transaction locks in which a failure of a message is counted: see transaction()."""
    return frozenset({f"failure {_content_digest(raw).hex()}"})


def note_failure(
    *, session: Session, source: Source, envelope: Envelope, answers: Answers, now: datetime
) -> tuple[MessageOutcome, Sequence[bytes]]:
    """Keep a message that failed on our side; what became of it, and what is answered.

    The same message is known by its sender, and its control id or what it says.
    """
    arrival = arrive(session=session, source=source, envelope=envelope)
    digest = _content_digest(envelope.content)
    if arrival.twin is not None and bytes(arrival.twin.digest) == envelope.digest:
        return MessageOutcome(arrival.twin.outcome), [bytes(one) for one in arrival.twin.answers]
    failures = queries.failures(session, arrival.sender_name, digest, envelope.control_id)
    if failures + 1 >= MOST_FAILURES and arrival.twin is None:
        # Without a team nobody is there yet who could have it.
        with suppress(NoPool):
            _set_aside(session, arrival, digest, answers.taken, now)
            return MessageOutcome.RECONCILING, answers.taken
    row = kept(arrival, MessageOutcome.FAILED, answers.again, now=now, problem="failed")
    row["digest"] = digest
    statements.write(session, {}, message_id=arrival.message_id, message=row, now=now)
    return MessageOutcome.FAILED, answers.again


def _content_digest(raw: bytes) -> bytes:
    """Of what a message says: without its header, which differs each time for some senders."""
    start, _end, rest = raw.partition(b"\r")
    return hashlib.sha256(rest if start.startswith(b"MSH") and rest else raw).digest()


def _set_aside(
    session: Session, arrival: Arrival, digest: bytes, answers: Sequence[bytes], now: datetime
) -> None:
    """One case for the same content, however often it comes under new control ids."""
    row = kept(arrival, MessageOutcome.RECONCILING, answers, now=now, problem="failed")
    rows = {}
    if not queries.has_case_of_failure(session, digest.hex()):
        message = _read(arrival)
        report = message.reports[0]
        waiting = Waiting(
            new_id(),
            0,
            report,
            CaseReason.NOT_TAKEN_IN,
            undecided=[one for each in message.reports for one in each.observations],
        )
        [case] = open_cases(session, arrival.sender, message.patient, [waiting], now)
        case["summary"]["digest"] = digest.hex()
        rows["cases"] = [case]
    statements.write(session, rows, message_id=arrival.message_id, message=row, now=now)


def _read(arrival: Arrival) -> IncomingMessage:
    """As much as can be read of it, to tell how much it presses; reading may be what failed."""
    fhir = arrival.transport == IntakeTransport.FHIR
    zone: ZoneInfo = arrival.sender.zone
    # Whatever it is that fails: the case is opened all the same.
    with suppress(Exception):
        return read_again(arrival.envelope.content, fhir=fhir, zone=zone)
    return IncomingMessage(PatientIdentity(), (_UNREADABLE,))
