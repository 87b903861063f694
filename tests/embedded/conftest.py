"""Servers in folders of their own, removed with all they keep."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from portal.embedded import EmbeddedPostgres, EmbeddedValkey

# Small and careless: nothing here outlives its test.
LIGHT = {"fsync": "off", "shared_buffers": "16MB", "max_connections": "20"}
MakePostgres = Callable[[Path], EmbeddedPostgres]
MakeValkey = Callable[[Path], EmbeddedValkey]


@pytest.fixture(scope="session")
def fresh_data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder nobody has used yet, to be copied: making one takes far longer."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("fresh") / "postgres", settings=LIGHT)
    server.start()
    server.stop()
    yield server.data
    server.remove()


@pytest.fixture
def make_postgres() -> Iterator[MakePostgres]:
    """Servers that make their data folder themselves."""
    made: list[EmbeddedPostgres] = []

    def make(folder: Path) -> EmbeddedPostgres:
        made.append(EmbeddedPostgres(folder, settings=LIGHT))
        return made[-1]

    yield make
    for server in made:
        server.remove()


@pytest.fixture
def make_valkey() -> Iterator[MakeValkey]:
    made: list[EmbeddedValkey] = []

    def make(folder: Path) -> EmbeddedValkey:
        made.append(EmbeddedValkey(folder))
        return made[-1]

    yield make
    for server in made:
        server.remove()


@pytest.fixture
def postgres(make_postgres: MakePostgres, fresh_data: Path, tmp_path: Path) -> EmbeddedPostgres:
    """One that runs, in a folder whose path has spaces."""
    server = make_postgres(tmp_path / "path with spaces" / "postgres")
    subprocess.run(["/bin/cp", "-a", "--", str(fresh_data), str(server.data)], check=True)
    server.start()
    return server


@pytest.fixture
def valkey(make_valkey: MakeValkey, tmp_path: Path) -> EmbeddedValkey:
    server = make_valkey(tmp_path / "path with spaces" / "valkey")
    server.start()
    return server
