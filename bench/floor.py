"""The floors, served as the application is: a bare Flask route, and the refill request's own
statements by psycopg alone, without Flask, SQLAlchemy, marshmallow, limits or logs."""

import hashlib
import os
import pickle
import re
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import psycopg
from flask import Flask
from psycopg.rows import dict_row

from bench.recording import KEY, Recording
from portal.core.crypto import digest
from portal.core.ids import new_id

Values = dict[str, Any]
Filler = Callable[[Values], Any]

_VARIABLE = re.compile(
    r"(?P<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
    r"|(?P<moment>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*(?:Z|\+00:00))"
)
# Columns of answers that later statements need, by the parameters' names.
_LOOKED_UP = {"id": "patient_id", "credential_id": "credential_id"}
_FOUND = {"prescriber_id": "prescriber_id", "pharmacy_id": "pharmacy_id"}

bare = Flask("bare")


@bare.route("/")
def nothing() -> dict[str, str]:
    return {"status": "ok"}


class ByHand:
    """A WSGI application that does for any prescription what was recorded for one."""

    def __init__(self, recording: Recording, dsn: str) -> None:
        self._dsn = dsn
        self._local = threading.local()
        self._names = {str(recording.prescription.id): "prescription_id"}
        self._digest = digest(recording.prescription.token)
        with psycopg.connect(os.environ["BENCH_OWNER_DSN"], row_factory=dict_row) as connection:
            self._learn(connection, recording)
        texts = [recording.answer.decode()]
        texts += [
            str(v) for one in recording.statements for v in (one.sql, *one.parameters.values())
        ]
        nobody = str(UUID(int=0))
        for found in _VARIABLE.finditer("\n".join(texts)):
            if (id_ := found["id"]) and id_ != nobody:
                self._names.setdefault(id_, f"new_{len(self._names)}")
        self._new = [name for name in self._names.values() if name.startswith("new_")]
        self._answer = self._text(recording.answer.decode())
        look_up, begin, *statements = recording.statements
        # Who acts stands in the text of this one.
        self._begin = self._text(begin.sql)
        self._steps = [
            (
                one.sql.encode(),
                [(name, self._filler(value)) for name, value in one.parameters.items()],
            )
            for one in (look_up, *statements)
        ]

    def _learn(self, connection: psycopg.Connection[Any], recording: Recording) -> None:
        """Which of the recorded ids are not new but those of rows."""
        look_up = recording.statements[0]
        prescription = connection.execute(
            "SELECT prescriber_id, pharmacy_id FROM prescription WHERE id = %s",
            [recording.prescription.id],
        ).fetchone()
        actor = connection.execute(look_up.sql.encode(), look_up.parameters).fetchone()
        for row, columns in ((prescription, _FOUND), (actor, _LOOKED_UP)):
            if row is None:
                raise RuntimeError("what was recorded is gone")
            self._names.update({str(row[column]): name for column, name in columns.items()})

    def _filler(self, value: Any) -> Filler:
        match value:
            case datetime():
                return lambda values: values["now"]
            case list():
                each = [self._filler(one) for one in value]
                return lambda values: [fill(values) for fill in each]
            case UUID() if str(value) in self._names:
                name = self._names[str(value)]
            case bytes() if value.startswith(b"{"):
                text = self._text(value.decode())
                return lambda values: text(values).encode()
            case bytes():
                name = "digest" if value == self._digest else "request_digest"
            case str() if value == KEY:
                name = "key"
            case str():
                return self._text(value)
            case _:
                return lambda _values: value
        return itemgetter(name)

    def _text(self, text: str) -> Filler:
        """A text with the ids and times of this request."""
        parts: list[tuple[str, str]] = []
        end = 0
        for found in _VARIABLE.finditer(text):
            name = "moment" if found["moment"] else self._names.get(found["id"])
            if name is not None:
                parts.append((text[end : found.start()], name))
                end = found.end()
        rest = text[end:]
        return lambda values: (
            "".join([part for before, name in parts for part in (before, str(values[name]))]) + rest
        )

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        headers = [("Content-Type", "application/json")]
        if environ["REQUEST_METHOD"] == "GET":
            start_response("200 OK", [*headers, ("Content-Length", "2")])
            return [b"{}"]
        answer = self._request(environ)
        start_response("201 Created", [*headers, ("Content-Length", str(len(answer)))])
        return [answer]

    def _request(self, environ: dict[str, Any]) -> bytes:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        now = datetime.now(UTC)
        values: Values = {
            "now": now,
            "moment": now.isoformat(),
            "key": environ["HTTP_IDEMPOTENCY_KEY"],
            "digest": digest(environ["HTTP_AUTHORIZATION"].removeprefix("Bearer ")),
            "request_digest": hashlib.sha256(body).digest(),
            "prescription_id": UUID(orjson.loads(body)["items"][0]["prescription_id"]),
        }
        values.update((name, new_id()) for name in self._new)
        connection = self._connection()
        (sql, parameters), *steps = self._steps
        self._execute(connection, sql, parameters, values, _LOOKED_UP)
        connection.execute(self._begin(values).encode(), prepare=False)
        for sql, parameters in steps:
            self._execute(connection, sql, parameters, values, _FOUND)
        connection.commit()
        return bytes(self._answer(values).encode())

    def _execute(
        self,
        connection: psycopg.Connection[Any],
        sql: bytes,
        parameters: list[tuple[str, Filler]],
        values: Values,
        wanted: dict[str, str],
    ) -> None:
        cursor = connection.execute(sql, {name: fill(values) for name, fill in parameters})
        if cursor.description is None:
            return
        row = cursor.fetchone()
        if row is None:
            raise RuntimeError("the statement found nothing")
        for column, name in wanted.items():
            if column in row:
                values[name] = row[column]

    def _connection(self) -> psycopg.Connection[Any]:
        connection: psycopg.Connection[Any] | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = psycopg.connect(
                self._dsn,
                autocommit=True,
                row_factory=dict_row,
                options="-c timezone=UTC -c jit=off",
            )
            self._local.connection = connection
        return connection


def by_hand() -> ByHand:
    """For gunicorn: `bench.floor:by_hand()`."""
    written = Path(os.environ["BENCH_RECORDING"]).read_bytes()
    recording: Recording = pickle.loads(written)  # noqa: S301 - written by this very run
    return ByHand(recording, os.environ["BENCH_DSN"])
