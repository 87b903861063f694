"""`portal accounts` and `portal clients`."""

import sys
from datetime import timedelta
from typing import TextIO
from uuid import UUID

import click
from flask.cli import AppGroup

from portal.accounts import passwords, queries, service
from portal.accounts.service import CreateClient, Invite
from portal.core.actor import CLIENTS, NOBODY, OPERATOR, PEOPLE, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.errors import PortalError
from portal.core.ids import new_id
from portal.core.web import extension

accounts = AppGroup("accounts", help="Accounts of people.")
clients = AppGroup("clients", help="Systems that call the API.")

_PERSON = click.Choice(sorted(kind.value for kind in PEOPLE - {ActorKind.DELEGATE}))
_SYSTEM = click.Choice(sorted(kind.value for kind in CLIENTS))


def _fail(error: PortalError) -> click.ClickException:
    return click.ClickException(error.detail)


@accounts.command("create")
@click.option("--kind", type=_PERSON, required=True)
@click.option("--email", required=True)
@click.option("--name", required=True)
@click.option("--person-id", type=click.UUID, help="The patient, practitioner or staff member.")
@click.option("--password-stdin", is_flag=True, help="Read a password instead of inviting.")
def create_account(
    kind: str, email: str, name: str, person_id: UUID | None, password_stdin: bool
) -> None:
    """Create an account: prints an activation code, or what the second factor needs."""
    command = Invite(ActorKind(kind), person_id or new_id(), email, name)
    try:
        if password_stdin:
            _create_with_password(command, sys.stdin.readline().rstrip("\n"))
        else:
            _invite(command)
    except PortalError as error:
        raise _fail(error) from None


def _create_with_password(command: Invite, password: str) -> None:
    passwords.check_usable(password, email=command.email)
    hashed = passwords.hash_password(password)
    with transaction(OPERATOR) as session:
        made = service.create_account(
            session=session,
            actor=OPERATOR,
            command=command,
            password_hash=hashed,
            vault=extension("vault"),
            now=utcnow(),
        )
    click.echo(f"account {made.account.id}")
    if made.enrolment:
        click.echo(f"authenticator secret {made.enrolment.secret}")
        click.echo("recovery codes " + " ".join(made.recovery_codes))


def _invite(command: Invite) -> None:
    with transaction(OPERATOR) as session:
        code = service.invite(
            session=session,
            actor=OPERATOR,
            command=command,
            secret_key=extension("config").secret_key,
            now=utcnow(),
        )
    click.echo(f"activation code {code}")


@accounts.command("list")
def list_accounts() -> None:
    """List accounts, newest first."""
    with transaction(OPERATOR) as session:
        for row in queries.accounts(session, after=None, limit=10_000):
            click.echo(f"{row.id}  {row.kind:<14} {row.status:<9} {row.email}")


def _set_status(email: str, *, enabled: bool) -> None:
    with transaction(OPERATOR) as session:
        account = queries.account_by_email(session, email)
        if account is None:
            raise click.ClickException(f"There is no account with the address {email}.")
        service.administration.set_status(
            session=session, actor=OPERATOR, account_id=account.id, enabled=enabled, now=utcnow()
        )


@accounts.command("disable")
@click.argument("email")
def disable_account(email: str) -> None:
    """Close an account: it is signed out everywhere at once."""
    _set_status(email, enabled=False)


@accounts.command("enable")
@click.argument("email")
def enable_account(email: str) -> None:
    """Open a closed account again."""
    _set_status(email, enabled=True)


@accounts.command("reset-second-factor")
@click.argument("email")
def reset_second_factor(email: str) -> None:
    """Void a lost second factor: prints a code to set up a new one."""
    with transaction(OPERATOR) as session:
        account = queries.account_by_email(session, email)
        if account is None:
            raise click.ClickException(f"There is no account with the address {email}.")
        code = service.administration.reset_second_factor(
            session=session,
            actor=OPERATOR,
            account_id=account.id,
            secret_key=extension("config").secret_key,
            now=utcnow(),
        )
    click.echo(f"activation code {code}")


@clients.command("create")
@click.option("--kind", type=_SYSTEM, required=True)
@click.option("--name", required=True)
@click.option("--organization-id", type=click.UUID, default=NOBODY, help="Pharmacy or laboratory.")
@click.option("--public-jwk", type=click.File(), help="Public key (RFC 7517) for private_key_jwt.")
def create_client(kind: str, name: str, organization_id: UUID, public_jwk: TextIO | None) -> None:
    """Create a client: prints its secret, this once."""
    key = public_jwk.read() if public_jwk is not None else None
    command = CreateClient(ActorKind(kind), name, organization_id, key)
    try:
        with transaction(OPERATOR) as session:
            client, secret = service.create_client(session=session, command=command, now=utcnow())
    except PortalError as error:
        raise _fail(error) from None
    click.echo(f"client_id {client.id}\nclient_secret {secret}")


@clients.command("list")
def list_clients() -> None:
    """List clients."""
    with transaction(OPERATOR) as session:
        for row in queries.clients(session):
            click.echo(f"{row.id}  {row.kind:<11} {row.status:<9} {row.name}")


@clients.command("rotate")
@click.argument("client_id", type=click.UUID)
@click.option("--grace-hours", type=float, default=24.0, show_default=True)
def rotate_secret(client_id: UUID, grace_hours: float) -> None:
    """Give a client a new secret; the present one stays good for a while."""
    try:
        with transaction(OPERATOR) as session:
            secret = service.clients.rotate_secret(
                session=session,
                client_id=client_id,
                grace=timedelta(hours=grace_hours),
                now=utcnow(),
            )
    except PortalError as error:
        raise _fail(error) from None
    click.echo(f"client_secret {secret}")


@clients.command("disable")
@click.argument("client_id", type=click.UUID)
def disable_client(client_id: UUID) -> None:
    """Shut a client out: its tokens are void at once."""
    _set_client(client_id, enabled=False)


@clients.command("enable")
@click.argument("client_id", type=click.UUID)
def enable_client(client_id: UUID) -> None:
    """Let a client in again."""
    _set_client(client_id, enabled=True)


def _set_client(client_id: UUID, *, enabled: bool) -> None:
    try:
        with transaction(OPERATOR) as session:
            service.clients.set_status(session=session, client_id=client_id, enabled=enabled)
    except PortalError as error:
        raise _fail(error) from None
