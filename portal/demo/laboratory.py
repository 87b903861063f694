"""The demo's laboratory: takes orders over MLLP and answers each that it is accepted.

`python -m portal.demo.laboratory` is a system of its own, which knows no more of Careloop than a
real one would. What it reports is sent by `portal demo report`.
"""

import os
import socketserver

from portal.core.clock import utcnow
from portal.core.log import configure_logging
from portal.hl7v2.framing import Frame, FrameReader, frame
from portal.hl7v2.header import Header
from portal.hl7v2.reading import Message, read
from portal.hl7v2.times import stamp
from portal.hl7v2.writing import Encoded, header_segment, message, segment

LARGEST = 1_000_000
RECEIVE = 65_536


def laboratory_address() -> tuple[str, int]:
    """Where the demo's laboratory listens."""
    host, _, port = os.environ.get("PORTAL_DEMO_LABORATORY", "127.0.0.1:2576").rpartition(":")
    return host, int(port)


def accept(order: Message) -> bytes:
    """ORL^O22: each order of the message is accepted under a number of the laboratory's."""
    numbers = [one.text(2) for one in order.segments if one.name == "ORC"]
    body = [segment("MSA", {1: "AA", 2: order.control_id})]
    for number in numbers:
        filler = f"CAP-{number.rpartition('-')[2]}"
        body.append(segment("ORC", {1: "OK", 2: number, 3: (filler, "CAPLIS")}))
    return message([_header(order), *body])


def _header(order: Header) -> str:
    return header_segment(
        {
            3: Encoded(order.receiving_application),
            4: Encoded(order.receiving_facility),
            5: Encoded(order.sending_application),
            6: Encoded(order.sending_facility),
            7: stamp(utcnow()),
            9: ("ORL", "O22", "ORL_O22"),
            10: f"R{order.control_id}"[:20],
            11: order.processing_id,
            12: "2.5.1",
        }
    )


class _Conversation(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        frames = FrameReader(LARGEST)
        while data := self.request.recv(RECEIVE):
            for event in frames.feed(data):
                if isinstance(event, Frame):
                    self.request.sendall(frame(accept(read(event.content))))


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def main() -> None:
    configure_logging()
    with _Server(laboratory_address(), _Conversation) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
