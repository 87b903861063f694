"""The MLLP listener over TLS: only who shows a known certificate is heard."""

import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from portal.config import Config, ConfigurationError
from tests.results.conftest import order
from tests.results.messages import obr, obx, oru
from tests.results.test_intake import reports
from tests.support.certificates import certificate
from tests.support.clinic import SmallClinic
from tests.support.mllp import Sender, listener
from workers.mllp_tls import client_context, server_context


@pytest.fixture
def secured(config: Config, tmp_path: Path) -> Config:
    """TLS at both ends; `laboratory` is whom the listener knows."""
    return replace(
        config,
        mllp_tls=True,
        mllp_cert_file=certificate(tmp_path, "clinic"),
        mllp_key_file=None,
        mllp_ca_file=certificate(tmp_path, "laboratory"),
    )


@pytest.fixture
def port(app: Flask, secured: Config) -> Iterator[int]:
    with listener(app, tls=server_context(secured)) as port:
        yield port


def calling(secured: Config, certificate_file: Path | None) -> ssl.SSLContext:
    """The laboratory's end: it knows the clinic."""
    return client_context(
        replace(secured, mllp_ca_file=secured.mllp_cert_file, mllp_cert_file=certificate_file)
    )


def test_a_laboratory_with_a_known_certificate_is_heard(
    clinic: SmallClinic, secured: Config, port: int
) -> None:
    sender = Sender(port, calling(secured, secured.mllp_ca_file))
    raw = oru("M1", obr(order(clinic).placer_number), obx("potassium", "4.2"))
    assert b"MSA|AA|M1" in sender.exchange(raw)
    assert len(reports()) == 1


@pytest.mark.parametrize("shown", ["none", "another"])
def test_nobody_else_is(
    clinic: SmallClinic, secured: Config, port: int, tmp_path: Path, shown: str
) -> None:
    own = None if shown == "none" else certificate(tmp_path, "stranger")
    raw = oru("M1", obr(order(clinic).placer_number), obx("potassium", "4.2"))
    with pytest.raises((ssl.SSLError, EOFError, ConnectionError)):
        Sender(port, calling(secured, own)).exchange(raw)
    assert reports() == []


def test_a_sender_that_speaks_no_tls_is_hung_up(clinic: SmallClinic, port: int) -> None:
    plain = Sender(port)
    plain.send(oru("M1", obr(order(clinic).placer_number), obx("potassium", "4.2")))
    assert plain.ended()
    assert reports() == []


def test_tls_without_a_certificate_does_not_start(secured: Config) -> None:
    with pytest.raises(ConfigurationError, match="PORTAL_MLLP_CERT_FILE"):
        server_context(replace(secured, mllp_cert_file=None))
