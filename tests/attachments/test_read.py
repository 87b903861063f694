"""Who sees an attachment, when its content is handed out, and how."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from portal.attachments import service
from portal.attachments.states import AttachedTo
from portal.attachments.storage import Storage
from portal.core.actor import OPERATOR, WORKER, ActorKind
from portal.core.db import transaction
from tests.attachments import files
from tests.attachments.conftest import (
    attach_as,
    attachment,
    nurse_of,
    patient_of,
    physician_of,
    upload,
    uploaded,
)
from tests.attachments.files import LINES
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.work import drain

pytestmark = pytest.mark.usefixtures("storage")


def may_see(caller: Caller, id_: UUID) -> bool:
    """Whether the attachment is there for somebody: both calls have to agree."""
    statuses = {caller.get(f"/attachments/{id_}{end}").status_code for end in ("", "/content")}
    assert statuses in ({200}, {404})
    return statuses == {200}


def test_until_it_is_attached_its_uploader_alone_sees_it(
    patient: Caller, physician: Caller, nurse: Caller, clinic: SmallClinic
) -> None:
    from_patient = uploaded(patient)
    from_physician = uploaded(physician, patient_id=clinic.patient.id)
    assert may_see(patient, from_patient)
    assert may_see(physician, from_physician)
    assert not may_see(patient, from_physician)
    assert not may_see(physician, from_patient)
    assert not may_see(nurse, from_patient)
    assert not may_see(nurse, from_physician)


def test_attached_it_is_seen_by_those_whom_the_record_concerns(
    patient: Caller,
    physician: Caller,
    nurse: Caller,
    colleague: Caller,
    caller: Callable[..., Caller],
    clinic: SmallClinic,
) -> None:
    from_patient, from_physician = (
        uploaded(patient),
        uploaded(physician, patient_id=clinic.patient.id),
    )
    attach_as(patient_of(clinic), clinic, from_patient)
    attach_as(physician_of(clinic), clinic, from_physician)
    neighbour = caller(ActorKind.PATIENT, clinic.other_patient.id)
    stranger = caller(ActorKind.STAFF, uuid4())
    for id_ in (from_patient, from_physician):
        assert may_see(patient, id_)
        assert may_see(physician, id_)
        assert may_see(nurse, id_)
        assert not may_see(colleague, id_)
        assert not may_see(neighbour, id_)
        assert not may_see(stranger, id_)


def test_what_is_not_shared_stays_with_the_care_team(
    patient: Caller, physician: Caller, nurse: Caller, clinic: SmallClinic
) -> None:
    id_ = uploaded(nurse, patient_id=clinic.patient.id)
    attach_as(nurse_of(clinic), clinic, id_, shared=False)
    assert may_see(physician, id_)
    assert not may_see(patient, id_)


@pytest.mark.parametrize(
    "kind", [ActorKind.ADMINISTRATOR, ActorKind.PHARMACY, ActorKind.LABORATORY, ActorKind.PHONE]
)
def test_others_may_do_nothing(
    caller: Callable[..., Caller], patient: Caller, clinic: SmallClinic, kind: ActorKind
) -> None:
    id_ = uploaded(patient)
    attach_as(patient_of(clinic), clinic, id_)
    other = caller(kind, clinic.pharmacy.id)
    assert upload(other).status_code == 403
    assert other.get(f"/attachments/{id_}").status_code == 403
    assert other.get(f"/attachments/{id_}/content").status_code == 403


@pytest.mark.parametrize("content_type", files.ALLOWED)
def test_content_is_handed_out_so_that_nothing_runs(patient: Caller, content_type: str) -> None:
    content = files.ALLOWED[content_type]
    answer = upload(patient, content, "Größe.pdf", content_type)
    served = patient.request("GET", answer.json["content"])
    assert (served.status_code, served.data) == (200, content)
    assert served.mimetype == content_type
    headers = served.headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert headers["Content-Disposition"].startswith("attachment; ")
    assert "filename*=UTF-8''Gr%C3%B6%C3%9Fe." in headers["Content-Disposition"]
    assert headers["Cache-Control"] == "no-store"
    assert headers["ETag"] == f'"{answer.json["sha256"]}"'
    assert int(headers["Content-Length"]) == len(content)


def test_text_says_how_it_is_written(patient: Caller) -> None:
    answer = upload(patient, LINES, "a.txt", "text/plain")
    served = patient.request("GET", answer.json["content"])
    assert served.headers["Content-Type"] == "text/plain; charset=utf-8"


def test_what_the_reader_has_is_not_sent_again(patient: Caller) -> None:
    path = upload(patient).json["content"]
    tag = patient.request("GET", path).headers["ETag"]
    again = patient.request("GET", path, headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")
    other = patient.request("GET", path, headers={"If-None-Match": '"other"'})
    assert other.status_code == 200


@pytest.mark.parametrize(
    ("status", "http", "code"),
    [
        ("quarantined", 409, "attachment_quarantined"),
        ("unscannable", 409, "attachment_unscannable"),
        ("infected", 410, "attachment_infected"),
    ],
)
def test_only_what_is_clean_is_handed_out(
    patient: Caller, status: str, http: int, code: str
) -> None:
    id_ = uploaded(patient)
    with transaction(OPERATOR) as session:
        session.execute(
            text("UPDATE attachment SET status = :status, finding = :finding"),
            {"status": status, "finding": "X" if status == "infected" else None},
        )
    described = patient.get(f"/attachments/{id_}").json
    assert (described["status"], described["content"]) == (status, None)
    refused = patient.get(f"/attachments/{id_}/content")
    assert (refused.status_code, refused.json["code"]) == (http, code)
    assert refused.headers["Content-Type"] == "application/problem+json"


def test_a_file_that_is_lost_is_our_trouble(patient: Caller, storage: Storage) -> None:
    id_ = uploaded(patient)
    assert storage.remove(attachment(id_).digest)
    answer = patient.get(f"/attachments/{id_}/content")
    assert (answer.status_code, answer.json["code"]) == (503, "storage_away")


def test_a_made_up_id_is_not_found(patient: Caller) -> None:
    answer = patient.get(f"/attachments/{uuid4()}")
    assert (answer.status_code, answer.json["code"]) == (404, "attachment_not_found")


def test_a_merged_record_takes_its_attachments_along(
    patient: Caller, nurse: Caller, caller: Callable[..., Caller], clinic: SmallClinic
) -> None:
    duplicate = caller(ActorKind.PATIENT, clinic.other_patient.id)
    id_ = uploaded(duplicate)
    body = {"into_id": str(clinic.patient.id), "reason": "The same person, registered twice"}
    answer = nurse.post(f"/patients/{clinic.other_patient.id}/merge", body)
    assert answer.status_code == 200, answer.text
    drain()
    row = attachment(id_)
    assert row.patient_id == row.uploader_id == clinic.patient.id
    assert may_see(patient, id_)


def test_of_lists_by_what_they_are_part_of_in_one_statement(
    patient: Caller, clinic: SmallClinic
) -> None:
    me = patient_of(clinic)
    one, two, three = (uploaded(patient, files.pdf(str(number))) for number in range(3))
    first = attach_as(me, clinic, two, one)
    second = attach_as(me, clinic, three)
    with transaction(me) as session:
        found = service.of(session, AttachedTo.MESSAGE, [first, second, uuid4()])
    assert {key: [view["id"] for view in views] for key, views in found.items()} == {
        first: [two, one],
        second: [three],
    }
    with transaction(WORKER) as session:
        assert set(service.of(session, AttachedTo.MESSAGE, [first])) == {first}
