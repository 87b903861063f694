"""The port of the portal: found, claimed, or named with the remedy."""

import socket
from collections.abc import Iterator

import pytest

from portal.supervisor import ports
from portal.supervisor.ports import PortBusyError, claim, claim_portal_port, free_port


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that another program listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def port_of(listener: socket.socket) -> int:
    with listener:
        port: int = listener.getsockname()[1]
        return port


def test_a_wanted_port_is_claimed() -> None:
    wanted = free_port()
    assert port_of(claim_portal_port({"PORTAL_PORT": str(wanted)})) == wanted


def test_a_claimed_port_is_nobody_elses() -> None:
    port = free_port()
    with claim(port), pytest.raises(OSError, match="in use"):
        claim(port)


def test_a_claimed_port_can_be_claimed_again_at_once() -> None:
    port = free_port()
    with claim(port) as listener, socket.create_connection(("127.0.0.1", port)):
        listener.accept()[0].close()
    claim(port).close()


def test_a_taken_port_that_was_asked_for_is_named_with_the_remedy(taken: int) -> None:
    with pytest.raises(PortBusyError, match=rf"Port {taken} is taken.*PORTAL_PORT"):
        claim_portal_port({"PORTAL_PORT": str(taken)})


def test_a_taken_port_is_passed_over(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "PREFERRED", taken)
    assert port_of(claim_portal_port({})) > taken


def test_two_that_look_at_the_same_time_find_two_ports() -> None:
    with claim_portal_port({}) as one, claim_portal_port({}) as other:
        assert one.getsockname() != other.getsockname()


def test_no_free_port_is_named_with_the_remedy(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "PREFERRED", taken)
    monkeypatch.setattr(ports, "TRIES", 1)
    with pytest.raises(PortBusyError, match="set PORTAL_PORT"):
        claim_portal_port({})


@pytest.mark.skipif(not socket.has_ipv6, reason="needs IPv6")
def test_a_program_at_the_other_localhost_takes_the_port_too() -> None:
    with socket.socket(socket.AF_INET6) as other:
        try:
            other.bind(("::1", 0))
        except OSError:
            pytest.skip("no ::1 here")
        other.listen()
        with pytest.raises(PortBusyError, match="taken"):
            claim_portal_port({"PORTAL_PORT": str(other.getsockname()[1])})


@pytest.mark.parametrize("wanted", ["0", "65536", "-1", "http", "80 80", "8000.5"])
def test_what_is_no_port_is_refused(wanted: str) -> None:
    with pytest.raises(PortBusyError, match="is not a port: give 1 to 65535"):
        claim_portal_port({"PORTAL_PORT": wanted})
