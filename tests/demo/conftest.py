"""The demo clinic: loaded once a process, each test finds it as it was."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine

from portal.config import Config
from portal.core.clock import utcnow
from portal.core.crypto import Vault
from portal.demo.loading import load
from tests.support.snapshot import Snapshot


@pytest.fixture(scope="session")
def kept() -> list[tuple[Snapshot, Path]]:
    """The loaded demo and its folder, once there is one."""
    return []


@pytest.fixture
def here(config: Config, tmp_path: Path) -> Config:
    var = tmp_path / "var"
    var.mkdir()
    return replace(config, var=var, attachments=var / "attachments")


@pytest.fixture
def vault(app: Flask) -> Vault:
    vault: Vault = app.extensions["careloop.vault"]
    return vault


@pytest.fixture
def loaded(
    here: Config,
    vault: Vault,
    cleaner: Engine,
    kept: list[tuple[Snapshot, Path]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The file with the logins of a demo that was loaded just now."""
    for snapshot, folder in kept:
        snapshot.put_back()
        shutil.copytree(folder, here.var, dirs_exist_ok=True)
        return here.var / "demo.json"
    path, fresh = load(config=here, vault=vault, now=utcnow())
    assert fresh
    kept.append(
        (Snapshot(cleaner), shutil.copytree(here.var, tmp_path_factory.mktemp("demo") / "var"))
    )
    return path
