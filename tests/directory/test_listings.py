"""Finding pharmacies, practitioners, clinics and teams; and who may write into the directory."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import update

from portal.core.actor import OPERATOR, ActorKind
from portal.core.clock import local_day, utcnow
from portal.core.db import transaction
from portal.core.ids import new_id
from portal.directory.model import Pharmacy, Practitioner
from tests.core.test_idempotency import pharmacy as new_pharmacy
from tests.support.api import Caller
from tests.support.clinic import ZONE, SmallClinic, add, pharmacy

SignIn = Callable[..., Caller]
PEOPLE = [ActorKind.PATIENT, ActorKind.PRACTITIONER, ActorKind.STAFF]


@pytest.fixture
def administrator(caller: SignIn) -> Caller:
    return caller(ActorKind.ADMINISTRATOR, new_id(), "Ada Admin")


def names(caller: Caller, path: str, **query: Any) -> list[str]:
    answer = caller.get(path, query_string=query)
    assert answer.status_code == 200, answer.text
    return [found["name"] for found in answer.json["items"]]


def closing(clinic: SmallClinic, days: int = 30) -> tuple[str, dict[str, str]]:
    day = local_day(utcnow(), ZONE) + timedelta(days=days)
    return f"/clinics/{clinic.clinic.id}/closures", {"day": day.isoformat(), "reason": "Holiday"}


def test_pharmacies_are_found_by_name_city_and_postal_code(patient: Caller) -> None:
    add(pharmacy("100% Pharmacy_1"))
    everyone = ["100% Pharmacy_1", "Corner Pharmacy", "Harbor Pharmacy", "Post Pharmacy"]
    assert names(patient, "/pharmacies") == everyone
    assert names(patient, "/pharmacies", q="harb") == ["Harbor Pharmacy"]
    assert names(patient, "/pharmacies", q="SPRINGF") == everyone
    assert names(patient, "/pharmacies", q="123") == everyone
    assert names(patient, "/pharmacies", q="345") == []
    assert names(patient, "/pharmacies", q="%") == names(patient, "/pharmacies", q="_")
    assert names(patient, "/pharmacies", q="%") == ["100% Pharmacy_1"]
    assert names(patient, "/pharmacies", mail_order="true") == ["Post Pharmacy"]


@pytest.mark.parametrize(
    "wanted",
    [
        "O'Connor",
        "o\u2019connor",
        "OCONNOR",
        "cafe",
        "CAFE\u0301",
        "são",
        "sao",
        "kaf",
        "jones smith",
    ],
)
def test_names_are_found_however_they_are_typed(patient: Caller, wanted: str) -> None:
    name = "O\u2019Connor & Café Kâf, São Jones-Smith"
    add(pharmacy(name))
    assert names(patient, "/pharmacies", q=wanted) == [name]


def test_names_are_sorted_as_people_sort_them(clinic: SmallClinic, patient: Caller) -> None:
    """Neither by the code points of Unicode, where small and accented letters come last."""
    sorted_names = ["alpha", "Ångström", "Beta", "éclair", "Émile", "Éric", "Zoë", "zulu"]
    add(*(pharmacy(name) for name in reversed(sorted_names)))
    with transaction(OPERATOR) as session:
        session.execute(
            update(Pharmacy).where(Pharmacy.name.not_in(sorted_names)).values(active=False)
        )
    assert names(patient, "/pharmacies") == sorted_names
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while len(seen) <= len(sorted_names):
        page = patient.get("/pharmacies", query_string={"limit": 3, **cursor}).json
        seen += [found["name"] for found in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert seen == sorted_names


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_hold_each_once_also_among_namesakes(patient: Caller, limit: int) -> None:
    add(*(pharmacy("Corner Pharmacy") for _ in range(3)))
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = patient.get("/pharmacies", query_string={"limit": limit, **cursor}).json
        assert len(page["items"]) <= limit
        seen += [found["id"] for found in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert (len(seen), len(set(seen))) == (6, 6)


def test_what_is_not_active_is_not_listed_but_can_be_read(
    clinic: SmallClinic, patient: Caller
) -> None:
    with transaction(OPERATOR) as session:
        session.get_one(Pharmacy, clinic.pharmacy.id).active = False
        session.get_one(Practitioner, clinic.colleague.id).active = False
    assert "Corner Pharmacy" not in names(patient, "/pharmacies")
    assert names(patient, "/practitioners") == [clinic.physician.name]
    assert patient.get(f"/pharmacies/{clinic.pharmacy.id}").json["active"] is False
    assert patient.get(f"/practitioners/{clinic.colleague.id}").json["active"] is False


@pytest.mark.parametrize("path", ["pharmacies", "practitioners", "clinics"])
def test_what_does_not_exist_is_a_404(patient: Caller, path: str) -> None:
    assert patient.get(f"/{path}/{uuid4()}").status_code == 404


def test_a_clinic_has_its_hours_and_closed_days(
    clinic: SmallClinic, patient: Caller, administrator: Caller
) -> None:
    path, body = closing(clinic)
    assert administrator.post(path, body).status_code == 201
    found = patient.get(f"/clinics/{clinic.clinic.id}").json
    assert [day["weekday"] for day in found["hours"]] == [0, 1, 2, 3, 4]
    assert found["hours"][0] == {"weekday": 0, "opens": "08:00", "closes": "17:00"}
    assert (found["closures"], found["time_zone"]) == ([body], ZONE)


def test_teams_are_listed_with_their_leads_first(
    clinic: SmallClinic, caller: SignIn, patient: Caller
) -> None:
    nurse = caller(ActorKind.STAFF, clinic.nurse.id)
    [nurses, liaison] = nurse.get("/pools").json["items"]
    assert [member["name"] for member in nurses["members"]] == [
        clinic.nurse.name,
        clinic.physician.name,
        clinic.colleague.name,
    ]
    assert [member["lead"] for member in nurses["members"]] == [True, False, False]
    assert liaison["kind"] == "pharmacy_liaison"
    assert patient.get("/pools").status_code == 403


def test_an_administrator_adds_and_changes_a_pharmacy(administrator: Caller) -> None:
    added = administrator.post("/pharmacies", new_pharmacy(ncpdp_id="1234567"))
    assert added.status_code == 201, added.text
    path = f"/pharmacies/{added.json['id']}"
    changed = administrator.patch(path, {"phone": "555-0177"})
    assert changed.status_code == 200, changed.text
    assert changed.json == {**added.json, "phone": "555-0177"}
    assert administrator.get(path).json == changed.json
    taken = administrator.post("/pharmacies", new_pharmacy(ncpdp_id="1234567"))
    assert (taken.status_code, taken.json["code"]) == (409, "ncpdp_id_taken")
    assert administrator.patch(f"/pharmacies/{uuid4()}", {"phone": "555-0199"}).status_code == 404


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": "two\nlines"}, "/name"),
        ({"name": "one line\n"}, "/name"),
        ({"ncpdp_id": "\u0661\u0662\u0663\u0664\u0665\u0666\u0667"}, "/ncpdp_id"),
        ({"ncpdp_id": "12"}, "/ncpdp_id"),
        ({"ncpdp_id": "1234567\n"}, "/ncpdp_id"),
        ({"time_zone": "Mars/Olympus"}, "/time_zone"),
        ({"id": str(uuid4())}, "/id"),
        ({"mails": "perhaps"}, "/mails"),
    ],
)
def test_bad_pharmacies_name_the_member(
    clinic: SmallClinic, administrator: Caller, changes: dict[str, Any], pointer: str
) -> None:
    for answer in (
        administrator.post("/pharmacies", new_pharmacy(**changes)),
        administrator.patch(f"/pharmacies/{clinic.pharmacy.id}", changes),
    ):
        assert answer.status_code == 422
        assert {error["pointer"] for error in answer.json["errors"]} == {pointer}


def test_a_clinic_is_closed_once_a_day_and_not_in_the_past(
    clinic: SmallClinic, administrator: Caller
) -> None:
    path, body = closing(clinic)
    first, again = (administrator.post(path, body) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 409)
    assert again.json["code"] == "closure_exists"
    path, yesterday = closing(clinic, -1)
    over = administrator.post(path, yesterday)
    assert [error["pointer"] for error in over.json["errors"]] == ["/day"]
    nowhere = administrator.post(f"/clinics/{uuid4()}/closures", body)
    assert (nowhere.status_code, nowhere.json["code"]) == (404, "clinic_unknown")


@pytest.mark.parametrize("kind", PEOPLE)
def test_only_administrators_write(clinic: SmallClinic, caller: SignIn, kind: ActorKind) -> None:
    somebody = caller(kind, clinic.physician.id)
    path, body = closing(clinic)
    answers = [
        somebody.post("/pharmacies", new_pharmacy()),
        somebody.patch(f"/pharmacies/{clinic.pharmacy.id}", {"phone": "555-0199"}),
        somebody.post(path, body),
    ]
    assert [answer.status_code for answer in answers] == [403] * 3


def test_nobody_reads_or_writes_without_signing_in(clinic: SmallClinic, anonymous: Caller) -> None:
    for path in ("/pharmacies", "/practitioners", f"/clinics/{clinic.clinic.id}", "/pools"):
        assert anonymous.get(path).status_code == 401
    assert anonymous.post("/pharmacies", new_pharmacy()).status_code == 401
