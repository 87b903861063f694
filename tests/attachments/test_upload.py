"""Uploads through the API: who may, what is kept, and that nothing is left of what isn't."""

import hashlib
import io
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from portal.attachments.service import upload as uploads
from portal.attachments.storage import Storage
from portal.config import Config
from portal.core.actor import OPERATOR
from portal.core.db import transaction
from tests.attachments import files
from tests.attachments.conftest import Setting, attachment, kept, rows, upload, uploaded
from tests.attachments.files import JPEG, LINES, PDF, archive, bomb
from tests.support.api import Caller
from tests.support.clinic import SmallClinic

pytestmark = pytest.mark.usefixtures("storage")

DIGEST = hashlib.sha256(PDF).digest()


def test_a_patient_uploads_to_their_own_record(
    patient: Caller, clinic: SmallClinic, storage: Storage, config: Config
) -> None:
    answer = upload(patient, PDF, "Blood pressure im März.pdf")
    assert answer.status_code == 201, answer.text
    body = answer.json
    assert body["name"] == "Blood pressure im März.pdf"
    assert (body["content_type"], body["size"]) == ("application/pdf", len(PDF))
    assert body["sha256"] == DIGEST.hex()
    assert body["status"] == "clean", "no scanner is set up"
    assert body["patient_id"] == str(clinic.patient.id)
    assert body["attached_to"] is None
    assert body["uploaded_by"] == {
        "kind": "patient",
        "id": str(clinic.patient.id),
        "name": clinic.patient.name,
    }
    assert storage.path_of(DIGEST).read_bytes() == PDF
    assert kept(config) == [storage.path_of(DIGEST)]
    assert config.attachments.stat().st_mode & 0o077 == 0, "nobody else's to look into"
    assert patient.request("GET", body["content"]).data == PDF


@pytest.mark.parametrize("who", ["physician", "nurse"])
def test_the_care_team_says_whose_record(
    request: pytest.FixtureRequest, who: str, clinic: SmallClinic
) -> None:
    caller: Caller = request.getfixturevalue(who)
    answer = upload(caller, patient_id=clinic.patient.id)
    assert (answer.status_code, answer.json["patient_id"]) == (201, str(clinic.patient.id))
    assert answer.json["uploaded_by"]["name"] in (clinic.physician.name, clinic.nurse.name)
    missing = upload(caller)
    assert missing.status_code == 422
    assert missing.json["errors"][0]["pointer"] == "#query/patient_id"


def test_nobody_uploads_to_a_record_that_they_may_not_see(
    physician: Caller, colleague: Caller, patient: Caller, clinic: SmallClinic, config: Config
) -> None:
    assert upload(colleague, patient_id=clinic.patient.id).status_code == 404
    assert upload(physician, patient_id=uuid4()).status_code == 404
    other = upload(patient, patient_id=clinic.other_patient.id)
    assert (other.status_code, other.json["errors"][0]["pointer"]) == (422, "#query/patient_id")
    assert (rows(), kept(config)) == (0, [])


@pytest.mark.parametrize(
    ("content", "declared", "code"),
    [
        (b"", "application/pdf", "empty_file"),
        (b"MZ\x90\x00" + bytes(300), "image/jpeg", "type_not_allowed"),
        (archive(), "application/pdf", "type_not_allowed"),
        (bomb(), "application/octet-stream", "type_not_allowed"),
        (JPEG, "application/pdf", "type_differs"),
        (JPEG + archive(), "image/jpeg", "several_types"),
        (PDF + archive(), "application/pdf", "several_types"),
        (JPEG[:200], "image/jpeg", "damaged_file"),
    ],
)
def test_what_can_not_be_kept_is_named_with_its_remedy(
    patient: Caller, config: Config, content: bytes, declared: str, code: str
) -> None:
    answer = upload(patient, content, "photo.jpg", declared)
    assert (answer.status_code, answer.json["code"]) == (422, code)
    [error] = answer.json["errors"]
    assert error["pointer"] == "/content"
    assert any(word in error["message"] for word in ("Send", "Choose", "send"))
    assert (rows(), kept(config)) == (0, [])


def test_a_file_has_a_name(patient: Caller, config: Config) -> None:
    answer = upload(patient, name=None)
    assert (answer.status_code, answer.json["code"]) == (422, "name_refused")
    assert answer.json["errors"][0]["pointer"] == "/filename"
    assert kept(config) == []


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd.pdf"),
        ("a\r\nb\x00c.pdf", "a bc.pdf"),
        ("invoice\u202efdp.exe", "invoicefdp.pdf"),
        ("x" * 400, "x" * 120 + ".pdf"),
    ],
)
def test_names_are_cleaned_and_no_path(
    patient: Caller, storage: Storage, config: Config, name: str, shown: str
) -> None:
    answer = upload(patient, name=name)
    assert (answer.status_code, answer.json["name"]) == (201, shown)
    assert kept(config) == [storage.path_of(DIGEST)]


def test_types_that_nobody_takes_are_told_at_once(patient: Caller) -> None:
    answer = upload(patient, content_type="application/zip")
    assert answer.status_code == 415
    assert "image/jpeg" in answer.json["detail"]
    assert upload(patient, JPEG, "a.jpg", "image/jpg").json["content_type"] == "image/jpeg"
    assert upload(patient, LINES, "a.txt", "text/plain; charset=utf-8").status_code == 201


class Broken:
    """A connection that gives a part of the body, then breaks."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def read(self, size: int = -1, /) -> bytes:
        if part := self._content.read(size):
            return part
        raise ConnectionResetError


@pytest.mark.parametrize("terminated", [True, False], ids=["gunicorn", "plain"])
@pytest.mark.parametrize("source", [io.BytesIO, Broken])
def test_an_upload_that_is_cut_off_leaves_nothing(
    patient: Caller, config: Config, source: Any, terminated: bool
) -> None:
    whole = files.pdf("a report " * 40)
    answer = patient.request(
        "POST",
        "/api/v1/attachments",
        headers={"Content-Disposition": 'attachment; filename="a.pdf"'},
        content_type="application/pdf",
        environ_overrides={
            "wsgi.input": source(whole[:-50]),
            "CONTENT_LENGTH": str(len(whole)),
            **({"wsgi.input_terminated": True} if terminated else {}),
        },
    )
    assert answer.status_code == 400, answer.text
    assert (rows(), kept(config)) == (0, [])


def test_too_much_is_refused_by_its_length_and_by_its_bytes(
    patient: Caller, config: Config, set_config: Setting
) -> None:
    set_config(attachment_bytes=len(PDF) - 1)
    announced = upload(patient)
    assert (announced.status_code, announced.json["code"]) == (413, "too_large")
    assert str(len(PDF) - 1) in announced.json["detail"]
    streamed = patient.request(
        "POST",
        "/api/v1/attachments",
        input_stream=io.BytesIO(PDF),
        headers={
            "Content-Disposition": 'attachment; filename="a.pdf"',
            "Transfer-Encoding": "chunked",
        },
        content_type="application/pdf",
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert streamed.status_code == 413, streamed.text
    assert (rows(), kept(config)) == (0, [])


def test_more_than_two_megabytes_pass(patient: Caller) -> None:
    picture = files.picture("PNG", side=1100)
    assert len(picture) > 2 * 1024 * 1024
    assert upload(patient, picture, "large.png", "image/png").json["size"] == len(picture)


def test_the_same_content_is_one_file(
    patient: Caller, physician: Caller, clinic: SmallClinic, storage: Storage, config: Config
) -> None:
    first = uploaded(patient, name="One.pdf")
    second = uploaded(physician, name="Two.pdf", patient_id=clinic.patient.id)
    assert first != second
    assert attachment(first).digest == attachment(second).digest
    assert kept(config) == [storage.path_of(DIGEST)]


def test_the_same_key_is_the_same_upload(patient: Caller) -> None:
    key = {"Idempotency-Key": "once"}
    first = upload(patient, headers=key)
    again = upload(patient, headers=key)
    assert (again.json, again.headers["Idempotent-Replayed"]) == (first.json, "true")
    assert rows() == 1
    for other in ({"content": files.pdf("another")}, {"name": "Another.pdf"}):
        reused = upload(patient, headers=key, **other)
        assert (reused.status_code, reused.json["code"]) == (422, "idempotency_key_reused")
    assert rows() == 1


def test_nobody_fills_the_disk(
    patient: Caller, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MOST_UNUSED", 2)
    for number in range(2):
        uploaded(patient, files.pdf(str(number)))
    answer = upload(patient, files.pdf("one too many"))
    assert (answer.status_code, answer.json["code"]) == (409, "too_many_unused")
    assert len(kept(config)) == 2


def test_without_its_folder_nothing_is_taken(
    patient: Caller, set_config: Setting, tmp_path: Any
) -> None:
    (tmp_path / "file").write_text("no folder")
    set_config(attachments=tmp_path / "file")
    answer = upload(patient)
    assert (answer.status_code, answer.json["code"]) == (503, "storage_away")
    assert rows() == 0


def test_the_trail_knows_of_it(patient: Caller, clinic: SmallClinic) -> None:
    id_ = uploaded(patient)
    patient.get(f"/attachments/{id_}")
    patient.get(f"/attachments/{id_}/content")
    query = text("SELECT action FROM audit_entry WHERE resource_id = :id AND patient_id = :of")
    with transaction(OPERATOR) as session:
        found = session.execute(query, {"id": id_, "of": clinic.patient.id}).scalars().all()
    assert sorted(found) == ["create", "download", "read"]
