"""`portal demo report`: a demo laboratory reports a result over MLLP, as a real one would."""

import secrets
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from portal.config import Config
from portal.core.errors import NotFound
from portal.demo.lab_report import EXPECTED, Person, Report, write_report
from portal.hl7v2.connection import MllpConnection
from portal.requisitions.catalog import TESTS

_ORDER = text(
    """
    SELECT q.placer_number, q.filler_number, q.test_code, q.collected_at, l.application, l.facility,
           p.mrn, p.family_name, p.given_name, p.birth_date, p.sex
    FROM requisition q
    JOIN laboratory l ON l.id = q.laboratory_id
    JOIN patient p ON p.id = q.patient_id
    WHERE q.placer_number = :number
    """
)
_COMPONENTS = {test["code"]: test.get("components", ()) for test in TESTS}
# How far beyond what is expected a critical value is.
_CRITICAL_TIMES = 1.35


class NoSuchOrder(NotFound):
    code = "no_such_order"
    detail = "There is no such order. GET /requisitions names them by `placer_number`."


def find_order(session: Session, number: str) -> Row[Any]:
    """What a laboratory knows of an order. Raises NoSuchOrder."""
    found = session.execute(_ORDER, {"number": number}).first()
    if found is None:
        raise NoSuchOrder()
    return found


def compose(order: Row[Any], *, status: str, critical: bool, now: datetime) -> bytes:
    """The report of an order: as expected, but for one critical value where that is wanted."""
    return write_report(
        Report(
            control_id=secrets.token_hex(8),
            application=order.application,
            facility=order.facility,
            person=Person(
                order.mrn, order.family_name, order.given_name, order.birth_date, order.sex
            ),
            test_code=order.test_code,
            placer_number=order.placer_number,
            filler_number=order.filler_number or f"DEMO-{order.placer_number}",
            issued_at=now,
            collected_at=order.collected_at or now - timedelta(hours=2),
            status=status,
            values=_critical(order.test_code) if critical else None,
        )
    )


def _critical(test_code: str) -> dict[str, str]:
    """The first analyte whose bounds are known, far above them; potassium where there is one."""
    codes = [one["code"] for one in _COMPONENTS.get(test_code, ())] or [test_code]
    known = sorted((code for code in codes if code in EXPECTED), key=lambda code: code != "2823-3")
    if not known:
        return {}
    high = float(EXPECTED[known[0]][1])
    return {known[0]: f"{high * _CRITICAL_TIMES:.1f}HH"}


def send(config: Config, raw: bytes) -> str:
    """Send a message to Careloop's listener; the acknowledgement's MSA. Raises TransportError."""
    host, _, port = config.mllp_bind.rpartition(":")
    with MllpConnection(host, int(port), tls=None) as connection:
        answer = connection.exchange(raw).decode("utf-8", "replace")
    return next(one for one in answer.split("\r") if one.startswith("MSA"))
