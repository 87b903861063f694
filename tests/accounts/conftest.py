"""Accounts to sign in with."""

from collections.abc import Callable

import pytest
from flask import Flask

from portal.accounts import passwords, service
from portal.accounts.service import Invite
from portal.accounts.service.administration import Activated
from portal.core.actor import OPERATOR, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.ids import new_id

PASSWORD = "correct horse battery"
Create = Callable[..., Activated]


@pytest.fixture
def create(app: Flask) -> Create:
    """Makes an active account: `create(ActorKind.PATIENT, "ada@example.org")`."""

    def make(kind: ActorKind, email: str = "ada@example.org") -> Activated:
        with transaction(OPERATOR) as session:
            return service.create_account(
                session=session,
                actor=OPERATOR,
                command=Invite(kind, new_id(), email, "Ada Test"),
                password_hash=passwords.hash_password(PASSWORD),
                vault=app.extensions["careloop.vault"],
                now=utcnow(),
            )

    return make
