"""What may be attached: formats that show something and run nothing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file, by its media type; its names end as one of `extensions`, best the first."""

    media_type: str
    called: str
    extensions: tuple[str, ...]


PDF = Format("application/pdf", "a PDF", ("pdf",))
JPEG = Format("image/jpeg", "a JPEG image", ("jpg", "jpeg", "jpe", "jfif"))
PNG = Format("image/png", "a PNG image", ("png",))
GIF = Format("image/gif", "a GIF image", ("gif",))
WEBP = Format("image/webp", "a WebP image", ("webp",))
HEIC = Format("image/heic", "a HEIC image", ("heic", "heif"))
TEXT = Format("text/plain", "plain text", ("txt", "text", "log", "md"))

ALLOWED = (PDF, JPEG, PNG, GIF, WEBP, HEIC, TEXT)
BY_TYPE = {
    **{one.media_type: one for one in ALLOWED},
    # Never registered, and sent all the same.
    "image/jpg": JPEG,
    # RFC-less siblings of one container: phones use either name.
    "image/heif": HEIC,
}
# What clients send that don't know: the content decides alone.
UNDECLARED = "application/octet-stream"

# How foreign content begins that people rename, and what it is called when it is refused.
FOREIGN = (
    (b"PK\x03\x04", "a ZIP archive, as Word and Excel files are"),
    (b"PK\x05\x06", "a ZIP archive"),
    (b"PK\x07\x08", "a ZIP archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an XZ archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"MSCF", "a cabinet archive"),
    (b"MZ", "a Windows program"),
    (b"\x7fELF", "a Linux program"),
    (b"\xfe\xed\xfa", "a macOS program"),
    (b"\xce\xfa\xed\xfe", "a macOS program"),
    (b"\xcf\xfa\xed\xfe", "a macOS program"),
    (b"\xca\xfe\xba\xbe", "a program"),
    (b"\x00asm", "a WebAssembly program"),
    (b"#!", "a script"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office file or an installer"),
    (b"{\\rtf", "a rich-text file"),
    (b"%!PS", "a PostScript file"),
)
