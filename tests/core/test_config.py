"""Settings: what is missing or unusable stops the start, and is named."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from portal.app import create_app
from portal.cli import portal
from portal.config import ConfigurationError, load_config

PRODUCTION = {
    "PORTAL_SECRET_KEY": "a secret for tests, and for nothing else",
    "PORTAL_DATABASE_URL": "postgresql+psycopg://careloop_app@db/careloop",
    "PORTAL_REDIS_URL": "redis://valkey:6379/0",
    "PORTAL_SMTP_URL": "smtp://mail",
    "PORTAL_BASE_URL": "https://portal.example.org/",
    "PORTAL_ATTACHMENTS": "/attachments",
}


def without(name: str) -> dict[str, str]:
    return {key: value for key, value in PRODUCTION.items() if key != name}


def test_what_production_needs_and_what_it_gets() -> None:
    config = load_config(PRODUCTION)
    assert config.environment == "production", "unless something else is said"
    assert config.base_url == "https://portal.example.org"
    assert (config.secure_cookies, config.rate_limits) == (True, True)
    assert config.webhook_private_hosts is False


@pytest.mark.parametrize("name", PRODUCTION)
def test_production_does_not_start_without(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        load_config(without(name))


def test_the_application_does_not_start_without_its_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in without("PORTAL_SECRET_KEY").items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PORTAL_SECRET_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="PORTAL_SECRET_KEY"):
        create_app()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORTAL_ENV", "prod"),
        ("PORTAL_ENV", ""),
        ("PORTAL_SECRET_KEY", "short"),
        ("PORTAL_SECRET_KEY", ""),
        ("PORTAL_POOL_SIZE", "many"),
        ("PORTAL_POOL_SIZE", "0"),
        ("PORTAL_SESSION_HOURS", "-1"),
        ("PORTAL_RATE_LIMITS", "true"),
        ("PORTAL_WEBHOOK_PRIVATE_HOSTS", "n"),
        ("PORTAL_ATTACHMENT_BYTES", "10 MB"),
        ("PORTAL_CLAMAV_URL", "clamd"),
        ("PORTAL_CLAMAV_URL", "tcp://clamd"),
        ("PORTAL_CLAMAV_URL", "tcp://clamd:port"),
        ("PORTAL_CLAMAV_URL", "unix://clamd.sock"),
        ("PORTAL_CLAMAV_URL", "http://clamd:3310"),
    ],
)
def test_what_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        load_config({**PRODUCTION, name: value})


def test_elsewhere_there_are_defaults() -> None:
    few = {name: PRODUCTION[name] for name in list(PRODUCTION)[:3]}
    config = load_config({**few, "PORTAL_ENV": "demo"})
    assert config.base_url == "http://localhost:8000"
    assert (config.secure_cookies, config.webhook_private_hosts) == (False, True)


def test_a_secret_may_be_in_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{PRODUCTION['PORTAL_SECRET_KEY']}\n", encoding="utf-8")
    environ = {**without("PORTAL_SECRET_KEY"), "PORTAL_SECRET_KEY_FILE": str(secret)}
    assert load_config(environ).secret_key == PRODUCTION["PORTAL_SECRET_KEY"]
    secret.unlink()
    with pytest.raises(ConfigurationError, match="PORTAL_SECRET_KEY_FILE"):
        load_config(environ)


def test_a_password_kept_apart_is_put_into_the_address() -> None:
    config = load_config({**PRODUCTION, "PORTAL_DATABASE_PASSWORD": "p@ss/word"})
    assert config.database_url == "postgresql+psycopg://careloop_app:p%40ss%2Fword@db/careloop"
    assert config.owner_database_url == ""


def test_each_library_gets_the_spelling_it_knows() -> None:
    config = load_config({**PRODUCTION, "PORTAL_REDIS_URL": "unix:///run/valkey.sock"})
    assert config.celery_broker_url == "redis+socket:///run/valkey.sock"
    assert config.limits_storage_url == "redis+unix:///run/valkey.sock"


def test_the_secret_is_in_no_error() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_config({**PRODUCTION, "PORTAL_SECRET_KEY": "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_the_command_tells_what_it_does_without_any_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PORTAL_SECRET_KEY", raising=False)
    said = CliRunner().invoke(portal, ["--help"])
    assert said.exit_code == 0
    assert "loops" in said.output
    assert "Traceback" not in said.output + said.stderr
    unknown = CliRunner().invoke(portal, ["no-such-thing"])
    assert unknown.exit_code == 2
    assert "No such command" in unknown.stderr
    assert "Traceback" not in unknown.stderr
