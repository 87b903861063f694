"""Orders as they are written, and answers as they are read."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from portal.hl7v2.errors import MessageRefused
from portal.hl7v2.fields import Code
from portal.hl7v2.reading import read
from portal.requisitions.oml import (
    Address,
    LabOrder,
    OrderControl,
    Orderer,
    OrderPatient,
    OrderPriority,
    Party,
    write_order,
)
from portal.requisitions.orl import OrderAnswer, OrderResponse, read_response
from tests.support.shared_data import shared

EAST = timezone(-timedelta(hours=5))
NOW = datetime(2026, 3, 1, 7, 30, tzinfo=EAST)
ORDERER = "1888888888^Testprescriber^Jordan^^^^^^NPI&2.16.840.1.113883.4.6&ISO^L^^^NPI"
ORDER = LabOrder(
    control_id="SYN-ORD-0001",
    placer_number="ORD-9001",
    control=OrderControl.NEW,
    patient=OrderPatient(
        mrn="MRN-1001",
        authority="CLINIC",
        authority_oid="2.16.840.1.113883.19.5",
        family_name="Testpatient",
        given_name="Avery",
        middle_name="Q",
        birth_date=date(1980, 4, 15),
        sex="F",
        address=Address("1 Test St", "Springfield", "MA", "01101", "USA"),
        phone="+1 413 555 0100",
    ),
    orderer=Orderer("1888888888", "Testprescriber", "Jordan"),
    test=Code("24323-8", "Comprehensive metabolic 2000 panel - Serum or Plasma", "LN"),
    sender=Party("PORTAL", "CLINIC"),
    receiver=Party("ACMELAB", "ACME LAB"),
    diagnoses=(Code("I10", "Essential (primary) hypertension", "I10C"),),
    requested_at=datetime(2026, 3, 1, 8, tzinfo=EAST),
)


def lines(order: LabOrder) -> list[str]:
    return write_order(order, NOW).decode().split("\r")


def test_an_orderer_without_a_number_claims_none() -> None:
    nobody = replace(ORDER, orderer=Orderer("", "Testprescriber", "Jordan"))
    for name, field in (("ORC", 12), ("OBR", 16)):
        said = line(nobody, name).split("|")[field]
        assert (said, "NPI" in said) == ("^Testprescriber^Jordan^^^^^^^L", False)


def line(order: LabOrder, name: str) -> str:
    [found] = [one for one in lines(order) if one.startswith(name)]
    return found


def test_a_new_order() -> None:
    assert lines(ORDER) == [
        "MSH|^~\\&|PORTAL|CLINIC|ACMELAB|ACME LAB|20260301073000-0500||OML^O21^OML_O21"
        "|SYN-ORD-0001|P|2.5.1|||AL|AL",
        "PID|1||MRN-1001^^^CLINIC&2.16.840.1.113883.19.5&ISO^MR||Testpatient^Avery^Q^^^^L"
        "||19800415|F|||1 Test St^^Springfield^MA^01101^USA||^PRN^PH^^1^413^5550100",
        "PV1|1|O",
        f"ORC|NW|ORD-9001^PORTAL|||||||20260301073000-0500|||{ORDERER}",
        "TQ1|1||||||20260301080000-0500||R^Routine^HL70485",
        "OBR|1|ORD-9001^PORTAL||24323-8^Comprehensive metabolic 2000 panel - Serum or Plasma^LN"
        f"|||20260301080000-0500|||||||||{ORDERER}",
        "DG1|1||I10^Essential (primary) hypertension^I10C|||W",
        "",
    ]


def test_as_the_example_has_it() -> None:
    """The same fields as a laboratory's own example, apart from what we say beyond it."""
    example = read((shared("hl7v2") / "s01-oml-o21-new-order.hl7").read_bytes())
    written = read(write_order(ORDER, NOW))
    assert [one.name for one in written.segments] == [one.name for one in example.segments]
    ours = {"PID^1^10", "ORC^1^9", "TQ1^1^7", "DG1^1^6"}
    for one, other in zip(written.segments, example.segments, strict=True):
        for number in range(1, 30):
            if one.place(number) not in ours:
                assert one.raw(number) == other.raw(number), one.place(number)


def test_all_that_an_order_may_say() -> None:
    order = replace(
        ORDER,
        filler_number="LAB-5501",
        group_number="GRP-1",
        priority=OrderPriority.STAT,
        specimen=Code("119364003", "Serum specimen", "SCT"),
        fasting=True,
        note="Left arm only | see chart\nno latex",
        processing_id="T",
    )
    found = [one.name for one in read(write_order(order, NOW)).segments]
    assert found == ["MSH", "PID", "PV1", "ORC", "TQ1", "OBR", "NTE", "DG1", "OBX", "SPM"]
    assert line(order, "ORC").startswith(
        "ORC|NW|ORD-9001^PORTAL|LAB-5501^ACMELAB|GRP-1^PORTAL|||||20260301073000-0500|"
    )
    assert line(order, "OBR").startswith("OBR|1|ORD-9001^PORTAL|LAB-5501^ACMELAB|24323-8^")
    assert line(order, "TQ1").endswith("|S^Stat^HL70485")
    assert line(order, "NTE") == "NTE|1|P|Left arm only \\F\\ see chart\\.br\\no latex"
    assert line(order, "OBX") == (
        "OBX|1|CWE|49541-6^Fasting status - Reported^LN||Y^Yes^HL70136||||||F"
    )
    assert line(order, "SPM") == "SPM|1|||119364003^Serum specimen^SCT"
    assert "|T|2.5.1|" in line(order, "MSH")
    assert "||N^No^HL70136|" in line(replace(order, fasting=False), "OBX")
    assert line(replace(order, priority=OrderPriority.URGENT), "TQ1").endswith("|A^ASAP^HL70485")


def test_a_cancellation() -> None:
    order = replace(ORDER, control=OrderControl.CANCEL, filler_number="LAB-5501")
    assert line(order, "ORC").startswith("ORC|CA|ORD-9001^PORTAL|LAB-5501^ACMELAB|")


def test_what_is_not_known_stays_empty() -> None:
    patient = OrderPatient("MRN-1", "CLINIC", "Doe", "Jo")
    order = replace(ORDER, patient=patient, requested_at=None, diagnoses=())
    assert line(order, "PID") == "PID|1||MRN-1^^^CLINIC^MR||Doe^Jo^^^^^L|||U"
    assert line(order, "TQ1") == "TQ1|1||||||||R^Routine^HL70485"
    assert not [one for one in lines(order) if one.startswith(("DG1", "NTE", "OBX", "SPM"))]


@pytest.mark.parametrize(
    ("phone", "field"),
    [
        ("+14135550100", "^PRN^PH^^1^413^5550100"),
        ("(413) 555-0100", "^PRN^PH^^1^413^5550100"),
        ("+44 20 7946 0000", "^PRN^PH^^^^^^^^^+44 20 7946 0000"),
    ],
)
def test_phones(phone: str, field: str) -> None:
    order = replace(ORDER, patient=replace(ORDER.patient, phone=phone))
    assert line(order, "PID").split("|")[13] == field


def test_values_can_not_break_out() -> None:
    evil = "Doe\rOBX|1|NM^&~\\"
    order = replace(ORDER, patient=replace(ORDER.patient, family_name=evil))
    found = read(write_order(order, NOW))
    assert [one.name for one in found.segments].count("OBX") == 0
    assert found.segments[1].text(5) == evil.replace("\r", "\n")


def test_names_beyond_ascii_are_declared() -> None:
    order = replace(ORDER, patient=replace(ORDER.patient, family_name="Núñez"))
    assert line(order, "MSH").endswith("|AL|AL||UNICODE UTF-8")
    assert read(write_order(order, NOW)).segments[1].text(5) == "Núñez"
    far = replace(ORDER, receiver=Party("ACMELAB", "LABÓ"))
    assert line(far, "MSH").endswith("||UNICODE UTF-8")


HEAD = "MSH|^~\\&|ACMELAB|LAB|PORTAL|CLINIC|20260301||{}|A1|P|{}\r"


def answer(*segments: str, kind: str = "ORL^O22^ORL_O22", version: str = "2.5.1") -> bytes:
    return (HEAD.format(kind, version) + "\r".join(segments) + "\r").encode()


def test_an_order_taken() -> None:
    raw = answer("MSA|AA|SYN-ORD-0001", "PID|1", "ORC|OK|ORD-9001^PORTAL|LAB-5501^ACMELAB")
    expected = OrderResponse("AA", "SYN-ORD-0001", (), (OrderAnswer("OK", "ORD-9001", "LAB-5501"),))
    assert read_response(raw) == expected
    assert read_response(read(raw)) == expected
    assert expected.accepted
    assert not expected.commits


def test_orders_that_can_not_be_done() -> None:
    found = read_response(
        answer(
            *("MSA|AA|M1", "ORC|UA|ORD-1||||||||||||||NO^Test not offered^L", "ORC|CR|"),
            "OBR|1|ORD-2^PORTAL|LAB-2^LAB",
        )
    )
    assert found.orders == (
        OrderAnswer("UA", "ORD-1", "", "Test not offered"),
        OrderAnswer("CR", "ORD-2", "LAB-2"),
    )


@pytest.mark.parametrize(
    ("code", "accepted", "commits"),
    [
        ("AA", True, False),
        ("AE", False, False),
        ("AR", False, False),
        ("CA", True, True),
        ("CE", False, True),
        ("CR", False, True),
    ],
)
def test_codes(code: str, accepted: bool, commits: bool) -> None:
    found = read_response(answer(f"MSA|{code}|M1", kind="ACK^O21^ACK"))
    assert (found.code, found.accepted, found.commits) == (code, accepted, commits)


@pytest.mark.parametrize(
    ("segments", "texts"),
    [
        (("MSA|AE|M1|Too late",), ("Too late",)),
        (
            (
                "MSA|AE|M1",
                "ERR||OBR^1^4^1|103^Table value not found^HL70357|E||||No such test",
                "ERR||PID^1^3|101^Required field missing^HL70357|E",
                "ERR|||207^Application internal error^HL70357|E",
            ),
            (
                "OBR^1^4^1: No such test",
                "PID^1^3: Required field missing",
                "Application internal error",
            ),
        ),
        (
            ("MSA|AE|M1", "ERR|OBR^1^4^103&Table value not found&HL70357"),
            ("OBR^1^4: Table value not found",),
        ),
        (("MSA|AE|M1", "ERR|"), ()),
    ],
)
def test_what_is_wrong_with_an_order(segments: tuple[str, ...], texts: tuple[str, ...]) -> None:
    assert read_response(answer(*segments, kind="ACK")).texts == texts


def test_an_answer_with_a_poor_header() -> None:
    assert read_response(b"MSH|^~\\&|LAB||||||ACK\rMSA|AA|M1\r").control_id == "M1"


@pytest.mark.parametrize(
    ("raw", "condition"),
    [
        (answer("MSA|AA|M1", kind="ORU^R01"), "200"),
        (answer("PID|1"), "100"),
        (answer("MSA|OK|M1"), "103"),
        (b"what?", "100"),
    ],
)
def test_what_is_no_answer(raw: bytes, condition: str) -> None:
    with pytest.raises(MessageRefused) as caught:
        read_response(raw)
    assert [fault.condition.code for fault in caught.value.faults] == [condition]


def test_real_answers() -> None:
    folder = shared("hl7v2")
    accepted = read_response((folder / "s02-orl-o22-accepted.hl7").read_bytes())
    assert accepted.orders == (OrderAnswer("OK", "ORD-9001", "LAB-5501"),)
    both = read_response((folder / "hapi-example_oml_o21-9.hl7").read_bytes())
    assert (both.code, both.control_id) == ("AA", "101")
    assert [(one.control, one.placer_number) for one in both.orders] == [
        ("OK", "456"),
        ("OK", "457"),
    ]


def test_times_are_of_their_zone() -> None:
    order = replace(ORDER, requested_at=datetime(2026, 3, 1, 13, tzinfo=UTC))
    assert "|20260301130000+0000|" in line(order, "OBR")
