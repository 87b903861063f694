"""What of a thread is unread, which is another question for each reader: SQL over `thread t`.

The patient's and the care team's counts stand in the thread. Each delegate's is counted, since each
has their own and most threads have none.
"""

from collections.abc import Callable, Mapping

from sqlalchemy import TextClause, text

from portal.core.actor import ActorKind
from portal.core.rls import ME

# What a delegate was sent since they may act for the patient, and has not opened.
_UNOPENED = f"""(
    SELECT count(*)::int FROM message m
    WHERE m.thread_id = t.id AND m.author_kind NOT IN ('patient', 'delegate')
      AND m.kind <> 'internal_note' AND m.sent_at >= (
          SELECT min(greatest(coalesce(d.answered_at, d.offered_at), d.starts_on)) FROM delegation d
          WHERE d.delegate_id = {ME} AND d.patient_id = t.patient_id AND d.status = 'accepted')
      AND NOT EXISTS (SELECT FROM message_read r
                      WHERE r.message_id = m.id AND r.reader_id = {ME}))"""  # noqa: S608 - a setting of ours
UNREAD: Mapping[ActorKind, str] = {
    ActorKind.PATIENT: "t.unread_by_patient",
    ActorKind.DELEGATE: _UNOPENED,
    ActorKind.PRACTITIONER: "t.unread_by_team",
    ActorKind.STAFF: "t.unread_by_team",
}


def for_each_reader(query: Callable[[str], str]) -> Mapping[ActorKind, TextClause]:
    """A query for each kind of reader: what is unread is counted for each in another way."""
    return {kind: text(query(unread)) for kind, unread in UNREAD.items()}
