"""A PostgreSQL and a Valkey for one test process, migrated; thrown away with its folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from portal.config import Config, load_config
from portal.embedded import EmbeddedPostgres, EmbeddedValkey
from portal.migrate import migrate

DATABASE = "careloop"
# Nothing here outlives the run, so nothing needs to survive a power cut.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def settings(postgres: EmbeddedPostgres, valkey: EmbeddedValkey, folder: Path) -> dict[str, str]:
    """The environment of a Careloop process that uses these servers."""
    return {
        "PORTAL_ENV": "test",
        "PORTAL_SECRET_KEY": "a secret for tests, and for nothing else at all",
        "PORTAL_DATABASE_URL": postgres.url(DATABASE, "careloop_app"),
        "PORTAL_OWNER_DATABASE_URL": postgres.url(DATABASE, "postgres"),
        "PORTAL_REDIS_URL": valkey.url,
        "PORTAL_SMTP_URL": "smtp://127.0.0.1:9",
        "PORTAL_BASE_URL": "http://localhost:8000",
        "PORTAL_VAR": str(folder),
        "PORTAL_ATTACHMENTS": str(folder / "attachments"),
        "PORTAL_RATE_LIMITS": "no",
    }


@contextmanager
def running(folder: Path) -> Iterator[dict[str, str]]:
    """Both servers up and the database migrated; gives the environment to use them."""
    postgres = EmbeddedPostgres(folder / "postgres", settings=FAST)
    valkey = EmbeddedValkey(folder / "valkey")
    postgres.start()
    valkey.start()
    try:
        postgres.ensure_database(DATABASE)
        environ = settings(postgres, valkey, folder)
        migrate(load_config(environ))
        yield environ
    finally:
        # As root the data may lie elsewhere than in the folder: that one goes too.
        valkey.remove()
        postgres.remove()


def config_of(environ: dict[str, str]) -> Config:
    return load_config(environ)
