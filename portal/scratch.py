"""A new database for one look at it, thrown away afterwards."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from portal.config import Config, load_config
from portal.embedded.postgres import EmbeddedPostgres
from portal.migrate import drift, migrate

DATABASE = "careloop"
# Nothing here needs to survive a power cut.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@contextmanager
def scratch_database() -> Iterator[Config]:
    """The settings of a migrated database that lasts as long as the block."""
    with tempfile.TemporaryDirectory(prefix="careloop-scratch-") as folder:
        Path(folder).chmod(0o755)  # then the data need not lie elsewhere
        postgres = EmbeddedPostgres(Path(folder) / "postgres", settings=FAST)
        postgres.start()
        try:
            postgres.ensure_database(DATABASE)
            config = load_config(
                {
                    "PORTAL_ENV": "test",
                    "PORTAL_SECRET_KEY": "for a database that is thrown away",
                    "PORTAL_DATABASE_URL": postgres.url(DATABASE, "careloop_app"),
                    "PORTAL_OWNER_DATABASE_URL": postgres.url(DATABASE, "postgres"),
                    "PORTAL_REDIS_URL": "unix:///none",
                }
            )
            migrate(config)
            yield config
        finally:
            postgres.remove()


def drift_of_new() -> list[str]:
    """What the models declare and the migrations alone don't make."""
    with scratch_database() as config:
        return drift(config)
