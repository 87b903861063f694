"""Processes that listen at one socket come to have as many connections each."""

import socket
from threading import Thread

from tests.support.processes import wait_for
from workers.mllp import bound_socket
from workers.turns import in_turns

CONNECTIONS = 12


class Listening(Thread):
    """One that has what it accepted for ever."""

    def __init__(self, listening: socket.socket) -> None:
        super().__init__(daemon=True)
        self.has: list[socket.socket] = []
        self._listening = listening
        self._ended, self._end = socket.socketpair()

    def run(self) -> None:
        for connection in in_turns(self._listening, self._ended, lambda: len(self.has)):
            self.has.append(connection)

    def stop(self) -> None:
        self._end.close()
        self.join()


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port))


def test_connections_are_spread() -> None:
    listening = bound_socket("127.0.0.1:0")
    port = listening.getsockname()[1]
    first, second = Listening(listening), Listening(listening)
    first.start()
    # The first has some before there is a second.
    made = [connect(port) for _ in range(CONNECTIONS // 2)]
    wait_for(lambda: len(first.has) == len(made), "all are accepted")
    second.start()
    for _ in range(CONNECTIONS // 2):
        made.append(connect(port))
        wait_for(lambda: len(first.has) + len(second.has) == len(made), "it is accepted")
    first.stop()
    second.stop()
    assert len(second.has) >= CONNECTIONS // 4
    assert {one.getpeername() for one in (*first.has, *second.has)} == {
        one.getsockname() for one in made
    }


def test_it_ends_when_told_to() -> None:
    one = Listening(bound_socket("127.0.0.1:0"))
    one.start()
    one.stop()
    assert not one.has
