"""Who somebody is, as far as it is written down: what can be corrected, and how numbers compare."""

import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from portal.core.folding import name_key


class IdentityField(StrEnum):
    """What of a record says who somebody is. Only the staff correct it, and each time with a
    reason."""

    MRN = "mrn"
    GIVEN_NAME = "given_name"
    FAMILY_NAME = "family_name"
    BIRTH_DATE = "birth_date"
    SEX = "sex"
    CLINIC = "clinic_id"


# What laboratories and pharmacies are told of a patient; the clinic is no matter of theirs.
TOLD_OUTSIDE = frozenset(IdentityField) - {IdentityField.CLINIC}


def number_key(number: str) -> str:
    """A record number as it is compared: without case and blanks."""
    return "".join(unicodedata.normalize("NFKC", number).casefold().split())


def number_key_sql(expression: str) -> str:
    """The same as SQL; the database's unique index stands on it."""
    bare = f"regexp_replace(normalize({expression}, NFKC), '[[:space:]]', '', 'g')"
    return f"casefold({bare} COLLATE pg_unicode_fast)"


def changed_fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[IdentityField]:
    """What differs between two states of an identity."""
    return [field for field in IdentityField if before.get(field) != after.get(field)]


def name_words(*names: str) -> tuple[str, ...]:
    """The words of a name in no order, without case, accents and apostrophes: by which two people
    are taken for one, whichever part of the name was typed where."""
    return tuple(sorted(name_key(" ".join(names)).split()))
