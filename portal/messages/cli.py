"""`portal red-flags`: phrases that may tell of an emergency."""

from typing import IO

import click
import orjson
from flask.cli import AppGroup
from marshmallow import ValidationError

from portal.core.actor import OPERATOR
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.problems import pointers
from portal.messages.composing_schemas import RedFlagSetSchema
from portal.messages.errors import VersionInUse
from portal.messages.red_flag_loading import load_red_flags
from portal.messages.red_flags import SHIPPED

red_flags = AppGroup("red-flags", help="Phrases in messages that may tell of an emergency.")


@red_flags.command("example", with_appcontext=False)
def example() -> None:
    """Print the set that Careloop ships, as a document for `load`."""
    click.echo(orjson.dumps(SHIPPED, option=orjson.OPT_INDENT_2).decode())


@red_flags.command("load")
@click.argument("file", type=click.File("rb"))
def load(file: IO[bytes]) -> None:
    """Put a set in force, from a JSON document with a version above the one in force."""
    try:
        document = RedFlagSetSchema().load(orjson.loads(file.read()))
        with transaction(OPERATOR) as session:
            load_red_flags(session, document, utcnow())
    except orjson.JSONDecodeError as error:
        raise click.ClickException(f"This is not JSON: {error}") from None
    except ValidationError as error:
        found = [f"{one.pointer}: {one.message}" for one in pointers(error.messages)]
        raise click.ClickException("\n".join(found)) from None
    except VersionInUse as error:
        raise click.ClickException(error.detail) from None
    click.echo(f"Version {document['version']} is in force")
