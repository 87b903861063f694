"""What the database and the mailbox say afterwards, asked as the database's owner."""

import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from email import message_from_bytes
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from portal.app import create_app
from portal.config import load_config
from portal.core import audit_chain
from portal.core.actor import OPERATOR
from portal.core.audit_chain import Verdict
from portal.core.db import db, transaction
from tests.support.supervised import ROOT
from workers.schedule import seal_audit

# One line for each refill with how often it was routed, each way.
_ROUTES = """
    SELECT r.id, r.status,
      (SELECT count(*) FROM pharmacy_order o WHERE o.refill_id = r.id AND o.kind = 'fill'
         AND o.pharmacy_id = r.pharmacy_id) AS fills,
      (SELECT count(*) FROM pharmacy_order o WHERE o.refill_id = r.id) AS orders,
      (SELECT count(*) FROM work_item w WHERE w.subject_id = r.id
         AND w.kind = 'refill_decision' AND w.status = 'open'
         AND w.routed_at IS NOT NULL) AS routed,
      (SELECT count(*) FROM work_item w WHERE w.subject_id = r.id) AS items,
      (SELECT count(*) FROM work_item_hop h JOIN work_item w ON w.id = h.work_item_id
         WHERE w.subject_id = r.id) AS hops,
      (SELECT count(*) FROM refill_history h WHERE h.refill_id = r.id) AS steps,
      (SELECT count(*) FROM audit_entry a WHERE a.resource_id = r.id
         AND a.resource = 'refill' AND a.action = 'create') AS audited,
      (SELECT count(*) FROM notification n WHERE n.subject_id = r.id
         AND n.recipient_id = r.patient_id) AS told
    FROM refill r WHERE r.id = ANY(%s)
"""
AT_THE_PHARMACY = {"fills": 1, "orders": 1, "routed": 0, "items": 0, "hops": 0}
AT_THE_PRESCRIBER = {"fills": 0, "orders": 0, "routed": 1, "items": 1, "hops": 1}
ONCE = {"steps": 1, "audited": 1, "told": 1}
EXPECTED = {
    "sending": AT_THE_PHARMACY | ONCE,
    "awaiting_prescriber": AT_THE_PRESCRIBER | ONCE,
}
_ASKED_FOR = """
    SELECT id FROM refill WHERE prescription_id = ANY(%s) AND requested_at >= %s
"""
_OUTBOX = """
    SELECT CASE WHEN status = 'pending' AND attempts = 0 AND due_at > created_at
                THEN 'planned' ELSE status END AS status, count(*) AS count
    FROM outbox_event GROUP BY 1
"""
_LEDGER = """
    SELECT d.id, d.status, count(t.id) FILTER (WHERE t.outcome = 'sent') AS recorded
    FROM notification_delivery d LEFT JOIN delivery_attempt t ON t.delivery_id = d.id
    WHERE d.status <> 'suppressed' GROUP BY d.id
"""


class Evidence:
    """Looks at a Careloop from outside by the environment in its run.json."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._dsn = environ["PORTAL_OWNER_DATABASE_URL"].replace("+psycopg", "", 1)

    def ask(self, statement: str, *values: object) -> list[dict[str, Any]]:
        with psycopg.connect(self._dsn, row_factory=dict_row) as connection:
            return connection.execute(statement.encode(), values).fetchall()

    def now(self) -> datetime:
        moment: datetime = self.ask("SELECT now() AS now")[0]["now"]
        return moment

    def outbox(self) -> Counter[str]:
        """How many events stand where. Those that were left for a later day are `planned`."""
        rows = self.ask(_OUTBOX)
        return Counter({row["status"]: row["count"] for row in rows})

    def is_settled(self) -> bool:
        found = self.outbox()
        return not found["pending"] + found["published"]

    def refills(self, prescription_ids: Sequence[str], since: datetime) -> set[UUID]:
        """The refills that were made for these prescriptions."""
        ids = [UUID(id_) for id_ in prescription_ids]
        return {row["id"] for row in self.ask(_ASKED_FOR, ids, since)}

    def misrouted(self, refill_ids: Sequence[UUID]) -> list[dict[str, Any]]:
        """Those that were not routed exactly once, to where their state says."""
        rows = self.ask(_ROUTES, list(refill_ids))
        return [row for row in rows if {**row, **EXPECTED.get(row["status"], ONCE)} != row]

    def unsent(self, mailed: Mapping[str, int]) -> list[dict[str, Any]]:
        """Deliveries that did not arrive, or are not in the ledger exactly once."""
        return [
            row
            for row in self.ask(_LEDGER)
            if (row["status"], row["recorded"]) != ("sent", 1) or not mailed.get(str(row["id"]))
        ]

    def loops_check(self) -> subprocess.CompletedProcess[str]:
        """`portal loops check`."""
        return subprocess.run(
            [sys.executable, "-m", "portal", "loops", "check"],
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin", **self._environ},
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def audit_entries(self) -> int:
        return int(self.ask("SELECT count(*) AS count FROM audit_entry")[0]["count"])

    def audit_verdict(self) -> Verdict:
        """Seal what is left to be sealed, and verify the whole chain."""
        with create_app(load_config(self._environ)).app_context():
            seal_audit()
            with transaction(OPERATOR) as session:
                verdict = audit_chain.verify(session)
            db.engine.dispose()
        return verdict


def mailbox(folder: Path) -> Counter[str]:
    """How many mails arrived of each delivery, whose id is in the Message-ID."""
    found: Counter[str] = Counter()
    for file in folder.glob("*.eml"):
        message_id = str(message_from_bytes(file.read_bytes())["Message-ID"])
        found[message_id.strip("<> ").partition("@")[0]] += 1
    return found
