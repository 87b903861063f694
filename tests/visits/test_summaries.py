"""Summaries: written, released, amended, and read in each form."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError

from portal.core.actor import OPERATOR, Actor, ActorKind
from portal.core.db import transaction
from portal.visits.summary_model import VisitSummary
from tests.requisitions.conftest import order
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, prescription, staff_actor
from tests.support.pdf import pages_of
from tests.support.work import drain
from tests.visits.conftest import (
    HEIGHT,
    WEIGHT,
    add_problem,
    in_days,
    load,
    measure,
    pointers,
    pressure,
    release,
    released,
    step,
    told,
    value,
    write,
    written,
)

MEDICINE = {
    "change": "changed",
    "name": "Lisinopril 20 mg",
    "directions": "Take one tablet by mouth every day.",
    "note": "It was 10 mg.",
}


@pytest.fixture
def full(physician: Caller, nurse: Caller, clinic: SmallClinic, going_on: UUID) -> Any:
    """A released summary with everything in it."""
    measure(
        nurse,
        going_on,
        value(HEIGHT, 168, "cm"),
        value(WEIGHT, 155, "[lb_av]"),
        pressure(position="sitting"),
    )
    problem = add_problem(physician, clinic, visit_id=str(going_on)).json["id"]
    rx = prescription(clinic)
    step(physician, going_on, "finish")
    return released(
        physician,
        going_on,
        {"kind": "fill", "text": "Pick up the new tablets.", "target_id": str(rx.id)},
        {"kind": "other", "text": "Measure at home once a week.", "due_on": in_days(30)[:10]},
        problem_ids=[problem],
        medicines=[{**MEDICINE, "prescription_id": str(rx.id)}],
        contact={"name": "Nurses' line", "phone": "555-0111"},
    )


def test_the_patient_reads_it_once_it_is_released(
    patient: Caller, physician: Caller, nurse: Caller, held: UUID
) -> None:
    assert patient.get(f"/visits/{held}/summary").status_code == 404
    draft = write(nurse, held, written())
    assert (draft.status_code, draft.json["status"]) == (200, "draft")
    assert patient.get(f"/visits/{held}/summary").status_code == 404
    assert nurse.get(f"/visits/{held}/summary").json["written_by"] == "Nora Bell"
    assert release(nurse, held).status_code == 403
    assert write(patient, held, written()).status_code == 403
    answer = release(physician, held)
    assert (answer.status_code, answer.json["number"]) == (200, 1)
    seen = patient.get(f"/visits/{held}/summary").json
    assert (seen["status"], seen["found"]) == ("released", written()["found"])
    assert seen["contact"] == {"name": "Elm Street Clinic", "phone": "555-0100"}
    assert patient.get(f"/visits/{held}").json["summary"]["number"] == 1
    assert patient.get(f"/visits/{held}").json["with"] is None
    drain()
    assert told() == ["visit_summary_released"]


def test_it_says_everything_that_is_known_of_the_visit(full: Any, clinic: SmallClinic) -> None:
    assert full["patient"] == {"name": "Avery Testpatient", "birth_date": "1980-04-15"}
    assert full["practitioner"]["name"] == clinic.physician.name
    assert [one["code"] for one in full["vitals"]] == [HEIGHT, WEIGHT, "39156-5", "85354-9"]
    assert [one["text"] for one in full["problems"]] == ["Essential hypertension"]
    assert full["medicines"][0]["name"] == "Lisinopril 20 mg"
    assert [one["status"] for one in full["instructions"]] == ["open", "open"]


def test_what_was_released_stays_as_it_was(
    physician: Caller, patient: Caller, clinic: SmallClinic, full: Any
) -> None:
    visit = full["visit_id"]
    problem = full["problem_ids"][0]
    physician.patch(f"/problems/{problem}", {"text": "White coat hypertension"})
    vital = full["vitals"][0]["id"]
    physician.post(f"/vitals/{vital}/entered-in-error")
    seen = patient.get(f"/visits/{visit}/summary").json
    assert [one["text"] for one in seen["problems"]] == ["Essential hypertension"]
    assert seen["vitals"] == full["vitals"]
    assert clinic.patient.name


def test_nobody_changes_what_was_released_in_the_database(clinic: SmallClinic, full: Any) -> None:
    everybody: list[Actor] = [
        staff_actor(clinic.nurse),
        Actor(kind=ActorKind.PRACTITIONER, id=clinic.physician.id),
        OPERATOR,
    ]
    for who in everybody:
        with transaction(who) as session:
            changed = session.execute(
                text("UPDATE visit_summary SET amendment = 'x' RETURNING id")
            ).all()
        assert changed == []
    for kind in (ActorKind.WORKER, ActorKind.PATIENT):
        actor = Actor(kind=kind, id=clinic.patient.id)
        with pytest.raises(ProgrammingError), transaction(actor) as session:
            session.execute(text("UPDATE visit_summary SET content = '{}'"))
    assert full["number"] == 1


def test_an_amended_version_says_what_was_changed(
    physician: Caller, patient: Caller, held: UUID
) -> None:
    first = released(physician, held, {"kind": "other", "text": "Rest."})
    assert release(physician, held).json["code"] == "summary_already_released"
    body = written(*[pick(one) for one in first["instructions"]], found="It is fine.")
    draft = write(physician, held, body)
    assert (draft.json["number"], draft.json["instructions"][0]["status"]) == (2, "open")
    assert patient.get(f"/visits/{held}/summary").json["number"] == 1
    unsaid = release(physician, held)
    assert (unsaid.status_code, pointers(unsaid)) == (422, ["/amendment"])
    second = release(physician, held, "The finding was another's.")
    assert (second.status_code, second.json["number"]) == (200, 2)
    versions = patient.get(f"/visits/{held}/summary/versions").json["items"]
    assert [(one["number"], one["amendment"]) for one in versions] == [
        (2, "The finding was another's."),
        (1, None),
    ]
    earlier = patient.get(f"/visits/{held}/summary?number=1").json
    assert earlier["found"] == written()["found"]
    assert patient.get(f"/visits/{held}/summary?number=3").status_code == 404
    drain()
    assert told() == ["visit_summary_released", "visit_summary_amended"]


def pick(instruction: dict[str, Any]) -> dict[str, Any]:
    """An instruction as it is sent back for the next version."""
    return {name: instruction[name] for name in ("id", "kind", "text", "due_on", "target_id")}


def test_instructions_go_on_are_changed_or_withdrawn_with_the_next_version(
    physician: Caller, patient: Caller, held: UUID
) -> None:
    texts = ("Rest.", "Drink.", "Walk.")
    first = released(physician, held, *({"kind": "other", "text": one} for one in texts))
    rest, drink, walk = (pick(one) for one in first["instructions"])
    patient.post(f"/visits/{held}/instructions/{walk['id']}/done")
    later = {**rest, "text": "Rest a week.", "due_on": in_days(7)[:10]}
    write(physician, held, written(later, walk, {"kind": "other", "text": "Sleep."}))
    answer = release(physician, held, "More rest")
    assert answer.status_code == 200, answer.text
    shown = patient.get("/instructions").json["items"]
    by_text = {one["text"]: one["status"] for one in shown}
    assert by_text == {
        "Sleep.": "open",
        "Walk.": "done",
        "Drink.": "cancelled",
        "Rest a week.": "open",
    }
    assert {one["id"] for one in shown} >= {rest["id"], drink["id"], walk["id"]}


def test_two_editors_of_a_draft(physician: Caller, nurse: Caller, held: UUID) -> None:
    begun = write(nurse, held, written(), headers={"If-Match": '"0"'})
    assert begun.headers["ETag"] == '"1"'
    late = write(physician, held, written(), headers={"If-Match": '"0"'})
    assert (late.status_code, late.json["current_etag"]) == (412, '"1"')
    tag = physician.get(f"/visits/{held}/summary").headers["ETag"]
    changed = write(nurse, held, written(found="Fine."), headers={"If-Match": tag})
    assert changed.status_code == 200
    unread = release(physician, held, headers={"If-Match": tag})
    assert (unread.status_code, unread.json["current_etag"]) == (412, changed.headers["ETag"])
    assert release(physician, held, headers={"If-Match": changed.headers["ETag"]}).json[
        "found"
    ] == ("Fine.")
    behind = write(nurse, held, written(), headers={"If-Match": changed.headers["ETag"]})
    assert behind.status_code == 412  # the release came in between


def test_a_release_says_what_is_missing(physician: Caller, held: UUID, planned: UUID) -> None:
    assert release(physician, held).json["code"] == "no_draft"
    assert write(physician, planned, written()).json["code"] == "visit_not_held"
    write(physician, held, written(found=None))
    answer = release(physician, held)
    assert (answer.status_code, pointers(answer)) == (422, ["/found"])


def test_the_same_key_releases_once_and_names_who_was_first(
    physician: Caller, clinic: SmallClinic, held: UUID
) -> None:
    write(physician, held, written())
    headers = {"Idempotency-Key": "release-1"}
    first, second = (release(physician, held, headers=headers) for _ in range(2))
    assert first.json == second.json
    third = release(physician, held)
    assert third.status_code == 409
    assert (third.json["number"], third.json["released_by"]) == (1, clinic.physician.name)


def test_what_a_summary_points_to_is_the_patients(
    physician: Caller, clinic: SmallClinic, held: UUID
) -> None:
    others = prescription(clinic, patient_id=clinic.other_patient.id)
    some = str(uuid4())
    body = written(
        {"kind": "fill", "text": "a", "target_id": str(others.id)},
        {"kind": "test", "text": "b", "target_id": some},
        {"kind": "visit", "text": "c", "target_id": str(held)},
        {"kind": "other", "text": "d", "target_id": some},
        {"kind": "other", "text": "e", "id": some},
        {"kind": "other", "text": "f", "due_on": in_days(-1)[:10]},
        {"kind": "message", "text": "g", "target_id": some},
        problem_ids=[some],
        medicines=[{**MEDICINE, "prescription_id": str(others.id)}],
    )
    answer = write(physician, held, body)
    assert answer.status_code == 422
    assert pointers(answer) == [
        "/problem_ids/0",
        "/medicines/0/prescription_id",
        "/instructions/0/target_id",
        "/instructions/1/target_id",
        "/instructions/2/target_id",
        "/instructions/3/target_id",
        "/instructions/4/id",
        "/instructions/5/due_on",
        "/instructions/6/target_id",
    ]


def test_targets_of_the_patients(physician: Caller, clinic: SmallClinic, held: UUID) -> None:
    [test] = order(physician, clinic)
    body = written(
        {"kind": "fill", "text": "a", "target_id": str(prescription(clinic).id)},
        {"kind": "test", "text": "b", "target_id": str(test)},
    )
    assert write(physician, held, body).status_code == 200


def test_the_pdf_says_what_the_summary_says(patient: Caller, full: Any) -> None:
    answer = patient.get(f"/visits/{full['visit_id']}/summary.pdf")
    assert (answer.status_code, answer.content_type) == (200, "application/pdf")
    assert "Avery" not in answer.headers["Content-Disposition"]
    shown = "\n".join(pages_of(answer.data))
    for said in (
        "Elm Street Clinic",
        "After Visit Summary",
        "Avery Testpatient, born April 15, 1980",
        "with Dr. Ines Okafor",
        "Version 1 of",
        "Your blood pressure is still a little high.",
        "128/82 mmHg (sitting)",
        "155 lb",
        "24.9 kg/m² (computed)",
        "Essential hypertension",
        "Lisinopril 20 mg",
        "Pick up the new tablets.",
        "Nurses' line, phone 555-0111",
    ):
        assert said in shown, said
    assert b"Avery" not in answer.data  # nothing of the patient's in its properties
    assert patient.get(f"/visits/{full['visit_id']}/summary.pdf").data == answer.data


def test_a_long_summary_in_any_script_is_paper_too(
    physician: Caller, patient: Caller, held: UUID
) -> None:
    found = "Blutdruck zu hoch. " * 900 + "\n\u0627\u0644\u0636\u063a\u0637\n\u8840\u538b"
    tasks = [{"kind": "other", "text": f"Number {number}. " + "x" * 450} for number in range(30)]
    released(physician, held, *tasks, found=found)
    shown = pages_of(patient.get(f"/visits/{held}/summary.pdf").data)
    assert len(shown) > 5
    for number, page in enumerate(shown, 1):
        assert page.endswith(f"Page {number} of \n{len(shown)}")


def test_the_page_is_escaped_and_needs_nothing_from_elsewhere(
    physician: Caller, patient: Caller, held: UUID
) -> None:
    nasty = "<script>alert(1)</script><img src=https://example.org/x>"
    made = released(physician, held, {"kind": "other", "text": nasty}, found=nasty, reason=nasty)
    patient.post(f"/visits/{held}/instructions/{made['instructions'][0]['id']}/done")
    answer = patient.get(f"/visits/{held}/summary", headers={"Accept": "text/html,*/*;q=0.5"})
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "<script" not in answer.text
    assert "<img" not in answer.text
    assert answer.text.count("&lt;script&gt;") == 3
    assert "<td>Done</td>" in answer.text
    assert patient.get(f"/visits/{held}/summary", headers={"Accept": "*/*"}).is_json


def test_a_draft_is_no_page_and_no_paper(physician: Caller, held: UUID) -> None:
    write(physician, held, written())
    as_page = physician.get(f"/visits/{held}/summary", headers={"Accept": "text/html"})
    assert as_page.status_code == 404
    assert physician.get(f"/visits/{held}/summary.pdf").status_code == 404


def test_a_summary_given_at_the_visit_needs_no_other(physician: Caller, going_on: UUID) -> None:
    released(physician, going_on)
    assert load(going_on).summary_due_at is None
    step(physician, going_on, "finish")
    assert load(going_on).summary_due_at is None


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"found": "x" * 20_001}, "/found"),
        ({"found": "a\x07b"}, "/found"),
        ({"medicines": [{**MEDICINE, "change": "eaten"}]}, "/medicines/0/change"),
        ({"instructions": [{"kind": "dance", "text": "x"}]}, "/instructions/0/kind"),
        ({"contact": {"name": "x"}}, "/contact/phone"),
        ({"surprise": 1}, "/surprise"),
    ],
)
def test_what_can_not_be_read(
    physician: Caller, held: UUID, changes: dict[str, Any], pointer: str
) -> None:
    answer = write(physician, held, written(**changes))
    assert (answer.status_code, pointers(answer)) == (422, [pointer])


def test_the_versions_are_rows_of_their_own(physician: Caller, held: UUID) -> None:
    released(physician, held)
    write(physician, held, written())
    with transaction(OPERATOR) as session:
        found = session.scalars(select(VisitSummary).order_by(VisitSummary.number)).all()
    assert [(one.number, one.status) for one in found] == [(1, "released"), (2, "draft")]
