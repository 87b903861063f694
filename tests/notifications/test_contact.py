"""How and when patients want to be told of results."""

from typing import Any

import pytest
from sqlalchemy import select, update

from portal.core.actor import OPERATOR, WORKER, ActorKind
from portal.core.db import transaction
from portal.core.ids import new_id
from portal.core.tables import AuditEntry
from portal.notifications import service
from portal.notifications.outreach_states import ContactChannel, ReleaseWish
from portal.notifications.service import Contact
from portal.patients.model import Patient
from tests.notifications.conftest import READY
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.worklist.conftest import SignIn

PORTAL = {"by": "portal", "when": "at_once"}


def wish(patient: Caller, **results: Any) -> Any:
    return patient.patch("/me/preferences", {"results": results})


def contact(clinic: SmallClinic) -> Contact:
    with transaction(WORKER) as session:
        return service.contact_of(session, clinic.patient.id)


def test_by_the_portal_at_once_until_somebody_says_otherwise(
    clinic: SmallClinic, patient: Caller
) -> None:
    assert patient.get("/me/preferences").json["results"] == PORTAL
    assert contact(clinic) == Contact(ContactChannel.PORTAL, ReleaseWish.AT_ONCE)


def test_each_half_is_chosen_by_itself(clinic: SmallClinic, patient: Caller) -> None:
    assert wish(patient, by="letter").json["results"] == {"by": "letter", "when": "at_once"}
    both = wish(patient, when="after_comment")
    assert both.json["results"] == {"by": "letter", "when": "after_comment"}
    assert contact(clinic) == Contact(ContactChannel.LETTER, ReleaseWish.AFTER_COMMENT)
    assert wish(patient, by="phone", when="at_once").status_code == 200
    assert contact(clinic) == Contact(ContactChannel.PHONE, ReleaseWish.AT_ONCE)


def test_both_kinds_of_preference_in_one_change(patient: Caller) -> None:
    body = {"by_email": {READY: False}, "results": {"when": "after_comment"}}
    changed = patient.patch("/me/preferences", body).json
    assert changed["by_email"][READY] is False
    assert changed["results"]["when"] == "after_comment"
    again = patient.patch("/me/preferences", {"by_email": {READY: True}}).json
    assert again["results"] == changed["results"]


@pytest.mark.parametrize(
    ("by", "columns", "code"),
    [
        ("letter", ("line",), "mailing_address_missing"),
        ("letter", ("city",), "mailing_address_missing"),
        ("phone", ("phone",), "phone_number_missing"),
    ],
)
def test_a_way_that_does_not_reach_them_is_refused_with_the_remedy(
    clinic: SmallClinic, patient: Caller, by: str, columns: tuple[str, ...], code: str
) -> None:
    with transaction(OPERATOR) as session:
        session.execute(update(Patient).values(dict.fromkeys(columns)))
    answer = patient.patch("/me/preferences", {"by_email": {READY: False}, "results": {"by": by}})
    assert (answer.status_code, answer.json["code"]) == (422, code)
    assert [error["pointer"] for error in answer.json["errors"]] == ["/results/by"]
    assert "PATCH /api/v1/patients/me" in answer.json["detail"]
    assert patient.get("/me/preferences").json["by_email"][READY] is True
    assert contact(clinic) == Contact()
    value = "518-555-0101" if by == "phone" else "1 Elm Street"
    mended = patient.patch("/patients/me", dict.fromkeys(columns, value))
    assert mended.status_code == 200
    assert wish(patient, by=by).status_code == 200


@pytest.mark.parametrize("kind", [ActorKind.PRACTITIONER, ActorKind.STAFF, ActorKind.ADMINISTRATOR])
def test_others_get_no_results(clinic: SmallClinic, caller: SignIn, kind: ActorKind) -> None:
    somebody = caller(kind, clinic.physician.id)
    assert somebody.get("/me/preferences").json["results"] is None
    answer = wish(somebody, by="portal")
    assert (answer.status_code, answer.json["code"]) == (422, "no_results_for_you")
    assert [error["pointer"] for error in answer.json["errors"]] == ["/results"]
    by_email = somebody.patch("/me/preferences", {"by_email": {READY: False}})
    assert (by_email.status_code, by_email.json["results"]) == (200, None)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"results": {}}, "/results"),
        ({"results": None}, "/results"),
        ({"results": {"by": "owl"}}, "/results/by"),
        ({"results": {"when": "never"}}, "/results/when"),
        ({"results": {"by": None}}, "/results/by"),
        ({"results": {"by": "portal", "at": "noon"}}, "/results/at"),
    ],
    ids=repr,
)
def test_bad_input_names_the_member(patient: Caller, body: Any, pointer: str) -> None:
    answer = patient.patch("/me/preferences", body)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]
    assert patient.get("/me/preferences").json["results"] == PORTAL


def test_a_choice_is_audited_and_nobody_elses(clinic: SmallClinic, patient: Caller) -> None:
    wish(patient, by="letter")
    with transaction(OPERATOR) as session:
        [entry] = session.scalars(select(AuditEntry))
    assert (entry.action, entry.resource) == ("update", "contact_preference")
    assert entry.patient_id == clinic.patient.id
    with transaction(WORKER) as session:
        assert service.contact_of(session, clinic.other_patient.id) == Contact()
        assert service.contact_of(session, new_id()) == Contact()
