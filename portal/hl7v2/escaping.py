"""Delimiters and escape sequences (HL7 v2.5.1, 2.5.4 and 2.7)."""

import re
from dataclasses import dataclass
from functools import lru_cache

# What a text may not hold: C0 controls apart from tab and the line ends. PostgreSQL refuses NUL.
CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# HL7's null, "there is none". A text that looks like it is written in hexadecimal.
NULL = '""'
_MOST_SPACES = 20


@dataclass(frozen=True, slots=True)
class Delimiters:
    """MSH-1 and MSH-2."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    truncation: str = ""

    @property
    def encoding(self) -> str:
        """MSH-2."""
        four = self.component + self.repetition + self.escape + self.subcomponent
        return four + self.truncation


STANDARD = Delimiters()


@lru_cache(maxsize=64)
def _sequences(escape: str) -> re.Pattern[str]:
    mark = re.escape(escape)
    rest = f"[^{mark}]*"
    return re.compile(
        f"{mark}(?:([FSTREP])|[HN]|[Xx]((?:[0-9A-Fa-f]{{2}})*)|\\.([A-Za-z]{{2}})({rest})){mark}"
    )


@lru_cache(maxsize=64)
def _hexadecimals(escape: str) -> re.Pattern[str]:
    mark = re.escape(escape)
    return re.compile(f"{mark}[Xx]([0-9A-Fa-f]*){mark}")


def escaped_controls(text: str, delimiters: Delimiters) -> bool:
    """Whether a text holds an escaped control character that it may not hold as such."""
    if f"{delimiters.escape}X" not in text and f"{delimiters.escape}x" not in text:
        return False
    found = _hexadecimals(delimiters.escape).findall(text)
    return any(
        CONTROLS.search(bytes.fromhex(digits[: len(digits) // 2 * 2]).decode("latin-1"))
        for digits in found
    )


def _hexadecimal(digits: str) -> str:
    data = bytes.fromhex(digits)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def _formatting(command: str, argument: str) -> str:
    """FT's commands (2.7.6): those that end a line, those that space, and the rest."""
    digits = argument.strip(" +")
    # A long number is no count of spaces.
    count = min(int(digits), _MOST_SPACES) if re.fullmatch("[0-9]{1,3}", digits) else 1
    if command == "sp":
        return "\n" * max(count, 1)
    if command == "sk":
        return " " * count
    return "\n" if command in ("br", "ce") else ""


def unescape(text: str, delimiters: Delimiters) -> str:
    """The text as it is meant: formatting as line ends and spaces, highlighting dropped. What is
    no escape sequence, or one of local meaning or of another character set, stays as it came."""
    if delimiters.escape not in text:
        return text
    meant = {
        "F": delimiters.field,
        "S": delimiters.component,
        "T": delimiters.subcomponent,
        "R": delimiters.repetition,
        "E": delimiters.escape,
        "P": delimiters.truncation or "#",
    }

    def replace(found: re.Match[str]) -> str:
        letter, digits, command, argument = found.groups()
        if letter:
            return meant[letter]
        if digits is not None:
            return _hexadecimal(digits)
        return _formatting(command.lower(), argument) if command else ""

    return _sequences(delimiters.escape).sub(replace, text)


@lru_cache(maxsize=64)
def _escapes(delimiters: Delimiters) -> dict[int, str]:
    mark = delimiters.escape
    table = dict.fromkeys((*range(32), 127), "")
    table[ord("\t")] = " "
    table[ord("\n")] = f"{mark}.br{mark}"
    table[ord(delimiters.field)] = f"{mark}F{mark}"
    table[ord(delimiters.component)] = f"{mark}S{mark}"
    table[ord(delimiters.subcomponent)] = f"{mark}T{mark}"
    table[ord(delimiters.repetition)] = f"{mark}R{mark}"
    table[ord(mark)] = f"{mark}E{mark}"
    if delimiters.truncation:
        table[ord(delimiters.truncation)] = f"{mark}P{mark}"
    return table


def escape(text: str, delimiters: Delimiters = STANDARD) -> str:
    """The text as a value may hold it: delimiters escaped, line ends as `.br`, controls dropped."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    escaped = plain.translate(_escapes(delimiters))
    if escaped == NULL:
        return f"{delimiters.escape}X{NULL.encode().hex()}{delimiters.escape}"
    return escaped
