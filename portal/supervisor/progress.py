"""What is going on while everything starts: a bar on a terminal, a line for each step elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from portal.supervisor.output import say
from portal.web.starting import Step


class Shows(Protocol):
    def __call__(self, step: Step) -> None: ...


def _lines() -> Shows:
    last = ""

    def show(step: Step) -> None:
        nonlocal last
        if step.text != last:
            say("portal", step.text)
            last = step.text

    return show


@contextmanager
def progress() -> Iterator[Shows]:
    """A function to call with each step, as often as one likes."""
    if not sys.stdout.isatty():
        yield _lines()
        return
    columns = (SpinnerColumn(), BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, transient=True) as bar:
        task = bar.add_task("starting")

        def show(step: Step) -> None:
            bar.update(task, description=step.text, completed=step.done, total=step.of)

        yield show
