"""Taking an upload back: one's own, and only while it is part of nothing."""

from collections.abc import Callable

import pytest
from sqlalchemy import text

from portal.attachments import service
from portal.attachments.storage import Storage
from portal.attachments.sweeping import sweep
from portal.config import Config
from portal.core.actor import OPERATOR, WORKER, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from tests.attachments.conftest import (
    attach_as,
    items,
    kept,
    patient_of,
    rows,
    uploaded,
)
from tests.attachments.test_sweep import make_old
from tests.support.api import Caller
from tests.support.clamav import Scanner
from tests.support.clinic import SmallClinic
from tests.support.work import drain

pytestmark = pytest.mark.usefixtures("storage")


def test_one_takes_ones_own_upload_back(
    patient: Caller, storage: Storage, scanner: Scanner, config: Config
) -> None:
    id_ = uploaded(patient)
    assert patient.delete(f"/attachments/{id_}").status_code == 204
    assert patient.get(f"/attachments/{id_}").status_code == 404
    assert patient.delete(f"/attachments/{id_}").status_code == 404
    drain()
    assert scanner.received == [], "nothing is left to scan"
    make_old(kept(config)[0])
    assert sweep(storage, utcnow()).files == 1


def test_what_was_sent_stays(patient: Caller, physician: Caller, clinic: SmallClinic) -> None:
    id_ = uploaded(patient)
    attach_as(patient_of(clinic), clinic, id_)
    for who in (patient, physician):
        answer = who.delete(f"/attachments/{id_}")
        assert (answer.status_code, answer.json["code"]) == (409, "attachment_in_use")
    assert rows() == 1


def test_nobody_takes_anothers_upload_back(
    patient: Caller, physician: Caller, clinic: SmallClinic, caller: Callable[..., Caller]
) -> None:
    id_ = uploaded(patient)
    for who in (physician, caller(ActorKind.PATIENT, clinic.other_patient.id)):
        assert who.delete(f"/attachments/{id_}").status_code == 404
    assert rows() == 1


def test_what_was_infected_is_remembered(patient: Caller) -> None:
    id_ = uploaded(patient)
    with transaction(OPERATOR) as session:
        session.execute(text("UPDATE attachment SET status = 'infected', finding = 'X'"))
    assert patient.delete(f"/attachments/{id_}").status_code == 410
    assert rows() == 1


def test_nobody_is_asked_about_it_any_more(patient: Caller, scanner: Scanner) -> None:
    assert scanner.url
    id_ = uploaded(patient)
    with transaction(WORKER) as session:
        service.give_up(session=session, attachment_id=id_, now=utcnow())
    assert len(items("attachment_unscannable")) == 1
    patient.delete(f"/attachments/{id_}")
    drain()
    assert items("attachment_unscannable") == []
