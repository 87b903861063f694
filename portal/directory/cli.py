"""`portal directory`: a clinic, its people, pharmacies and laboratories around, from one file."""

from datetime import datetime
from typing import IO
from uuid import UUID

import click
import orjson
from flask.cli import AppGroup
from marshmallow import ValidationError
from sqlalchemy.exc import IntegrityError

from portal.core.actor import OPERATOR
from portal.core.clock import utcnow
from portal.core.db import transaction, violated
from portal.core.errors import Invalid, PortalError
from portal.core.problems import pointers
from portal.directory import departures
from portal.directory.departure_model import DepartureKind
from portal.directory.departures import Leave
from portal.directory.loading import EXAMPLE, DirectorySchema, load_directory

directory = AppGroup("directory", help="Clinics, teams, people, pharmacies and laboratories.")


@directory.command("example", with_appcontext=False)
def example() -> None:
    """Print a document for `load`."""
    click.echo(orjson.dumps(EXAMPLE, option=orjson.OPT_INDENT_2).decode())


@directory.command("depart")
@click.argument("kind", type=click.Choice([kind.value for kind in DepartureKind]))
@click.argument("subject_id", type=click.UUID)
@click.option("--to", "successor_id", type=click.UUID, help="Who or what takes over.")
@click.option("--last-day", type=click.DateTime(["%Y-%m-%d"]), help="Without one: at once.")
@click.option("--reason", default="Recorded by the operator.")
def depart(
    kind: str,
    subject_id: UUID,
    successor_id: UUID | None,
    last_day: datetime | None,
    reason: str,
) -> None:
    """A practitioner leaves, or a pharmacy or laboratory closes. Prints the id of the departure."""
    command = Leave(
        DepartureKind(kind),
        subject_id,
        reason,
        None if last_day is None else last_day.date(),
        successor_id,
    )
    try:
        with transaction(OPERATOR) as session:
            made = departures.record_departure(
                session=session, actor=OPERATOR, command=command, now=utcnow()
            )
    except PortalError as error:
        raise click.ClickException(error.detail) from None
    click.echo(str(made.id))


@directory.command("departure")
@click.argument("departure_id", type=click.UUID)
def departure(departure_id: UUID) -> None:
    """How far a departure is, and what it left to people, each with a work item."""
    try:
        with transaction(OPERATOR) as session:
            found = departures.get_departure(session, departure_id)
            left = departures.left_behind(session, departure_id)
    except PortalError as error:
        raise click.ClickException(error.detail) from None
    done = "not done yet" if found.done_at is None else f"done {found.done_at:%Y-%m-%d %H:%M} UTC"
    click.echo(f"{found.kind} {found.subject_id}: {found.moved} looked at, {done}")
    for row in left:
        click.echo(f"{row.subject_id}  {row.resource:<16} {row.why}")


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
