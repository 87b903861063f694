"""docs/laboratories.md: its messages are written, read and answered as it says."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest

from portal.hl7v2.acknowledging import acknowledgements, outcome_of
from portal.hl7v2.errors import MessageRefused
from portal.hl7v2.fields import Code
from portal.hl7v2.reading import read
from portal.requisitions.oml import (
    Address,
    LabOrder,
    OrderControl,
    Orderer,
    OrderPatient,
    Party,
    write_order,
)
from portal.requisitions.orl import read_response
from portal.results.oru import read_report
from portal.results.states import Abnormality, ReportStatus
from tests.support.hl7 import EASTERN

PAGE = Path(__file__).parents[2] / "docs" / "laboratories.md"
EAST = timezone(-timedelta(hours=5))
ORDER = LabOrder(
    control_id="5f0a63b1c2d94e7788aa",
    placer_number="ORD-100001",
    group_number="G-100001",
    control=OrderControl.NEW,
    patient=OrderPatient(
        mrn="RFM-10001",
        authority="CLINIC",
        family_name="Thompson",
        given_name="Avery",
        birth_date=date(1980, 4, 15),
        sex="F",
        address=Address("12 Willow Street", "Albany", "NY", "12203"),
        phone="518-555-0101",
    ),
    orderer=Orderer("1888888888", "Okafor", "Ines"),
    test=Code("24323-8", "Comprehensive metabolic 2000 panel", "LN"),
    sender=Party("CARELOOP", "CLINIC"),
    receiver=Party("CAPLIS", "CAPLAB"),
    diagnoses=(Code("I10", "Essential (primary) hypertension", "I10C"),),
    specimen=Code("119364003", "Serum specimen", "SCT"),
    fasting=True,
    requested_at=datetime(2026, 3, 2, tzinfo=EAST),
)


def documented(message_type: str) -> bytes:
    """The one message of a type on the page."""
    blocks = re.findall(r"```hl7\n(.*?)```", PAGE.read_text(), re.DOTALL)
    [found] = [block for block in blocks if f"|{message_type}^" in block.partition("\n")[0]]
    return str(found).replace("\n", "\r").encode()


def test_an_order_is_written_as_the_page_shows_it() -> None:
    written = write_order(ORDER, datetime(2026, 3, 1, 12, 30, tzinfo=UTC))
    assert written.decode().split("\r") == documented("OML").decode().split("\r")


def test_the_answer_on_the_page_accepts_that_order() -> None:
    response = read_response(documented("ORL"))
    [order] = response.orders
    assert response.accepted
    assert response.control_id == ORDER.control_id
    assert (order.control, order.placer_number, order.filler_number) == (
        "OK",
        ORDER.placer_number,
        "CAP-100001",
    )


def test_the_result_on_the_page_answers_that_order_with_a_critical_value() -> None:
    [report] = read_report(read(documented("ORU")), zone=EASTERN).reports
    sodium, potassium = report.observations
    assert (report.placer_number, report.filler_number) == (ORDER.placer_number, "CAP-100001")
    assert report.status is ReportStatus.FINAL
    assert report.issued_at == datetime(2026, 3, 2, 10, 10, tzinfo=EAST)
    assert (sodium.abnormality, potassium.abnormality) == (
        Abnormality.NORMAL,
        Abnormality.CRITICAL,
    )
    assert potassium.number == Decimal("6.8")
    assert potassium.note == "Not haemolysed. Repeated and confirmed."


def test_a_status_that_hl7_does_not_know_is_answered_as_the_page_shows_it() -> None:
    broken = read(documented("ORU").replace(b"||CH|F\r", b"||CH|Q\r"))
    with pytest.raises(MessageRefused) as refusal:
        read_report(broken, zone=EASTERN)
    [answer] = acknowledgements(
        broken,
        outcome_of(refusal.value),
        now=datetime(2026, 3, 2, 15, 15, 1, tzinfo=UTC),
        new_id=lambda: "c0ffee00112233445566",
    )
    assert answer.decode().split("\r") == documented("ACK").decode().split("\r")
