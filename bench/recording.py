"""The statements that the application really executes, recorded, so that the hand-written floor
runs the same ones in the same number of round trips, whatever the code becomes."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy import event

from bench.stage import Stage
from bench.supplies import Prescription
from portal.app import create_app
from portal.core.actor import NOBODY
from portal.core.db import db

Parameters = dict[str, Any]
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*(?:Z|\+00:00)")
KEY = "bench-template-key"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement as the driver got it; `in_transaction` is False for the look-up before."""

    sql: str
    parameters: Parameters
    in_transaction: bool


@contextmanager
def listening(found: list[Statement]) -> Iterator[None]:
    """Collect what is executed on the application's engine meanwhile."""

    def note(
        connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool
    ) -> None:
        autocommit = connection.get_isolation_level() == "AUTOCOMMIT"
        found.append(Statement(statement, dict(parameters or {}), not autocommit))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


class Recorder:
    """The application in this process, to see what it sends to the database."""

    def __init__(self, stage: Stage) -> None:
        self._app: Flask = create_app(stage.config)

    def list_prescriptions(self, token: str) -> tuple[list[Statement], int]:
        """The statements of GET /prescriptions, and how many there were in the answer."""
        found, answer = self._call("GET", "/api/v1/prescriptions", token)
        return found, len(answer["items"])

    def request_refill(self, prescription: Prescription) -> tuple[list[Statement], Parameters]:
        """The statements of POST /refills with one item, and its answer."""
        body = {"items": [{"prescription_id": str(prescription.id), "delivery": "pickup"}]}
        return self._call(
            "POST",
            "/api/v1/refills",
            prescription.token,
            json=body,
            headers={"Idempotency-Key": KEY},
        )

    def _call(
        self, method: str, path: str, token: str, **options: Any
    ) -> tuple[list[Statement], Any]:
        headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
        found: list[Statement] = []
        client = self._app.test_client()
        with self._app.app_context():
            client.open(path, method="GET" if method == "GET" else "HEAD", headers=headers)
            with listening(found):
                answer = client.open(path, method=method, headers=headers, **options)
            db.session.remove()
        if answer.status_code >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return found, answer.json


@dataclass(frozen=True, slots=True)
class Template:
    """The recorded statements with places for what differs from request to request."""

    statements: tuple[Statement, ...]
    answer: str
    names: dict[str, str]

    @classmethod
    def of(
        cls, statements: list[Statement], answer: str, prescription: Prescription, row: Parameters
    ) -> "Template":
        """`row` is what the candidates' look-up gave: ids in it are known by their columns."""
        names = {str(value): column for column, value in row.items() if isinstance(value, UUID)}
        names[str(prescription.id)] = "prescription_id"
        names[str(prescription.patient_id)] = "patient_id"
        texts = [answer, *(str(v) for one in statements for v in one.parameters.values())]
        for text in texts:
            for id_ in _UUID.findall(text):
                if id_ != str(NOBODY):
                    names.setdefault(id_, f"new_{len(names)}")
        return cls(tuple(statements), answer, names)

    @property
    def new_ids(self) -> list[str]:
        return [name for name in self.names.values() if name.startswith("new_")]

    def fill(self, value: Any, values: dict[str, Any]) -> Any:
        """A parameter of the recorded request as this request has it."""
        match value:
            case datetime():
                filled = values["now"]
            case UUID():
                filled = values.get(self.names.get(str(value), ""), value)
            case list():
                filled = [self.fill(one, values) for one in value]
            case bytes() | memoryview():
                filled = values["bytes"][bytes(value)]
            case str():
                filled = values["key"] if value == KEY else self.write(value, values)
            case _:
                filled = value
        return filled

    def write(self, text: str, values: dict[str, Any]) -> str:
        """A text with the ids and times of this request."""
        if "-" not in text:
            return text
        text = _UUID.sub(lambda found: self._id(found[0], values), text)
        return _MOMENT.sub(values["moment"], text)

    def _id(self, id_: str, values: dict[str, Any]) -> str:
        name = self.names.get(id_)
        return str(values[name]) if name else id_
