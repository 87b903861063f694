"""What a file is, by its bytes alone, and why it is refused. Pure: nothing is kept or decoded."""

import codecs
import re
from typing import NoReturn

from portal.attachments import structure
from portal.attachments.errors import (
    ContentRefused,
    DamagedFile,
    EmptyFile,
    SeveralTypes,
    TooManyPixels,
    TypeDiffers,
    TypeNotAllowed,
)
from portal.attachments.formats import (
    BY_TYPE,
    FOREIGN,
    JPEG,
    PDF,
    TEXT,
    UNDECLARED,
    Format,
)
from portal.attachments.structure import Content, Damaged

# More than any camera that people carry makes.
MOST_PIXELS = 250_000_000
_CHUNK = 64 * 1024
# An archive's directory with the longest comment that may follow it (APPNOTE.TXT, 4.3.16).
_ZIP_TAIL = 22 + 65_535
_ZIP_DIRECTORY = b"PK\x05\x06"
_ANYWHERE = (b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c", b"MSCF\x00\x00\x00\x00")
_HEAD = 4096
# Tags by which a browser that guesses takes a file for a page (WHATWG, MIME Sniffing, 7.1).
_PAGE = re.compile(
    rb"<(?:!doctype\s+html|html|head|body|script|iframe|svg|\?php)(?=[\s>/])", re.IGNORECASE
)
_MARKUP = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|!--|\?xml|\?php|%|(?:html|head|body|script|iframe|svg|math|"
    rb"style|title|table|div|font|h1|a|b|br|p)(?=[\s>/]))",
    re.IGNORECASE,
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")
_SAFE_PADDING = b"\x00\t\n\r\f "
_REMEDY = ContentRefused.detail


def check_content(content: Content, declared: str) -> Format:
    """The format of a file that may be kept.

    `declared` is the media type that it was sent as. Raises the ContentRefused that speaks
    against it.
    """
    if len(content) == 0:
        raise EmptyFile()
    found = structure.recognise(content)
    if found is None:
        found = _text(content)
    else:
        _check_alone(content, found)
    expected = BY_TYPE.get(declared)
    if declared != UNDECLARED and expected is not found:
        raise TypeDiffers(
            f"The file was sent as {declared}, but it is {found.called}. "
            f"Send it as {found.media_type}."
        )
    return found


def _check_alone(content: Content, found: Format) -> None:
    """Raises SeveralTypes for a file that is something else as well, DamagedFile for one that
    is not even what it begins as, TooManyPixels."""
    _check_no_archive(content)
    try:
        end = structure.end_of(content, found)
        pixels = structure.pixels_of(content, found)
    except Damaged:
        raise DamagedFile(
            f"The file begins as {found.called} but is damaged or not whole. "
            "Check that it opens, save it again, and send that."
        ) from None
    if pixels > MOST_PIXELS:
        raise TooManyPixels(
            f"The picture has more than {MOST_PIXELS // 1_000_000} megapixels. Make it smaller and "
            "send that."
        )
    _check_no_page(content, found, end)
    behind = bytes(content[end : end + _HEAD]).lstrip(_SAFE_PADDING)
    if behind and not _harmless(behind, found):
        raise SeveralTypes(
            f"Something else follows behind the {found.called[2:]}. "
            "Open it, save it again under a new name, and send that."
        )


def _harmless(behind: bytes, found: Format) -> bool:
    """Cameras put previews and depth maps behind a JPEG, and printers a line behind a PDF."""
    return found in (PDF, JPEG) and not (_foreign(behind) or behind.startswith(b"%PDF"))


def _check_no_archive(content: Content) -> None:
    at = content.rfind(_ZIP_DIRECTORY, max(0, len(content) - _ZIP_TAIL))
    is_zip = at >= 0 and bytes(content[at + 4 : at + 8]) in (b"\0" * 4, b"\xff" * 4)
    if is_zip or any(content.find(mark) >= 0 for mark in _ANYWHERE):
        raise SeveralTypes(
            "The file is an archive as well. Open it, save it again under a new name, and "
            "send that."
        )


def _check_no_page(content: Content, found: Format, end: int) -> None:
    """A PDF may hold markup in its streams; an image has no use for any."""
    if found is PDF:
        parts = [bytes(content[:_HEAD]), bytes(content[end:])]
        is_page = any(_PAGE.search(part) for part in parts)
    else:
        is_page = _PAGE.search(content) is not None or content.find(b"%PDF-", 0, 1024) >= 0
    if is_page:
        raise SeveralTypes(
            "The file is a web page or another document as well. Open it, save it again under a "
            "new name, and send that."
        )


def _foreign(head: bytes) -> str | None:
    """What a file is called that begins so, of what people send and we don't take."""
    for mark, called in FOREIGN:
        if head.startswith(mark):
            return called
    return (
        "a web page, an image made of markup, or another XML file" if _MARKUP.match(head) else None
    )


def _text(content: Content) -> Format:
    """Raises TypeNotAllowed for what is not plain text either."""
    head = bytes(content[:_HEAD])
    if (called := _foreign(head)) is not None:
        raise TypeNotAllowed(f"The file is {called}. {_REMEDY}")
    if b"%PDF-" in head:
        raise TypeNotAllowed(
            "Something stands before the PDF in this file. Print it to a new PDF and send that."
        )
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for at in range(0, len(content), _CHUNK):
            chunk = bytes(content[at : at + _CHUNK])
            text = decoder.decode(chunk, final=at + _CHUNK >= len(content))
            if _CONTROLS.search(text):
                _refuse_unknown()
    except UnicodeDecodeError:
        _refuse_unknown()
    return TEXT


def _refuse_unknown() -> NoReturn:
    raise TypeNotAllowed(
        f"The file is none of the kinds that can be shown. {_REMEDY} Text has to be UTF-8 without "
        "control characters."
    )
