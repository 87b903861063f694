"""Accounts of people, clients of systems, and everything by which they prove who they are."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.accounts.states import AccountStatus, ClientStatus
from portal.core import rls
from portal.core.actor import PEOPLE, ActorKind
from portal.core.db import Base, one_of
from portal.core.rls import INSERT, MY_CREDENTIAL, SELECT, UPDATE, to


class Account(Base):
    """One person's way in; `person_id` is the patient, practitioner or staff member."""

    __tablename__ = "account"
    __table_args__ = (
        one_of("kind", ActorKind),
        one_of("status", AccountStatus),
        CheckConstraint(
            "status <> 'suspended' OR coalesce(suspended_from, '') IN "
            "('invited', 'active', 'disabled')",
            name="suspended",
        ),
        UniqueConstraint("kind", "person_id"),
        Index(
            "uq_account_email",
            text("lower(email)"),
            unique=True,
            postgresql_where=text("status <> 'merged'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    person_id: Mapped[UUID]
    email: Mapped[str]
    name: Mapped[str]
    status: Mapped[str]
    # What it was before it was suspended or merged.
    suspended_from: Mapped[str | None]
    password_hash: Mapped[str | None]
    password_changed_at: Mapped[datetime | None]
    totp_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    totp_confirmed_at: Mapped[datetime | None]
    totp_last_step: Mapped[int | None]
    failed_sign_ins: Mapped[int] = mapped_column(server_default=text("0"))
    locked_until: Mapped[datetime | None]
    created_at: Mapped[datetime]


class RecoveryCode(Base):
    """A single-use stand-in for a TOTP code; only its digest is kept."""

    __tablename__ = "recovery_code"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)
    digest: Mapped[bytes] = mapped_column(primary_key=True)
    used_at: Mapped[datetime | None]


class SignInSession(Base):
    """A signed-in person's session, by the digest of its token."""

    __tablename__ = "sign_in_session"
    __table_args__ = (Index("ix_sign_in_session_account", "account_id", "created_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    token_digest: Mapped[bytes] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    user_agent: Mapped[str]
    address: Mapped[str]


class PasswordReset(Base):
    """A single-use link to choose a new password."""

    __tablename__ = "password_reset"

    token_digest: Mapped[bytes] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Invitation(Base):
    """A code with which a patient (checked by date of birth) or a colleague opens an account."""

    __tablename__ = "invitation"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    code_digest: Mapped[str] = mapped_column(unique=True)
    birth_date: Mapped[date | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    misses: Mapped[int] = mapped_column(server_default=text("0"))
    used_at: Mapped[datetime | None]


class Client(Base):
    """A system with its own credentials. `organization_id` is its pharmacy or laboratory."""

    __tablename__ = "client"
    __table_args__ = (one_of("kind", ActorKind), one_of("status", ClientStatus))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    organization_id: Mapped[UUID]
    name: Mapped[str]
    status: Mapped[str]
    public_jwk: Mapped[str | None]
    created_at: Mapped[datetime]


class ClientSecret(Base):
    """A client's secret, hashed; two may be valid at once while it is being rotated."""

    __tablename__ = "client_secret"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID] = mapped_column(ForeignKey("client.id"), index=True)
    digest: Mapped[bytes]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]


class AccessToken(Base):
    """A client's opaque bearer token, hashed at rest."""

    __tablename__ = "access_token"
    __table_args__ = (Index("ix_access_token_expiry", "expires_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID] = mapped_column(ForeignKey("client.id"), index=True)
    token_digest: Mapped[bytes] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class UsedAssertion(Base):
    """The `jti` of a private_key_jwt assertion that was accepted once (RFC 7523)."""

    __tablename__ = "used_assertion"

    client_id: Mapped[UUID] = mapped_column(ForeignKey("client.id"), primary_key=True)
    jti: Mapped[str] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime]


# Sign-in happens before anybody is known: the anonymous role reaches the one account or client
# that it deals with (gate.py). Of the others, administrators alone see accounts of other people.
GATE = ActorKind.ANONYMOUS
MINE = f"account_id = {MY_CREDENTIAL}"
OF_CLIENT = f"client_id = {MY_CREDENTIAL}"

rls.protect(
    "account",
    *to(GATE, (SELECT, UPDATE), f"id = {MY_CREDENTIAL}"),
    *to(PEOPLE - {ActorKind.ADMINISTRATOR}, (SELECT, UPDATE), f"id = {MY_CREDENTIAL}"),
    *to(
        (ActorKind.PRACTITIONER, ActorKind.STAFF), INSERT, "kind = 'patient' AND status = 'invited'"
    ),
    *to(ActorKind.ADMINISTRATOR, (SELECT, INSERT, UPDATE)),
    *rls.system_access(),
)
rls.protect(
    "recovery_code",
    *to((GATE, *PEOPLE), (SELECT, INSERT, UPDATE, rls.DELETE), MINE),
    *to(rls.SYSTEM, (SELECT, INSERT, UPDATE, rls.DELETE)),
)
rls.protect(
    "sign_in_session",
    *to(GATE, (SELECT, INSERT, UPDATE), MINE),
    *to(PEOPLE, (SELECT, UPDATE), MINE),
    *to(ActorKind.ADMINISTRATOR, (SELECT, UPDATE)),
    *to(rls.SYSTEM, (SELECT, INSERT, UPDATE, rls.DELETE)),
)
rls.protect(
    "password_reset",
    *to(GATE, (SELECT, UPDATE), MINE),
    *to(rls.SYSTEM, (SELECT, INSERT, UPDATE, rls.DELETE)),
)
rls.protect(
    "invitation",
    *to(GATE, (SELECT, UPDATE), MINE),
    *to((ActorKind.PRACTITIONER, ActorKind.STAFF, ActorKind.ADMINISTRATOR), INSERT),
    *to(rls.SYSTEM, (SELECT, INSERT, UPDATE, rls.DELETE)),
)
rls.protect(
    "client",
    *to(GATE, SELECT, f"id = {MY_CREDENTIAL}"),
    *to(ActorKind.ADMINISTRATOR, (SELECT, INSERT, UPDATE)),
    *rls.system_access(),
)
rls.protect(
    "client_secret",
    *to(GATE, SELECT, OF_CLIENT),
    *to(ActorKind.ADMINISTRATOR, (SELECT, INSERT, UPDATE)),
    *rls.system_access(),
)
rls.protect(
    "access_token",
    *to(GATE, INSERT, OF_CLIENT),
    *to(ActorKind.ADMINISTRATOR, (SELECT, rls.DELETE)),
    *to(rls.SYSTEM, (SELECT, INSERT, rls.DELETE)),
)
rls.protect("used_assertion", *to(GATE, INSERT, OF_CLIENT), *to(rls.SYSTEM, (SELECT, rls.DELETE)))

# The look-ups by which an actor is established. They run as the owner, take what only its holder
# can know (for sign-in, an address), and give away one row or id.
for _name, _argument, _query in (
    ("email", "text", "account WHERE lower(email) = value AND status <> 'merged'"),
    ("reset", "bytea", "password_reset WHERE token_digest = value"),
    ("invitation", "text", "invitation WHERE code_digest = value"),
):
    _id = "id" if _name == "email" else "account_id"
    rls.owned_function(
        f"careloop_account_by_{_name}(value {_argument})", "uuid", f"SELECT {_id} FROM {_query}"
    )
_ACTOR = "TABLE (kind text, id uuid, credential_id uuid, session_id uuid, name text)"
rls.owned_function(
    "careloop_session_actor(digest bytea, moment timestamptz)",
    _ACTOR,
    """
    SELECT a.kind, a.person_id, a.id, s.id, a.name FROM sign_in_session s
    JOIN account a ON a.id = s.account_id
    WHERE s.token_digest = digest AND s.revoked_at IS NULL AND s.expires_at > moment
      AND a.status = 'active'
    """,
)
rls.owned_function(
    "careloop_client_actor(digest bytea, moment timestamptz)",
    _ACTOR,
    """
    SELECT c.kind, c.organization_id, c.id, t.id, c.name FROM access_token t
    JOIN client c ON c.id = t.client_id
    WHERE t.token_digest = digest AND t.expires_at > moment AND c.status = 'active'
    """,
)

# Whoever invites learns of the account that was invited before by its id, and sees nothing of it.
rls.owned_function(
    "careloop_invited_account(of_kind text, of_person uuid)",
    "uuid",
    """
    SELECT id FROM account
    WHERE kind = of_kind AND person_id = of_person AND status = 'invited'
    """,
)
