"""Text as it is compared, found and sorted: whoever wrote it, on whatever keyboard.

The same rules are functions of the database (`careloop_folded`, `careloop_name_key`,
`careloop_search_text`), which fill columns of their own with what was written: the server that is
embedded has no ICU collations, and none of the contrib extensions. What is asked for is folded
here, or there. Whoever changes a rule changes both, and fills the columns again by a migration.
"""

import itertools
import re
import unicodedata
from collections.abc import Iterator

# Accents and other marks that are left out of a comparison: of Latin, Greek and Cyrillic letters,
# points of Hebrew and Arabic. Marks of other scripts are vowels or tell letters apart, and stay.
MARKS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a"
    "\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u1ab0-\u1aff\u1dc0-\u1dff"
    "\u20d0-\u20ff\ufe20-\ufe2f"
)
# What isn't seen: soft hyphens, joiners, controls of direction, selectors of variants; the Arabic
# tatweel only makes a word longer.
UNSEEN = (
    "\u00ad\u034f\u061c\u0640\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
)
BLANKS = "\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
# Letters that Unicode takes for letters of their own, as people type them who don't have them.
_LETTERS = "\u00f8\u0142\u0111\u00f0\u0127\u0131\u0167\u0256\u0268"
_PLAIN = "olddhitdi"
# Forms of the apostrophe, and letters and accents that stand for one.
APOSTROPHES = "\u0060\u02b9\u02bb-\u02bd\u2018-\u201b\u2032\ua78c\uff07"
# Acute accents that stand alone: they would fall apart into a blank and a mark.
ACUTES = "\u00b4\u1ffd"
_TWO_LETTERS = {"\u00e6": "ae", "\u0153": "oe", "\u00fe": "th"}
_DASHES = "\u2010-\u2015\u2212\ufe58\ufe63\uff0d-"
# Scripts that are written without blanks between the words: Han, kana, Hangul (whose words take
# endings), Thai, Lao, Burmese, Khmer.
UNSPACED = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u0edc-\u0edf\u1000-\u103f\u1050-\u108f\u1780-\u17d3"
    "\u3005\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)

_REMOVED = re.compile(f"[{MARKS}{UNSEEN}]")
_BLANK = re.compile(f"[{BLANKS}]+")
_ACUTE = re.compile(f"[{ACUTES}]")
_APOSTROPHE = re.compile(f"[{APOSTROPHES}]")
_SWAPPED = str.maketrans({**dict(zip(_LETTERS, _PLAIN, strict=True)), **_TWO_LETTERS})
_NOT_IN_NAMES = re.compile("['.]")
_BETWEEN_NAMES = re.compile(f"[{_DASHES}]")
_RUN = re.compile(f"[{UNSPACED}]+")
_QUOTES = re.compile("[\u201c-\u201f\u00ab\u00bb\u300c-\u300f\uff02]")


def folded(text: str) -> str:
    """A text without case, accents, forms of apostrophes and widths, with single blanks.

    What two texts have in common for a person is the same afterwards, in whichever normal form of
    Unicode they came. Folding again changes nothing.
    """
    return _BLANK.sub(" ", _same_letters(text)).strip(" ")


def name_key(name: str) -> str:
    """By what a name is compared, found and sorted: folded, without apostrophes and full stops.

    O'Connor, O\u2019Connor and Oconnor are one name, and so are Smith-Jones and Smith Jones.
    """
    bare = _NOT_IN_NAMES.sub("", _same_letters(name))
    return _BLANK.sub(" ", _BETWEEN_NAMES.sub(" ", bare)).strip(" ")


def sought(words: str) -> str:
    """What somebody looks for, for `websearch_to_tsquery` over a column of `careloop_search_text`.

    A run of a script without blanks is looked for as a part: as the pairs of its letters, one
    after another. Quotation marks of any form make a phrase. One letter alone may be a part of a
    longer run, where its neighbours are unknown: it is looked for beside the phrase.
    """
    segments = [_same_letters(part) for part in _QUOTES.sub('"', words).split('"')]
    before = ["", *segments]
    return '"'.join(
        _RUN.sub(_WAYS[index % 2 == 1, before[index].endswith("-")], segment)
        for index, segment in enumerate(segments)
    )


def _same_letters(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", _ACUTE.sub("'", text)).casefold()
    bare = _REMOVED.sub("", unicodedata.normalize("NFKD", decomposed))
    plain = _APOSTROPHE.sub("'", bare).translate(_SWAPPED)
    return unicodedata.normalize("NFKC", plain)


def _paired(run: re.Match[str]) -> str:
    return f" {' '.join(_pairs(run.group()))} "


def _paired_or_beside(run: re.Match[str]) -> str:
    """Within quotation marks, which end and begin anew around a letter that is alone."""
    return _paired(run) if len(run.group()) > 1 else f'"{_paired(run)}"'


def _as_phrase(run: re.Match[str]) -> str:
    """A minus sign before the run stays with it."""
    return f'"{" ".join(_pairs(run.group()))}" '


def _pairs(run: str) -> Iterator[str]:
    """Written as letters and digits of ASCII, which no locale of a server takes apart."""
    codes = [f"u{ord(letter):x}" for letter in run]
    if len(codes) == 1:
        yield codes[0]
    for first, second in itertools.pairwise(codes):
        yield first + second


# By whether the run stands in quotation marks, and whether a minus sign is before those.
_WAYS = {
    (False, False): _as_phrase,
    (False, True): _as_phrase,
    (True, False): _paired_or_beside,
    (True, True): _paired,
}
