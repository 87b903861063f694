"""The services of docker-compose.yml: each command is run here as it stands there, on servers
that the environment names instead of containers."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import create_engine, text

from portal.core import outbox
from portal.core.actor import OPERATOR, ActorKind
from portal.core.db import transaction
from portal.core.ids import new_id
from portal.directory.model import Laboratory
from portal.supervisor.ports import free_port
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.laboratory import listening_laboratory
from tests.support.mllp import Sender
from tests.support.work import drain

ROOT = Path(__file__).parents[2]
SECONDS = 300
SERVERS = {"database", "queue", "mail"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return found


@pytest.fixture
def settings(environ: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """The environment of a service, with its secret in a file as in a container."""
    secret = tmp_path / "secret_key"
    secret.write_text(environ["PORTAL_SECRET_KEY"])
    named = {**environ, "PORTAL_ENV": "production", "PORTAL_SECRET_KEY_FILE": str(secret)}
    del named["PORTAL_SECRET_KEY"]
    inherited = {name: value for name, value in os.environ.items() if "PORTAL" not in name}
    ports = {
        "PORTAL_BIND": f"127.0.0.1:{free_port()}",
        "PORTAL_MLLP_BIND": f"127.0.0.1:{free_port()}",
    }
    return {**inherited, **named, **ports}


@contextmanager
def service(
    compose: dict[str, Any], name: str, settings: dict[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    parts = compose["services"][name]["command"][1:]
    own = [part.replace("/tmp/", f"{log.parent}/") for part in parts]  # noqa: S108
    command = [sys.executable, *own]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=settings, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(120)


def wait_until(holds: Callable[[], bool], log: Path) -> None:
    end = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < end, log.read_text()[-2000:]
        time.sleep(0.1)


def test_every_service_is_there_and_guarded(compose: dict[str, Any]) -> None:
    services = compose["services"]
    ours = {"migrate", "web", "relay", "worker", "beat", "mllp", "laboratories"}
    assert set(services) == SERVERS | ours
    for name in set(services) - SERVERS:
        assert services[name]["read_only"], name
        assert services[name]["cap_drop"] == ["ALL"], name
        assert services[name]["command"][0] == "python", name
        for key, value in services[name]["environment"].items():
            assert not any(word in key for word in ("PASSWORD", "SECRET")) or key.endswith("_FILE")
            assert value
    for name in set(services) - {"migrate", "mail"}:
        assert services[name]["healthcheck"], name


def test_migrate(compose: dict[str, Any], settings: dict[str, str], tmp_path: Path) -> None:
    with service(compose, "migrate", settings, tmp_path / "migrate.log") as process:
        assert process.wait(SECONDS) == 0
    engine = create_engine(settings["PORTAL_OWNER_DATABASE_URL"])
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM alembic_version")).scalar() == 1
    engine.dispose()


def test_web(compose: dict[str, Any], settings: dict[str, str], tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    url = f"http://{settings['PORTAL_BIND']}/readyz"

    def ready() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    with service(compose, "web", settings, log) as process:
        wait_until(ready, log)
        assert process.poll() is None


def test_relay_and_worker_do_what_is_in_the_outbox(
    compose: dict[str, Any], settings: dict[str, str], tmp_path: Path, clinic: SmallClinic
) -> None:
    assert clinic.clinic.name
    with transaction(OPERATOR) as session:
        event_id = outbox.emit(session, "pharmacy_update.quarantined", refill_id=new_id())

    def done() -> bool:
        with transaction(OPERATOR) as session:
            query = text("SELECT status FROM outbox_event WHERE id = :id")
            return session.execute(query, {"id": event_id}).scalar() == "done"

    log = tmp_path / "worker.log"
    with (
        service(compose, "worker", settings, log),
        service(compose, "relay", settings, tmp_path / "relay.log"),
    ):
        wait_until(done, log)


def test_the_listener_answers(
    compose: dict[str, Any], settings: dict[str, str], tmp_path: Path, clinic: SmallClinic
) -> None:
    assert clinic.clinic.name
    log, port = tmp_path / "mllp.log", int(settings["PORTAL_MLLP_BIND"].rpartition(":")[2])

    def answers() -> bool:
        try:
            return b"MSA|AE" in Sender(port).exchange(b"MSH|^~\\&|A|B|C|D|||ORU^R01||P|2.5.1\r")
        except OSError:
            return False

    with service(compose, "mllp", settings, log):
        wait_until(answers, log)


def test_orders_reach_a_laboratory(
    compose: dict[str, Any],
    settings: dict[str, str],
    tmp_path: Path,
    clinic: SmallClinic,
    caller: Callable[..., Caller],
) -> None:
    log = tmp_path / "laboratories.log"
    with listening_laboratory() as laboratory:
        place = {"transport": "mllp", "mllp_host": laboratory.host, "mllp_port": laboratory.port}
        with transaction(OPERATOR) as session:
            found = session.get_one(Laboratory, clinic.laboratory.id)
            for name, value in place.items():
                setattr(found, name, value)
        body = {
            "patient_id": str(clinic.patient.id),
            "laboratory_id": str(clinic.laboratory.id),
            "tests": [{"code": "24323-8"}],
        }
        physician = caller(ActorKind.PRACTITIONER, clinic.physician.id)
        assert physician.post("/requisitions", body).status_code == 201
        drain()
        with service(compose, "laboratories", settings, log):
            wait_until(lambda: bool(laboratory.received), log)


def test_beat(compose: dict[str, Any], settings: dict[str, str], tmp_path: Path) -> None:
    log = tmp_path / "beat.log"
    with service(compose, "beat", settings, log) as process:
        wait_until(lambda: any(tmp_path.glob("beat*")), log)
        assert process.poll() is None


def test_without_its_secret_production_does_not_start(
    compose: dict[str, Any], settings: dict[str, str], tmp_path: Path
) -> None:
    del settings["PORTAL_SECRET_KEY_FILE"]
    log = tmp_path / "migrate.log"
    with service(compose, "migrate", settings, log) as process:
        assert process.wait(SECONDS) != 0
    assert "PORTAL_SECRET_KEY is not set" in log.read_text()
