"""A caller of the API: a Flask test client with a bearer token."""

from typing import Any, cast
from uuid import uuid4

from flask import Flask
from werkzeug.test import TestResponse


class Answer(TestResponse):
    """A response whose body a test may take for JSON without asking first."""

    @property
    def json(self) -> Any:
        return super().json


class Caller:
    """Speaks JSON to the application, as one actor or as nobody; perhaps for a patient."""

    def __init__(self, app: Flask, token: str | None = None, acting_for: object = None) -> None:
        self._client = app.test_client(use_cookies=False)
        self._app = app
        self.token = token
        self._acting_for = acting_for

    def acting_for(self, patient_id: object) -> "Caller":
        """The same caller, acting for a patient."""
        return Caller(self._app, self.token, patient_id)

    def request(self, method: str, path: str, **kwargs: Any) -> Answer:
        headers = dict(kwargs.pop("headers", {}))
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        if self._acting_for is not None:
            headers.setdefault("Acting-For", str(self._acting_for))
        return cast(Answer, self._client.open(path, method=method, headers=headers, **kwargs))

    def get(self, path: str, **kwargs: Any) -> Answer:
        return self.request("GET", f"/api/v1{path}", **kwargs)

    def post(self, path: str, body: Any = None, **kwargs: Any) -> Answer:
        """POST JSON, with an Idempotency-Key of its own unless `headers` has one."""
        headers = {"Idempotency-Key": str(uuid4()), **kwargs.pop("headers", {})}
        return self.request(
            "POST", f"/api/v1{path}", json={} if body is None else body, headers=headers, **kwargs
        )

    def patch(self, path: str, body: Any, **kwargs: Any) -> Answer:
        return self.request("PATCH", f"/api/v1{path}", json=body, **kwargs)

    def put(self, path: str, body: Any, **kwargs: Any) -> Answer:
        return self.request("PUT", f"/api/v1{path}", json=body, **kwargs)

    def delete(self, path: str, **kwargs: Any) -> Answer:
        return self.request("DELETE", f"/api/v1{path}", **kwargs)
