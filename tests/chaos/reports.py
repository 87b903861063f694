"""A laboratory that reports many results over MLLP and resends what it has no AA for, and what
must be true of each of them afterwards."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from portal.demo.cast import CAPITAL
from portal.demo.lab_report import Person, Report, write_report
from portal.hl7v2.reading import read
from tests.chaos.crowd import PATIENCE_SECONDS, PAUSE_SECONDS, Crowd
from tests.chaos.evidence import Evidence
from tests.chaos.orders import TEST, laboratory_of
from tests.support.mllp import Sender

# Each for a patient of its own, with the physician who is responsible for them.
_ORDER = """
    INSERT INTO requisition (id, placer_number, group_number, patient_id, orderer_id,
        laboratory_id, kind, test_code, test_name, status, priority, diagnoses, ordered_at,
        status_at, collect_by, expected_by)
    SELECT uuidv7(), %s || row_number() OVER (), %s, p.id, c.member_id,
           %s, 'laboratory', t.code, t.name, 'sent', 'routine', '[]', now(), now(),
           now() + interval '30 days', now() + interval '30 days'
    FROM (SELECT p.* FROM patient p JOIN account a ON a.person_id = p.id
          WHERE a.email LIKE 'patient%%@seed1.example' ORDER BY p.id LIMIT %s) p
    JOIN care_team_member c ON c.patient_id = p.id AND c.role = 'primary'
    JOIN catalog_test t ON t.code = %s
    RETURNING id, placer_number, patient_id
"""
_PEOPLE = "SELECT id, mrn, given_name, family_name, birth_date, sex FROM patient WHERE id = ANY(%s)"
# One line for each order with what its result left behind, everywhere.
_WAYS = """
    SELECT q.id, q.status,
      (SELECT count(*) FROM received_message m WHERE m.control_id = q.placer_number
         AND m.outcome <> 'failed') AS kept,
      (SELECT count(*) FROM received_message m WHERE m.control_id = q.placer_number
         AND m.outcome = 'taken_in') AS taken_in,
      (SELECT count(*) FROM requisition_history h WHERE h.requisition_id = q.id
         AND h.to_status = 'resulted') AS resulted,
      count(r.id) AS reports, min(r.release_status) AS release,
      sum((SELECT count(*) FROM report_version v WHERE v.report_id = r.id)) AS versions,
      sum((SELECT count(*) FROM release_entry e WHERE e.report_id = r.id
         AND e.action = 'released')) AS releases,
      sum((SELECT count(*) FROM work_item w WHERE w.subject_id = r.id)) AS items,
      sum((SELECT count(*) FROM work_item w WHERE w.subject_id = r.id
         AND w.kind = 'result_review' AND w.status = 'open'
         AND w.routed_at IS NOT NULL)) AS reviews,
      sum((SELECT count(*) FROM notification n WHERE n.subject_id = r.id
         AND n.recipient_id = q.patient_id AND n.event = 'result_available')) AS told,
      sum((SELECT count(*) FROM audit_entry a WHERE a.resource_id = r.id
         AND a.resource = 'result' AND a.action = 'create')) AS audited
    FROM requisition q LEFT JOIN diagnostic_report r ON r.requisition_id = q.id
    WHERE q.group_number = %s GROUP BY q.id
"""
EXPECTED = {
    "status": "resulted",
    "kept": 1,
    "taken_in": 1,
    "resulted": 1,
    "reports": 1,
    "release": "released",
    "versions": 1,
    "releases": 1,
    "items": 1,
    "reviews": 1,
    "told": 1,
    "audited": 1,
}


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A message that was answered AA in the end, after so many tries that were not."""

    control_id: str
    rejected: int
    interrupted: int


class Reports(Crowd[bytes, Acknowledged]):
    """Messages under way and their acknowledgements so far. The address is the listener's."""

    __slots__ = ()

    def answers_to(self, address: str, asks: Sequence[bytes]) -> Iterator[Acknowledged]:
        line = _Line(int(address.rpartition(":")[2]))
        try:
            for raw in asks:
                yield line.deliver(raw)
        finally:
            line.hang_up()

    @property
    def interrupted(self) -> int:
        return sum(answer.interrupted for answer in self.answers)

    @property
    def rejected(self) -> int:
        return sum(answer.rejected for answer in self.answers)


class _Line:
    """A connection that is made again after trouble; the message is sent again as it was."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._sender: Sender | None = None

    def deliver(self, raw: bytes) -> Acknowledged:
        control_id = read(raw).control_id
        deadline, interrupted, rejected = time.monotonic() + PATIENCE_SECONDS, 0, 0
        while (code := self._try(raw, control_id)) != "AA":
            assert code in ("", "AR"), f"{control_id} was answered {code}"
            interrupted += code == ""
            rejected += code == "AR"
            assert time.monotonic() < deadline, f"{control_id} was never taken"
            time.sleep(PAUSE_SECONDS)
        return Acknowledged(control_id, rejected, interrupted)

    def _try(self, raw: bytes, control_id: str) -> str:
        """What the message was answered; nothing when the connection broke or stayed silent."""
        try:
            if self._sender is None:
                self._sender = Sender(self._port)
            msa = read(self._sender.exchange(raw), answer=True).segment("MSA")
        except (OSError, EOFError):
            self.hang_up()
            return ""
        assert msa is not None
        assert msa.text(2) == control_id
        return msa.text(1)

    def hang_up(self) -> None:
        if self._sender is not None:
            self._sender.close()
        self._sender = None


def ordered_reports(evidence: Evidence, count: int, now: datetime) -> tuple[str, Reports]:
    """Orders that a laboratory has, with the message that answers each; their group number too."""
    mark = f"C{uuid4().hex[:10]}-"
    laboratory_id = laboratory_of(evidence)
    placed = evidence.ask(_ORDER, mark, mark, laboratory_id, count, TEST)
    people = {
        row["id"]: row for row in evidence.ask(_PEOPLE, [one["patient_id"] for one in placed])
    }
    return mark, Reports([_message(one, people[one["patient_id"]], now) for one in placed])


def _message(order: dict[str, Any], whose: dict[str, Any], now: datetime) -> bytes:
    """A final panel, all of it normal. Its control id is the order's number."""
    person = Person(
        **{name: whose[name] for name in ("mrn", "family_name", "given_name", "birth_date", "sex")}
    )
    number = order["placer_number"]
    return write_report(
        Report(
            control_id=number,
            application=CAPITAL.application,
            facility=CAPITAL.facility,
            person=person,
            test_code=TEST,
            placer_number=number,
            filler_number=f"F{number}",
            issued_at=now,
            collected_at=now - timedelta(hours=2),
        )
    )


def astray(evidence: Evidence, mark: str) -> list[dict[str, Any]]:
    """The orders whose result did not come, or was not followed, exactly once."""
    return [row for row in evidence.ask(_WAYS, mark) if {**row, **EXPECTED} != row]


def taken_in(evidence: Evidence, mark: str) -> set[str]:
    """The control ids under which something was taken in."""
    rows = evidence.ask(
        "SELECT control_id FROM received_message WHERE outcome = 'taken_in' "
        "AND starts_with(control_id, %s)",
        mark,
    )
    return {row["control_id"] for row in rows}
