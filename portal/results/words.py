"""What words say of a value: detected, not detected, growth, reactive; a table kept as data.

A text is normal only where all of it is understood: each of its parts is, word by word, a phrase
that says so. A word that says otherwise counts wherever it stands, unless it is negated. All else
is unknown. `content/qualitative_words.json` has the words, whence they come, and cases of its own:
a file whose cases don't hold is refused.
"""

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from portal.core.content import Content, declare
from portal.results.flags import gravest
from portal.results.states import Abnormality

# How far before a word its negation may stand: `no evidence of growth`.
_REACH = 3
_PARTS = re.compile(r"[\n;,.]+")
_NUMBER = "#"

Tokens = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of test of which words mean something else."""

    codes: frozenset[str]
    named: tuple[frozenset[str], ...]
    means: Mapping[str, Abnormality]
    phrases: Mapping[Tokens, Abnormality]

    def has(self, code: str, name: frozenset[str]) -> bool:
        return code in self.codes or any(words <= name for words in self.named)


_ANY = _Kind(frozenset(), (), {}, {})


@dataclass(frozen=True, slots=True)
class Words:
    """The table: what findings words, phrases and codes are, and what a finding means."""

    words: Mapping[str, str]
    phrases: Mapping[Tokens, str]
    codes: Mapping[tuple[str, str], str]
    negations: frozenset[Tokens]
    means: Mapping[str, Abnormality]
    kinds: tuple[_Kind, ...]

    def judge(
        self, text: str, *, coded: tuple[str, str] = ("", ""), code: str = "", name: str = ""
    ) -> Abnormality:
        """What a value's text, and its code with the system it is of, mean for a test by its LOINC
        code and its name; unknown where that isn't certain."""
        named = _tokens(name)
        kind = next((one for one in self.kinds if one.has(code, frozenset(named))), _ANY)
        parts = [tokens for part in _PARTS.split(text) if (tokens := _tokens(part))]
        levels = [self._of_part(part, named, kind) for part in parts]
        said = gravest(levels)
        finding = self.codes.get((coded[1], coded[0]))
        if finding is None or said is Abnormality.ABNORMAL:
            return said
        return self._meant(finding, kind)

    def _of_part(self, part: Tokens, name: Tokens, kind: _Kind) -> Abnormality:
        bare = tuple(token for token in part if token not in name)
        for tokens in (part, bare):
            numbered = tuple(_NUMBER if token.isdigit() else token for token in tokens)
            if numbered in kind.phrases:
                return kind.phrases[numbered]
            if numbered in self.phrases:
                return self._meant(self.phrases[numbered], kind)
        found = [self._meant(finding, kind) for finding in self._findings(part)]
        # A word alone means it for sure; among others only what is not normal does.
        if len(bare) == 1 or not found:
            return gravest(found)
        return gravest([*found, Abnormality.UNKNOWN])

    def _findings(self, part: Tokens) -> Iterator[str]:
        for at, token in enumerate(part):
            if token in self.words and not self._is_negated(part[max(0, at - _REACH) : at]):
                yield self.words[token]

    def _is_negated(self, before: Tokens) -> bool:
        return any(
            before[start : start + len(negation)] == negation
            for negation in self.negations
            for start in range(len(before))
        )

    def _meant(self, finding: str, kind: _Kind) -> Abnormality:
        return kind.means.get(finding, self.means[finding])


@lru_cache(maxsize=4096)
def _tokens(text: str) -> Tokens:
    plain = unicodedata.normalize("NFKD", text).casefold()
    return tuple(re.findall(r"[^\W_]+", "".join(c for c in plain if not unicodedata.combining(c))))


def _table(document: Mapping[str, Any]) -> Words:
    findings: Sequence[Mapping[str, Any]] = document["findings"]
    return Words(
        words={word: one["finding"] for one in findings for word in one.get("words", ())},
        phrases={
            _phrase(phrase): one["finding"] for one in findings for phrase in one.get("phrases", ())
        },
        codes={
            (system, code): one["finding"]
            for one in findings
            for system, codes in one.get("codes", {}).items()
            for code in codes
        },
        negations=frozenset(_tokens(one) for one in document["negations"]),
        means=_means(document["means"]),
        kinds=tuple(_kind(one) for one in document["tests"]),
    )


def _kind(one: Mapping[str, Any]) -> _Kind:
    return _Kind(
        codes=frozenset(one["codes"]),
        named=tuple(frozenset(words) for words in one["named"]),
        means=_means(one["means"]),
        phrases={
            _phrase(phrase): Abnormality(level)
            for level, phrases in one["phrases"].items()
            for phrase in phrases
        },
    )


def _means(levels: Mapping[str, str]) -> dict[str, Abnormality]:
    return {finding: Abnormality(level) for finding, level in levels.items()}


def _phrase(text: str) -> Tokens:
    return tuple(word if word == _NUMBER else _tokens(word)[0] for word in text.split())


def _wrong(table: Words, case: Mapping[str, Any]) -> str | None:
    code, name = case.get("code", ""), case.get("test", "")
    judged = table.judge(case["text"], code=code, name=name)
    if judged == case["means"]:
        return None
    told = json.dumps(case["text"], ensure_ascii=False)
    return f"{told} of {code or name or 'any test'} is {judged.value}, not {case['means']}."


QUALITATIVE_WORDS = declare(
    Content(
        name="qualitative_words",
        about="a table of what words say of a value",
        shipped=Path(__file__).parent / "content" / "qualitative_words.json",
        make=_table,
        wrong=_wrong,
    )
)
