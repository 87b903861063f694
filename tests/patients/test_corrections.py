"""Correcting who a patient is: what is kept, what follows, who is told."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text

from portal.accounts.model import Account
from portal.core import loops
from portal.core.actor import OPERATOR, WORKER, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.tables import AuditEntry
from portal.core.web import extension
from portal.notifications.service import LetterText, queue_letter
from portal.notifications.states import NotificationEvent
from portal.patients.identity import IdentityField, number_key
from portal.patients.model import Patient
from portal.requisitions.oml import Party
from portal.requisitions.orl import OrderAnswer, OrderResponse
from portal.requisitions.service import follow_correction, record_answer
from portal.results.model import DiagnosticReport
from tests.patients.delegates import give, new_person
from tests.patients.records import record
from tests.patients.test_care import new_patient
from tests.refills.conftest import Make, ask_one
from tests.requisitions.conftest import change, items, messages, order, rows, told
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, add
from tests.support.races import at_once
from tests.support.work import drain

Sign = Callable[..., Caller]
REASON = "The passport says so, seen at the front desk"


def correct(staff: Caller, patient_id: UUID, headers: Any = None, **changes: Any) -> Any:
    body = {"reason": REASON, **changes}
    return staff.post(f"/patients/{patient_id}/corrections", body, headers=headers or {})


def test_a_correction_is_kept_and_told(clinic: SmallClinic, nurse: Caller, patient: Caller) -> None:
    changed = {"family_name": "Thompson", "birth_date": "1980-05-14", "sex": "other"}
    answer = correct(nurse, clinic.patient.id, **changed)
    assert answer.status_code == 200, answer.text
    assert {name: answer.json[name] for name in changed} == changed
    for reader, path in (
        (patient, "/patients/me/corrections"),
        (nurse, f"/patients/{clinic.patient.id}/corrections"),
    ):
        [kept] = reader.get(path).json["items"]
        assert (kept["by"], kept["reason"]) == (clinic.nurse.name, REASON)
        assert kept["changes"] == [
            {"field": "family_name", "before": "Testpatient", "after": "Thompson"},
            {"field": "birth_date", "before": "1980-04-15", "after": "1980-05-14"},
            {"field": "sex", "before": "female", "after": "other"},
        ]
    drain()
    drain()
    assert told() == ["record_corrected"]
    assert [entry.actor_id for entry in rows(AuditEntry, action="correct")] == [clinic.nurse.id]


@pytest.mark.parametrize("field", list(IdentityField))
def test_each_of_them_is_corrected_alone(
    clinic: SmallClinic, nurse: Caller, field: IdentityField
) -> None:
    new: dict[str, Any] = {
        "mrn": "MRN-5555",
        "given_name": "",
        "family_name": "O’Neill",  # noqa: RUF001
        "birth_date": "1980-05-14",
        "sex": "unknown",
        "clinic_id": str(clinic.clinic.id),
    }
    answer = correct(nurse, clinic.patient.id, **{field.value: new[field]})
    if field == IdentityField.CLINIC:
        assert (answer.status_code, answer.json["code"]) == (422, "nothing_corrected")
        return
    assert (answer.status_code, answer.json[field]) == (200, new[field])
    with transaction(OPERATOR) as session:
        row = session.get_one(Patient, clinic.patient.id)
        assert (str(getattr(row, field)), row.version) == (new[field], 2)


def test_only_by_the_version_that_was_read(clinic: SmallClinic, nurse: Caller) -> None:
    tag = nurse.get(f"/patients/{clinic.patient.id}").headers["ETag"]
    held = {"If-Match": tag}
    assert correct(nurse, clinic.patient.id, held, given_name="Ava").status_code == 200
    late = correct(nurse, clinic.patient.id, held, given_name="Eve")
    assert (late.status_code, late.json["code"]) == (412, "precondition_failed")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"birth_date": "2999-01-01"}, "/birth_date"),
        ({"birth_date": "1800-01-01"}, "/birth_date"),
        ({"given_name": "", "family_name": ""}, "/family_name"),
        ({"given_name": "  "}, "/given_name"),
        ({"sex": "f"}, "/sex"),
        ({"mrn": ""}, "/mrn"),
        ({"clinic_id": "00000000-0000-0000-0000-000000000001"}, "/clinic_id"),
        ({"given_name": "Ava", "reason": "typo"}, "/reason"),
        ({"phone": "555"}, "/phone"),
        ({}, ""),
    ],
    ids=repr,
)
def test_what_cannot_be_names_the_member(
    clinic: SmallClinic, nurse: Caller, changes: dict[str, Any], pointer: str
) -> None:
    answer = correct(nurse, clinic.patient.id, **changes)
    assert answer.status_code == 422, answer.text
    assert answer.json["errors"][0]["pointer"] == pointer
    assert nurse.get(f"/patients/{clinic.patient.id}/corrections").json["items"] == []


def test_only_staff_of_the_patients_correct(
    clinic: SmallClinic, caller: Sign, patient: Caller, physician: Caller
) -> None:
    officer = caller(ActorKind.STAFF, clinic.liaison_officer.id)
    for somebody, status in ((patient, 403), (physician, 403), (officer, 404)):
        assert correct(somebody, clinic.patient.id, given_name="Ava").status_code == status
    assert officer.get(f"/patients/{clinic.patient.id}/corrections").status_code == 404


def test_former_names_and_numbers_are_found(clinic: SmallClinic, nurse: Caller) -> None:
    correct(nurse, clinic.patient.id, family_name="Thompson", mrn="MRN-5555")

    def found(**query: str) -> list[str]:
        return [item["id"] for item in nurse.post("/patients/search", query).json["items"]]

    mine = [str(clinic.patient.id)]
    assert found(mrn="mrn-5555") == found(mrn="MRN-0001") == found(mrn=" mrn-0001") == mine
    assert found(name="avery thompson") == found(name="avery testpatient") == mine
    # A number that is another's today is that one's alone.
    taken = new_patient(clinic, mrn="MRN-0001")
    warned = nurse.post("/patients", taken)
    assert [one["id"] for one in warned.json["candidates"]] == mine
    another = nurse.post("/patients", {**taken, "confirmed": True})
    assert another.status_code == 201, another.text
    assert found(mrn="MRN-0001") == [another.json["id"]]


def test_nobody_gets_anothers_number(clinic: SmallClinic, nurse: Caller) -> None:
    answer = correct(nurse, clinic.patient.id, mrn="mrn-00 02", confirmed=True)
    assert (answer.status_code, answer.json["code"]) == (409, "mrn_taken")
    same = correct(nurse, clinic.patient.id, given_name="Blake")
    assert (same.status_code, same.json["code"]) == (409, "possible_duplicate")
    assert [one["id"] for one in same.json["candidates"]] == [str(clinic.other_patient.id)]
    sure = correct(nurse, clinic.patient.id, given_name="Blake", confirmed=True)
    assert sure.status_code == 200


def test_what_is_written_down_beside_the_record_follows(
    clinic: SmallClinic, nurse: Caller, anonymous: Caller, caller: Sign
) -> None:
    """The code that was handed out works with the right birth date, and the account has the right
    name."""
    made = nurse.post(f"/patients/{clinic.patient.id}/invitation", {"email": "a@example.org"})
    correct(nurse, clinic.patient.id, birth_date="1980-05-14", given_name="Ava")
    opening = {"code": made.json["activation_code"], "password": "a long enough password"}
    wrong = anonymous.post("/activations", {**opening, "birth_date": "1980-04-15"})
    assert wrong.status_code == 422
    right = anonymous.post("/activations", {**opening, "birth_date": "1980-05-14"})
    assert right.status_code in (200, 201), right.text
    with transaction(OPERATOR) as session:
        names = session.scalars(select(Account.name).filter_by(person_id=clinic.patient.id))
        assert names.all() == ["Ava Testpatient"]


def test_parents_and_the_phone_line_follow_the_birth_date(
    clinic: SmallClinic, nurse: Caller, caller: Sign, refillable: Make
) -> None:
    parent, phone = new_person(), caller(ActorKind.PHONE, clinic.pharmacy.id)
    number = refillable().refill_number
    give(clinic.patient, parent, kind="parental", relationship="parent")
    acting = caller(ActorKind.DELEGATE, parent).acting_for(clinic.patient.id)

    def status(born: str) -> Any:
        headers = {"X-Refill-Number": number, "X-Date-Of-Birth": born}
        return phone.get("/phone/refills/status", headers=headers).json["code"]

    assert acting.get("/results").status_code == 403
    assert status("1980-04-15") != "no_match"
    child = (utcnow().date() - timedelta(days=3 * 365)).isoformat()
    assert correct(nurse, clinic.patient.id, birth_date=child).status_code == 200
    assert acting.get("/results").status_code == 200
    assert (status("1980-04-15"), status(child) != "no_match") == ("no_match", True)


def follow(correction_id: UUID, patient_id: UUID) -> None:
    config = extension("config")
    with transaction(WORKER) as session:
        follow_correction(
            session=session,
            patient_id=patient_id,
            correction_id=correction_id,
            us=Party(config.hl7_application, config.hl7_facility),
            now=utcnow(),
        )


def test_laboratories_by_feed_are_told_once_of_each_open_order(
    clinic: SmallClinic, nurse: Caller, physician: Caller, caller: Sign
) -> None:
    laboratory = caller(ActorKind.LABORATORY, clinic.laboratory.id)
    [open_one], [ended] = order(physician, clinic), order(physician, clinic, "58410-2")
    drain()
    physician.post(f"/requisitions/{ended}/cancel", {"reason": "Done elsewhere"})
    laboratory.post(f"/lab/orders/{open_one}/acknowledge", {})
    drain()
    correct(nurse, clinic.patient.id, family_name="Thompson")
    drain()
    assert [one.kind for one in messages(open_one)] == ["new", "update"]
    assert "update" not in [one.kind for one in messages(ended)]
    told_of = messages(open_one)[-1]
    assert told_of.correction_id is not None
    follow(told_of.correction_id, clinic.patient.id)
    assert len(messages(open_one)) == 2
    entry = laboratory.get("/lab/orders").json["items"][-1]
    assert (entry["kind"], entry["patient"]["family_name"]) == ("update", "Thompson")
    assert laboratory.post(f"/lab/orders/{open_one}/acknowledge", {}).status_code == 200
    assert laboratory.get("/lab/orders").json["items"][-1]["kind"] == "cancel"
    # What is called off afterwards is called off there, too.
    physician.post(f"/requisitions/{open_one}/cancel", {"reason": "Done elsewhere"})
    drain()
    assert [one.kind for one in messages(open_one)] == ["new", "update", "cancel"]
    with transaction(OPERATOR) as session:
        assert loops.check(session, now=utcnow() + timedelta(minutes=30)) == []


def pushed(clinic: SmallClinic) -> None:
    """The laboratory gets its orders over MLLP."""
    change(clinic.laboratory, transport="mllp", mllp_host="127.0.0.1", mllp_port=9)


def test_laboratories_over_mllp_get_a_changed_order(
    clinic: SmallClinic, nurse: Caller, physician: Caller
) -> None:
    pushed(clinic)
    [waiting], [sent] = order(physician, clinic), order(physician, clinic, "58410-2")
    drain()
    for one in messages(sent):
        change(one, status="accepted", attempts=1, answered_at=utcnow())
    correct(nurse, clinic.patient.id, family_name="Thompson")
    drain()
    # What was not sent yet is never sent as it was.
    assert [(one.kind, one.status) for one in messages(waiting)] == [
        ("new", "withdrawn"),
        ("new", "queued"),
    ]
    update = messages(sent)[-1]
    assert (update.kind, update.status) == ("update", "queued")
    content = (update.content or b"").decode()
    assert "\rORC|XO|" in content
    assert "|Thompson^Avery^" in content
    assert b"|Thompson^Avery^" in (messages(waiting)[-1].content or b"")
    # Called off before it was sent, the order itself is called off there all the same.
    physician.post(f"/requisitions/{sent}/cancel", {"reason": "Done elsewhere"})
    drain()
    assert [(one.kind, one.status) for one in messages(sent)][1:] == [
        ("update", "withdrawn"),
        ("cancel", "queued"),
    ]


@pytest.mark.parametrize(
    ("code", "control", "called"),
    [("AA", "XR", False), ("AA", "UX", True), ("AE", "", True), ("CA", "", False)],
)
def test_a_laboratory_that_does_not_take_it_is_called(
    clinic: SmallClinic, nurse: Caller, physician: Caller, code: str, control: str, called: bool
) -> None:
    pushed(clinic)
    [requisition] = order(physician, clinic)
    drain()
    change(messages(requisition)[0], status="accepted", attempts=1, answered_at=utcnow())
    correct(nurse, clinic.patient.id, birth_date="1980-05-14")
    drain()
    update = messages(requisition)[-1]
    said = (OrderAnswer(control, "", "", "unknown here"),) if control else ()
    response = OrderResponse(code, update.control_id, (), said)
    with transaction(WORKER) as session:
        record_answer(session=session, message_id=update.id, response=response, now=utcnow())
    assert bool(items("correction_untaken")) == called
    assert not items("requisition_rejected")
    assert not items("cancellation_refused")
    [row] = rows(Patient, id=clinic.patient.id)
    assert row.birth_date == date(1980, 5, 14)


def test_pharmacies_are_told_once_of_each_open_order(
    clinic: SmallClinic, nurse: Caller, patient: Caller, caller: Sign, refillable: Make
) -> None:
    pharmacy = caller(ActorKind.PHARMACY, clinic.pharmacy.id)
    held, waiting = refillable(), refillable(refills_used=5, rxnorm_code="860975")
    sent = ask_one(patient, held.id)
    ask_one(patient, waiting.id)
    drain()
    pharmacy.post(f"/pharmacy/orders/{sent}/acknowledge", {})
    correct(nurse, clinic.patient.id, family_name="Thompson")
    drain()
    [entry] = pharmacy.get("/pharmacy/orders").json["items"]
    assert (entry["kind"], entry["refill_id"]) == ("update", str(sent))
    assert entry["patient"]["name"] == "Avery Thompson"
    pharmacy.post(f"/pharmacy/orders/{sent}/acknowledge", {})
    correct(nurse, clinic.patient.id, clinic_id=str(clinic.clinic.id))
    drain()
    assert pharmacy.get("/pharmacy/orders").json["items"] == []


def test_a_letter_under_the_former_name_is_somebodys(clinic: SmallClinic, nurse: Caller) -> None:
    about = record(clinic, clinic.patient.id)
    add(*about)
    [report] = [row for row in about if isinstance(row, DiagnosticReport)]
    with transaction(WORKER) as session:
        letter_id = queue_letter(
            session=session,
            patient_id=clinic.patient.id,
            event=NotificationEvent.RESULT_AVAILABLE,
            source_id=clinic.nurse.id,
            subject_id=report.id,
            text=LetterText("A new result", ["There is a new result for you."]),
            now=utcnow(),
        )
    correct(nurse, clinic.patient.id, birth_date="1980-05-14")
    drain()
    assert items("letter_outdated") == []
    correct(nurse, clinic.patient.id, family_name="Thompson")
    drain()
    [item] = items("letter_outdated")
    assert (item.subject_id, item.status) == (letter_id, "open")
    gone = nurse.post(f"/letters/{letter_id}/status", {"status": "cancelled", "note": "renamed"})
    assert gone.status_code == 200, gone.text
    drain()
    assert [one.status for one in items("letter_outdated")] == ["done"]


ASKED = {"fields": ["birth_date"], "text": "I was born on 14 May 1980."}


def ask(patient: Caller) -> Any:
    answer = patient.post("/patients/me/correction-requests", ASKED)
    assert answer.status_code == 201, answer.text
    drain()
    return answer.json["id"]


def test_a_patients_request_is_answered_by_a_correction(
    clinic: SmallClinic, nurse: Caller, patient: Caller
) -> None:
    asked = ask(patient)
    again = patient.post("/patients/me/correction-requests", ASKED)
    assert (again.status_code, again.json["request_id"]) == (409, asked)
    [item] = nurse.get("/worklist?kind=correction_requested").json["items"]
    assert nurse.get(item["link"].removeprefix("/api/v1")).json["text"] == ASKED["text"]
    by_hand = nurse.post(
        f"/worklist/{item['id']}/complete", {"outcome": "done"}, headers={"If-Match": "*"}
    )
    assert by_hand.status_code == 409
    other = correct(nurse, clinic.other_patient.id, birth_date="1980-05-14", request_id=asked)
    assert (other.status_code, other.json["code"]) == (404, "correction_request_not_found")
    assert correct(nurse, clinic.patient.id, birth_date="1980-05-14", request_id=asked).json
    drain()
    [request] = patient.get("/patients/me/correction-requests").json["items"]
    assert request["status"] == "corrected"
    assert [one.status for one in items("correction_requested")] == ["done"]
    assert told() == ["record_corrected"]
    late = nurse.post(f"/correction-requests/{asked}/decline", {"reason": "The register says so"})
    assert (late.status_code, late.json["status_now"]) == (409, "corrected")


def test_a_request_is_declined_with_a_reason_or_withdrawn(
    clinic: SmallClinic, nurse: Caller, patient: Caller, caller: Sign
) -> None:
    first = ask(patient)
    reason = {"reason": "The passport says 15 April"}
    stranger = caller(ActorKind.PATIENT, clinic.other_patient.id)
    assert stranger.post(f"/correction-requests/{first}/withdraw").status_code == 404
    assert patient.post(f"/correction-requests/{first}/decline", reason).status_code == 403
    assert nurse.post(f"/correction-requests/{first}/decline", reason).status_code == 200
    second = ask(patient)
    assert patient.post(f"/correction-requests/{second}/withdraw").status_code == 200
    drain()
    listed = patient.get("/patients/me/correction-requests").json["items"]
    assert [(one["status"], one["answer"]) for one in listed] == [
        ("withdrawn", None),
        ("declined", reason["reason"]),
    ]
    assert told() == ["correction_declined"]
    assert sorted(one.status for one in items("correction_requested")) == ["cancelled", "done"]


def test_a_request_that_nobody_has_is_found(clinic: SmallClinic, patient: Caller) -> None:
    patient.post("/patients/me/correction-requests", ASKED)
    with transaction(OPERATOR) as session:
        found = loops.check(session, now=utcnow() + timedelta(hours=1))
        assert "a patient asks for a correction and nobody has it on a worklist" in str(found)
    assert clinic.patient.name


NUMBERS = ["MRN-0001", " mrn-0001", "ＭＲＮ－０００１", "mrn\u00a000\u200901", "straße 7", "İ-1"]  # noqa: RUF001


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_are_compared_alike_here_and_in_the_database(
    clinic: SmallClinic, number: str
) -> None:
    with transaction(OPERATOR) as session:
        key = session.scalar(text("SELECT careloop_number_key(:number)"), {"number": number})
    assert key == number_key(number)
    assert clinic.patient.name


def test_two_corrections_at_once(clinic: SmallClinic, nurse: Caller) -> None:
    """By the version that both have read: one of them is first."""
    held = {"If-Match": nurse.get(f"/patients/{clinic.patient.id}").headers["ETag"]}
    answers = at_once(
        *(
            lambda name=name: correct(nurse, clinic.patient.id, held, given_name=name).status_code
            for name in ("Ava", "Eve")
        )
    )
    assert sorted(answers) == [200, 412]
