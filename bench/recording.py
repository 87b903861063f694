"""The statements that the application really executes, recorded, so that the hand-written floor
runs the same ones in the same number of round trips, whatever the code becomes."""

from dataclasses import dataclass
from typing import Any

from flask import Flask

from bench.stage import Stage
from bench.supplies import Prescription
from bench.watching import watching
from portal.app import create_app
from portal.core.db import db

Parameters = dict[str, Any]
KEY = "bench-template-key"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement as the driver got it."""

    sql: str
    parameters: Parameters


@dataclass(frozen=True, slots=True)
class Recording:
    """One request with what it did, as the floor repeats it for others: a look-up of who asks,
    then a transaction."""

    statements: tuple[Statement, ...]
    prescription: Prescription
    answer: bytes


class Recorder:
    """The application in this process, to see what it sends to the database."""

    def __init__(self, stage: Stage) -> None:
        self._app: Flask = create_app(stage.config)

    def list_prescriptions(self, token: str) -> tuple[int, int]:
        """How many statements GET /prescriptions takes, and how many are in its answer."""
        found, answer = self._call("GET", "/api/v1/prescriptions?limit=100", token)
        return len(found), len(answer.json["items"])

    def count(self, path: str, token: str, body: Any = None) -> int:
        """How many statements a GET takes, or with a body a POST under a key."""
        if body is None:
            found, _answer = self._call("GET", path, token)
        else:
            headers = {"Idempotency-Key": f"{KEY}-{path}"}
            found, _answer = self._call("POST", path, token, json=body, headers=headers)
        return len(found)

    def request_refill(self, prescription: Prescription) -> Recording:
        """POST /refills with one item."""
        body = {"items": [{"prescription_id": str(prescription.id), "delivery": "pickup"}]}
        found, answer = self._call(
            "POST",
            "/api/v1/refills",
            prescription.token,
            json=body,
            headers={"Idempotency-Key": KEY},
        )
        return Recording(tuple(found), prescription, answer.data)

    def _call(
        self, method: str, path: str, token: str, **options: Any
    ) -> tuple[list[Statement], Any]:
        headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
        found: list[Statement] = []

        def note(_connection: Any, statement: str, parameters: Any) -> None:
            found.append(Statement(statement, dict(parameters)))

        client = self._app.test_client()
        with self._app.app_context():
            client.get("/api/v1/prescriptions", headers=headers)  # connects
            with watching(db.engine, note):
                answer = client.open(path, method=method, headers=headers, **options)
            db.session.remove()
            db.engine.dispose()
        if answer.status_code >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return found, answer
