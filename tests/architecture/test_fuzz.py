"""schemathesis: whatever the API document allows, and much that it doesn't, finds no defect."""

from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error

from portal.attachments.formats import ALLOWED, TEXT
from portal.core.actor import NOBODY, ActorKind
from tests.support.clinic import SmallClinic, token_for
from tests.support.examples import at_night, how_many

schemathesis.serializer.alias("application/hl7-v2", "text/plain")
FILES = [one.media_type for one in ALLOWED if one is not TEXT]
schemathesis.serializer.alias(FILES, "application/octet-stream")
# These end the sessions that the rest of the run needs.
NOT_FUZZED = {"sign_out", "revoke_session", "revoke_others", "change_password"}


@pytest.fixture
def tokens(clinic: SmallClinic) -> dict[str, str]:
    ids = {
        ActorKind.PATIENT: clinic.patient.id,
        ActorKind.DELEGATE: uuid4(),
        ActorKind.PRACTITIONER: clinic.physician.id,
        ActorKind.STAFF: clinic.nurse.id,
        ActorKind.ADMINISTRATOR: uuid4(),
        ActorKind.PHARMACY: clinic.pharmacy.id,
        ActorKind.LABORATORY: clinic.laboratory.id,
        ActorKind.PHONE: NOBODY,
    }
    return {kind.value: token_for(kind, id_) for kind, id_ in ids.items()}


@pytest.mark.nightly
@pytest.mark.parametrize("mode", list(GenerationMode), ids=str)
def test_no_call_ends_in_a_server_error(
    app: Flask, tokens: dict[str, str], mode: GenerationMode
) -> None:
    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", app)
    tried = 0
    for result in schema.get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr]
        definition: Any = operation.definition.raw
        if definition["operationId"] in NOT_FUZZED:
            continue
        actor = definition.get("x-actors", ["nobody"])[-1]
        fuzz(operation.as_strategy(generation_mode=mode), tokens.get(actor))
        tried += 1
    assert tried > 60


def fuzz(cases: Any, token: str | None) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}

    @settings(
        max_examples=how_many(1),
        deadline=None,
        database=None,
        derandomize=not at_night(),
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def run(case: Any) -> None:
        response = case.call(headers=headers)
        case.validate_response(response, checks=(not_a_server_error,))

    with suppress(Unsatisfiable):  # a call without anything to get wrong
        run()
