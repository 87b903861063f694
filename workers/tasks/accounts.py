"""Mails about accounts. A link's token is made here, so that it is in no event's payload."""

from datetime import datetime

from sqlalchemy.orm import Session

from portal.accounts import queries, service
from portal.accounts.states import AccountStatus
from portal.config import Config
from portal.core.web import extension
from portal.notifications.gateway import Mail
from workers.code_mail import CodeMail
from workers.registry import Event, delivers

SUBJECT = "Choose a new password for Careloop"
TEXT = """Hello,

somebody, most likely you, asked for a new password. Choose it within half an hour here:

{base_url}/password-reset#{token}

If it wasn't you, do nothing: your password stays as it is.
"""


class PasswordResetByMail(CodeMail):
    """account.password_reset {account_id}"""

    def prepare(self, *, session: Session, event: Event, now: datetime) -> Mail | None:
        account = queries.account(session, event.uuid("account_id"))
        if account is None or account.status != AccountStatus.ACTIVE:
            return None
        token = service.passwords.new_reset_token(session, account, now)
        config: Config = extension("config")
        text = TEXT.format(base_url=config.base_url, token=token)
        return Mail(account.email, SUBJECT, text, str(event.id))


delivers("account.password_reset", PasswordResetByMail())
