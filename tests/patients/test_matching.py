"""Whom a message is about: what it says of a person, against their record."""

from datetime import date
from itertools import product

import pytest

from portal.core.ids import new_id
from portal.patients.matching import Mark, Recorded, Said, differences, identifies
from portal.patients.model import Sex

BORN = date(1980, 1, 1)
OTHER = Recorded(
    new_id(),
    new_id(),
    frozenset({"MRN-2"}),
    (("Other", "Kim"),),
    frozenset({BORN}),
    frozenset({""}),
)


def record(sex: str = "female", *names: tuple[str, str]) -> Recorded:
    return Recorded(
        new_id(),
        new_id(),
        frozenset({"MRN-1"}),
        names or (("Sample", "Robin"),),
        frozenset({BORN}),
        frozenset({sex}),
    )


def said(**changes: object) -> Said:
    values = {
        "numbers": frozenset({"MRN-1"}),
        "family_name": "Sample",
        "given_name": "Robin",
        "birth_date": BORN,
        "sex": "F",
        **changes,
    }
    return Said(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("stands", "sent"), list(product(Sex, ["", *"FMOUANfm", *(sex.value for sex in Sex), "?"]))
)
def test_a_sex_differs_where_one_is_female_and_the_other_male(stands: Sex, sent: str) -> None:
    opposite = {stands.value, {"f": "female", "m": "male"}.get(sent.lower(), sent)}
    differs = Mark.SEX in differences(said(sex=sent), record(stands), [])
    assert differs == (opposite == {"female", "male"})


@pytest.mark.parametrize(
    ("changes", "against"),
    [
        ({}, set()),
        ({"family_name": "SÁMPLE", "given_name": "robin"}, set()),
        ({"given_name": "R."}, set()),
        ({"given_name": "Robin Lee"}, set()),
        ({"given_name": "Terry"}, {Mark.GIVEN_NAME}),
        ({"family_name": "Married"}, {Mark.FAMILY_NAME}),
        ({"birth_date": date(1980, 1, 2)}, {Mark.BIRTH_DATE}),
        ({"numbers": frozenset({"MRN-2"})}, {Mark.RECORD_NUMBER}),
        ({"numbers": frozenset({"MRN-1", "MRN-2"})}, {Mark.RECORD_NUMBER}),
        ({"numbers": frozenset({"77123"})}, set()),
        ({"family_name": "", "given_name": "", "birth_date": None, "sex": ""}, set()),
    ],
)
def test_each_mark_that_differs_is_named(changes: dict[str, object], against: set[Mark]) -> None:
    own = record()
    assert differences(said(**changes), own, [own, OTHER]) == against


def test_a_former_name_is_the_patients_own() -> None:
    own = record("female", ("Married", "Robin"), ("Sample", "Robin"))
    assert differences(said(), own, [own]) == set()
    assert identifies(said(numbers=frozenset()), own, [own], ordered=False)


# What may be said of a person by the patient's own number, or by none of ours.
_MARKS = {
    "number": ("MRN-1", "77123", "MRN-2"),
    "family_name": ("Sample", "Married", ""),
    "given_name": ("Robin", "Terry", "R", ""),
    "birth_date": (BORN, date(1980, 1, 2), None),
    "sex": ("F", "M", "U", ""),
}


@pytest.mark.parametrize("ordered", [True, False])
def test_no_combination_reaches_a_chart_by_less_than_the_rules_say(*, ordered: bool) -> None:
    own = record()
    for number, family, given, born, sex in product(*_MARKS.values()):
        one = said(
            numbers=frozenset({number}),
            family_name=family,
            given_name=given,
            birth_date=born,
            sex=sex,
        )
        if not identifies(one, own, [own, OTHER], ordered=ordered):
            continue
        assert number != "MRN-2"
        assert sex != "M"
        assert given != "Terry"
        assert born in (BORN, None)
        if number == "MRN-1":
            assert family != "Married" or given
            assert ordered or (born and (family or given))
        else:
            assert (family, given, born) == ("Sample", "Robin", BORN)
