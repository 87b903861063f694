"""Databases as earlier versions left them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic import command
from sqlalchemy import Engine, create_engine, make_url

from portal.config import Config
from portal.migrate import alembic_config


@contextmanager
def database_at(config: Config, version: str) -> Iterator[tuple[Engine, Any]]:
    """A database of its own at a version, with alembic's settings for it."""
    engine = create_engine(config.owner_database_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("DROP DATABASE IF EXISTS moving WITH (FORCE)")
        connection.exec_driver_sql("CREATE DATABASE moving")
    url = make_url(config.owner_database_url).set(database="moving")
    settings = alembic_config(url.render_as_string(hide_password=False))
    there = create_engine(url)
    with there.begin() as connection:
        connection.exec_driver_sql("GRANT USAGE, CREATE ON SCHEMA public TO careloop_owner")
    command.upgrade(settings, version)
    yield there, settings
    there.dispose()
    with engine.connect() as connection:
        connection.exec_driver_sql("DROP DATABASE moving WITH (FORCE)")
    engine.dispose()
