"""Cleaning what people write, before anything else looks at it."""

import re
import unicodedata

# Unicode's explicit directional controls (UAX #9): with them, what is shown differs from what is
# written. Right-to-left text itself needs none of them.
_DIRECTIONAL = "\u202a-\u202e\u2066-\u2069"
_LINE_ENDS = re.compile(r"\r\n?|[\x85\u2028\u2029]")
_DROPPED = re.compile(rf"[\x00-\x08\x0b-\x1f\x7f-\x9f{_DIRECTIONAL}\ufeff]")
_WORDS = re.compile(r"[^\W_]+")


def cleaned(text: str) -> str:
    """Several lines of text without control characters and directional overrides, trimmed."""
    return _DROPPED.sub("", _LINE_ENDS.sub("\n", text)).strip()


def cleaned_line(text: str) -> str:
    """One line of text, cleaned, with single spaces."""
    return " ".join(cleaned(text).split())


def words(text: str) -> str:
    """The words of a text, folded so that spellings compare: without case, accents and signs."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(sign for sign in folded if not unicodedata.combining(sign))
    return " ".join(_WORDS.findall(bare.replace("'", "").replace("\u2019", "")))
