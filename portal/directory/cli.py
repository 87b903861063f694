"""`portal directory`: a clinic, its people, pharmacies and laboratories around, from one file."""

from typing import IO

import click
import orjson
from flask.cli import AppGroup
from marshmallow import ValidationError
from sqlalchemy.exc import IntegrityError

from portal.core.actor import OPERATOR
from portal.core.clock import utcnow
from portal.core.db import transaction, violated
from portal.core.errors import Invalid
from portal.core.problems import pointers
from portal.directory.loading import EXAMPLE, DirectorySchema, load_directory

directory = AppGroup("directory", help="Clinics, teams, people, pharmacies and laboratories.")


@directory.command("example", with_appcontext=False)
def example() -> None:
    """Print a document for `load`."""
    click.echo(orjson.dumps(EXAMPLE, option=orjson.OPT_INDENT_2).decode())


@directory.command("load")
@click.argument("file", type=click.File("rb"))
def load(file: IO[bytes]) -> None:
    """Load a JSON document; what is there by its name is changed. Prints the ids."""
    try:
        document = DirectorySchema().load(orjson.loads(file.read()))
        with transaction(OPERATOR) as session:
            rows = list(load_directory(session, document, utcnow()))
    except orjson.JSONDecodeError as error:
        raise click.ClickException(f"This is not JSON: {error}") from None
    except ValidationError as error:
        found = [f"{one.pointer}: {one.message}" for one in pointers(error.messages)]
        raise click.ClickException("\n".join(found)) from None
    except Invalid as error:
        raise click.ClickException(
            "A laboratory: " + ", ".join(f"{one.pointer}: {one.message}" for one in error.errors)
        ) from None
    except KeyError as error:
        raise click.ClickException(f"The clinic has no pool of the kind {error}.") from None
    except IntegrityError as error:
        name = violated(error)
        raise click.ClickException(f"Against the database's rule {name}.") from None
    for kind, name, id_ in rows:
        click.echo(f"{id_}  {kind:<24} {name}")
