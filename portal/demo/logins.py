"""The demo's accounts and clients, and the file that names them for people and scripts."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from portal.accounts import passwords, queries
from portal.accounts import service as accounts
from portal.accounts.service import CreateClient, Invite, second_factor
from portal.accounts.service.passwords import set_password
from portal.accounts.states import NEEDS_SECOND_FACTOR
from portal.config import Config
from portal.core.actor import NOBODY, OPERATOR, ActorKind
from portal.core.crypto import Vault
from portal.core.ids import new_id
from portal.demo import cast
from portal.demo.directory import Places
from portal.demo.patients import Records

FILE = "demo.json"


@dataclass(frozen=True, slots=True)
class Login:
    """How somebody of the demo signs in."""

    role: str
    name: str
    email: str
    password: str
    totp_secret: str | None


@dataclass(frozen=True, slots=True)
class ClientLogin:
    """How a system of the demo gets its tokens."""

    kind: str
    name: str
    client_id: str
    client_secret: str


@dataclass(frozen=True, slots=True)
class Logins:
    accounts: tuple[Login, ...]
    clients: tuple[ClientLogin, ...]


def everybody() -> Iterator[tuple[ActorKind, str]]:
    """Who has an account: patients first, each kind in the order of the cast."""
    for resident in cast.PATIENTS:
        if resident.has_account:
            yield ActorKind.PATIENT, f"{resident.given_name} {resident.family_name}"
    yield ActorKind.DELEGATE, cast.MOTHER
    for person in cast.PRACTITIONERS:
        if person.active:
            yield ActorKind.PRACTITIONER, person.name
    for person in cast.STAFF:
        yield ActorKind.STAFF, person.name
    yield ActorKind.ADMINISTRATOR, cast.ADMINISTRATOR


def hashes() -> Mapping[str, str]:
    """The hash of everybody's password, by name. Takes a while: not inside a transaction."""
    return {name: passwords.hash_password(cast.password(name)) for _, name in everybody()}


def create(
    session: Session,
    places: Places,
    records: Records,
    hashed: Mapping[str, str],
    vault: Vault,
    now: datetime,
) -> Logins:
    """Make an account for everybody and a client for every system."""
    ids = {
        **places.practitioners,
        **places.staff,
        **{
            f"{one.given_name} {one.family_name}": records.patients[one.given_name]
            for one in cast.PATIENTS
        },
        cast.MOTHER: records.mother_id,
        cast.ADMINISTRATOR: new_id(),
    }
    made = []
    for kind, name in everybody():
        activated = accounts.create_account(
            session=session,
            actor=OPERATOR,
            command=Invite(kind, ids[name], cast.e_mail(name), name),
            password_hash=hashed[name],
            vault=vault,
            now=now,
        )
        secret = activated.enrolment.secret if activated.enrolment else None
        made.append(_login(kind, name, secret))
    return Logins(tuple(made), tuple(_create_clients(session, places, now)))


def _login(kind: ActorKind, name: str, secret: str | None) -> Login:
    return Login(kind.value, name, cast.e_mail(name), cast.password(name), secret)


def _create_clients(session: Session, places: Places, now: datetime) -> Iterator[ClientLogin]:
    systems: list[tuple[ActorKind, str, UUID]] = [
        (ActorKind.PHARMACY, shop.name, places.pharmacies[shop.name]) for shop in cast.PHARMACIES
    ]
    systems += [
        (ActorKind.LABORATORY, place.name, places.laboratories[place.name])
        for place in cast.LABORATORIES
    ]
    systems.append((ActorKind.PHONE, cast.PHONE_LINE, NOBODY))
    for kind, name, organization_id in systems:
        client, secret = accounts.create_client(
            session=session, command=CreateClient(kind, name, organization_id), now=now
        )
        yield ClientLogin(kind.value, name, str(client.id), secret)


def renew(session: Session, hashed: Mapping[str, str], vault: Vault, now: datetime) -> Logins:
    """Set everybody's password and second factor anew and rotate the clients' secrets."""
    made = []
    for kind, name in everybody():
        account = queries.account_by_email(session, cast.e_mail(name))
        if account is None:
            continue
        set_password(session, account, hashed[name], now)
        secret = None
        if kind in NEEDS_SECOND_FACTOR:
            secret = second_factor.begin(account, vault).secret
            account.totp_confirmed_at = now
        made.append(_login(kind, name, secret))
    return Logins(tuple(made), tuple(_rotate(session, now)))


def _rotate(session: Session, now: datetime) -> Iterator[ClientLogin]:
    places = (*cast.PHARMACIES, *cast.LABORATORIES)
    ours = {cast.PHONE_LINE, *(place.name for place in places)}
    for client in queries.clients(session):
        if client.name in ours:
            secret = accounts.clients.rotate_secret(
                session=session, client_id=client.id, grace=timedelta(0), now=now
            )
            yield ClientLogin(client.kind, client.name, str(client.id), secret)


def still_good(session: Session, kept: Logins, now: datetime) -> bool:
    """Whether these are the logins of the data that are in the database."""
    return bool(kept.clients) and all(
        accounts.clients.secret_matches(session, UUID(one.client_id), one.client_secret, now)
        for one in kept.clients
    )


def read(var: Path) -> Logins | None:
    """What the file holds; None where there is none that can be used."""
    try:
        found: dict[str, Any] = json.loads((var / FILE).read_text(encoding="utf-8"))
        return Logins(
            tuple(Login(**one) for one in found["accounts"]),
            tuple(ClientLogin(**one) for one in found["clients"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write(config: Config, logins: Logins) -> Path:
    """Write the file in one step, readable by its owner alone."""
    var = config.var
    var.mkdir(parents=True, exist_ok=True)
    host, _, port = config.mllp_bind.rpartition(":")
    view = {
        "base_url": config.base_url,
        "mllp": {"host": host, "port": int(port)},
        **asdict(logins),
    }
    path, draft = var / FILE, var / f".{FILE}.{os.getpid()}"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(view, file, indent=2)
        file.write("\n")
    draft.replace(path)
    return path
