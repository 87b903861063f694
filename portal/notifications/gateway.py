"""Mail: SMTP (RFC 5321), with a message that tells nobody anything about a patient."""

import smtplib
import ssl
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from urllib.parse import parse_qs, unquote, urlsplit

from portal.config import Config
from portal.core.errors import TransportError
from portal.notifications.errors import AddressRefused

TIMEOUT_SECONDS = 10
_PORTS = {"smtp": 25, "smtps": 465}


@dataclass(frozen=True, slots=True)
class Mail:
    """What is sent. `key` makes the Message-ID, the same for every attempt."""

    to: str
    subject: str
    text: str
    key: str


def _compose(config: Config, mail: Mail) -> EmailMessage:
    message = EmailMessage()
    name, sender = parseaddr(config.mail_from)
    message["From"] = Address(name, addr_spec=sender)
    message["To"] = Address(addr_spec=mail.to)
    message["Subject"] = mail.subject
    message["Date"] = formatdate(localtime=False)
    message["Message-ID"] = f"<{mail.key}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    return message


def _connect(config: Config) -> smtplib.SMTP:
    """smtp://[user:password@]host[:port][?starttls=yes] or smtps://…"""
    url = urlsplit(config.smtp_url)
    host, port = url.hostname or "localhost", url.port or _PORTS[url.scheme]
    if url.scheme == "smtps":
        context = ssl.create_default_context()
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            host, port, timeout=TIMEOUT_SECONDS, context=context
        )
    else:
        server = smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)
        if parse_qs(url.query).get("starttls") == ["yes"]:
            server.starttls(context=ssl.create_default_context())
    if url.username:
        server.login(unquote(url.username), unquote(url.password or ""))
    return server


def send_mail(config: Config, mail: Mail) -> None:
    """Hand a message to the mail server.

    Raises TransportError where another try may succeed, AddressRefused where none will.
    """
    try:
        message = _compose(config, mail)
        with _connect(config) as server:
            server.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        [(code, _answer)] = error.recipients.values()
        raise _refusal(code) from None
    except smtplib.SMTPResponseException as error:
        raise _refusal(error.smtp_code) from None
    except ValueError:
        raise AddressRefused("the address is malformed") from None
    except (OSError, smtplib.SMTPException) as error:
        raise TransportError(type(error).__name__) from None


def _refusal(code: int) -> Exception:
    """4xx passes (RFC 5321, 4.2.1), 5xx does not; a refused login is ours to mend, so it waits."""
    if 500 <= code < 600 and code not in (530, 534, 535):
        return AddressRefused(f"SMTP {code}")
    return TransportError(f"SMTP {code}")
