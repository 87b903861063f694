"""Where a file of a format ends, and how large a picture is, by walking its own structure; nothing
is decoded.

PDF: ISO 32000-1, 7.5. JPEG: ITU-T T.81, annex B. PNG: ISO/IEC 15948 (W3C PNG), 5.3. GIF: GIF89a,
appendix A. WebP: RFC 9649, 2.4. HEIC: ISO/IEC 14496-12, 4.2 and 23008-12, annex B.
"""

import mmap
import re
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence

from portal.attachments.formats import GIF, HEIC, JPEG, PDF, PNG, WEBP, Format

Content = mmap.mmap | bytes

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PDF_HEADER = re.compile(rb"%PDF-[12]\.\d")
# Readers look for the end-of-file marker in so many last bytes (ISO 32000-1, annex H.3).
_PDF_TAIL = 1024
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1"})


class Damaged(ValueError):
    """The content is not what it begins as."""


def recognise(content: Content) -> Format | None:
    """The allowed format that the content begins as, at its very first byte; None for none."""
    head = bytes(content[:64])
    return next((format_ for format_, begins in _BEGINNINGS if begins(head)), None)


def _is_webp(head: bytes) -> bool:
    return head.startswith(b"RIFF") and head[8:12] == b"WEBP"


def _is_heic(head: bytes) -> bool:
    """AVIF images have the container's general brand too."""
    brands = _brands(head) if head[4:8] == b"ftyp" else set()
    return bool(_HEIC_BRANDS & brands) and not brands & {b"avif", b"avis"}


def _brands(head: bytes) -> set[bytes]:
    """The major and the compatible brands of an ISO base media file."""
    size = min(struct.unpack(">I", head[:4])[0], len(head))
    return {head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))}


def end_of(content: Content, format_: Format) -> int:
    """Behind which byte the file ends that the format describes.

    Raises Damaged where the structure breaks off before its end.
    """
    try:
        return _ENDS[format_](content)
    except (IndexError, struct.error):
        raise Damaged from None


def _number(content: Content, at: int, layout: str) -> int:
    found: int = struct.unpack_from(layout, content, at)[0]
    return found


def _end_of_pdf(content: Content) -> int:
    at = content.rfind(b"%%EOF", max(0, len(content) - _PDF_TAIL))
    if at < 0:
        raise Damaged
    return at + 5


def _jpeg_segments(content: Content) -> Iterator[tuple[int, int]]:
    """The markers of a JPEG's head, each with where it stands; the start of its scans is the last.

    Raises Damaged for one that has none.
    """
    at = 2
    while True:
        if content[at] != 0xFF:
            raise Damaged
        marker = content[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker in (_END_OF_IMAGE, 0x00):
            raise Damaged
        yield marker, at
        if marker == _START_OF_SCAN:
            return
        at += 2 if marker in _STANDALONE else 2 + max(2, _number(content, at + 2, ">H"))


def _end_of_jpeg(content: Content) -> int:
    markers = dict(_jpeg_segments(content))
    if not _FRAMES & markers.keys():
        raise Damaged
    return _end_of_scans(content, markers[_START_OF_SCAN])


def _end_of_scans(content: Content, at: int) -> int:
    """Behind the end marker: in what is entropy-coded, no 0xFF is followed by anything but 0."""
    end = content.find(b"\xff\xd9", at)
    if end < 0:
        raise Damaged
    return end + 2


def _end_of_png(content: Content) -> int:
    at = len(PNG_SIGNATURE)
    seen: set[bytes] = set()
    while True:
        length, kind = _number(content, at, ">I"), bytes(content[at + 4 : at + 8])
        if not kind.isalpha() or (not seen and kind != b"IHDR"):
            raise Damaged
        seen.add(kind)
        at += 12 + length
        if kind == b"IEND":
            break
    if at > len(content) or b"IDAT" not in seen:
        raise Damaged
    return at


def _end_of_gif(content: Content) -> int:
    at, images = _behind_table(13, content[10]), 0
    while (kind := content[at]) != 0x3B:
        if kind == 0x21:
            at = _behind_blocks(content, at + 2)
        elif kind == 0x2C:
            images += 1
            at = _behind_blocks(content, _behind_table(at + 10, content[at + 9]) + 1)
        else:
            raise Damaged
    if not images:
        raise Damaged
    return at + 1


def _behind_table(at: int, flags: int) -> int:
    """Behind a colour table, where the flags say that there is one."""
    return at + 3 * 2 ** ((flags & 0x07) + 1) if flags & 0x80 else at


def _behind_blocks(content: Content, at: int) -> int:
    while (size := content[at]) != 0:
        at += size + 1
    return at + 1


def _end_of_webp(content: Content) -> int:
    size = _number(content, 4, "<I")
    if content[12:16] not in (b"VP8 ", b"VP8L", b"VP8X") or size + 8 > len(content):
        raise Damaged
    return min(8 + size + size % 2, len(content))  # padded to an even size, or not


def _end_of_heic(content: Content) -> int:
    at, seen = 0, set()
    while at < len(content):
        size, kind = _number(content, at, ">I"), bytes(content[at + 4 : at + 8])
        if size == 1:
            size = _number(content, at + 8, ">Q")
        elif size == 0:  # as far as the file goes
            size = len(content) - at
        if size < 8 or not kind.isascii() or not kind.strip().isalnum():
            break
        seen.add(kind)
        at += size
    if at > len(content) or not {b"ftyp", b"meta"} <= seen:
        raise Damaged
    return at


def pixels_of(content: Content, format_: Format) -> int:
    """How many pixels a reader of an image has to make room for; 0 where no number says so.

    Raises Damaged where the number is cut off.
    """
    try:
        width, height = _SIZES[format_](content) if format_ in _SIZES else (0, 0)
    except (IndexError, struct.error):
        raise Damaged from None
    return width * height


def _size_of_jpeg(content: Content) -> tuple[int, int]:
    at = next(at for marker, at in _jpeg_segments(content) if marker in _FRAMES)
    return _number(content, at + 7, ">H"), _number(content, at + 5, ">H")


def _size_of_webp(content: Content) -> tuple[int, int]:
    kind = bytes(content[12:16])
    if kind == b"VP8X":
        width, height = (_number(content, at, "<I") & 0xFFFFFF for at in (24, 27))
        return width + 1, height + 1
    if kind == b"VP8L":
        bits = _number(content, 21, "<I")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return _number(content, 26, "<H") & 0x3FFF, _number(content, 28, "<H") & 0x3FFF


_SIZES: Mapping[Format, Callable[[Content], tuple[int, int]]] = {
    JPEG: _size_of_jpeg,
    PNG: lambda content: (_number(content, 16, ">I"), _number(content, 20, ">I")),
    GIF: lambda content: (_number(content, 6, "<H"), _number(content, 8, "<H")),
    WEBP: _size_of_webp,
}
_BEGINNINGS: Sequence[tuple[Format, Callable[[bytes], object]]] = (
    (PDF, _PDF_HEADER.match),
    (JPEG, lambda head: head.startswith(b"\xff\xd8\xff")),
    (PNG, lambda head: head.startswith(PNG_SIGNATURE)),
    (GIF, lambda head: head.startswith((b"GIF87a", b"GIF89a"))),
    (WEBP, _is_webp),
    (HEIC, _is_heic),
)
_ENDS: Mapping[Format, Callable[[Content], int]] = {
    PDF: _end_of_pdf,
    JPEG: _end_of_jpeg,
    PNG: _end_of_png,
    GIF: _end_of_gif,
    WEBP: _end_of_webp,
    HEIC: _end_of_heic,
}
