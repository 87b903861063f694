"""Reads back what a PDF of ours says: its pages' text, by the fonts' own maps to Unicode."""

import re
import zlib

_OBJECT = re.compile(rb"(?s)\b(\d+) 0 obj\n(.*?)\nendobj")
_STREAM = re.compile(rb"(?s)stream\n(.*?)\nendstream")
_SHOWN = re.compile(rb"(?s)\((?:[^()\\]|\\.)*\)(?= Tj)|<[0-9A-Fa-f]*>(?= Tj)")
_ESCAPED = re.compile(rb"(?s)\\(.)")
_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_RANGE = re.compile(rb"<([0-9A-Fa-f]{4})> <([0-9A-Fa-f]{4})> <([0-9A-Fa-f]+)>")
_ONE = re.compile(rb"<([0-9A-Fa-f]{4})> <([0-9A-Fa-f]+)>")


def _objects(document: bytes) -> dict[bytes, bytes]:
    return {match[1]: match[2] for match in _OBJECT.finditer(document)}


def _stream(content: bytes) -> bytes:
    match = _STREAM.search(content)
    assert match is not None
    return zlib.decompress(match[1]) if b"FlateDecode" in content else match[1]


def _to_unicode(objects: dict[bytes, bytes]) -> dict[int, str]:
    """Glyph to text; our documents have one font."""
    known: dict[int, str] = {}
    for content in objects.values():
        for reference in re.findall(rb"/ToUnicode (\d+) 0 R", content):
            table = _stream(objects[reference])
            for first, last, target in _RANGE.findall(table):
                for offset in range(int(last, 16) - int(first, 16) + 1):
                    known[int(first, 16) + offset] = chr(int(target, 16) + offset)
            for block in re.findall(rb"(?s)beginbfchar(.*?)endbfchar", table):
                for code, target in _ONE.findall(block):
                    known[int(code, 16)] = bytes.fromhex(target.decode()).decode("utf-16-be")
    return known


def _bytes_of(shown: bytes) -> bytes:
    if shown.startswith(b"<"):
        return bytes.fromhex(shown[1:-1].decode())
    return _ESCAPED.sub(lambda match: _ESCAPES.get(match[1], match[1]), shown[1:-1])


def pages_of(document: bytes) -> list[str]:
    """The text of each page, a line for each string that is shown."""
    objects = _objects(document)
    known = _to_unicode(objects)
    pages = []
    for content in objects.values():
        if re.search(rb"/Type /Page\b(?!s)", content) is None:
            continue
        reference = re.search(rb"/Contents (\d+) 0 R", content)
        assert reference is not None
        lines = []
        for shown in _SHOWN.findall(_stream(objects[reference[1]])):
            codes = _bytes_of(shown)
            pairs = zip(codes[::2], codes[1::2], strict=True)
            lines.append("".join(known[high << 8 | low] for high, low in pairs))
        pages.append("\n".join(lines))
    return pages


def places_of(document: bytes) -> list[tuple[float, float]]:
    """Where the strings of the first page begin, in millimetres from the left and the top of a
    page that is 11 inches high; a PDF counts points from below (ISO 32000-1, 8.3.2)."""
    for content in _objects(document).values():
        if _STREAM.search(content) and b" Td " in (shown := _stream(content)):
            found = re.findall(rb"([\d.]+) ([\d.]+) Td", shown)
            return [
                (float(left) / 72 * 25.4, (11 - float(bottom) / 72) * 25.4)
                for left, bottom in found
            ]
    raise AssertionError("no page shows text")
