"""How far `make run` has come, kept as a file: the supervisor shows it, and so does the start page
of a web server that answers already."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "starting.json"


@dataclass(frozen=True, slots=True)
class Step:
    """What is being done, as the how-manieth of how many."""

    text: str
    done: int
    of: int


Tell = Callable[[str], None]


def read(var: Path) -> Step | None:
    """None once everything is there, and where nobody starts anything."""
    try:
        return Step(**json.loads((var / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write(var: Path, step: Step) -> None:
    draft = var / f"{FILE}.new"
    draft.write_text(json.dumps(asdict(step)), encoding="utf-8")
    draft.replace(var / FILE)


def clear(var: Path) -> None:
    with suppress(OSError):
        (var / FILE).unlink()


def teller(var: Path, of: int) -> Tell:
    """Writes each step it is told of, counting them."""
    done = 0

    def tell(text: str) -> None:
        nonlocal done
        write(var, Step(text, done, of))
        done += 1

    return tell
