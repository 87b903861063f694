"""What a file is goes by its bytes; what is more than one thing, or nothing whole, is refused."""

import struct
import zipfile
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from portal.attachments import structure
from portal.attachments.content import check_content
from portal.attachments.errors import (
    ContentRefused,
    DamagedFile,
    EmptyFile,
    SeveralTypes,
    TooManyPixels,
    TypeDiffers,
    TypeNotAllowed,
)
from portal.attachments.formats import ALLOWED, UNDECLARED
from tests.attachments import files
from tests.attachments.files import (
    GIF,
    HEIC,
    JPEG,
    LINES,
    PDF,
    PNG,
    WEBP,
    archive,
    bomb,
    heic,
    picture,
    with_comment,
)
from tests.support.examples import examples

PROGRAM = b"MZ\x90\x00\x03" + bytes(200) + b"This program cannot be run in DOS mode."
SCRIPT = b"<script>alert(document.cookie)</script>"
PAGE = b"<html><body>" + SCRIPT + b"</body></html>"


@pytest.mark.parametrize("declared", files.ALLOWED)
def test_what_is_allowed_is_known_by_its_content(declared: str) -> None:
    content = files.ALLOWED[declared]
    assert check_content(content, declared).media_type == declared
    assert check_content(content, UNDECLARED).media_type == declared


def test_every_allowed_format_was_tried() -> None:
    assert {one.media_type for one in ALLOWED} == set(files.ALLOWED)


@pytest.mark.parametrize(
    "content",
    [
        picture("JPEG", progressive=True, side=80),
        picture("JPEG", exif=b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00"),
        picture("JPEG") + picture("JPEG", side=8),
        picture("JPEG") + bytes(10) + b"\x00\x00\xa1\x0aImage_UTC_Data1700000000000SEFT",
        picture("PNG", optimize=True),
        picture("GIF", save_all=True, append_images=[], comment=b"from a scanner"),
        with_comment(b"a comment of some length " * 30),
        picture("WEBP", lossless=True),
        heic(b"mif1", b"heic"),
        PDF + b"\r\n",
        PDF + b"\n% printed at the front desk\n",
        b"\xef\xbb\xbfWith a mark of its byte order\r\n",
        "ein Tab\tund ein Umlaut: ä, 漢字, שלום".encode(),
        b"<avery@example.org> wrote: see you on Monday",
    ],
)
def test_what_devices_really_make_passes(content: bytes) -> None:
    assert check_content(content, UNDECLARED) in ALLOWED


@pytest.mark.parametrize(
    ("content", "declared"),
    [
        (PNG, "image/jpeg"),
        (JPEG, "image/png"),
        (PDF, "text/plain"),
        (LINES, "application/pdf"),
        (HEIC, "image/webp"),
        (GIF, "application/pdf"),
    ],
)
def test_another_type_than_declared_is_told_apart(content: bytes, declared: str) -> None:
    with pytest.raises(TypeDiffers) as refused:
        check_content(content, declared)
    found = check_content(content, UNDECLARED)
    assert declared in refused.value.detail
    assert f"Send it as {found.media_type}" in refused.value.detail


@pytest.mark.parametrize(
    ("content", "called"),
    [
        (PROGRAM, "Windows program"),
        (b"\x7fELF\x02\x01\x01" + bytes(60), "Linux program"),
        (b"\xcf\xfa\xed\xfe" + bytes(60), "macOS program"),
        (b"#!/bin/sh\nrm -rf ~\n", "script"),
        (archive(), "ZIP archive"),
        (bomb(), "ZIP archive"),
        (b"PK\x05\x06" + bytes(18), "ZIP archive"),
        (b"Rar!\x1a\x07\x01\x00" + bytes(40), "RAR archive"),
        (b"\x1f\x8b\x08\x00" + bytes(40), "gzip archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "old Office file"),
        (b"{\\rtf1\\ansi {\\object}}", "rich-text"),
        (PAGE, "web page"),
        (b"\n  <!DOCTYPE html><title>x</title>", "web page"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "markup"),
        (b'<svg onload="alert(1)"></svg>', "markup"),
        (b"\xef\xbb\xbf<script>alert(1)</script>", "web page"),
        (b"A line before it\n" + PDF, "before the PDF"),
        (bytes(3) + PDF, "before the PDF"),
        (heic(b"avif", b"mif1"), "none of the kinds"),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + bytes(40), "none of the kinds"),
        (b"a bell \x07 rings", "none of the kinds"),
        (b"an escape \x1b[2J clears", "none of the kinds"),
        ("a C1 control \x9b too".encode(), "none of the kinds"),
        (b"\xff\xfe" + "sixteen bits".encode("utf-16-le"), "none of the kinds"),
        (b"Latin-1: \xe9t\xe9", "none of the kinds"),
        (LINES * 4000 + b"\xc3", "none of the kinds"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(30), "none of the kinds"),
        (b"BM" + bytes(60), "none of the kinds"),
    ],
)
def test_what_is_not_allowed_is_called_by_its_name(content: bytes, called: str) -> None:
    for declared in ("image/jpeg", "text/plain", UNDECLARED):
        with pytest.raises(TypeNotAllowed, match=called):
            check_content(content, declared)


@pytest.mark.parametrize("content", [PDF, JPEG, PNG, GIF, WEBP, HEIC])
def test_what_is_an_archive_as_well_is_refused(content: bytes) -> None:
    whole = content + archive()
    assert zipfile.ZipFile(BytesIO(whole)).namelist() == ["word/document.xml"], "it really is one"
    with pytest.raises(SeveralTypes):
        check_content(whole, UNDECLARED)


@pytest.mark.parametrize(
    "content",
    [
        # Each passes for an image or a PDF to the reader of one.
        with_comment(archive()),
        with_comment(PAGE),
        PNG[:33] + struct.pack(">I", 39) + b"tEXt" + SCRIPT + bytes(4) + PNG[33:],
        JPEG[:2] + b"\xff\xfe\x00\x29" + SCRIPT + JPEG[2:],
        JPEG[:2] + b"\xff\xfe\x00\x0b%PDF-1.4\n" + JPEG[2:],
        PDF[:9] + b"\n%" + PAGE + b"\n" + PDF[9:],
        PDF + PAGE,
        PDF + b"\n" + PROGRAM[:200],
        JPEG + PDF,
        JPEG + PAGE,
        JPEG + PROGRAM,
        PNG + PROGRAM,
        PNG + b"what an editor cut off",
        GIF + b"what follows",
        WEBP + b"what follows",
        HEIC + b"\x00\x00\x00\x04what follows",
        JPEG + b"Rar!\x1a\x07\x01\x00" + bytes(80_000),
        JPEG + b"7z\xbc\xaf\x27\x1c\x00\x04" + bytes(80_000),
        JPEG + b"\x1f\x8b\x08\x00" + bytes(80),
    ],
)
def test_what_is_something_else_as_well_is_refused(content: bytes) -> None:
    with pytest.raises(SeveralTypes):
        check_content(content, UNDECLARED)


@pytest.mark.parametrize("content", [PDF, JPEG, PNG, GIF, WEBP, HEIC])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
def test_half_a_file_is_refused(content: bytes, part: float) -> None:
    with pytest.raises(DamagedFile):
        check_content(content[: max(40, int(len(content) * part))], UNDECLARED)


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7\njust a beginning",
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8\xff\xda\x00\x02\xff\xd9",
        PNG[:8] + PNG[-12:],
        b"GIF89a" + bytes(7) + b"\x3b",
        b"RIFF\x04\x00\x00\x00WEBP",
        box := files.box(b"ftyp", b"heic\x00\x00\x00\x00mif1"),
        box + files.box(b"mdat", b""),
    ],
)
def test_a_beginning_alone_is_no_file(content: bytes) -> None:
    with pytest.raises(DamagedFile):
        check_content(content, UNDECLARED)


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "GIF", "WEBP"])
@pytest.mark.parametrize("size", [(7, 1000), (1000, 7)])
def test_the_size_of_a_picture_is_known(format_: str, size: tuple[int, int]) -> None:
    content = picture(format_, size=size)
    found = check_content(content, UNDECLARED)
    assert structure.pixels_of(content, found) == 7000


def test_the_size_of_every_kind_of_webp_is_known() -> None:
    plain, lossless = picture("WEBP", size=(9, 11)), picture("WEBP", size=(9, 11), lossless=True)
    moving = picture("WEBP", size=(9, 11), save_all=True, append_images=[Image.new("RGB", (9, 11))])
    kinds = []
    for content in (plain, lossless, moving):
        kinds.append(content[12:16])
        assert structure.pixels_of(content, check_content(content, UNDECLARED)) == 99
    assert kinds == [b"VP8 ", b"VP8L", b"VP8X"]


@pytest.mark.parametrize(
    "content",
    [
        PNG[:16] + struct.pack(">II", 60_000, 60_000) + PNG[24:],
        GIF[:6] + struct.pack("<HH", 65_535, 65_535) + GIF[10:],
        (at := JPEG.index(b"\xff\xc0")) and JPEG[: at + 5] + b"\xff" * 4 + JPEG[at + 9 :],
    ],
)
def test_a_picture_that_unpacks_to_gigabytes_is_refused(content: bytes) -> None:
    with pytest.raises(TooManyPixels, match="smaller"):
        check_content(content, UNDECLARED)


def test_nothing_is_no_file() -> None:
    with pytest.raises(EmptyFile):
        check_content(b"", "text/plain")


MAGIC = [b"%PDF-1.4", b"\xff\xd8\xff", PNG[:8], b"GIF89a", WEBP[:12], HEIC[:28], b""]


def outcome(content: bytes) -> object:
    """The format that was found, or the refusal; anything else is a defect."""
    try:
        return check_content(content, UNDECLARED)
    except ContentRefused as refused:
        return refused.errors[0].pointer


@examples(300)
@given(st.sampled_from(MAGIC), st.binary(max_size=200))
def test_any_bytes_are_known_or_refused(begins: bytes, follows: bytes) -> None:
    assert outcome(begins + follows) in (*ALLOWED, "/content")


@examples(200)
@given(st.sampled_from(list(files.ALLOWED)), st.integers(0, 10_000), st.binary(max_size=12))
def test_a_file_changed_anywhere_is_known_or_refused(kind: str, at: int, put: bytes) -> None:
    content = files.ALLOWED[kind]
    place = at % len(content)
    changed = content[:place] + put + content[place + len(put) :]
    assert outcome(changed) in (*ALLOWED, "/content")
