"""What a medicine is made of, read from its name."""

import importlib.util
import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core.content import ContentRefused
from portal.demo.drugs import CONTROLLED, ORDINARY
from portal.prescriptions.ingredients import INGREDIENT_WORDS, ingredients_of

WORDS = INGREDIENT_WORDS.table
DRUGS = sorted({one for drug in (*ORDINARY, *CONTROLLED) for one in ingredients_of(drug.name)})
ADDED = sorted(WORDS.salts | WORDS.others)
DOCUMENT: dict[str, Any] = json.loads(INGREDIENT_WORDS.shipped.read_text(encoding="utf-8"))

drugs = st.sampled_from(DRUGS)
added = st.sampled_from(ADDED)


@given(drugs, st.lists(added, max_size=3), st.sampled_from(["NFC", "NFD", "NFKC"]), st.data())
def test_salts_forms_case_blanks_and_amounts_are_the_same_medicine(
    drug: str, more: list[str], form: Any, data: st.DataObject
) -> None:
    amount = data.draw(st.sampled_from(["", "10 mg", "0.5MG", "325 mg/5 ml", "75mcg"]))
    blank = data.draw(st.sampled_from([" ", "  ", "\u00a0", "\u202f"]))
    name = blank.join([drug, *more, amount])
    written = data.draw(st.sampled_from([str.upper, str.title, str.lower]))(name)
    assert drug in ingredients_of(unicodedata.normalize(form, written))


@given(
    st.lists(drugs, min_size=2, max_size=4, unique=True),
    st.sampled_from([" and ", "/", " / ", " + ", ", ", " AND ", " with ", " & "]),
)
def test_a_combination_has_each_of_its_ingredients(parts: list[str], between: str) -> None:
    assert ingredients_of(between.join(parts)) == sorted(parts)


@given(st.text(max_size=60))
def test_what_was_read_reads_as_itself(name: str) -> None:
    found = ingredients_of(name)
    assert all(found)
    assert ingredients_of("", found) == found


@given(st.text(max_size=60), st.text(max_size=60))
def test_what_is_given_besides_is_added(name: str, other: str) -> None:
    assert ingredients_of(name, [other]) == sorted({*ingredients_of(name), *ingredients_of(other)})


def test_a_brand_with_hct_has_hydrochlorothiazide() -> None:
    """Read by its beginning alone, Diovan HCT was valsartan."""
    with_it = [name for name in WORDS.names if name.endswith(" hct")]
    assert len(with_it) > 5
    for name in with_it:
        assert "hydrochlorothiazide" in ingredients_of(f"{name.title()} 160/12.5 mg")


@pytest.mark.parametrize(
    ("name", "made_of"),
    [
        ("Diovan HCT", ["hydrochlorothiazide", "valsartan"]),
        ("Exforge HCT 10 mg", ["amlodipine", "hydrochlorothiazide", "valsartan"]),
        ("Wixela Inhub", ["fluticasone", "salmeterol"]),
        ("Caduet", ["amlodipine", "atorvastatin"]),
    ],
)
def test_brands_of_combinations(name: str, made_of: list[str]) -> None:
    assert ingredients_of(name) == made_of


def test_every_other_name_stands_for_an_ingredient() -> None:
    for name, means in WORDS.names.items():
        assert ingredients_of(name) == sorted(means), name
        for one in means:
            assert ingredients_of(one) == [one], name


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"cases": [{"name": "Lisinopril", "ingredients": ["enalapril"]}]}, "not"),
        ({"sources": []}, "sources is empty"),
        ({"salts": None}, "This is not a table"),
    ],
)
def test_a_table_that_does_not_hold_is_refused(
    tmp_path: Path, changes: dict[str, Any], why: str
) -> None:
    path = tmp_path / "words.json"
    path.write_text(json.dumps({**DOCUMENT, **changes}), encoding="utf-8")
    with pytest.raises(ContentRefused, match=why):
        INGREDIENT_WORDS.load(path)


@pytest.mark.parametrize("name", [case["name"] for case in DOCUMENT["cases"]])
def test_the_migration_reads_names_as_the_portal_did(name: str) -> None:
    path = Path(__file__).parents[2] / "migrations/versions/0020_therapies.py"
    spec = importlib.util.spec_from_file_location("therapies", path)
    assert spec is not None
    assert spec.loader is not None
    migration = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(migration)
    [case] = [one for one in DOCUMENT["cases"] if one["name"] == name]
    assert migration.ingredients_of(name) == case["ingredients"]
