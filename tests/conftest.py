"""Fixtures for every test: real servers once a process, an empty database for each test.

Properties and machines. Hypothesis tries as much as its profile says: `careloop` by default,
`nightly` (twenty times as much) with `--hypothesis-profile nightly`, which is what `make nightly`
does, with the tests that hypothesis runs and with those marked `nightly`. To take part:

* `@given(...)`: nothing to do. 100 examples by default.
* `@given(...)` with dear examples: `@examples(10)` (tests/support/examples.py) above it, never a
  number in `settings(max_examples=...)`, which would hold at night too.
* a `RuleBasedStateMachine`: `TestIt = Machine.TestCase`, then
  `TestIt.settings = examples(10, steps=20)`; or from a test that needs fixtures,
  `@pytest.mark.nightly` and `run_state_machine_as_test(factory, settings=examples(10, steps=20))`.
* a walk of its own over states or seeds: `@pytest.mark.nightly`, as many as `how_many(10)` says.
"""

import gc
import os
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine, create_engine, text

from portal.app import create_app
from portal.config import Config
from portal.core.actor import ActorKind
from portal.core.db import db
from portal.models import metadata
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, token_for
from tests.support.examples import PROFILES
from tests.support.servers import config_of, running
from tests.support.shared_portal import shared_portal
from tests.support.snapshot import ToldOnce
from tests.support.supervised import Supervised

# How long an example takes says more about the machine than about the code.
for name, many in PROFILES.items():
    settings.register_profile(
        name,
        deadline=None,
        max_examples=many,
        suppress_health_check=[HealthCheck.too_slow],
        print_blob=True,
    )
settings.load_profile("careloop")


def pytest_collection_finish() -> None:
    """What is imported stays: looking through all of it again and again for garbage takes a tenth
    of the time of the tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session")
def environ(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a Careloop process against this test process's own servers."""
    with running(tmp_path_factory.mktemp("servers")) as settings:
        yield settings


@pytest.fixture(scope="session")
def running_portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Supervised]:
    """What `make run` starts, with the demo clinic: to be looked at, and not to be stopped."""
    base = tmp_path_factory.getbasetemp()
    with shared_portal(
        (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"
    ) as one:
        yield one


_TABLES = [f'"{table}"' for table in metadata.tables]
# A test leaves few rows, and to truncate every table takes far longer than to delete them. As a
# replica no foreign key or trigger is asked; the lock waits for what is still under way.
EMPTY = text(
    f"LOCK TABLE {', '.join(_TABLES)} IN ACCESS EXCLUSIVE MODE; "
    "SET LOCAL session_replication_role = replica; "
    + "; ".join(f"DELETE FROM {table}" for table in _TABLES)
    + "; SELECT setval(CAST(quote_ident(sequencename) AS regclass), start_value, false) "
    "FROM pg_sequences WHERE last_value IS NOT NULL"
)


@pytest.fixture(scope="session")
def config(environ: dict[str, str]) -> Config:
    return config_of(environ)


@pytest.fixture(scope="session")
def application(config: Config) -> Flask:
    app = create_app(config)
    app.testing = True
    return app


@pytest.fixture(scope="session")
def cleaner(config: Config) -> Iterator[Engine]:
    """Of the owner's one connection, which knows every table already: a new one would have to look
    all of them up before it can empty them."""
    engine = create_engine(config.owner_database_url, pool_size=1, pool_pre_ping=True)
    yield engine
    engine.dispose()


@pytest.fixture
def app(application: Flask, cleaner: Engine) -> Iterator[Flask]:
    """The application with its context pushed, on a database that is emptied afterwards."""
    with application.app_context():
        yield application
        db.session.remove()
    with cleaner.begin() as connection:
        connection.execute(EMPTY)


@pytest.fixture(scope="module")
def told_once(cleaner: Engine) -> ToldOnce:
    """For a story that is too long to be told for each test of a module."""
    return ToldOnce(cleaner)


@pytest.fixture(scope="session")
def small_clinic(cleaner: Engine) -> ToldOnce:
    return ToldOnce(cleaner)


@pytest.fixture
def clinic(app: Flask, small_clinic: ToldOnce) -> SmallClinic:
    assert app.testing
    return small_clinic()


@pytest.fixture
def anonymous(app: Flask) -> Caller:
    return Caller(app)


@pytest.fixture
def caller(app: Flask) -> Callable[..., Caller]:
    """A signed-in caller: `caller(ActorKind.PATIENT, patient.id)`."""

    def sign_in(kind: ActorKind, id_: object, name: str = "Somebody") -> Caller:
        return Caller(app, token_for(kind, id_, name))  # type: ignore[arg-type]

    return sign_in


@pytest.fixture
def patient(clinic: SmallClinic, caller: Callable[..., Caller]) -> Caller:
    return caller(ActorKind.PATIENT, clinic.patient.id, "Avery")


@pytest.fixture
def physician(clinic: SmallClinic, caller: Callable[..., Caller]) -> Caller:
    return caller(ActorKind.PRACTITIONER, clinic.physician.id, clinic.physician.name)


@pytest.fixture
def colleague(clinic: SmallClinic, caller: Callable[..., Caller]) -> Caller:
    return caller(ActorKind.PRACTITIONER, clinic.colleague.id, clinic.colleague.name)


@pytest.fixture
def nurse(clinic: SmallClinic, caller: Callable[..., Caller]) -> Caller:
    return caller(ActorKind.STAFF, clinic.nurse.id, clinic.nurse.name)
