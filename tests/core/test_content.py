"""Clinical content is data with an author, a reviewer, sources and cases of its own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from portal.cli import portal as commands
from portal.core.content import CONTENT, Content, ContentRefused, declare

NAMES = sorted(CONTENT)
Change = Callable[[dict[str, Any]], Any]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(commands, ["content", *arguments])


def changed(name: str, folder: Path, change: Change) -> Path:
    document = json.loads(CONTENT[name].shipped.read_text(encoding="utf-8"))
    change(document)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")
    return path


def test_what_is_in_force_is_listed_with_who_reviewed_it() -> None:
    result = run("status")
    assert result.exit_code == 0, result.output
    for name in NAMES:
        assert name in result.output
    assert "never" in result.output, "sample content says that nobody has reviewed it"


@pytest.mark.parametrize("name", NAMES)
def test_the_cases_of_what_is_shipped_hold(name: str) -> None:
    result = run("check", name)
    assert (result.exit_code, "cases hold" in result.output) == (0, True), result.output


def test_all_of_it_is_checked_at_once() -> None:
    assert run("check").output.count("cases hold") == len(NAMES) >= 2


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_ones_own_is_checked(name: str, tmp_path: Path) -> None:
    path = changed(name, tmp_path, lambda document: document.update(version=7))
    result = run("check", name, str(path))
    assert (result.exit_code, "version 7" in result.output) == (0, True), result.output


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "member", ["version", "language", "author", "reviewed_by", "reviewed_on", "sources", "cases"]
)
def test_whoever_answers_for_it_is_named(name: str, member: str, tmp_path: Path) -> None:
    path = changed(name, tmp_path, lambda document: document.pop(member))
    result = run("check", name, str(path))
    assert (result.exit_code, member in result.output) == (1, True), result.output


@pytest.mark.parametrize("name", NAMES)
def test_a_case_that_does_not_hold_is_named_with_its_line(name: str, tmp_path: Path) -> None:
    """Each case gets the verdict of another that is judged otherwise."""
    kind = CONTENT[name]
    _, table = kind.load(kind.shipped)
    cases = json.loads(kind.shipped.read_text(encoding="utf-8"))["cases"]
    [verdict] = {"means", "ingredients"} & cases[0].keys()
    spoilt, wrong = next(
        (at, {**case, verdict: other[verdict]})
        for at, case in enumerate(cases)
        for other in cases
        if kind.wrong(table, {**case, verdict: other[verdict]}) is not None
    )
    path = changed(name, tmp_path, lambda document: document["cases"].__setitem__(spoilt, wrong))
    raw = path.read_text(encoding="utf-8").splitlines()
    with pytest.raises(ContentRefused) as refused:
        kind.load(path)
    line = int(str(refused.value).removeprefix(f"{path}:").split(":")[0])
    begins = [at for at, one in enumerate(raw, 1) if one == "  {"]
    assert line == begins[-len(cases) :][spoilt]


def test_what_is_no_json_is_refused_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "words.json"
    path.write_text('{\n"version": 1,\n}')
    result = run("check", NAMES[0], str(path))
    assert (result.exit_code, f"{path}:3:" in result.output) == (1, True), result.output


def test_names_that_nothing_has_are_refused() -> None:
    result = run("check", "horoscopes")
    assert (result.exit_code, NAMES[0] in result.output) == (2, True)


def test_a_name_is_declared_once() -> None:
    kind: Content[Any] = CONTENT[NAMES[0]]
    with pytest.raises(ValueError, match=NAMES[0]):
        declare(kind)
