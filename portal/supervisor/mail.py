"""A mail catcher: a real SMTP server that delivers into a folder. For the demo only."""

import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class IntoFolder:
    """Keeps each message as a file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    async def handle_DATA(  # noqa: N802 - the name that aiosmtpd calls
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        self._count += 1
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        content = envelope.content or b""
        body = content if isinstance(content, bytes) else content.encode()
        path = self._folder / f"{stamp}-{self._count}.eml"
        path.write_bytes(body)
        return "250 kept"


def main() -> None:
    """usage: python -m portal.supervisor.mail FOLDER PORT"""
    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    # Waited for, not handled: a handler that is interrupted by the next signal may hang.
    endings = (signal.SIGTERM, signal.SIGINT)
    signal.pthread_sigmask(signal.SIG_BLOCK, endings)
    controller = Controller(IntoFolder(folder), hostname="127.0.0.1", port=port)
    controller.start()
    signal.sigwait(endings)
    controller.stop()


if __name__ == "__main__":
    main()
