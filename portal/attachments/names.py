"""A file's name: shown to people and never a path of ours."""

import re
import unicodedata

from werkzeug.http import parse_options_header

from portal.attachments.errors import NameRefused
from portal.attachments.formats import Format

MOST_LETTERS = 120
# What a file system of a reader's might take for something else (Windows, MAX_PATH and naming).
_UNUSABLE = re.compile(r'[<>:"|?*]')
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?=\.|$)", re.IGNORECASE)
_EXTENSION = re.compile(r"\.([A-Za-z][A-Za-z0-9]{0,9})$")
_NAMELESS = "attachment"


def name_from_header(header: str | None) -> str:
    """The name in a Content-Disposition (RFC 6266), as the client gave it.

    Raises NameRefused where there is none.
    """
    _disposition, options = parse_options_header(header or "")
    name = options.get("filename", "")
    if not name.strip():
        raise NameRefused()
    return name


def clean_name(given: str, format_: Format) -> str:
    """A name that is safe to show and to save: without a path, controls, invisible characters or
    changes of direction, and with an extension of the content's format."""
    base = unicodedata.normalize("NFC", given).replace("\\", "/").rstrip("/").rpartition("/")[2]
    words = " ".join(_UNUSABLE.sub("_", base).split())
    shown = "".join(letter for letter in words if _is_shown(letter))
    stem, extension = _split(shown.strip(". "), format_)
    if _DEVICES.match(stem):
        stem = f"_{stem}"
    return f"{_shortened(stem) or _NAMELESS}.{extension}"


def _is_shown(letter: str) -> bool:
    """Not controls, formats (which hide or turn text), surrogates, or private characters."""
    return unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Co", "Cn")


def _split(name: str, format_: Format) -> tuple[str, str]:
    """The stem and the extension. One that says another format goes, and so does what it hid."""
    found = _EXTENSION.search(name)
    if found is None:
        return name, format_.extensions[0]
    stem, extension = name[: found.start()].rstrip(". "), found[1].lower()
    if extension in format_.extensions:
        return stem, extension
    return _split(stem, format_)


def _shortened(stem: str) -> str:
    return stem[:MOST_LETTERS].rstrip(". ")
