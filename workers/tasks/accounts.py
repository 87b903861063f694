"""Mails about accounts. A link's token is made here, so that it is in no event's payload."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from portal.accounts import queries, service
from portal.accounts.states import AccountStatus
from portal.config import Config
from portal.core.clock import spoken_time
from portal.core.web import extension
from portal.notifications.gateway import Mail
from workers.code_mail import CodeMail
from workers.registry import Event, delivers

# Who asked so long ago has asked again, or manages without: a link would only frighten them.
FORGOTTEN_AFTER = timedelta(days=1)
SUBJECT = "Choose a new password for Careloop"
TEXT = """Hello,

somebody, most likely you, asked for a new password. Choose it here:

{base_url}/password-reset#{token}

The link works until {until}; after that, ask for another one.

If it wasn't you, do nothing: your password stays as it is.
"""


class PasswordResetByMail(CodeMail):
    """account.password_reset {account_id}"""

    def prepare(self, *, session: Session, event: Event, now: datetime) -> Mail | None:
        account = queries.account(session, event.uuid("account_id"))
        if account is None or account.status != AccountStatus.ACTIVE:
            return None
        if now - event.created_at > FORGOTTEN_AFTER:
            return None
        link = service.passwords.new_reset_link(session, account, now)
        config: Config = extension("config")
        text = TEXT.format(
            base_url=config.base_url, token=link.token, until=spoken_time(link.expires_at, "UTC")
        )
        return Mail(account.email, SUBJECT, text, str(event.id))


delivers("account.password_reset", PasswordResetByMail())
