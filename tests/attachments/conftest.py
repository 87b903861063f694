"""What the tests of attachments share: callers that upload, what is kept, and a scanner."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, text

from portal.attachments import service
from portal.attachments.model import Attachment
from portal.attachments.storage import Storage
from portal.config import Config
from portal.core.actor import OPERATOR, Actor, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.ids import new_id
from portal.worklist.model import WorkItem
from tests.attachments.files import PDF
from tests.support.api import Answer, Caller
from tests.support.clamav import Scanner, scanning
from tests.support.clinic import SmallClinic, actor

Setting = Callable[..., None]


@pytest.fixture
def storage(app: Flask, config: Config) -> Iterator[Storage]:
    """The folder of contents, empty."""
    assert app.testing
    yield Storage(config.attachments)
    shutil.rmtree(config.attachments, ignore_errors=True)


@pytest.fixture
def set_config(app: Flask, config: Config, monkeypatch: pytest.MonkeyPatch) -> Setting:
    """Has the application run with other settings."""

    def change(**settings: Any) -> None:
        monkeypatch.setitem(app.extensions, "careloop.config", replace(config, **settings))

    return change


@pytest.fixture
def scanner(set_config: Setting) -> Iterator[Scanner]:
    """A scanner that the application is set up with."""
    with scanning() as found:
        set_config(clamav_url=found.url)
        yield found


def upload(
    caller: Caller,
    content: bytes = PDF,
    name: str | None = "Report.pdf",
    content_type: str = "application/pdf",
    *,
    patient_id: UUID | None = None,
    headers: dict[str, str] | None = None,
    **options: Any,
) -> Answer:
    own = {"Content-Type": content_type, **(headers or {})}
    if name is not None:
        own["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    query = f"?patient_id={patient_id}" if patient_id else ""
    path = f"/api/v1/attachments{query}"
    return caller.request("POST", path, data=content, headers=own, **options)


def uploaded(caller: Caller, *args: Any, **options: Any) -> UUID:
    answer = upload(caller, *args, **options)
    assert answer.status_code == 201, answer.text
    return UUID(answer.json["id"])


def attachment(id_: UUID) -> Attachment:
    with transaction(OPERATOR) as session:
        row = session.get(Attachment, id_)
        assert row is not None
        return row


def rows() -> int:
    with transaction(OPERATOR) as session:
        return len(session.scalars(select(Attachment.id)).all())


def kept(config: Config) -> list[Path]:
    """Every file in the folder, those that come in as well."""
    return sorted(path for path in config.attachments.rglob("*") if path.is_file())


def attach_as(who: Actor, clinic: SmallClinic, *ids: UUID, limit: int = 5, **options: Any) -> UUID:
    """Make uploads part of a message; returns its id."""
    message_id = options.pop("to_id", None) or new_id()
    values: dict[str, Any] = {"patient_id": clinic.patient.id, "to_kind": "message", **options}
    with transaction(who) as session:
        service.attach(
            session=session,
            actor=who,
            ids=ids,
            to_id=message_id,
            limit=limit,
            now=utcnow(),
            **values,
        )
    return UUID(str(message_id))


def patient_of(clinic: SmallClinic) -> Actor:
    return actor(ActorKind.PATIENT, clinic.patient.id)


def physician_of(clinic: SmallClinic) -> Actor:
    return actor(ActorKind.PRACTITIONER, clinic.physician.id)


def nurse_of(clinic: SmallClinic) -> Actor:
    return actor(ActorKind.STAFF, clinic.nurse.id)


def items(kind: str) -> list[WorkItem]:
    """The open work items of a kind."""
    query = select(WorkItem).where(WorkItem.kind == kind, WorkItem.status == "open")
    with transaction(OPERATOR) as session:
        return list(session.scalars(query))


def age(id_: UUID, interval: str) -> None:
    """Make an attachment older."""
    statement = text(
        "UPDATE attachment SET created_at = created_at - CAST(:by AS interval), "
        "status_at = status_at - CAST(:by AS interval) WHERE id = :id"
    )
    with transaction(OPERATOR) as session:
        session.execute(statement, {"id": id_, "by": interval})
