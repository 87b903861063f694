"""`make run` for real: two at the same time, refused twice, stopped, killed, gone on with."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.processes import alive, family, wait_for
from tests.support.supervised import Supervised

PARTS = {
    *("postgres", "valkey", "mail", "web", "relay", "worker", "beat"),
    *("mllp", "laboratories", "laboratory"),
}
ROLES = {"patient", "delegate", "practitioner", "staff", "administrator"}
SMALL = {"PORTAL_WORKERS": "1", "PORTAL_WEB_WORKERS": "1"}
CLIENTS = {"pharmacy", "laboratory", "phone"}


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Supervised, Supervised]]:
    """Two that were started at the same moment, one in a folder whose path has spaces. The other
    has no demo clinic: it only has to be there."""
    pair = (
        Supervised(tmp_path / "with spaces" / "var", **SMALL),
        Supervised(tmp_path / "other", **SMALL, PORTAL_ENV="test"),
    )
    try:
        for one in pair:
            one.start()
        for one in pair:
            one.wait_until_ready()
        yield pair
    finally:
        for one in pair:
            one.remove()


def test_make_run_from_its_first_start_to_its_crash(two: tuple[Supervised, Supervised]) -> None:
    """One story, since starting takes a while."""
    one, other = two
    check_logins(one)
    check_run_file(one)
    check_welcome(one)
    check_shares_nothing(one, other)
    check_second_is_refused(one)
    check_stops_and_goes_on(one)
    assert other.is_ready()
    check_killed_leaves_nothing(one)
    assert other.is_ready()


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
