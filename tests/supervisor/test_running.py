"""`make run` for real: in a closed folder, beside another, refused twice, stopped, killed, gone on
with; and a small `make test` there."""

import json
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.processes import alive, family, wait_for
from tests.support.supervised import ROOT, Supervised

PARTS = {
    *("postgres", "valkey", "mail", "web", "relay", "worker", "beat"),
    *("mllp", "laboratories", "laboratory"),
}
ROLES = {"patient", "delegate", "practitioner", "staff", "administrator"}
SMALL = {"PORTAL_WORKERS": "1", "PORTAL_WEB_WORKERS": "1"}
CLIENTS = {"pharmacy", "laboratory", "phone"}


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Supervised]:
    """In a checkout of its own, in a folder that nobody else may enter, whose path has spaces."""
    closed = tmp_path / "for me alone"
    closed.mkdir(mode=0o700)
    root = closed / "careloop"
    copy_checkout(root)
    portal = Supervised(root / "var", root, **SMALL)
    try:
        yield portal
    finally:
        portal.remove()


def copy_checkout(root: Path) -> None:
    """This checkout with its environment, as if it had been installed there: to install it is
    what takes long, and needs a network."""
    out = shutil.ignore_patterns(".git", ".venv", "var", ".hypothesis", ".*_cache")
    shutil.copytree(ROOT, root, ignore=out)
    links = ["/bin/cp", "-al", "--", sys.prefix, str(root / ".venv")]
    if subprocess.run(links, check=False, capture_output=True).returncode != 0:
        shutil.copytree(sys.prefix, root / ".venv", symlinks=True, dirs_exist_ok=True)
    for link in (root / ".venv").rglob("*careloop*.pth"):
        link.unlink()  # it names the checkout that this is a copy of
        link.write_text(f"{root}\n")
    shell = "cd -- \"$1\" && pwd -P | cksum | cut -d ' ' -f 1"
    here = subprocess.check_output(["/bin/sh", "-c", shell, "sh", str(root)], text=True).strip()
    for stamp in ("made", "demo", "dev"):
        (root / ".venv" / f"{stamp}-{here}").touch()


def test_make_run_from_its_first_start_to_its_crash(
    one: Supervised, running_portal: Supervised
) -> None:
    """One story, since starting takes a while; another one runs beside it all the time."""
    one.start("make", "run")
    check_answers_while_it_starts(one)
    one.wait_until_ready()
    check_logins(one)
    check_run_file(one)
    check_welcome(one)
    check_shares_nothing(one, running_portal)
    check_second_is_refused(one)
    check_stops_and_goes_on(one)
    check_killed_leaves_nothing(one)
    assert running_portal.is_ready()
    check_make_test(one)


def check_answers_while_it_starts(one: Supervised) -> None:
    """Whoever looks is told what is still missing, and sees no login that would not work yet."""

    def answered() -> httpx.Response | None:
        assert not one.has_ended(), one.output()
        try:
            return httpx.get(f"{one.address}/readyz", timeout=60)
        except httpx.TransportError:
            return None

    wait_for(answered, "an answer", 400)
    ready = answered()
    assert ready is not None
    if ready.status_code == 503:
        assert ready.json()["dependencies"]["preparation"] == "loading"
        page = httpx.get(one.address, timeout=60).text
        assert "Still starting" in page or "Demo logins" in page
        assert ("Still starting" in page) is not ("Demo logins" in page)


def check_make_test(one: Supervised) -> None:
    """A test that needs a database finds one."""
    command = ["make", "test", "TESTS=-n 0 tests/core/test_idempotency.py"]
    done = subprocess.run(
        command,
        cwd=one.root,
        env=one.environ,
        check=False,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert " passed" in done.stdout


def demo(one: Supervised) -> Any:
    return json.loads((one.var / "demo.json").read_text(encoding="utf-8"))


def sign_in(one: Supervised) -> dict[str, str]:
    """The header of the first patient's session."""
    account = next(a for a in demo(one)["accounts"] if a["role"] == "patient")
    body = {"email": account["email"], "password": account["password"]}
    answer = httpx.post(f"{one.base_url}/api/v1/sessions", json=body)
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json()['token']}"}


def check_logins(one: Supervised) -> None:
    """For their owner alone, and in the documented shape."""
    assert stat.S_IMODE((one.var / "demo.json").stat().st_mode) == 0o600
    found = demo(one)
    assert found["base_url"] == one.base_url
    assert {account["role"] for account in found["accounts"]} == ROLES
    for account in found["accounts"]:
        assert set(account) == {"role", "name", "email", "password", "totp_secret"}
    assert {client["kind"] for client in found["clients"]} == CLIENTS
    for client in found["clients"]:
        assert set(client) == {"kind", "name", "client_id", "client_secret"}


def check_run_file(one: Supervised) -> None:
    """Scripts are told what runs."""
    assert stat.S_IMODE((one.var / "run.json").stat().st_mode) == 0o600
    view = one.run_file()
    assert view["pid"] == one.pid
    assert set(view["processes"]) == PARTS
    assert alive(view["processes"].values()) == list(view["processes"].values())


def check_welcome(one: Supervised) -> None:
    """People are told where and how to sign in."""
    wait_for(lambda: "Ctrl-C stops everything" in one.output(), "the welcome")
    assert f"Careloop is running at {one.base_url}\n" in one.output()
    assert all(account["password"] in one.output() for account in demo(one)["accounts"])


def check_shares_nothing(one: Supervised, other: Supervised) -> None:
    assert one.base_url != other.base_url
    mine, theirs = one.run_file(), other.run_file()
    assert not set(mine["processes"].values()) & set(theirs["processes"].values())
    for name in ("PORTAL_DATABASE_URL", "PORTAL_REDIS_URL", "PORTAL_SMTP_URL", "PORTAL_VAR"):
        assert mine["environ"][name] != theirs["environ"][name]


def check_second_is_refused(one: Supervised) -> None:
    """Who starts another one on the same folder is told which one is in the way."""
    refused = one.refused_second()
    assert refused.returncode == 1
    assert f"is in use by the process {one.pid}: stop that one first" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert one.is_ready()


def check_stops_and_goes_on(one: Supervised) -> None:
    """Ctrl-C leaves no process behind; the next start has the same data and sessions."""
    headers = sign_in(one)
    logins = demo(one)
    before = family(one.pid)
    assert len(before) > len(PARTS)
    assert one.interrupt() == 0
    wait_for(lambda: not alive(before), "no process left")
    assert not (one.var / "run.json").exists()
    assert "does not stop" not in one.output()
    one.start()
    one.wait_until_ready()
    assert demo(one)["accounts"] == logins["accounts"]
    mine = httpx.get(f"{one.base_url}/api/v1/prescriptions", headers=headers)
    assert mine.status_code == 200, mine.text
    assert mine.json()["items"]


def check_killed_leaves_nothing(one: Supervised) -> None:
    """kill -9 of the supervisor ends what it had started."""
    left = family(one.pid)
    one.crash()
    wait_for(lambda: not alive(left), "no process left")
