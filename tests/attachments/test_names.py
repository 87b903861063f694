"""Names: whatever comes is made safe to show and to save, and keeps what people know it by."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.attachments.errors import NameRefused
from portal.attachments.formats import ALLOWED, JPEG, PDF, TEXT
from portal.attachments.names import clean_name, name_from_header
from tests.support.examples import examples


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("Blood pressure.pdf", "Blood pressure.pdf"),
        ("Report.PDF", "Report.pdf"),
        ("Überweisung im März.pdf", "Überweisung im März.pdf"),
        ("血圧.pdf", "血圧.pdf"),
        ("../../../etc/passwd", "passwd.pdf"),
        ("/var/lib/x/report.pdf", "report.pdf"),
        ("C:\\Users\\Avery\\report.pdf", "report.pdf"),
        ("..\\..\\boot.ini", "boot.pdf"),
        ("folder/", "folder.pdf"),
        ("..", "attachment.pdf"),
        (".htaccess", "htaccess.pdf"),
        ("report\r\nSet-Cookie: x=y.pdf", "report Set-Cookie_ x=y.pdf"),
        ("re\x00po\x1brt.pdf", "report.pdf"),
        ("invoice\u202efdp.exe", "invoicefdp.pdf"),
        ("\u200binv\u2066isible\u2069.pdf", "invisible.pdf"),
        ("setup.exe", "setup.pdf"),
        ("report.pdf.exe", "report.pdf"),
        ("photo.jpg.scr", "photo.pdf"),
        ("Letter of Dr.Bell", "Letter of Dr.Bell.pdf"),
        ("results 2026.03.04", "results 2026.03.04.pdf"),
        ('a<b>c:"d|e?f*.pdf', "a_b_c__d_e_f_.pdf"),
        ("con.pdf", "_con.pdf"),
        ("LPT1", "_LPT1.pdf"),
        ("  spaced   out  .pdf ", "spaced out.pdf"),
        ("dots....pdf", "dots.pdf"),
        ("e\u0301te\u0301.pdf", "été.pdf"),
        ("\ud800broken.pdf", "broken.pdf"),
    ],
)
def test_a_name_is_made_safe(given_name: str, kept: str) -> None:
    assert clean_name(given_name, PDF) == kept


def test_each_format_keeps_its_own_extensions() -> None:
    assert clean_name("scan.jpeg", JPEG) == "scan.jpeg"
    assert clean_name("scan.png", JPEG) == "scan.jpg"
    assert clean_name("notes.md", TEXT) == "notes.md"
    assert clean_name("notes", TEXT) == "notes.txt"


def test_a_long_name_is_cut_before_its_extension() -> None:
    kept = clean_name("ä" * 5000 + ".pdf", PDF)
    assert kept == "ä" * 120 + ".pdf"


@examples(300)
@given(st.text(max_size=300), st.sampled_from(ALLOWED))
def test_any_name_becomes_one_that_holds(given_name: str, format_: object) -> None:
    kept = clean_name(given_name, format_)  # type: ignore[arg-type]
    assert kept.isprintable()
    assert not set(kept) & set('/\\<>:"|?*')
    assert len(kept) <= 130
    assert not kept.startswith(".")
    assert clean_name(kept, format_) == kept, "once more changes nothing"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment; filename="report.pdf"', "report.pdf"),
        ("attachment; filename=report.pdf", "report.pdf"),
        ("attachment; filename*=UTF-8''%C3%A9t%C3%A9%202026.pdf", "été 2026.pdf"),
        ("attachment; filename=\"ete.pdf\"; filename*=UTF-8''%C3%A9t%C3%A9.pdf", "été.pdf"),
        ('inline; filename="a \\"quoted\\" one.pdf"', 'a "quoted" one.pdf'),
    ],
)
def test_the_name_is_read_from_the_header(header: str, name: str) -> None:
    assert name_from_header(header) == name


@pytest.mark.parametrize("header", [None, "", "attachment", "attachment; name=x", "filename=x.pdf"])
def test_a_file_without_a_name_is_refused(header: str | None) -> None:
    with pytest.raises(NameRefused) as refused:
        name_from_header(header)
    assert refused.value.errors[0].pointer == "/filename"
