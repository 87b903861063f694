"""What people take for the same text is found, compared and sorted as the same."""

import unicodedata
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from portal.core.folding import ACUTES, APOSTROPHES, folded, name_key, sought

FORMS: tuple[Literal["NFC", "NFD", "NFKC", "NFKD"], ...] = ("NFC", "NFD", "NFKC", "NFKD")
CANONICAL: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")
# What this Python knows: a server may know letters of a later version of Unicode.
ASSIGNED = st.characters(exclude_categories=("Cs", "Cn", "Co"), exclude_characters="\x00")
SIGNS = st.sampled_from(
    "´ʹ`ŉ'’ʼ`´-‐–.“”\"\u00ad\u200b\u200d\u2028\x85 ßẞİıŁłøÆœþſςΣЁёйأىのガ゛が々ー糖尿病ไทย์ำ"
    "កា한국ﬁＯ①\u0345\u0301"
)
TEXTS = st.text(st.one_of(SIGNS, ASSIGNED), max_size=40)
ALIKE = [
    ("O'Connor", "O\u2019Connor", "o\u02bcconnor", "O\u00b4CONNOR", "OConnor"),
    ("José Núñez", "Jose\u0301 Nun\u0303ez", "JOSE NUNEZ", "jose  nunez"),
    ("Smith-Jones", "Smith\u2010Jones", "smith jones", "Smith \u2013 Jones"),
    ("Straße", "STRASSE", "Stra\u1e9ee"),
    ("Łukasz Øster", "lukasz oster"),
    ("İpek Işık", "ipek isik"),
    ("Семён", "Семен", "СЕМЁН"),
    ("ガブリエラ", "ｶﾞﾌﾞﾘｴﾗ"),
    ("Jr.", "jr"),
    ("Nguyễn Đức", "nguyen duc"),
    ("Zoë\u200b", "zoe"),
]
APART = [("Kaito", "Gaito"), ("かき", "がき"), ("กา", "กี"), ("Ann Lee", "Annlee")]


@pytest.mark.parametrize("names", ALIKE, ids=lambda names: names[0])
def test_forms_of_one_name_have_one_key(names: tuple[str, ...]) -> None:
    assert len({name_key(name) for name in names}) == 1
    assert len({name_key(unicodedata.normalize(form, names[0])) for form in FORMS}) == 1


@pytest.mark.parametrize("names", APART)
def test_other_names_have_other_keys(names: tuple[str, str]) -> None:
    assert name_key(names[0]) != name_key(names[1])


@given(TEXTS)
def test_case_form_and_blanks_make_no_difference(written: str) -> None:
    expected = folded(written)
    assert folded(expected) == expected
    assert folded(f"  {written}\r\n") == expected
    for form in CANONICAL:
        assert folded(unicodedata.normalize(form, written)) == expected
    assert name_key(name_key(written)) == name_key(written)


def test_every_apostrophe_is_one() -> None:
    signs = APOSTROPHES.replace("-", "") + ACUTES
    assert {folded(f"O{sign}Connor") for sign in signs} == {"o'connor"}


FOLDED = text("SELECT careloop_folded(:written), careloop_name_key(:written)")
FOUND = text(
    "SELECT to_tsvector('english', careloop_search_text(:written))"
    " @@ websearch_to_tsquery('english', :words)"
)


@given(st.lists(TEXTS, min_size=20, max_size=20))
@settings(max_examples=25)
def test_the_database_folds_by_the_same_rules(cleaner: Engine, many: list[str]) -> None:
    with cleaner.connect() as connection:
        for written in many:
            row = connection.execute(FOLDED, {"written": written}).one()
            assert tuple(row) == (folded(written), name_key(written))


UNSPACED = st.text(st.sampled_from("糖尿病のガーไทย์ำกា한국癌"), min_size=1, max_size=12)


@given(st.text(st.sampled_from("abc 糖尿病ไทย์"), max_size=8), UNSPACED, st.data())
@settings(max_examples=150)
def test_each_part_of_text_without_blanks_is_found(
    cleaner: Engine, before: str, run: str, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(run) - 1))
    part = run[start : data.draw(st.integers(start + 1, len(run)))]
    with cleaner.connect() as connection:
        values = {"written": f"{before} x {run} tablets", "words": sought(part)}
        assert connection.execute(FOUND, values).scalar()


@pytest.mark.parametrize(
    ("written", "words", "found"),
    [
        ("我有糖尿病和高血压", "尿病", True),
        ("我有糖尿病和高血压", "病", True),
        ("我有糖尿病和高血压", "糖病", False),
        ("我有糖尿病和高血压", "高血压 糖尿病", True),
        ("我有糖尿病和高血压", "-糖尿病", False),
        ("糖尿病の薬Metforminです", "metformin 薬", True),
        ("糖尿病の薬Metforminです", '"の薬metforminです"', True),
        ("ฉันเป็นโรคเบาหวาน", "เบาหวาน", True),
        ("ฉันเป็นโรคเบาหวาน", "ความดัน", False),
        ("당뇨병이 있어요", "당뇨병", True),
        ("My tablets for Señora Muñoz", "tablet munoz", True),
        ("My tablets for Señora Muñoz", "\u201csenora munoz\u201d", True),
        ("My tablets for Señora Muñoz", '"munoz senora"', False),
        ("I saw Dr O\u2019Connor", "O'CONNOR", True),
        ("l\u2019insuline", "insuline", True),
        ("aspirin or ibuprofen", "paracetamol or ibuprofen", True),
    ],
)
def test_searches(cleaner: Engine, written: str, words: str, found: bool) -> None:
    with cleaner.connect() as connection:
        values = {"written": written, "words": sought(words)}
        assert connection.execute(FOUND, values).scalar() is found
