"""Files of every allowed format, real ones, and what people with bad intent make of them."""

import io
import struct
import zipfile

from fpdf import FPDF
from PIL import Image

LINES = "Home readings\n2026-03-01\t128/82\n2026-03-02\t131/84 \u2013 after a walk\n".encode()


def picture(
    format_: str, *, side: int = 24, size: tuple[int, int] | None = None, **options: object
) -> bytes:
    kept = io.BytesIO()
    Image.effect_noise(size or (side, side), 60).convert("RGB").save(kept, format_, **options)
    return kept.getvalue()


def pdf(text: str = "Blood pressure at home") -> bytes:
    document = FPDF()
    document.add_page()
    document.set_font("helvetica", size=12)
    document.cell(text=text)
    return bytes(document.output())


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


def heic(brand: bytes = b"heic", *compatible: bytes) -> bytes:
    """The boxes of a HEIC image, as far as a reader finds where each ends."""
    brands = brand + bytes(4) + b"mif1" + b"".join(compatible)
    return box(b"ftyp", brands) + box(b"meta", bytes(4) + b"x" * 60) + box(b"mdat", b"\x9c" * 200)


def archive(name: str = "word/document.xml", content: bytes = b"<w/>") -> bytes:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(name, content)
    return kept.getvalue()


def bomb() -> bytes:
    """Some kilobytes that become 30 MB, twice packed."""
    return archive("inner.zip", archive("zeros", bytes(30 * 1024 * 1024)))


JPEG = picture("JPEG")
PNG = picture("PNG")
GIF = picture("GIF")
WEBP = picture("WEBP")
HEIC = heic()
PDF = pdf()

ALLOWED = {
    "application/pdf": PDF,
    "image/jpeg": JPEG,
    "image/png": PNG,
    "image/gif": GIF,
    "image/webp": WEBP,
    "image/heic": HEIC,
    "text/plain": LINES,
}


def with_comment(comment: bytes) -> bytes:
    """A GIF with a comment block, where anything may stand."""
    blocks = b"".join(
        bytes([len(part)]) + part
        for part in (comment[at : at + 255] for at in range(0, len(comment), 255))
    )
    return GIF[:-1] + b"\x21\xfe" + blocks + b"\x00\x3b"
