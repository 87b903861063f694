"""From bytes to text: byte order marks, MSH-18 (HL7 table 0211), line ends."""

import codecs
import re

from portal.hl7v2.errors import ErrorCondition, MessageRefused, refused
from portal.hl7v2.escaping import CONTROLS

CHARSET_PLACE = "MSH^1^18"
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Without a mark these are plain all the same.
_WIDE = ((b"M\x00S\x00H\x00", "utf-16-le"), (b"\x00M\x00S\x00H", "utf-16-be"))
_CODECS = {
    "ASCII": "ascii",
    "UNICODE": "utf-8",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    "UTF8": "utf-8",
    "8859": "iso8859_1",
    **{f"8859/{part}": f"iso8859_{part}" for part in range(1, 17) if part != 12},
}
_FIELD = 17
# A line end within a value of a message whose segments end with CR as they should: it is one of
# the value's unless a segment follows.
_NEXT_SEGMENT = re.compile("\n(?=[A-Z][A-Z0-9]{2}[^A-Za-z0-9\\s])")
_BLANK = re.compile("\r[ \t\r]*\r")
_BLANKS = "\r\n\t \x0b\x0c\x1c\x00"


def strip_mark(raw: bytes) -> tuple[bytes, str]:
    """The message without its byte order mark, and the codec that the mark names (or "")."""
    for mark, codec in _MARKS:
        if raw.startswith(mark):
            return raw[len(mark) :], codec
    for start, codec in _WIDE:
        if raw.startswith(start):
            return raw, codec
    return raw, ""


def declared_charset(raw: bytes) -> str:
    """MSH-18's first repetition, read from the bytes of an eight-bit character set."""
    head = raw.lstrip()[:4]
    if len(head) < len(b"MSH|"):
        return ""
    line = re.split(b"[\r\n]", raw.lstrip()[:4096], maxsplit=1)[0]
    fields = line.split(head[3:4])
    if len(fields) <= _FIELD:
        return ""
    return fields[_FIELD].split(b"~")[0].decode("ascii", "replace").strip()


def decode(raw: bytes) -> str:
    """The text of a message.

    Where MSH-18 is empty it is UTF-8, or Windows-1252 if it can't be that. Raises MessageRefused
    for a character set that isn't known, or bytes that are none of its characters.
    """
    raw, codec = strip_mark(raw)
    charset = "" if codec else declared_charset(raw)
    if charset:
        codec = codec_of(charset)
        if not codec:
            raise refused(
                CHARSET_PLACE,
                ErrorCondition.TABLE_VALUE_NOT_FOUND,
                "Character set not known: send UNICODE UTF-8.",
            )
    try:
        return raw.decode(codec or "utf-8")
    except UnicodeDecodeError:
        if codec:
            raise _undecodable() from None
    try:
        return raw.decode("cp1252")
    except UnicodeDecodeError:
        raise _undecodable() from None


def codec_of(charset: str) -> str:
    """Python's name for what MSH-18 names; "" for what isn't known."""
    return _CODECS.get(charset.upper(), "")


def decode_leniently(raw: bytes) -> str:
    """As `decode`, but for a message that is refused in any case: what can't be read is marked."""
    raw, codec = strip_mark(raw)
    codec = codec or codec_of(declared_charset(raw)) or "utf-8"
    return raw.decode(codec, "replace")


def _undecodable() -> MessageRefused:
    return refused(
        CHARSET_PLACE, ErrorCondition.DATA_TYPE, "The bytes are not of the character set."
    )


def normalise(text: str) -> str:
    """Segments end with CR, and none is blank.

    Senders end segments with LF or CRLF too. Where CR does, a lone LF in front of what is no
    segment belongs to the value around it.
    """
    text = text.strip(_BLANKS)
    if "\n" in text:
        text = text.replace("\r\n", "\r")
        text = _NEXT_SEGMENT.sub("\r", text) if "\r" in text else text.replace("\n", "\r")
    if "\r\r" in text or "\r " in text or "\r\t" in text:
        text = _BLANK.sub("\r", text)
    return text


def without_controls(text: str) -> str:
    """A text of which nothing is kept but what an answer names."""
    return CONTROLS.sub("", text)
