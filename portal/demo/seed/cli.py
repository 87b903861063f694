"""`portal seed`: patients by the hundred thousand, for load and scale."""

from datetime import date, datetime

import click
from flask.cli import with_appcontext
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from portal.accounts.passwords import hash_password
from portal.config import Config
from portal.core.clock import utcnow
from portal.core.errors import PortalError
from portal.core.web import extension
from portal.demo.guard import refuse_production
from portal.demo.seed.loading import load
from portal.demo.seed.patients import NULL
from portal.demo.seed.plan import PRESCRIPTIONS_EACH, Plan
from portal.demo.seed.results import EACH

PASSWORD = "careloop seed patient"
MOST_PATIENTS = 2_000_000
MOST_OBSERVATIONS = 100_000_000


@click.command("seed")
@click.option("--patients", type=click.IntRange(1, MOST_PATIENTS), required=True)
@click.option(
    "--seed",
    type=click.IntRange(0, 999_999),
    default=1,
    show_default=True,
    help="The same seed and day give the same rows, ids included.",
)
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Date everything from this day.")
@click.option("--accounts", type=click.IntRange(0), default=0, help="Logins for the first K.")
@click.option(
    "--observations",
    type=click.IntRange(0, MOST_OBSERVATIONS),
    default=0,
    help=f"Results with so many observations in all, {EACH} a report.",
)
@click.option("--append", is_flag=True, help="Add to a database that holds patients already.")
@click.option("--processes", type=click.IntRange(1, 64), default=2, show_default=True)
@with_appcontext
def seed(
    patients: int,
    seed: int,
    as_of: datetime | None,
    accounts: int,
    observations: int,
    append: bool,
    processes: int,
) -> None:
    """Write made-up patients with ten prescriptions each, and results if wanted, fast."""
    config: Config = extension("config")
    refuse_production(config)
    day: date = (as_of or utcnow()).date()
    reports = observations // EACH
    plan = Plan(patients=patients, seed=seed, as_of=day, accounts=accounts, reports=reports)
    console = Console()
    try:
        with _bar(console) as bar:
            task = bar.add_task("patients", total=patients)
            load(
                owner_dsn(config),
                plan,
                password_hash=hash_password(PASSWORD) if accounts else NULL,
                append=append,
                processes=processes,
                progress=lambda done: bar.advance(task, done),
            )
    except PortalError as error:
        raise click.ClickException(error.detail) from None
    console.print(f"{patients:,} patients with {patients * PRESCRIPTIONS_EACH:,} prescriptions.")
    if reports:
        console.print(f"{reports:,} results with {reports * EACH:,} observations.")
    if accounts:
        console.print(f"patient0@seed{seed}.example and on: password [bold]{PASSWORD}[/]")


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    )


def owner_dsn(config: Config) -> str:
    """The owner's database URL as psycopg takes it."""
    return config.owner_database_url.replace("postgresql+psycopg://", "postgresql://", 1)
