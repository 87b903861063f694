"""Phrases that may tell of an emergency: matching them is pure, the phrases are data.

Careloop ships a set (`red_flags.json`); a clinic loads its own with `portal red-flags load`. Each
has a version, which warnings and messages name.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from portal.messages.text import words

SHIPPED: Mapping[str, Any] = orjson.loads(Path(__file__).with_name("red_flags.json").read_bytes())
ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class Flag:
    code: str
    label: str


@dataclass(frozen=True, slots=True)
class RedFlags:
    """One version of the set, ready to match."""

    version: int
    guidance: Mapping[str, str]
    _patterns: tuple[tuple[Flag, re.Pattern[str]], ...]

    def found_in(self, *texts: str) -> tuple[Flag, ...]:
        """The flags of which a phrase stands in one of the texts, in the set's order."""
        folded = [words(text) for text in texts]
        return tuple(
            flag for flag, pattern in self._patterns if any(pattern.search(text) for text in folded)
        )

    def guidance_in(self, language: str) -> str:
        """The guidance in somebody's language, in English where there is none."""
        return self.guidance.get(language.partition("-")[0]) or self.guidance[ENGLISH]


def compiled(content: Mapping[str, Any]) -> RedFlags:
    """A set from its document (RedFlagSetSchema). A phrase that ends in `*` begins a word."""
    patterns = tuple(
        (Flag(flag["code"], flag["label"]), _pattern(tuple(flag["phrases"])))
        for flag in content["flags"]
    )
    return RedFlags(content["version"], content["guidance"], patterns)


@cache
def shipped() -> RedFlags:
    """The set that Careloop comes with."""
    return compiled(SHIPPED)


def _pattern(phrases: tuple[str, ...]) -> re.Pattern[str]:
    options = [
        re.escape(words(phrase)) + (r"\w*" if phrase.endswith("*") else "") for phrase in phrases
    ]
    return re.compile(rf"\b(?:{'|'.join(options)})\b")
