"""What a medicine is made of, read from its name: the same ingredient, the same word.

Careloop has no copy of RxNorm. A name is folded, what it combines is split, and the words that say
which salt it is, how it is released and in which form it comes are left out; other names of one
substance, and brands, are looked up. `content/ingredient_words.json` has the words, whence they
come, and cases of its own: a file whose cases don't hold is refused.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from portal.core.content import Content, declare
from portal.core.folding import folded

# What stands between the ingredients of a combination. A hyphen does so between whole words alone.
_BETWEEN = re.compile(r"\s*(?:[/+,;&|()\[\]]|\b(?:and|with|plus)\b)\s*")
_DASH = re.compile("[\u2010-\u2015\u2212-]")
_TOKEN = re.compile(r"[^\W_]+(?:\.[^\W_]+)*|%")
_AMOUNT = re.compile(r"([0-9][0-9.]*)([^\W\d_]*|%)")
# A number of more digits or with a point is a strength, and not part of a name: omega 3.
_SHORT = 2
# A part of a hyphened name that is shorter is no ingredient of its own: vitamin B-12.
_SHORTEST = 4


@dataclass(frozen=True, slots=True)
class Words:
    """The table: which words of a name aren't its ingredient, and what other names stand for."""

    salts: frozenset[str]
    elements: frozenset[str]
    others: frozenset[str]
    units: frozenset[str]
    prefixes: frozenset[str]
    names: Mapping[str, Sequence[str]]

    def read(self, name: str) -> list[str]:
        """The ingredients that a name tells of, sorted; none where it has no word at all."""
        found: set[str] = set()
        for part in _BETWEEN.split(folded(name)):
            for piece in self._pieces(part):
                found.update(self._known_as(piece))
        return sorted(found) or [" ".join(_tokens(name))] * bool(_tokens(name))

    def _pieces(self, part: str) -> Iterator[str]:
        """What hyphens join, where each side can be an ingredient; else the whole."""
        whole = self._substance(_tokens(part))
        sides = [self._substance(_tokens(side)) for side in _DASH.split(part)]
        if len(sides) > 1 and self._other_name(whole) is None and all(map(self._alone, sides)):
            yield from sides
        else:
            yield whole

    def _alone(self, word: str) -> bool:
        return word in self.names or (len(word) >= _SHORTEST and word not in self.prefixes)

    def _substance(self, tokens: Sequence[str]) -> str:
        """The words that name the substance: without salt, release, form and amount; of a salt that
        is the drug itself (potassium chloride) the element that matters, else all of it."""
        named = _without_number_at_end(self._named(tokens))
        bare = _without_number_at_end([word for word in named if word not in self.salts])
        if not bare and named and named[0] in self.elements:
            return named[0]
        return " ".join(bare or named)

    def _named(self, tokens: Sequence[str]) -> list[str]:
        after = (*tokens[1:], "")
        return [
            word
            for word, then in zip(tokens, after, strict=False)
            if word not in self.others and not self._is_amount(word, then)
        ]

    def _is_amount(self, word: str, then: str) -> bool:
        """12.5, 10mg, 325 and mg, and 10 before mg; and not the 3 of omega 3."""
        if word in self.units:
            return True
        amount = _AMOUNT.fullmatch(word)
        if amount is None:
            return False
        number, unit = amount.groups()
        return unit in self.units or (not unit and (then in self.units or len(number) > _SHORT))

    def _other_name(self, substance: str) -> Sequence[str] | None:
        """What another name of something, or a brand, stands for: Lantus, and Lantus SoloStar."""
        words = substance.split()
        for length in range(len(words), 0, -1):
            if (means := self.names.get(" ".join(words[:length]))) is not None:
                return means
        return None

    def _known_as(self, substance: str) -> Sequence[str]:
        if not substance or substance.replace(" ", "").isdigit():
            return ()
        return self._other_name(substance) or (substance,)


def _without_number_at_end(words: Sequence[str]) -> list[str]:
    """Without a strength or the like at its end (codeine 3); B 12 is a name."""
    left = list(words)
    while len(left) > 1 and left[-1].isdigit() and len(left[-2]) > 1:
        left.pop()
    return left


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(_DASH.sub(" ", folded(text)))


def _table(document: Mapping[str, Any]) -> Words:
    return Words(
        salts=frozenset(document["salts"]),
        elements=frozenset(document["elements"]),
        others=frozenset([*document["release"], *document["forms"]]),
        units=frozenset(document["units"]),
        prefixes=frozenset(document["prefixes"]),
        names={name: tuple(means) for name, means in document["names"].items()},
    )


def _wrong(words: Words, case: Mapping[str, Any]) -> str | None:
    read = words.read(case["name"])
    if read == case["ingredients"]:
        return None
    return f"{case['name']!r} is {read}, not {case['ingredients']}."


INGREDIENT_WORDS = declare(
    Content(
        name="ingredient_words",
        about="a table of the words in names of medicines",
        shipped=Path(__file__).parent / "content" / "ingredient_words.json",
        make=_table,
        wrong=_wrong,
    )
)


def ingredients_of(name: str, given: Iterable[str] = ()) -> list[str]:
    """What a medicine of this name is made of, with what was given besides, sorted."""
    found = set(_read(name))
    for one in given:
        found.update(_read(one))
    return sorted(found)


@lru_cache(maxsize=4096)
def _read(name: str) -> Sequence[str]:
    return tuple(INGREDIENT_WORDS.table.read(name))
