"""`portal content`: what clinical content is in force, and whether a file can be."""

from pathlib import Path

import click
from flask.cli import AppGroup

from portal.core.content import CONTENT, ContentRefused

content = AppGroup("content", help="Clinical content: words, bounds and rules that are data.")


@content.command("status", with_appcontext=False)
def status() -> None:
    """List what is in force: who wrote and who reviewed it, and when."""
    for name, kind in sorted(CONTENT.items()):
        imprint, _ = kind.load(kind.shipped)
        on = "never" if imprint.reviewed_on is None else imprint.reviewed_on.isoformat()
        click.echo(
            f"{name} version {imprint.version} ({imprint.language}), {imprint.cases} cases\n"
            f"  author: {imprint.author}\n"
            f"  reviewed: {on}, {imprint.reviewed_by}"
        )


def _known(_context: click.Context, _parameter: click.Parameter, name: str | None) -> str | None:
    if name is not None and name not in CONTENT:
        raise click.BadParameter(f"there are {', '.join(sorted(CONTENT))}")
    return name


@content.command("check", with_appcontext=False)
@click.argument("name", callback=_known, required=False)
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False
)
def check(name: str | None, file: Path | None) -> None:
    """Run the cases of what is in force, or of a FILE that is to replace content of this NAME; exit
    1 where one doesn't hold."""
    kinds = [CONTENT[name]] if name else [CONTENT[one] for one in sorted(CONTENT)]
    for kind in kinds:
        try:
            imprint, _ = kind.load(file or kind.shipped)
        except ContentRefused as refused:
            raise click.ClickException(str(refused)) from None
        click.echo(f"{kind.name} version {imprint.version}: {imprint.cases} cases hold")
