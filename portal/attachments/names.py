"""A file's name: shown to people and never a path of ours."""

import re
import unicodedata

from werkzeug.http import parse_options_header

from portal.attachments.errors import NameRefused
from portal.attachments.formats import ALLOWED, Format

MOST_LETTERS = 120
# What a file system of a reader's might take for something else (Windows, MAX_PATH and naming).
_UNUSABLE = re.compile(r'[<>:"|?*]')
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?=\.|$)", re.IGNORECASE)
_EXTENSION = re.compile(r"\.([A-Za-z0-9]{1,5})$")
# What is taken for an extension, and replaced where the content is something else. Whatever else
# stands behind a dot is a part of the name: the end that counts is added to it.
_FOREIGN = re.compile(
    r"docx?|docm|dot|odt|rtf|xls[xm]?|csv|ods|pptx?|tiff?|bmp|svg|avif|xhtml|html?|xml|jse?|vbs|wsf|"
    r"hta|css|json|php|py|sh|bash|command|exe|com|bat|cmd|scr|pif|ms[ip]|dll|cpl|lnk|reg|ps1|jar|"
    r"apk|app|dmg|iso|img|zip|rar|7z|t?gz|tar|bz2|xz|ini|eml|msg|mp[34]|mov|avi|wav|m4a|dcm"
)
_OURS = frozenset(extension for one in ALLOWED for extension in one.extensions)
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
    shown = "".join(letter for letter in base if letter.isspace() or _is_shown(letter))
    words = " ".join(_UNUSABLE.sub("_", shown).split())
    stem, extension = _split(words.strip(". "), format_)
    if _DEVICES.match(stem):
        stem = f"_{stem}"
    return f"{_shortened(stem) or _NAMELESS}.{extension}"


def _is_shown(letter: str) -> bool:
    """Not controls, formats (which hide or turn text), surrogates, or private characters."""
    return unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Co", "Cn")


def _split(name: str, format_: Format) -> tuple[str, str]:
    """The stem and the extension. One that says another format goes, and so does what it hid."""
    found = _EXTENSION.search(name)
    if found is None or not _is_extension(extension := found[1].lower()):
        return name, format_.extensions[0]
    stem = name[: found.start()].rstrip(". ")
    return (stem, extension) if extension in format_.extensions else _split(stem, format_)


def _is_extension(end: str) -> bool:
    return end in _OURS or _FOREIGN.fullmatch(end) is not None


def _shortened(stem: str) -> str:
    return stem[:MOST_LETTERS].rstrip(". ")
