"""What happens at intervals. Each tick finds its work in the database: twice has one effect."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, TextClause, text
from sqlalchemy.orm import Session

from portal.accounts import service as accounts
from portal.appointments import service as appointments
from portal.attachments.storage import Storage
from portal.attachments.sweeping import sweep
from portal.core import audit_chain
from portal.core.actor import WORKER
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.web import extension
from portal.messages import service as messages
from portal.patients import merging
from portal.referrals import service as referrals
from portal.refills import service as refills
from portal.requisitions import service as requisitions
from portal.results import service as results
from portal.visits import service as visits
from portal.worklist import service as worklist
from workers.broker import TICK

BATCH = 500
DONE_KEPT_FOR = timedelta(days=7)

PURGE_BATCH = 5_000

_PURGE_OUTBOX = text(
    "DELETE FROM outbox_event WHERE id IN (SELECT id FROM outbox_event "
    "WHERE status = 'done' AND done_at < :before LIMIT :batch FOR UPDATE SKIP LOCKED)"
)
_PURGE_KEYS = text(
    "DELETE FROM idempotency_key WHERE (actor_id, key) IN (SELECT actor_id, key "
    "FROM idempotency_key WHERE expires_at < :before LIMIT :batch FOR UPDATE SKIP LOCKED)"
)


def escalate() -> int:
    """Work items past their due time move one step up."""

    def batch(session: Session) -> int:
        return worklist.escalate_due(session=session, actor=WORKER, now=utcnow(), limit=BATCH)

    return _until_done(batch, BATCH)


def find_overdue() -> int:
    """Steps of refills that are late become somebody's work; a rest that the law lets follow no
    more is given up."""

    def batch(session: Session) -> int:
        return refills.find_overdue(session=session, now=utcnow(), limit=BATCH)

    def rests(session: Session) -> int:
        return refills.give_up_rests(session=session, now=utcnow(), limit=BATCH)

    return _until_done(rests, BATCH) + _until_done(batch, BATCH)


def find_uncollected() -> int:
    """Tests that were not done are recalled to the patient, then become somebody's work."""

    def remind(session: Session) -> int:
        return requisitions.remind_uncollected(session=session, now=utcnow(), limit=BATCH)

    def find(session: Session) -> int:
        return requisitions.find_uncollected(session=session, now=utcnow(), limit=BATCH)

    return _until_done(remind, BATCH) + _until_done(find, BATCH)


def find_unresulted() -> int:
    """Specimens without a result in time become somebody's work."""

    def batch(session: Session) -> int:
        return requisitions.find_unresulted(session=session, now=utcnow(), limit=BATCH)

    return _until_done(batch, BATCH)


def expire_requisitions() -> int:
    """Orders that were never carried out end."""

    def batch(session: Session) -> int:
        return requisitions.expire_requisitions(session=session, now=utcnow(), limit=BATCH)

    return _until_done(batch, BATCH)


def make_standing() -> int:
    """Standing orders' next requisitions are made."""

    def batch(session: Session) -> int:
        return requisitions.make_standing(session=session, now=utcnow(), limit=BATCH)

    return _until_done(batch, BATCH)


def remind_of_appointments() -> int:
    """Patients are reminded of their appointments, two days and two hours before."""

    def batch(session: Session) -> int:
        return appointments.remind(session=session, now=utcnow(), limit=BATCH)

    return _until_done(batch, BATCH)


def expire_offers() -> int:
    """Offers of times that nobody answered end, and the times go to others."""

    def batch(session: Session) -> int:
        return appointments.expire_offers(session=session, now=utcnow(), limit=BATCH)

    return _until_done(batch, BATCH)


def find_without_outcome() -> int:
    """Appointments that are over and of which nobody said what came become somebody's work."""

    def batch(session: Session) -> int:
        return appointments.find_without_outcome(session=session, now=utcnow(), limit=BATCH)

    return _until_done(batch, BATCH)


def release_due() -> int:
    """Results whose time has come become visible to their patients."""

    def batch(session: Session) -> int:
        return results.release_due(session=session, now=utcnow(), limit=BATCH)

    return _until_done(batch, BATCH)


def find_unseen() -> int:
    """Patients are reminded of results that they have not looked at; then their team is."""

    def batch(session: Session) -> int:
        return results.find_unseen(session=session, now=utcnow(), limit=BATCH)

    return _until_done(batch, BATCH)


def find_uncommunicated() -> int:
    """Reviewed results that the patient was not told of become somebody's work."""

    def batch(session: Session) -> int:
        return results.find_uncommunicated(session=session, now=utcnow(), limit=BATCH)

    return _until_done(batch, BATCH)


def sweep_attachments() -> int:
    """Uploads that nobody used, and files that no attachment names, are deleted."""
    swept = sweep(Storage(extension("config").attachments), utcnow())
    return swept.uploads + swept.files


def send_digests() -> int:
    """Patients who want one e-mail a day about their messages get it."""

    def batch(session: Session) -> int:
        return messages.send_digests(session=session, now=utcnow(), limit=BATCH)

    return _until_done(batch, BATCH)


def find_missing_summaries() -> int:
    """Visits whose summary was not released in time become their practitioner's work."""

    def batch(session: Session) -> int:
        return visits.find_missing_summaries(session=session, now=utcnow(), limit=BATCH)

    return _until_done(batch, BATCH)


def find_overdue_instructions() -> int:
    """What patients did not do in time after a visit becomes their practitioner's work."""

    def batch(session: Session) -> int:
        return visits.find_overdue_instructions(session=session, now=utcnow(), limit=BATCH)

    return _until_done(batch, BATCH)


def watch_referrals() -> int:
    """Appointments that are over, authorisations that end, and notes that were held long enough."""
    finders = (
        referrals.find_unattended,
        referrals.warn_of_expiry,
        referrals.expire_referrals,
        referrals.release_held,
    )
    return sum(_until_done(_batch_of(find), BATCH) for find in finders)


def _batch_of(find: Callable[..., int]) -> Callable[[Session], int]:
    def batch(session: Session) -> int:
        return find(session=session, now=utcnow(), limit=BATCH)

    return batch


def seal_audit() -> int:
    """Seal what was written to the audit trail, and make the coming months' partitions."""
    with transaction(WORKER) as session:
        audit_chain.ensure_months(session, utcnow())
    return _until_done(lambda session: audit_chain.seal(session, now=utcnow()), 1)


def purge() -> int:
    """Forget what has served its purpose: done events, old keys, expired sessions and tokens, and
    what was moved by merges that can't be undone any more."""
    now = utcnow()

    def moves(session: Session) -> int:
        return merging.forget_moves(session=session, now=now, limit=PURGE_BATCH)

    with transaction(WORKER) as session:
        accounts.purge_expired(session=session, now=now)
    forgotten = _until_done(moves, PURGE_BATCH)
    return forgotten + _delete(_PURGE_OUTBOX, now - DONE_KEPT_FOR) + _delete(_PURGE_KEYS, now)


def _delete(statement: TextClause, before: datetime) -> int:
    def batch(session: Session) -> int:
        values = {"before": before, "batch": PURGE_BATCH}
        return cast(CursorResult[Any], session.execute(statement, values)).rowcount

    return _until_done(batch, PURGE_BATCH)


def _until_done(batch: Callable[[Session], int], full: int) -> int:
    """Run a batch in a transaction of its own, again while it is full. Returns how many in all."""
    total = 0
    while True:
        with transaction(WORKER) as session:
            count = batch(session)
        total += count
        if count < full:
            return total


TICKS: dict[str, Callable[[], int]] = {
    "escalate": escalate,
    "find_overdue": find_overdue,
    "find_uncollected": find_uncollected,
    "find_unresulted": find_unresulted,
    "expire_requisitions": expire_requisitions,
    "make_standing": make_standing,
    "remind_of_appointments": remind_of_appointments,
    "expire_offers": expire_offers,
    "find_without_outcome": find_without_outcome,
    "release_due": release_due,
    "find_unseen": find_unseen,
    "find_uncommunicated": find_uncommunicated,
    "sweep_attachments": sweep_attachments,
    "send_digests": send_digests,
    "find_missing_summaries": find_missing_summaries,
    "find_overdue_instructions": find_overdue_instructions,
    "watch_referrals": watch_referrals,
    "seal_audit": seal_audit,
    "purge": purge,
}

_EVERY = {
    "escalate": 30.0,
    "find_overdue": 60.0,
    "find_uncollected": 60.0,
    "find_unresulted": 60.0,
    "expire_requisitions": 300.0,
    "make_standing": 300.0,
    "remind_of_appointments": 60.0,
    "expire_offers": 30.0,
    "find_without_outcome": 300.0,
    "release_due": 30.0,
    "find_unseen": 600.0,
    "find_uncommunicated": 600.0,
    "sweep_attachments": 3600.0,
    "send_digests": 600.0,
    "find_missing_summaries": 60.0,
    "find_overdue_instructions": 60.0,
    "watch_referrals": 300.0,
    "seal_audit": 60.0,
    "purge": 3600.0,
}
# A tick that waited longer than its interval is dropped: the next one does the same.
BEAT: dict[str, dict[str, Any]] = {
    name: {
        "task": TICK,
        "schedule": seconds,
        "args": [name],
        "options": {"expires": seconds},
    }
    for name, seconds in _EVERY.items()
}
