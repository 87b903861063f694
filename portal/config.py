"""Settings, read once from the environment. A missing secret stops a production start."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

ENVIRONMENTS = ("demo", "test", "production")


class ConfigurationError(Exception):
    """The environment lacks a setting, or holds one that can't be used."""


@dataclass(frozen=True, slots=True)
class Config:
    """What a process of Careloop needs to know about where it runs."""

    environment: str
    secret_key: str
    database_url: str
    owner_database_url: str
    redis_url: str
    smtp_url: str
    mail_from: str
    base_url: str
    var: Path
    pool_size: int
    webhook_private_hosts: bool
    rate_limits: bool
    session_hours: int
    mllp_bind: str
    mllp_processes: int
    mllp_connections_per_peer: int
    mllp_tls: bool
    hl7_application: str
    hl7_facility: str
    hl7_processing: frozenset[str]
    mllp_ca_file: Path | None
    mllp_cert_file: Path | None
    mllp_key_file: Path | None
    attachments: Path
    attachment_bytes: int
    clamav_url: str

    @property
    def secure_cookies(self) -> bool:
        return self.base_url.startswith("https://")

    @property
    def celery_broker_url(self) -> str:
        """Kombu's spelling of the same address: it names unix sockets `redis+socket`."""
        return self.redis_url.replace("unix://", "redis+socket://", 1)

    @property
    def limits_storage_url(self) -> str:
        """The spelling of the `limits` library for the same address."""
        return self.redis_url.replace("unix://", "redis+unix://", 1)


def read_setting(environ: Mapping[str, str], name: str, default: str | None = None) -> str:
    """The value of `name`, or the content of the file that `name_FILE` points to.

    Raises ConfigurationError when there is neither and no default.
    """
    if name in environ:
        return environ[name]
    file_name = environ.get(f"{name}_FILE")
    if file_name:
        try:
            return Path(file_name).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConfigurationError(f"{name}_FILE can't be read: {error}") from error
    if default is None:
        raise ConfigurationError(f"{name} is not set: give {name} or {name}_FILE")
    return default


def read_number(environ: Mapping[str, str], name: str, default: str) -> int:
    """A whole number from 1 up. Raises ConfigurationError for anything else."""
    value = read_setting(environ, name, default)
    if not (value.isascii() and value.isdecimal() and int(value) > 0):
        raise ConfigurationError(f"{name} must be a whole number from 1 up")
    return int(value)


def read_switch(environ: Mapping[str, str], name: str, default: str) -> bool:
    """`yes` or `no`. Raises ConfigurationError for anything else: a `true` must not mean no."""
    value = read_setting(environ, name, default)
    if value not in ("yes", "no"):
        raise ConfigurationError(f"{name} must be yes or no")
    return value == "yes"


def read_address(environ: Mapping[str, str], name: str, default: str) -> str:
    """`host:port`, or `fd://N` for a socket that is open already. Raises ConfigurationError."""
    value = read_setting(environ, name, default)
    host, _, port = value.rpartition(":")
    if not (value.startswith("fd://") or host) or not port.removeprefix("//").isdecimal():
        raise ConfigurationError(f"{name} must be host:port")
    return value


def read_scanner(environ: Mapping[str, str], name: str) -> str:
    """`tcp://host:port` or `unix:///path` of a scanner, or nothing. Raises ConfigurationError."""
    value = read_setting(environ, name, "")
    try:
        parts = urlsplit(value)
        usable = (
            bool(parts.hostname and parts.port)
            if parts.scheme == "tcp"
            else (parts.scheme == "unix" and not parts.netloc and len(parts.path) > 1)
        )
    except ValueError:
        usable = False
    if value and not usable:
        raise ConfigurationError(f"{name} must be tcp://host:port or unix:///path")
    return value


def read_name(environ: Mapping[str, str], name: str, default: str) -> str:
    """How we name ourselves in HL7 messages: a namespace of 1 to 20 characters (data type IS).

    Raises ConfigurationError for one that a message could not carry.
    """
    value = read_setting(environ, name, default)
    if not re.fullmatch(r"[A-Za-z0-9_. -]{1,20}", value):
        raise ConfigurationError(f"{name} must be 1 to 20 letters, digits or one of `_.- `")
    return value


def read_processing(environ: Mapping[str, str], name: str, default: str) -> frozenset[str]:
    """Which messages are taken: P (production), T (training), D (debugging), with commas between
    (HL7 table 0103). Raises ConfigurationError for anything else."""
    found = frozenset(read_setting(environ, name, default).replace(" ", "").split(","))
    if not found <= {"P", "T", "D"}:
        raise ConfigurationError(f"{name} must be of P, T and D, with commas between")
    return found


def _file(environ: Mapping[str, str], name: str) -> Path | None:
    """The path of a file that a setting may name. Raises ConfigurationError where none is there."""
    value = environ.get(name)
    if not value:
        return None
    path = Path(value)
    if not path.is_file():
        raise ConfigurationError(f"{name} names no file: {value}")
    return path


def with_password(url: str, password: str) -> str:
    """The database URL with a password that was kept apart from it, in a secrets file."""
    if not password:
        return url
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    name = user.partition(":")[0]
    return urlunsplit(parts._replace(netloc=f"{name}:{quote(password, safe='')}@{host}"))


def load_config(environ: Mapping[str, str] | None = None) -> Config:
    """Read the settings.

    Raises ConfigurationError naming the first setting that is missing or unusable.
    """
    env = os.environ if environ is None else environ
    environment = read_setting(env, "PORTAL_ENV", "production")
    if environment not in ENVIRONMENTS:
        raise ConfigurationError(f"PORTAL_ENV must be one of {', '.join(ENVIRONMENTS)}")
    secret_key = read_setting(env, "PORTAL_SECRET_KEY")
    if len(secret_key) < 32:
        raise ConfigurationError("PORTAL_SECRET_KEY must have at least 32 characters")
    database_url = with_password(
        read_setting(env, "PORTAL_DATABASE_URL"),
        read_setting(env, "PORTAL_DATABASE_PASSWORD", ""),
    )
    owner_url = with_password(
        read_setting(env, "PORTAL_OWNER_DATABASE_URL", ""),
        read_setting(env, "PORTAL_OWNER_DATABASE_PASSWORD", ""),
    )
    production = environment == "production"
    var = read_setting(env, "PORTAL_VAR", "var")
    return Config(
        environment=environment,
        secret_key=secret_key,
        database_url=database_url,
        owner_database_url=owner_url,
        redis_url=read_setting(env, "PORTAL_REDIS_URL"),
        smtp_url=read_setting(
            env, "PORTAL_SMTP_URL", None if production else "smtp://127.0.0.1:25"
        ),
        mail_from=read_setting(env, "PORTAL_MAIL_FROM", "Careloop <no-reply@careloop.example>"),
        base_url=read_setting(
            env, "PORTAL_BASE_URL", None if production else "http://localhost:8000"
        ).rstrip("/"),
        var=Path(var),
        pool_size=read_number(env, "PORTAL_POOL_SIZE", "10"),
        webhook_private_hosts=read_switch(
            env, "PORTAL_WEBHOOK_PRIVATE_HOSTS", "no" if production else "yes"
        ),
        rate_limits=read_switch(env, "PORTAL_RATE_LIMITS", "yes"),
        session_hours=read_number(env, "PORTAL_SESSION_HOURS", "12"),
        mllp_bind=read_address(env, "PORTAL_MLLP_BIND", "127.0.0.1:2575"),
        mllp_processes=read_number(env, "PORTAL_MLLP_PROCESSES", "2"),
        mllp_connections_per_peer=read_number(env, "PORTAL_MLLP_CONNECTIONS_PER_PEER", "20"),
        mllp_tls=read_switch(env, "PORTAL_MLLP_TLS", "no"),
        hl7_application=read_name(env, "PORTAL_HL7_APPLICATION", "CARELOOP"),
        hl7_facility=read_name(env, "PORTAL_HL7_FACILITY", "CLINIC"),
        hl7_processing=read_processing(env, "PORTAL_HL7_PROCESSING", "P"),
        mllp_ca_file=_file(env, "PORTAL_MLLP_CA_FILE"),
        mllp_cert_file=_file(env, "PORTAL_MLLP_CERT_FILE"),
        mllp_key_file=_file(env, "PORTAL_MLLP_KEY_FILE"),
        attachments=Path(
            read_setting(env, "PORTAL_ATTACHMENTS", None if production else f"{var}/attachments")
        ),
        attachment_bytes=read_number(env, "PORTAL_ATTACHMENT_BYTES", str(10 * 1024 * 1024)),
        clamav_url=read_scanner(env, "PORTAL_CLAMAV_URL"),
    )
