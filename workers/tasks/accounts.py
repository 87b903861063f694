"""Mails about accounts. A link's token is made here, so that it is in no event's payload."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from portal.accounts import queries, service
from portal.accounts.states import AccountStatus
from portal.config import Config
from portal.core.web import extension
from portal.notifications import service as notifications
from portal.notifications.errors import AddressRefused
from portal.notifications.gateway import Mail
from portal.worklist import service as worklist
from portal.worklist.states import Priority, WorkItemKind
from workers.registry import Event, delivers

SUBJECT = "Choose a new password for Careloop"
TEXT = """Hello,

somebody, most likely you, asked for a new password. Choose it within half an hour here:

{base_url}/password-reset#{token}

If it wasn't you, do nothing: your password stays as it is.
"""


@dataclass(frozen=True, slots=True)
class Prepared:
    mail: Mail


class PasswordResetByMail:
    """account.password_reset {account_id}"""

    def prepare(self, *, session: Session, event: Event, now: datetime) -> Prepared | None:
        account = queries.account(session, event.uuid("account_id"))
        if account is None or account.status != AccountStatus.ACTIVE:
            return None
        token = service.passwords.new_reset_token(session, account, now)
        config: Config = extension("config")
        text = TEXT.format(base_url=config.base_url, token=token)
        return Prepared(Mail(account.email, SUBJECT, text, str(event.id)))

    def send(self, prepared: Prepared) -> None:
        try:
            notifications.send_mail(extension("config"), prepared.mail)
        except AddressRefused:
            return  # nobody to tell: whoever asked will ask again, or call

    def record(self, **_outcome: object) -> None:
        """The event itself is the record."""

    def record_failure(
        self,
        *,
        session: Session,
        event: Event,
        prepared: Prepared,
        error: str,
        final: bool,
        now: datetime,
    ) -> None:
        """The event itself is the record; after the last try somebody may have to call."""
        if final:
            worklist.open_for_operations(
                session=session,
                kind=WorkItemKind.DELIVERY_FAILED,
                subject_id=event.id,
                priority=Priority.ROUTINE,
                now=now,
            )


delivers("account.password_reset", PasswordResetByMail())
