"""Who starts servers and is killed leaves none behind."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.embedded.conftest import MakePostgres, MakeValkey
from tests.support.processes import alive, family, wait_for

HOST = """
import sys, time
from pathlib import Path
from portal.embedded import EmbeddedPostgres, EmbeddedValkey
postgres, valkey = EmbeddedPostgres(Path(sys.argv[1])), EmbeddedValkey(Path(sys.argv[2]))
postgres.start()
valkey.start()
print(postgres.pid, valkey.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux's kernel does it")
def test_servers_end_with_a_killed_parent(
    make_postgres: MakePostgres, make_valkey: MakeValkey, tmp_path: Path
) -> None:
    folders = [tmp_path / "postgres", tmp_path / "valkey"]
    with subprocess.Popen(
        [sys.executable, "-c", HOST, *map(str, folders)], stdout=subprocess.PIPE, text=True
    ) as host:
        assert host.stdout is not None
        servers = [int(pid) for pid in host.stdout.readline().split()]
        left = family(host.pid)
        assert set(servers) < set(left)
        host.kill()
    wait_for(lambda: not alive(left), "nothing left")
    again = make_postgres(folders[0]), make_valkey(folders[1])
    for server in again:
        server.start()
        assert server.pid is not None
