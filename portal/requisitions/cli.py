"""`portal catalog`: what can be ordered."""

from typing import IO

import click
import orjson
from flask.cli import AppGroup
from marshmallow import ValidationError

from portal.core.actor import OPERATOR
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.problems import pointers
from portal.requisitions.catalog import EXAMPLE, TESTS
from portal.requisitions.catalog_loading import CatalogSchema, load_catalog

catalog = AppGroup("catalog", help="Tests and imaging procedures that can be ordered.")


@catalog.command("example", with_appcontext=False)
def example() -> None:
    """Print a document for `load`."""
    click.echo(orjson.dumps(EXAMPLE, option=orjson.OPT_INDENT_2).decode())


@catalog.command("load")
@click.argument("file", type=click.File("rb"), required=False)
def load(file: IO[bytes] | None) -> None:
    """Load a JSON document, or without one the catalogue that Careloop ships.

    What is there by its LOINC code is changed, the rest added.
    """
    try:
        document = CatalogSchema().load(
            {"tests": TESTS} if file is None else orjson.loads(file.read())
        )
    except orjson.JSONDecodeError as error:
        raise click.ClickException(f"This is not JSON: {error}") from None
    except ValidationError as error:
        found = [f"{one.pointer}: {one.message}" for one in pointers(error.messages)]
        raise click.ClickException("\n".join(found)) from None
    with transaction(OPERATOR) as session:
        added, there = load_catalog(session, document["tests"], utcnow())
    click.echo(f"{added} added, {there} changed")
