"""Making uploads part of something: only one's own, of this patient, once, and not too many."""

from uuid import uuid4

import pytest
from sqlalchemy import text

from portal.attachments import service
from portal.attachments.errors import AttachmentUnusable
from portal.attachments.states import AttachedTo
from portal.core.actor import OPERATOR
from portal.core.db import transaction
from tests.attachments import files
from tests.attachments.conftest import (
    attach_as,
    attachment,
    nurse_of,
    patient_of,
    physician_of,
    uploaded,
)
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.races import at_once

pytestmark = pytest.mark.usefixtures("storage")


def pointers(refused: pytest.ExceptionInfo[AttachmentUnusable]) -> list[str]:
    return [error.pointer for error in refused.value.errors]


def test_an_upload_becomes_part_of_something(patient: Caller, clinic: SmallClinic) -> None:
    one, two = uploaded(patient), uploaded(patient, files.pdf("two"))
    message = attach_as(patient_of(clinic), clinic, two, one)
    shown = patient.get(f"/attachments/{one}").json
    assert shown["attached_to"] == {"kind": "message", "id": str(message)}
    assert (attachment(two).position, attachment(one).position) == (1, 2)
    assert attachment(one).shared


def test_each_that_can_not_be_used_is_named(
    patient: Caller, physician: Caller, nurse: Caller, clinic: SmallClinic
) -> None:
    mine = uploaded(physician, patient_id=clinic.patient.id)
    used = uploaded(physician, files.pdf("used"), patient_id=clinic.patient.id)
    attach_as(physician_of(clinic), clinic, used)
    infected = uploaded(physician, files.pdf("infected"), patient_id=clinic.patient.id)
    with transaction(OPERATOR) as session:
        session.execute(
            text("UPDATE attachment SET status = 'infected', finding = 'X' WHERE id = :id"),
            {"id": infected},
        )
    by_nurse = uploaded(nurse, patient_id=clinic.patient.id)
    elsewhere = uploaded(nurse, patient_id=clinic.other_patient.id)
    with pytest.raises(AttachmentUnusable) as refused:
        attach_as(
            physician_of(clinic),
            clinic,
            *(mine, used, infected, by_nurse, uuid4(), mine),
            limit=6,
            pointer="/attachment_ids",
        )
    assert pointers(refused) == [f"/attachment_ids/{number}" for number in range(1, 6)]
    assert attachment(mine).attached_at is None, "all or nothing"
    with pytest.raises(AttachmentUnusable) as refused:
        attach_as(nurse_of(clinic), clinic, by_nurse, elsewhere)
    assert pointers(refused) == ["/attachments/1"]
    assert "another patient" in refused.value.errors[0].message


def test_at_most_so_many(patient: Caller, clinic: SmallClinic) -> None:
    ids = [uploaded(patient, files.pdf(str(number))) for number in range(3)]
    with pytest.raises(AttachmentUnusable) as refused:
        attach_as(patient_of(clinic), clinic, *ids, limit=2)
    assert refused.value.errors[0].message == "At most 2 files."
    attach_as(patient_of(clinic), clinic, *ids, limit=3)


def test_nothing_to_attach_is_nothing_to_do(clinic: SmallClinic) -> None:
    message = attach_as(patient_of(clinic), clinic)
    with transaction(patient_of(clinic)) as session:
        assert service.of(session, AttachedTo.MESSAGE, [message]) == {}


def test_what_waits_to_be_scanned_may_be_sent(patient: Caller, clinic: SmallClinic) -> None:
    id_ = uploaded(patient)
    with transaction(OPERATOR) as session:
        session.execute(text("UPDATE attachment SET status = 'quarantined'"))
    attach_as(patient_of(clinic), clinic, id_)
    assert attachment(id_).attached_at is not None


@pytest.mark.parametrize("_attempt", range(4))
def test_two_messages_with_the_same_upload(
    patient: Caller, clinic: SmallClinic, _attempt: int
) -> None:
    one, two = uploaded(patient), uploaded(patient, files.pdf("two"))

    def send() -> object:
        try:
            return attach_as(patient_of(clinic), clinic, one, two)
        except AttachmentUnusable as refused:
            return refused.code

    outcomes = at_once(send, send)
    [message] = [one for one in outcomes if one != "attachment_unusable"]
    assert attachment(one).to_id == attachment(two).to_id == message
