"""Systems: their credentials, rotation, and tokens (RFC 6749, 4.4; RFC 7523)."""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, text
from sqlalchemy.orm import Session

from portal.accounts import queries
from portal.accounts.authentication import CLIENT_TOKEN_PREFIX
from portal.accounts.errors import ClientNotFound, OrganizationUnknown
from portal.accounts.model import AccessToken, Client, ClientSecret
from portal.accounts.states import ClientStatus
from portal.core import audit
from portal.core.actor import NOBODY, WORKER, ActorKind
from portal.core.crypto import digest, new_token
from portal.core.ids import new_id

TOKEN_LIFETIME = timedelta(hours=1)
GRACE = timedelta(hours=24)
_ORGANIZATION_EXISTS = text("SELECT careloop_organization_exists(:kind, :id)")
_USE_ASSERTION = text(
    "INSERT INTO used_assertion (client_id, jti, expires_at) "
    "VALUES (:client_id, :jti, :expires_at) ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class CreateClient:
    kind: ActorKind
    name: str
    organization_id: UUID = NOBODY
    public_jwk: str | None = None


def create_client(*, session: Session, command: CreateClient, now: datetime) -> tuple[Client, str]:
    """A client and its secret, which is shown once and kept as a digest.

    Raises OrganizationUnknown for a pharmacy or laboratory that the directory doesn't have.
    """
    of = {"kind": command.kind, "id": command.organization_id}
    if not session.execute(_ORGANIZATION_EXISTS, of).scalar_one():
        raise OrganizationUnknown()
    client = Client(
        id=new_id(),
        kind=command.kind,
        organization_id=command.organization_id,
        name=command.name,
        status=ClientStatus.ACTIVE,
        public_jwk=command.public_jwk,
        created_at=now,
    )
    session.add(client)
    session.flush()
    return client, _add_secret(session, client.id, now)


def _add_secret(session: Session, client_id: UUID, now: datetime) -> str:
    secret = new_token()
    session.add(
        ClientSecret(id=new_id(), client_id=client_id, digest=digest(secret), created_at=now)
    )
    session.flush()
    return secret


def get_client(session: Session, client_id: UUID) -> Client:
    """Raises ClientNotFound."""
    client = queries.client(session, client_id)
    if client is None:
        raise ClientNotFound()
    return client


def rotate_secret(
    *, session: Session, client_id: UUID, grace: timedelta = GRACE, now: datetime
) -> str:
    """A new secret; the present ones stay good for `grace`. Raises ClientNotFound."""
    client = get_client(session, client_id)
    for present in queries.secrets(session, client.id, now):
        until = now + grace
        present.expires_at = min(present.expires_at or until, until)
    return _add_secret(session, client.id, now)


def set_status(*, session: Session, client_id: UUID, enabled: bool) -> Client:
    """Let a client in, or shut it out and void its tokens at once. Raises ClientNotFound."""
    client = get_client(session, client_id)
    client.status = ClientStatus.ACTIVE if enabled else ClientStatus.DISABLED
    if not enabled:
        session.execute(delete(AccessToken).where(AccessToken.client_id == client.id))
    return client


def close_of_organization(*, session: Session, kind: ActorKind, id_: UUID, now: datetime) -> None:
    """Shut out the clients of a place that has closed. For the workers; twice is the same as
    once."""
    for client in queries.clients_of(session, kind, id_):
        if client.status == ClientStatus.ACTIVE:
            set_status(session=session, client_id=client.id, enabled=False)
            audit.record(
                session, WORKER, "disable", "client", patient_id=None, resource_id=client.id, at=now
            )


def secret_matches(session: Session, client_id: UUID, secret: str, now: datetime) -> bool:
    """Whether this is one of the client's secrets, and the client is let in."""
    client = queries.client(session, client_id)
    given = digest(secret)
    good = [
        hmac.compare_digest(bytes(known.digest), given)
        for known in queries.secrets(session, client_id, now)
    ]
    return client is not None and client.status == ClientStatus.ACTIVE and any(good)


def use_assertion(session: Session, client_id: UUID, jti: str, expires_at: datetime) -> bool:
    """Whether an assertion's id is used for the first time (RFC 7523, 3)."""
    used = {"client_id": client_id, "jti": jti, "expires_at": expires_at}
    return session.connection().execute(_USE_ASSERTION, used).rowcount == 1


def issue_token(session: Session, client_id: UUID, now: datetime) -> str:
    """An opaque bearer token, kept as a digest."""
    token = CLIENT_TOKEN_PREFIX + new_token()
    session.add(
        AccessToken(
            id=new_id(),
            client_id=client_id,
            token_digest=digest(token),
            created_at=now,
            expires_at=now + TOKEN_LIFETIME,
        )
    )
    session.flush()
    return token
