"""What is taken of an ORU^R01, and what its sender has to mend."""

import base64
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from portal.hl7v2.errors import MOST_FAULTS
from portal.results.incoming import (
    Attachment,
    Coding,
    Identifier,
    IncomingObservation,
    Isolate,
    PatientIdentity,
)
from portal.results.parts import put_together
from portal.results.states import Abnormality, ObservationStatus, ReportStatus, ValueKind
from tests.support.hl7 import (
    EASTERN,
    MSH,
    OBR,
    OBX,
    ORC,
    PID,
    changed,
    faults,
    message,
    observation,
    refusal_of,
    report,
    taken,
)

WINTER = timezone(-timedelta(hours=5))
POTASSIUM = Coding("2823-3", "Potassium", "LN")
NTE = "NTE|1|L|"
LINE = "OBX|1|TX|8251-1^Comment^LN||one||||||F"


def test_a_whole_report() -> None:
    found = taken(PID, ORC, OBR, OBX)
    assert found.patient == PatientIdentity(
        (Identifier("MRN-1", "CLINIC", "MR"),), "Doe", "Jo", date(1980, 4, 15), "F"
    )
    [one] = found.reports
    assert replace(one, observations=()) == type(one)(
        place="OBR^1",
        code=Coding("24323-8", "Panel", "LN"),
        status=ReportStatus.FINAL,
        placer_number="ORD-1",
        filler_number="LAB-1",
        category="CH",
        collected_at=datetime(2026, 3, 1, 8, tzinfo=WINTER),
        issued_at=datetime(2026, 3, 1, 10, 10, tzinfo=WINTER),
        orderer_npi="1888888888",
    )
    assert one.observations == (
        IncomingObservation(
            code=POTASSIUM,
            kind=ValueKind.QUANTITY,
            status=ObservationStatus.FINAL,
            number=Decimal("4.2"),
            text="4.2",
            unit="mmol/L",
            reference_low=Decimal("3.5"),
            reference_high=Decimal("5.1"),
            reference_text="3.5-5.1",
            flags=("N",),
            abnormality=Abnormality.NORMAL,
            observed_at=datetime(2026, 3, 1, 8, tzinfo=WINTER),
        ),
    )


@pytest.mark.parametrize(
    ("letter", "status", "progress"),
    [
        ("O", ReportStatus.REGISTERED, "O"),
        ("I", ReportStatus.REGISTERED, "I"),
        ("S", ReportStatus.REGISTERED, "S"),
        ("A", ReportStatus.PARTIAL, ""),
        ("R", ReportStatus.PARTIAL, ""),
        ("P", ReportStatus.PRELIMINARY, ""),
        ("F", ReportStatus.FINAL, ""),
        ("C", ReportStatus.CORRECTED, ""),
        ("X", ReportStatus.CANCELLED, ""),
    ],
)
def test_report_statuses(letter: str, status: ReportStatus, progress: str) -> None:
    found = report(ORC, changed(OBR, {25: letter}))
    assert (found.status, found.progress, found.observations) == (status, progress, ())


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ("F", ReportStatus.FINAL),
        ("FU", ReportStatus.FINAL),
        ("FC", ReportStatus.CORRECTED),
        ("FP", None),
        ("X", None),
        ("", None),
    ],
)
def test_a_report_that_names_no_status(statuses: str, expected: ReportStatus | None) -> None:
    obr = changed(OBR, {25: ""})
    results = [changed(OBX, {3: f"{code}^X^LN", 11: one}) for code, one in enumerate(statuses, 1)]
    if expected:
        assert report(obr, *results).status == expected
    else:
        assert faults(PID, obr, *results) == [("OBR^1^25", "101")]


@pytest.mark.parametrize(
    ("letter", "status"),
    [
        ("F", ObservationStatus.FINAL),
        ("U", ObservationStatus.FINAL),
        ("P", ObservationStatus.PRELIMINARY),
        ("S", ObservationStatus.PARTIAL),
        ("C", ObservationStatus.CORRECTED),
        ("D", ObservationStatus.ENTERED_IN_ERROR),
        ("W", ObservationStatus.ENTERED_IN_ERROR),
        ("X", ObservationStatus.CANCELLED),
        ("R", ObservationStatus.REGISTERED),
        ("I", ObservationStatus.REGISTERED),
        ("O", ObservationStatus.REGISTERED),
    ],
)
def test_observation_statuses(letter: str, status: ObservationStatus) -> None:
    assert observation({11: letter}).status == status


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("NM", "-0.5", (ValueKind.QUANTITY, "-0.5", "", "-0.5", None)),
        ("NM", "<5", (ValueKind.QUANTITY, "<5", "<", "5", None)),
        ("NM", "> 90", (ValueKind.QUANTITY, "> 90", ">", "90", None)),
        ("NM", "NEG", (ValueKind.TEXT, "NEG", "", None, None)),
        ("NM", "1e5", (ValueKind.TEXT, "1e5", "", None, None)),
        ("NM", "NaN", (ValueKind.TEXT, "NaN", "", None, None)),
        ("SN", ">^100", (ValueKind.QUANTITY, ">100", ">", "100", None)),
        ("SN", "^10^-^20", (ValueKind.RANGE, "10-20", "", "10", "20")),
        ("SN", "^1^:^128", (ValueKind.RATIO, "1:128", "", "1", "128")),
        ("SN", "^1^:^>128", (ValueKind.TEXT, "1:>128", "", None, None)),
        ("NM", "1:>128", (ValueKind.TEXT, "1:>128", "", None, None)),
        ("SN", "^1.0^-^2.50", (ValueKind.RANGE, "1.0-2.50", "", "1.0", "2.50")),
        ("SN", "^+5", (ValueKind.QUANTITY, "+5", "", "5", None)),
        ("SN", "^3^+", (ValueKind.TEXT, "3+", "", None, None)),
        ("SN", "<>^3", (ValueKind.TEXT, "<>3", "", None, None)),
        ("ST", " Not & seen^ ", (ValueKind.TEXT, " Not & seen^", "", None, None)),
        ("FT", "a\\.br\\  b\\T\\c~d", (ValueKind.TEXT, "a\n  b&c\nd", "", None, None)),
        ("TX", "  ", (ValueKind.NONE, "", "", None, None)),
        ("DT", "20260301", (ValueKind.DATE, "2026-03-01", "", None, None)),
        ("DT", "2026", (ValueKind.DATE, "2026", "", None, None)),
        ("TM", "0830", (ValueKind.TIME, "08:30", "", None, None)),
        ("TS", "202603010830", (ValueKind.DATETIME, "2026-03-01T08:30-05:00", "", None, None)),
        ("DTM", "20260301", (ValueKind.DATETIME, "2026-03-01", "", None, None)),
        ("RP", "http://pacs/1^LAB^IMAGE", (ValueKind.TEXT, "http://pacs/1", "", None, None)),
        ("NA", "1^2^3~4^5", (ValueKind.TEXT, "1 2 3\n4 5", "", None, None)),
        ("XCN", "12^Who^Some", (ValueKind.TEXT, "Some Who", "", None, None)),
        ("CX", "LG1^^^LAB", (ValueKind.TEXT, "LG1", "", None, None)),
        ("CE", "^Bordetella^SNM", (ValueKind.TEXT, "Bordetella", "", None, None)),
        ("NM", "", (ValueKind.NONE, "", "", None, None)),
        ("", "", (ValueKind.NONE, "", "", None, None)),
        ("CWE", '""', (ValueKind.NONE, "", "", None, None)),
    ],
)
def test_values(
    kind: str, value: str, expected: tuple[ValueKind, str, str, str | None, str | None]
) -> None:
    found = observation({2: kind, 5: value, 6: "", 7: "", 8: ""})
    numbers = [None if one is None else str(one) for one in (found.number, found.high)]
    assert (found.kind, found.text, found.comparator, *numbers) == expected


def test_coded_values() -> None:
    found = observation({2: "CWE", 5: "X^Found^LAB^260373001^Detected^SCT"})
    assert (found.kind, found.text) == (ValueKind.CODED, "Found")
    assert found.value_code == Coding("X", "Found", "LAB")
    several = observation({2: "CE", 5: "1^One^L~2^Two^L"})
    assert (several.text, several.value_code) == ("One\nTwo", Coding("1", "One", "L"))


def test_loinc_comes_first_and_the_local_code_is_kept() -> None:
    found = observation({3: "K^Kalium^LAB^2823-3^Potassium^LN"})
    assert (found.code, found.local) == (POTASSIUM, Coding("K", "Kalium", "LAB"))
    assert observation({3: "K^Kalium^LAB"}).local is None


@pytest.mark.parametrize(
    ("field", "unit"),
    [
        ("mmol/L^millimole^UCUM", "mmol/L"),
        ("MMOL^millimole^L^mmol/L^^UCUM", "mmol/L"),
        ("mill/mm3", "mill/mm3"),
        ("10^3/uL", "10^3/uL"),
        ("x10^-6^UCUM", "x10^-6"),
        ("mg&dL", "mg&dL"),
        ("%^^", "%"),
        ("", ""),
    ],
)
def test_units(field: str, unit: str) -> None:
    assert observation({6: field}).unit == unit


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("HH", Abnormality.CRITICAL),
        ("LL", Abnormality.CRITICAL),
        ("AA", Abnormality.CRITICAL),
        ("N~HH", Abnormality.CRITICAL),
        ("A~N", Abnormality.ABNORMAL),
        *((flag, Abnormality.ABNORMAL) for flag in ("H", "L", "A", ">", "<", "U", "D", "W")),
        *((flag, Abnormality.ABNORMAL) for flag in ("R", "I", "POS", "l")),
        *((flag, Abnormality.NORMAL) for flag in ("N", "S", "VS", "MS", "NEG")),
        ("N^Normal^HL70078", Abnormality.NORMAL),
        ("ZZ", Abnormality.UNKNOWN),
    ],
)
def test_flags(flags: str, expected: Abnormality) -> None:
    found = observation({2: "ST", 5: "x", 7: "", 8: flags})
    assert found.abnormality == expected
    assert found.flags == tuple(one.partition("^")[0] for one in flags.split("~"))


@pytest.mark.parametrize(
    ("flag", "shown"),
    [
        ("CRIT^Critical^L^HH^Critical high^HL70078", "HH"),
        ("^HH", "HH"),
        ("N^Normal^HL70078^LL^^L", "LL"),
        ("X^Critical^L", "Critical"),
        ("^^^^Panic high", "Panic high"),
    ],
)
def test_what_is_critical_is_so_wherever_the_flag_says_it(flag: str, shown: str) -> None:
    found = observation({2: "NM", 5: "4.0", 7: "3.5-5.1", 8: flag})
    assert (found.abnormality, found.flags) == (Abnormality.CRITICAL, (shown,))


@pytest.mark.parametrize(
    ("value", "expected_range", "flag", "expected"),
    [
        ("4.2", "3.5-5.1", "", Abnormality.NORMAL),
        ("3.4", "3.5-5.1", "", Abnormality.ABNORMAL),
        ("5.2", "3.5-5.1", "", Abnormality.ABNORMAL),
        ("5.2", "3.5-5.1", "B", Abnormality.ABNORMAL),
        ("5.2", "3.5-5.1", "N", Abnormality.NORMAL),
        ("5", "<5", "", Abnormality.ABNORMAL),
        ("5.2", "see text", "", Abnormality.UNKNOWN),
        ("5.2", "", "", Abnormality.UNKNOWN),
        (">90", ">=60", "", Abnormality.NORMAL),
        (">90", "3-60", "", Abnormality.ABNORMAL),
        (">30", ">=60", "", Abnormality.UNKNOWN),
        (">30", "3-60", "", Abnormality.UNKNOWN),
        ("<5", "10-20", "", Abnormality.ABNORMAL),
        ("<5", "<10", "", Abnormality.NORMAL),
        ("<5", "<5", "", Abnormality.NORMAL),
        ("<=5", "<5", "", Abnormality.UNKNOWN),
        ("<=5", "<=5", "", Abnormality.NORMAL),
        (">5.1", "3.5-5.1", "", Abnormality.ABNORMAL),
        (">=5.1", "3.5-5.1", "", Abnormality.UNKNOWN),
        (">=60", ">=60", "", Abnormality.NORMAL),
        (">=60", ">60", "", Abnormality.UNKNOWN),
        ("<3.5", "3.5-5.1", "", Abnormality.ABNORMAL),
        ("<=3.5", "3.5-5.1", "", Abnormality.UNKNOWN),
        ("NEG", "3.5-5.1", "", Abnormality.UNKNOWN),
    ],
)
def test_a_number_against_its_range(
    value: str, expected_range: str, flag: str, expected: Abnormality
) -> None:
    assert observation({5: value, 7: expected_range, 8: flag}).abnormality == expected


def test_lines_of_one_text_are_one_observation() -> None:
    two = LINE.replace("||one|", "||  two|")
    other = LINE.replace("8251-1", "8251-2")
    found = report(ORC, OBR, LINE, two, LINE.replace("||one|", "|||"), other, LINE)
    assert [(one.code.code, one.text) for one in found.observations] == [
        ("8251-1", "one\n  two"),
        ("8251-2", "one"),
        ("8251-1", "one"),
    ]


def test_lines_without_a_code_continue_the_text() -> None:
    bare = "OBX|2|TX|||two||||||F"
    [found] = report(ORC, OBR, LINE.replace("TX", "ST"), bare).observations
    assert (found.code.code, found.text) == ("8251-1", "one\ntwo")
    assert faults(PID, ORC, OBR, bare) == [("OBX^1^3", "101")]


@pytest.mark.parametrize(
    "second",
    [
        LINE.replace("^LN||", "^LN|2|"),
        LINE.replace("|F", "|C"),
        LINE.replace("one||||||F", "one|||A|||F"),
        OBX,
    ],
)
def test_what_is_another_observation(second: str) -> None:
    assert len(report(ORC, OBR, LINE, second).observations) == 2


def test_the_same_number_twice_is_kept_twice() -> None:
    found = report(ORC, OBR, OBX, changed(OBX, {5: "4.3"}))
    assert [one.text for one in found.observations] == ["4.2", "4.3"]


def test_notes() -> None:
    found = report(
        *(f"{NTE}of the patient", "PV1|1|O", ORC, OBR, f"{NTE}of the order", f"{NTE}~twice"),
        *(OBX, f"{NTE}called\\.br\\at 8", f"{NTE}read back", LINE, "SPM|1", f"{NTE}of the sample"),
    )
    assert found.note == "of the order\ntwice\nof the sample"
    assert [one.note for one in found.observations] == ["called\nat 8\nread back", ""]


@pytest.mark.parametrize(
    ("segments", "reason"),
    [
        ((changed(OBX, {2: "ST", 5: "Clotted", 11: "X"}), f"{NTE}Redraw"), "Clotted\nRedraw"),
        ((changed(OBX, {5: "", 11: "X"}), f"{NTE}Clotted"), "Clotted"),
        ((f"{NTE}Never collected",), "Never collected"),
        ((), ""),
    ],
)
def test_why_a_report_was_cancelled(segments: tuple[str, ...], reason: str) -> None:
    assert report(ORC, changed(OBR, {25: "X"}), *segments).reason == reason


def test_why_a_specimen_was_rejected() -> None:
    spm = "SPM|1|||119^Blood^SCT" + "|" * 17 + "QS^Quantity not sufficient^HL70490~HM"
    assert report(ORC, changed(OBR, {25: "X"}), spm).reason == "Quantity not sufficient\nHM"
    found = report(ORC, OBR, f"{NTE}Called", OBX, spm)
    assert (found.reason, found.note) == ("", "Called\nQuantity not sufficient\nHM")


SUSCEPTIBILITY = changed(OBR, {4: "50545-3^Susceptibility^LN"})


def _tested(value: str, sub_id: str = "") -> str:
    return f"OBX|1|ST|18906-8^Ciprofloxacin^LN|{sub_id}|{value}||||||F"


def test_what_grew_is_told_apart_by_its_parent() -> None:
    culture = changed(OBR, {4: "630-4^Culture^LN", 3: "LAB-0"})
    grown = ["OBX|1|CE|600-7^Bacteria^LN|1|1^E. coli^L||||||F", _grown("2", "K. pneumoniae")]
    children = [
        line
        for number, value in (("1", "S"), ("2", "R"))
        for line in (
            changed(SUSCEPTIBILITY, {26: f"600-7&Bacteria&LN^{number}", 29: "ORD-1^LAB-0"}),
            _tested(value),
        )
    ]
    _first, found = put_together(taken(PID, ORC, culture, *grown, *children).reports)
    assert [(one.text, one.sub_id, one.isolate) for one in found.observations] == [
        ("S", "1", Isolate("600-7", "1", "E. coli")),
        ("R", "2", Isolate("600-7", "2", "K. pneumoniae")),
    ]
    assert (found.place, found.beside) == ("OBR^2", ("OBR^3",))


def _grown(sub_id: str, name: str) -> str:
    return f"OBX|2|ST|600-7^Bacteria^LN|{sub_id}|{name}||||||F"


def test_parts_of_one_number_and_test_are_one_report() -> None:
    second = changed(SUSCEPTIBILITY, {1: "2", 25: "P"})
    [found] = put_together(taken(PID, SUSCEPTIBILITY, _tested("S"), second, _tested("R")).reports)
    assert [(one.text, one.isolate and one.isolate.sub_id) for one in found.observations] == [
        ("S", "1"),
        ("R", "2"),
    ]
    assert found.status == ReportStatus.PARTIAL
    cancelled = changed(second, {25: "X"})
    [found] = put_together(
        taken(PID, SUSCEPTIBILITY, _tested("S"), cancelled, _tested("R")).reports
    )
    assert [one.status for one in found.observations] == ["final", "cancelled"]
    assert found.status == ReportStatus.FINAL


def test_several_reports_each_with_its_own() -> None:
    second = changed(OBR, {1: "2", 2: "ORD-2^PORTAL", 3: "LAB-2^LAB", 16: ""})
    orders = ORC, OBR, OBX, changed(ORC, {2: "ORD-2", 12: "1999999999^W^W^^^^^^NPI"}), second, LINE
    first, other = taken(PID, *orders).reports
    assert (first.place, first.placer_number, first.filler_number) == ("OBR^1", "ORD-1", "LAB-1")
    assert (other.place, other.placer_number, other.filler_number) == ("OBR^2", "ORD-2", "LAB-2")
    assert (first.orderer_npi, other.orderer_npi) == ("1888888888", "1999999999")
    assert [len(one.observations) for one in (first, other)] == [1, 1]


def test_what_an_orc_says_where_the_obr_does_not() -> None:
    found = report(ORC, changed(OBR, {2: "", 3: ""}))
    assert (found.placer_number, found.filler_number) == ("ORD-1", "LAB-1")
    # It is of its own OBR alone.
    second = changed(OBR, {2: "", 3: "LAB-2"})
    assert taken(PID, ORC, OBR, second).reports[1].placer_number == ""


def test_times() -> None:
    spm = "SPM|1|||119^Serum^SCT|||||||||||||202602280730"
    obr = changed(OBR, {7: "", 22: ""})
    found = report(ORC, obr, changed(OBX, {14: ""}), spm)
    assert found.collected_at == datetime(2026, 2, 28, 7, 30, tzinfo=EASTERN)
    assert found.issued_at == datetime(2026, 3, 1, 10, 15, tzinfo=WINTER)
    assert found.observations[0].observed_at == found.collected_at
    assert found.specimen == Coding("119", "Serum", "SCT")
    assert report(ORC, changed(OBR, {22: "0000"})).issued_at == found.issued_at


def test_a_specimen_of_before_spm() -> None:
    assert report(OBR, "SPM|1|||^Serum").specimen == Coding("", "Serum", "")
    obr = changed(OBR, {15: "NP&Nasopharyngeal swab&L^x"})
    assert report(obr).specimen == Coding("NP", "Nasopharyngeal swab", "L")


def test_orders_in_which_segments_really_come() -> None:
    spm = "SPM|1|||119^Serum^SCT"
    found = report("SFT|x", "PD1|1", "NK1|1", ORC, OBR, "TQ1|1", spm, OBX, "ZLB|1|own", LINE)
    assert [one.code.code for one in found.observations] == ["2823-3", "8251-1"]
    assert len(report(ORC, OBR, OBX, spm, LINE).observations) == 2


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        ("Base64", base64.b64encode(b"%PDF-1.4 x").decode()),
        ("Base64", "JVBERi0x\\.br\\LjQgeA=="),
        ("Hex", b"%PDF-1.4 x".hex().upper()),
    ],
)
def test_documents(encoding: str, data: str) -> None:
    found = observation({2: "ED", 5: f"LAB^Application^PDF^{encoding}^{data}"})
    assert found.kind == ValueKind.ATTACHMENT
    assert found.attachment == Attachment("application/pdf", "Potassium", b"%PDF-1.4 x")


@pytest.mark.parametrize(
    ("value", "media"),
    [
        ("^Image^JPEG^Base64^eA==", "image/jpeg"),
        ("^multipart^-hl7-cda-level-one^Base64^eA==", "application/octet-stream"),
        ("^TEXT^^A^words", "text/plain"),
        ("^AP^Octet-stream^Base64^JVBERi0=", "application/pdf"),
    ],
)
def test_other_documents(value: str, media: str) -> None:
    found = observation({2: "ED", 5: value}).attachment
    assert found is not None
    assert found.content_type == media


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({3: ""}, ("OBX^1^3", "101")),
        ({3: "^Potassium^LN"}, ("OBX^1^3", "101")),
        ({3: "x" * 200}, ("OBX^1^3", "102")),
        ({2: ""}, ("OBX^1^2", "101")),
        ({11: ""}, ("OBX^1^11", "101")),
        ({11: "Y"}, ("OBX^1^11", "103")),
        ({14: "20261301"}, ("OBX^1^14", "102")),
        ({2: "TS"}, ("OBX^1^5", "102")),
        ({2: "SN", 5: "x"}, ("OBX^1^5", "102")),
        ({2: "DT", 5: "yesterday"}, ("OBX^1^5", "102")),
        ({2: "ED", 5: "^Application^PDF^Base64^JVB*"}, ("OBX^1^5", "102")),
        ({2: "ED", 5: "^Application^PDF^Base64^eA=="}, ("OBX^1^5", "102")),
        ({2: "ED", 5: "^Application^PDF^Base64^"}, ("OBX^1^5", "102")),
        ({8: "~".join("H" * 21)}, ("OBX^1^8", "102")),
    ],
)
def test_faults_of_an_observation(values: dict[int, str], fault: tuple[str, str]) -> None:
    assert faults(PID, ORC, OBR, changed(OBX, values)) == [fault]


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({4: ""}, ("OBR^1^4", "101")),
        ({7: "today"}, ("OBR^1^7", "102")),
        ({22: "20260230"}, ("OBR^1^22", "102")),
        ({25: "Y"}, ("OBR^1^25", "103")),
        ({25: "Z"}, ("OBR^1^25", "103")),
        ({25: "Final"}, ("OBR^1^25", "103")),
        ({2: "", 3: ""}, ("OBR^1^3", "101")),
    ],
)
def test_faults_of_a_report(values: dict[int, str], fault: tuple[str, str]) -> None:
    assert faults(PID, changed(OBR, values), OBX) == [fault]


@pytest.mark.parametrize(
    ("segments", "fault"),
    [
        ((ORC, OBR, OBX), ("PID^1", "100")),
        ((PID,), ("OBR^1", "100")),
        ((PID, OBX, ORC, OBR), ("OBX^1", "100")),
        ((PID, ORC, OBR, OBX, ORC, OBX), ("OBX^2", "100")),
        ((changed(PID, {3: ""}), OBR), ("PID^1^3", "101")),
        ((changed(PID, {7: "19801341"}), OBR), ("PID^1^7", "102")),
        ((PID, OBR, changed(PID, {3: "MRN-2^^^CLINIC^MR"}), OBR), ("PID^2", "100")),
        ((PID, OBR, changed(PID, {3: "MRN-1^^^OTHER^MR"}), OBR), ("PID^2", "100")),
    ],
)
def test_faults_of_a_message(segments: tuple[str, ...], fault: tuple[str, str]) -> None:
    assert faults(*segments) == [fault]


def test_the_same_patient_again() -> None:
    again = changed(PID, {3: "99^^^LAB^PI~MRN-1^^^CLINIC^MR"})
    assert len(taken(PID, ORC, OBR, OBX, again, OBR, LINE).reports) == 2


def test_patients() -> None:
    older = taken(changed(PID, {3: " ", 4: "123456^^^^DNI"}), OBR).patient
    assert older.identifiers == (Identifier("123456", "", "DNI"),)
    names = changed(PID, {5: "~^^^^^^S~Stage^Name^^^^^A~Doe&van^Jo^^^^^L", 7: "1980"})
    found = taken(names, OBR).patient
    assert (found.family_name, found.given_name, found.birth_date) == ("Doe", "Jo", None)


def test_all_faults_are_told_at_once_up_to_a_number() -> None:
    spoiled = changed(OBX, {3: "", 11: "?"})
    assert faults(PID, changed(OBR, {25: "?"}), spoiled, spoiled) == [
        ("OBX^1^3", "101"),
        ("OBX^1^11", "103"),
        ("OBX^2^3", "101"),
        ("OBX^2^11", "103"),
        ("OBR^1^25", "103"),
    ]
    assert len(faults(PID, OBR, *[spoiled] * 50)) == MOST_FAULTS


def test_other_types_are_rejected() -> None:
    for kind, condition in (("ORU^R30", "201"), ("ADT^A01", "200")):
        refusal = refusal_of(message(MSH.replace("ORU^R01", kind), PID, OBR))
        assert refusal is not None
        assert (refusal.code, refusal.faults[0].condition.code) == ("AR", condition)
