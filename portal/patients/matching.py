"""Whom a message from outside is about: what it says of a person, held against their record.

Pure, and one decision for every way in. matching_queries.py reads the records.
"""

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from portal.patients.identity import number_key
from portal.patients.model import Sex

# What contradicts a sex as a message calls it (HL7 table 0001, FHIR R4). Unknown, other, ambiguous
# and not applicable are no statements that another could contradict.
_OPPOSITE = {"f": Sex.MALE, "female": Sex.MALE, "m": Sex.FEMALE, "male": Sex.FEMALE}


class Mark(StrEnum):
    """What a person is told by."""

    RECORD_NUMBER = "record_number"
    FAMILY_NAME = "family_name"
    GIVEN_NAME = "given_name"
    BIRTH_DATE = "birth_date"
    SEX = "sex"


@dataclass(frozen=True, slots=True)
class Said:
    """What a message says of a person; what is empty it doesn't say."""

    numbers: frozenset[str] = frozenset()
    family_name: str = ""
    given_name: str = ""
    birth_date: date | None = None
    sex: str = ""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a patient's record says, and what it once said: `names` are family and given names."""

    id: UUID
    clinic_id: UUID
    mrns: frozenset[str]
    names: tuple[tuple[str, str], ...]
    birth_dates: frozenset[date]
    sexes: frozenset[str]

    def is_named_by(self, said: Said) -> bool:
        """Whether the message has a record number of this patient."""
        return not set(map(number_key, self.mrns)).isdisjoint(map(number_key, said.numbers))


def recorded(one: Mapping[str, Any]) -> Recorded:
    """A record of what RECORDED gives."""
    return Recorded(
        id=UUID(one["id"]),
        clinic_id=UUID(one["clinic_id"]),
        mrns=frozenset(one["mrns"]),
        names=tuple((family, given) for family, given in one["names"]),
        birth_dates=frozenset(date.fromisoformat(day) for day in one["birth_dates"]),
        sexes=frozenset(one["sexes"]),
    )


def differences(said: Said, record: Recorded, everybody: Iterable[Recorded]) -> frozenset[Mark]:
    """The marks by which a message says that it is about somebody else.

    A mark that either side leaves out is no difference. `everybody` has whoever else the message's
    record numbers belong to: another patient's number is one. A sex differs where one side says
    female and the other male. A given name may be shortened to its first, or to an initial.
    """
    families, givens = zip(*record.names, strict=True)
    differs = {
        Mark.RECORD_NUMBER: any(
            other.id != record.id and other.is_named_by(said) for other in everybody
        ),
        Mark.FAMILY_NAME: _differs(said.family_name, families, _same),
        Mark.GIVEN_NAME: _differs(said.given_name, givens, _same_given),
        Mark.BIRTH_DATE: said.birth_date not in (None, *record.birth_dates),
        Mark.SEX: record.sexes == {_OPPOSITE.get(said.sex.casefold())},
    }
    return frozenset(mark for mark, does in differs.items() if does)


def identifies(
    said: Said, record: Recorded, everybody: Iterable[Recorded], *, ordered: bool
) -> bool:
    """Whether a message is certainly about this patient, so that nobody has to look.

    With the patient's own record number nothing may differ but the family name, since people marry,
    and that only where the given name is said and fits; what nobody here ordered (`ordered`) needs
    the birth date and a name that fits besides. Without the number all names and the birth date
    have to be the same.
    """
    against = differences(said, record, everybody)
    if not record.is_named_by(said):
        return not against and said.birth_date is not None and _has_name(said, record)
    if against - {Mark.FAMILY_NAME} or (against and not said.given_name):
        return False
    return ordered or (said.birth_date is not None and bool(said.family_name or said.given_name))


def _has_name(said: Said, record: Recorded) -> bool:
    """Whether a name is said in full: a person may have one name alone."""
    return any(
        _plain(said.family_name) == _plain(family) and _plain(said.given_name) == _plain(given)
        for family, given in record.names
    ) and bool(said.family_name or said.given_name)


def _differs(said: str, names: Iterable[str], same: Callable[[str, str], bool]) -> bool:
    known = [name for name in names if name]
    return bool(said) and bool(known) and not any(same(said, name) for name in known)


def _same(one: str, other: str) -> bool:
    return _plain(one) == _plain(other)


def _same_given(one: str, other: str) -> bool:
    if _same(one, other):
        return True
    first, second = _first(one), _first(other)
    shorter, longer = sorted((first, second), key=len)
    initial = len(shorter) == 1 and shorter.isascii()
    return first == second or (initial and longer.startswith(shorter))


def _first(name: str) -> str:
    return _plain(next(iter(name.replace(".", " ").split()), ""))


def _plain(name: str) -> str:
    """A name without case, accents and punctuation: laboratories drop them."""
    decomposed = unicodedata.normalize("NFKD", name)
    return "".join(mark for mark in decomposed.casefold() if mark.isalnum())
