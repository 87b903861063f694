"""The embedded Valkey: a queue that keeps nothing, and who may use its folder."""

import os
from pathlib import Path

import pytest
import redis

from portal.embedded import AlreadyRunningError, EmbeddedValkey
from tests.embedded.conftest import MakeValkey


def client(server: EmbeddedValkey) -> "redis.Redis":
    return redis.Redis.from_url(server.url, decode_responses=True)


def test_nothing_is_kept_over_a_restart(valkey: EmbeddedValkey) -> None:
    client(valkey).set("word", "forgotten")
    first = valkey.pid
    valkey.stop()
    assert valkey.pid is None
    valkey.start()
    assert valkey.pid != first
    assert client(valkey).dbsize() == 0


def test_it_starts_again_after_a_crash(valkey: EmbeddedValkey) -> None:
    valkey.kill()
    valkey.start()
    assert client(valkey).ping()


def test_starting_twice_is_refused_naming_the_other(valkey: EmbeddedValkey, tmp_path: Path) -> None:
    again = EmbeddedValkey(tmp_path / "path with spaces" / "valkey")
    with pytest.raises(AlreadyRunningError, match=rf"in use by the process {os.getpid()}: stop"):
        again.start()
    assert client(valkey).ping()


def test_two_run_at_once(make_valkey: MakeValkey, tmp_path: Path) -> None:
    pair = [make_valkey(tmp_path / name) for name in ("one", "two")]
    for server in pair:
        server.start()
    client(pair[0]).set("word", "mine")
    assert client(pair[1]).get("word") is None


def test_it_listens_on_no_network_port(valkey: EmbeddedValkey) -> None:
    assert client(valkey).config_get("port") == {"port": "0"}


def test_removing_leaves_nothing(valkey: EmbeddedValkey, tmp_path: Path) -> None:
    socket = Path(valkey.url.removeprefix("unix://"))
    valkey.remove()
    assert valkey.pid is None
    assert not socket.parent.exists()
    assert not (tmp_path / "path with spaces" / "valkey").exists()
