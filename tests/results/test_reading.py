"""Who sees what of a result, and that looking is kept."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from portal.core.actor import OPERATOR, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.tables import AuditEntry
from portal.results.review_model import ResultView
from tests.results.conftest import (
    CRITICAL,
    HIGH,
    NORMAL,
    Value,
    attach,
    load,
    receive,
    receive_next,
    received,
)
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, token_for
from tests.support.statements import recorded
from tests.support.work import drain

NOBODYS = "00000000-0000-0000-0000-000000000009"


def paths(report: UUID, document: UUID) -> list[str]:
    return [
        f"/results/{report}",
        f"/results/{report}/versions/1",
        f"/results/{report}/attachments/{document}",
    ]


def views() -> list[tuple[str, int]]:
    with transaction(OPERATOR) as session:
        rows = session.scalars(select(ResultView).order_by(ResultView.seen_at)).all()
    return [(row.viewer_kind, row.version_number) for row in rows]


def test_patients_and_their_care_team_see_it_and_nobody_else(
    app: Flask,
    clinic: SmallClinic,
    patient: Caller,
    physician: Caller,
    nurse: Caller,
    officer: Caller,
    colleague: Caller,
) -> None:
    report = receive(clinic)
    document = attach(report)
    drain()
    other = Caller(app, token_for(ActorKind.PATIENT, clinic.other_patient.id))
    for path in paths(report, document):
        for who in (patient, physician, nurse):
            assert who.get(path).status_code == 200, path
        for stranger in (other, colleague, officer):
            assert stranger.get(path).status_code == 404, path
    for kind, id_ in (
        (ActorKind.PHARMACY, clinic.pharmacy.id),
        (ActorKind.LABORATORY, clinic.laboratory.id),
    ):
        client = Caller(app, token_for(kind, id_))
        assert client.get(f"/results/{report}").status_code == 403


@pytest.fixture
def officer(clinic: SmallClinic, caller: Callable[..., Caller]) -> Caller:
    """Staff of another team, who care for none of these patients."""
    return caller(ActorKind.STAFF, clinic.liaison_officer.id)


ACTIONS: list[tuple[str, dict[str, Any]]] = [
    ("review", {"version": 1}),
    ("hold", {"exception": "privacy", "reason": "As the patient asked.", "until": ""}),
    ("release", {}),
    ("acknowledge", {"read_back": "6.8"}),
    ("communicated", {"how": "phone"}),
]


@pytest.mark.parametrize(("action", "body"), ACTIONS)
def test_strangers_find_nothing_and_patients_may_not(
    clinic: SmallClinic,
    patient: Caller,
    nurse: Caller,
    officer: Caller,
    colleague: Caller,
    action: str,
    body: dict[str, Any],
) -> None:
    report = receive(clinic, CRITICAL)
    before = load(report)
    if "until" in body:
        body = {**body, "until": before.reported_at.replace(year=before.reported_at.year + 1)}
        body["until"] = body["until"].isoformat()
    path = f"/results/{report}/{action}"
    assert colleague.post(path, body).status_code == 404
    assert patient.post(path, body).status_code == 403
    if action == "communicated":
        assert officer.post(path, body).status_code == 404
    else:
        assert nurse.post(path, body).status_code == 403
    after = load(report)
    assert (after.release_status, after.reviewed_at, after.version) == ("pending", None, 1)


def test_a_result_with_all_that_hangs_on_it(
    clinic: SmallClinic, patient: Caller, physician: Caller
) -> None:
    report = receive(clinic, (*CRITICAL, Value("seen", "unknown", "X", "Crystals", "")))
    document = attach(report)
    drain()
    seen = patient.get(f"/results/{report}").json
    [potassium, crystals] = seen["observations"]
    assert (potassium["value"], potassium["number"], potassium["unit"]) == ("6.8", 6.8, "mmol/L")
    assert potassium["reference"] == {"low": 3.5, "high": 5.1, "text": "3.5-5.1"}
    assert (crystals["number"], crystals["value"]) == (None, "seen")
    assert [entry["rule"] for entry in seen["ledger"]] == ["at_once"]
    [attachment] = seen["attachments"]
    assert attachment["link"] == f"/api/v1/results/{report}/attachments/{document}"
    assert "critical" not in seen, "who was asked about it is for the care team"
    shown = physician.get(f"/results/{report}").json["critical"]
    assert shown["alerts"][0]["values"][0]["value"] == "6.8"
    assert shown["chain"][0]["to"] == clinic.physician.name


def test_the_first_look_is_kept(clinic: SmallClinic, patient: Caller, physician: Caller) -> None:
    report = received(clinic)
    for _ in range(2):
        patient.get(f"/results/{report}")
    first = load(report).seen_at
    assert first is not None
    receive_next(report, HIGH, "corrected")
    drain()
    physician.get(f"/results/{report}")
    physician.get(f"/results/{report}/versions/1")
    patient.get(f"/results/{report}")
    assert views() == [("patient", 1), ("practitioner", 2), ("practitioner", 1), ("patient", 2)]
    assert load(report).seen_at == first


def test_a_version_is_read_as_it_was_reported(clinic: SmallClinic, patient: Caller) -> None:
    report = received(clinic)
    change = {"code": "2823-3", "name": "Potassium", "before": "4.1", "after": "5.6"}
    receive_next(report, HIGH, "corrected", changes=[change])
    drain()
    old = patient.get(f"/results/{report}/versions/1").json
    new = patient.get(f"/results/{report}/versions/2").json
    assert [old["observations"][0]["value"], new["observations"][0]["value"]] == ["4.1", "5.6"]
    assert (old["changes"], new["changes"], new["status"]) == ([], [change], "corrected")
    missing = patient.get(f"/results/{report}/versions/3")
    assert (missing.status_code, missing.json["code"]) == (404, "version_not_found")
    assert patient.get(f"/results/{report}/versions/{10**30}").status_code == 404


@pytest.mark.parametrize(
    ("kind", "title", "served", "name"),
    [
        ("application/pdf", "Report", "application/pdf", "Report"),
        ("text/html", "x.html", "application/octet-stream", "x.html"),
        ("image/png\r\nX-Evil: 1", 'a"\r\nX: ../c', "application/octet-stream", "a_X_.._c"),
        ("image/png", "", "image/png", "document"),
    ],
)
def test_documents_are_downloads_in_which_nothing_runs(
    clinic: SmallClinic, patient: Caller, kind: str, title: str, served: str, name: str
) -> None:
    report = receive(clinic)
    document = attach(report, content_type=kind, title=title, content=b"<script>")
    drain()
    answer = patient.get(f"/results/{report}/attachments/{document}")
    assert (answer.status_code, answer.data) == (200, b"<script>")
    assert answer.headers["Content-Type"].split(";")[0] == served
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert answer.headers["Content-Security-Policy"].startswith("sandbox")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "X-Evil" not in answer.headers
    other = received(clinic)
    for result, id_ in ((other, document), (report, uuid4())):
        missing = patient.get(f"/results/{result}/attachments/{id_}")
        assert missing.json["code"] == "attachment_not_found"


def test_lists_are_filtered_and_paged(
    clinic: SmallClinic, patient: Caller, physician: Caller
) -> None:
    normal, high = received(clinic), received(clinic, HIGH)
    early = received(clinic, NORMAL, "preliminary")
    other = received(clinic, patient_id=clinic.other_patient.id)
    hidden = receive(clinic)

    def listed(who: Caller, query: str) -> list[str]:
        answer = who.get(f"/results?{query}")
        assert answer.status_code == 200, answer.text
        assert answer.json["sources"] == []
        return [item["id"] for item in answer.json["items"]]

    mine = [str(id_) for id_ in (early, high, normal)]
    assert listed(patient, "") == mine
    assert listed(patient, f"patient_id={clinic.other_patient.id}") == mine, "never another's"
    assert listed(patient, "status=preliminary") == [str(early)]
    assert listed(patient, "abnormal=true") == [str(high)]
    whose = f"patient_id={clinic.patient.id}"
    assert listed(physician, whose) == [str(hidden), *mine]
    assert listed(physician, "unreviewed=true&abnormal=true") == [str(high)]
    physician.post(f"/results/{normal}/review", {"version": 1})
    assert str(normal) not in listed(physician, "unreviewed=true")
    assert listed(physician, "unreviewed=true") == [str(hidden), str(other), str(high)]
    assert listed(physician, f"unreviewed=true&{whose}") == [str(hidden), str(high)]
    first = patient.get("/results?limit=2").json
    rest = patient.get(f"/results?limit=2&cursor={first['next']}").json
    assert [item["id"] for item in first["items"] + rest["items"]] == mine
    assert rest["next"] is None


@pytest.mark.parametrize("query", ["status=lost", "limit=0", "cursor=x", "colour=red"])
def test_bad_queries_are_refused(patient: Caller, query: str) -> None:
    assert patient.get(f"/results?{query}").status_code == 422


def test_the_care_team_says_whose(physician: Caller, nurse: Caller, colleague: Caller) -> None:
    for who, path in ((physician, "/results"), (nurse, "/results?unreviewed=true")):
        answer = who.get(path)
        assert answer.json["errors"][0]["pointer"] == "#query/patient_id"
    assert colleague.get(f"/results?patient_id={NOBODYS}").json["items"] == []


def test_a_list_costs_the_same_for_one_as_for_forty(clinic: SmallClinic, patient: Caller) -> None:
    counts = []
    for number in (1, 39):
        for _ in range(number):
            receive(clinic, release_status="released", released_at=utcnow())
        with recorded() as statements:
            assert patient.get("/results").status_code == 200
        counts.append(len(statements))
    assert len(patient.get("/results").json["items"]) == 40
    assert counts[0] == counts[1]


def test_every_read_is_audited(clinic: SmallClinic, patient: Caller, physician: Caller) -> None:
    report = receive(clinic)
    document = attach(report)
    drain()
    for path in (*paths(report, document), "/results", "/results/trends?code=2823-3"):
        patient.get(path)
    physician.get("/results?unreviewed=true")
    with transaction(OPERATOR) as session:
        rows = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "read").order_by(AuditEntry.id)
        ).all()
    assert [(row.actor_kind, row.resource) for row in rows] == [
        ("patient", "result"),
        ("patient", "result"),
        ("patient", "result_attachment"),
        ("patient", "result"),
        ("patient", "result_trend"),
        ("practitioner", "result"),
    ]
    assert {row.patient_id for row in rows} == {clinic.patient.id}
