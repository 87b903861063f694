"""Files that leave something for the workers to do."""

from sqlalchemy import text

from portal.core import outbox
from portal.core.actor import OPERATOR
from portal.core.db import transaction
from tests.attachments.conftest import age, uploaded
from tests.support.api import Caller

_INFECTED = text("UPDATE attachment SET status = 'infected', finding = 'Test' WHERE id = :id")


def leave_attachment_events(patient: Caller) -> None:
    """One upload is taken back, one was found infected."""
    assert patient.delete(f"/attachments/{uploaded(patient)}").status_code == 204
    infected = uploaded(patient)
    with transaction(OPERATOR) as session:
        session.execute(_INFECTED, {"id": infected})
        outbox.emit(session, "attachment.discard", attachment_id=infected)


def leave_an_upload(patient: Caller) -> None:
    """One that nobody has used for days."""
    age(uploaded(patient), "3 days")
