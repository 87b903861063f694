"""Acting for a patient through the API: who, for whom, in what, and until when."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from portal.core.actor import OPERATOR, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.permissions import DELEGATED, PERMISSIONS
from portal.core.tables import AuditEntry
from portal.patients.delegation_model import Delegation
from portal.refills.model import RefillHistory
from portal.results.model import DiagnosticReport
from portal.results.review_model import ResultView
from portal.worklist.model import WorkItem
from tests.patients.conftest import Sign
from tests.patients.delegates import EVERYTHING, give, new_person, today
from tests.refills.conftest import Make, ask, ask_one
from tests.requisitions.conftest import CT, offer
from tests.requisitions.conftest import order as order_tests
from tests.results.conftest import receive
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, add, care_team, prescription
from tests.support.clinic import patient as add_patient
from tests.support.work import drain


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def revoke(delegation_id: UUID) -> None:
    with transaction(OPERATOR) as session:
        row = session.get_one(Delegation, delegation_id)
        row.status, row.revoked_at = "revoked", utcnow()


def audited(patient_id: UUID, action: str) -> list[AuditEntry]:
    query = select(AuditEntry).where(
        AuditEntry.patient_id == patient_id, AuditEntry.action == action
    )
    with transaction(OPERATOR) as session:
        return list(session.scalars(query.order_by(AuditEntry.at)))


def test_a_delegate_asks_for_a_refill_and_follows_it(
    clinic: SmallClinic, person: UUID, acting: Caller, refillable: Make
) -> None:
    rx = refillable()
    assert [item["id"] for item in acting.get("/prescriptions").json["items"]] == [str(rx.id)]
    refill_id = ask_one(acting, rx.id)
    view = acting.get(f"/refills/{refill_id}").json
    assert view["status"] == "sending"
    assert view["history"][0]["by"] == {"kind": "delegate", "name": "Robin Other"}
    with transaction(OPERATOR) as session:
        step = session.scalars(select(RefillHistory)).one()
    assert (step.actor_kind, step.actor_id) == ("delegate", person)
    [entry] = audited(clinic.patient.id, "create")
    assert (entry.actor_kind, entry.actor_id) == ("delegate", person)
    assert entry.on_behalf_of == clinic.patient.id
    drain()
    assert acting.post(f"/refills/{refill_id}/cancel").json["status"] == "cancelled"


def test_a_delegate_learns_no_other_delegates_name(
    clinic: SmallClinic, acting: Caller, patient: Caller, refillable: Make, caller: Sign
) -> None:
    other = new_person()
    give(clinic.patient, other, delegate_name="Jo Secret")
    refill_id = ask_one(
        caller(ActorKind.DELEGATE, other).acting_for(clinic.patient.id), refillable().id
    )
    assert patient.get(f"/refills/{refill_id}").json["history"][0]["by"]["name"] == "Jo Secret"
    view = acting.get(f"/refills/{refill_id}")
    assert view.json["history"][0]["by"] == {"kind": "delegate", "name": None}
    assert "Jo Secret" not in view.text


def test_a_renewal_that_a_delegate_asked_for_waits_for_its_prescriber(
    acting: Caller, refillable: Make
) -> None:
    refill_id = ask_one(acting, refillable(refills_used=5).id)
    view = acting.get(f"/refills/{refill_id}").json
    assert (view["status"], view["with"]["kind"]) == ("awaiting_prescriber", "prescriber")
    assert acting.post(f"/refills/{refill_id}/cancel").status_code == 200


def test_a_refill_goes_to_another_pharmacy_and_by_mail_without_the_address_being_seen(
    clinic: SmallClinic, acting: Caller, refillable: Make
) -> None:
    refill_id = ask_one(acting, refillable().id)
    body = {"pharmacy_id": str(clinic.mail_pharmacy.id)}
    view = acting.post(f"/refills/{refill_id}/pharmacy", body)
    assert view.json["delivery"] == "mail", view.text
    assert str(clinic.patient.line) not in view.text


def test_a_delegate_books_imaging_with_appointments_alone(
    clinic: SmallClinic, physician: Caller, caller: Sign
) -> None:
    [scan] = order_tests(physician, clinic, CT)
    [blood] = order_tests(physician, clinic)
    drain()
    radiology = caller(ActorKind.LABORATORY, clinic.radiology.id)
    starts = utcnow().replace(second=0, microsecond=0) + timedelta(days=3)
    [slot] = offer(radiology, starts)
    id_ = new_person()
    give(clinic.patient, id_, categories=["appointments"])
    delegate = caller(ActorKind.DELEGATE, id_).acting_for(clinic.patient.id)
    assert delegate.get(f"/imaging/slots?requisition_id={scan}").json["items"]
    booked = delegate.post(f"/imaging/slots/{slot}/book", {"requisition_id": str(scan)})
    assert booked.status_code < 300, booked.text
    assert booked.json["status"] == "scheduled"
    listed = delegate.get("/requisitions").json["items"]
    assert [item["id"] for item in listed] == [str(scan)]
    assert delegate.get(f"/requisitions/{blood}").status_code == 404
    appointment = booked.json["appointment"]["id"]
    freed = delegate.post(f"/imaging/appointments/{appointment}/cancel", {})
    assert freed.status_code == 200, freed.text


def test_a_result_that_a_delegate_has_read_is_seen(
    clinic: SmallClinic, person: UUID, acting: Caller
) -> None:
    report_id = receive(clinic)
    drain()
    [listed] = acting.get("/results").json["items"]
    view = acting.get(f"/results/{report_id}").json
    assert (listed["id"], view["id"]) == (str(report_id), str(report_id))
    assert view["observations"]
    with transaction(OPERATOR) as session:
        assert session.get_one(DiagnosticReport, report_id).seen_at is not None
        looked = session.scalars(select(ResultView)).one()
        open_items = session.scalars(
            select(WorkItem.kind).where(
                WorkItem.subject_id == report_id, WorkItem.kind == "result_unseen"
            )
        ).all()
    assert (looked.viewer_kind, looked.viewer_id) == ("delegate", person)
    assert open_items == []


@pytest.mark.parametrize("category", EVERYTHING)
def test_each_category_opens_its_calls_and_no_others(
    clinic: SmallClinic, caller: Sign, category: str
) -> None:
    id_ = new_person()
    give(clinic.patient, id_, categories=[category])
    delegate = caller(ActorKind.DELEGATE, id_).acting_for(clinic.patient.id)
    calls = {
        "/prescriptions": {"medicines"},
        "/refills": {"medicines"},
        "/requisitions": {"results", "appointments"},
        "/results": {"results"},
        "/results/trends?code=2823-3": {"results"},
    }
    for path, categories in calls.items():
        answer = delegate.get(path)
        if category in categories:
            assert answer.status_code == 200, (path, answer.text)
        else:
            assert code(answer) == (403, "category_not_delegated"), path


def test_what_delegates_may_do_is_theirs_or_has_a_category() -> None:
    own = {
        "account.read_own",
        "account.change_own",
        "session.manage_own",
        "directory.read",
        "catalog.read",
        "delegation.answer",
        "notification.read",
        "notification.preferences",
    }
    theirs = {name for name, kinds in PERMISSIONS.items() if ActorKind.DELEGATE in kinds}
    assert theirs == own | set(DELEGATED)
    assert all(ActorKind.PATIENT in PERMISSIONS[name] for name in DELEGATED)


def test_a_delegate_has_no_preferences_log_or_gifts_of_the_patients(acting: Caller) -> None:
    offer = {
        "email": "next@example.org",
        "name": "Next",
        "relationship": "friend",
        "categories": ["visits"],
    }
    assert code(acting.get("/patients/me")) == (403, "forbidden")
    assert code(acting.get("/patients/me/access-log")) == (403, "forbidden")
    assert code(acting.get("/delegations")) == (403, "forbidden")
    assert code(acting.post("/delegations", offer)) == (403, "forbidden")
    wish = acting.patch("/me/preferences", {"results": {"by": "phone"}})
    assert code(wish) == (422, "no_results_for_you")


def test_the_next_request_after_a_revocation_finds_the_access_gone(
    clinic: SmallClinic, patient: Caller, acting: Caller, person: UUID
) -> None:
    assert acting.get("/prescriptions").status_code == 200
    [given] = patient.get("/delegations").json["items"]
    ended = patient.post(f"/delegations/{given['id']}/revoke", {"reason": "We parted"})
    assert ended.json["status"] == "revoked"
    for path in ("/prescriptions", "/results", "/notifications"):
        assert code(acting.get(path)) == (403, "access_ended"), path
    assert code(acting.post("/refills", {"items": []}))[1] == "access_ended"


def test_a_revocation_in_mid_list_gives_no_further_page(
    clinic: SmallClinic, patient: Caller, acting: Caller, refillable: Make
) -> None:
    for _ in range(3):
        refillable()
    first = acting.get("/prescriptions?limit=1").json
    assert first["next"]
    [given] = patient.get("/delegations").json["items"]
    patient.post(f"/delegations/{given['id']}/revoke")
    again = acting.get(f"/prescriptions?limit=1&cursor={first['next']}")
    assert code(again) == (403, "access_ended")


def test_a_category_that_is_taken_away_is_gone_at_once(
    patient: Caller, acting: Caller, refillable: Make
) -> None:
    rx = refillable()
    assert acting.get(f"/prescriptions/{rx.id}").status_code == 200
    [given] = patient.get("/delegations").json["items"]
    changed = patient.patch(f"/delegations/{given['id']}", {"categories": ["visits"]})
    assert changed.json["open_categories"] == ["visits"]
    assert code(acting.get(f"/prescriptions/{rx.id}")) == (403, "category_not_delegated")


def test_an_answer_is_not_recalled_once_the_access_has_ended(
    clinic: SmallClinic, patient: Caller, acting: Caller, refillable: Make
) -> None:
    rx, key = refillable(), {"Idempotency-Key": "again"}
    body = {"items": [{"prescription_id": str(rx.id)}]}
    assert acting.post("/refills", body, headers=key).status_code == 201
    assert acting.post("/refills", body, headers=key).headers["Idempotent-Replayed"] == "true"
    [given] = patient.get("/delegations").json["items"]
    patient.post(f"/delegations/{given['id']}/revoke")
    assert code(acting.post("/refills", body, headers=key)) == (403, "access_ended")


def test_a_key_for_one_patient_is_no_key_for_another(
    clinic: SmallClinic, person: UUID, robin: Caller, refillable: Make
) -> None:
    give(clinic.other_patient, person)
    rx, key = refillable(), {"Idempotency-Key": "one key"}
    body = {"items": [{"prescription_id": str(rx.id)}]}
    first = robin.acting_for(clinic.patient.id).post("/refills", body, headers=key)
    assert first.status_code == 201
    second = robin.acting_for(clinic.other_patient.id).post("/refills", body, headers=key)
    assert code(second) == (422, "idempotency_key_reused")


def test_somebody_holds_three_patients_and_is_one_of_them(
    clinic: SmallClinic, caller: Sign
) -> None:
    """A patient acts for two others; each header shows that patient's record alone."""
    me, child, mother = clinic.other_patient, clinic.patient, new_patient(clinic)
    for whose in (child, mother):
        give(whose, me.id, person_kind="patient", categories=["medicines"])
    prescriptions = {
        whose.id: prescription(clinic, patient_id=whose.id).id for whose in (me, child, mother)
    }
    signed_in = caller(ActorKind.PATIENT, me.id)
    shown = {charge["patient_id"] for charge in signed_in.get("/me/patients").json["items"]}
    assert shown == {str(child.id), str(mother.id)}
    callers = {
        me.id: signed_in,
        child.id: signed_in.acting_for(child.id),
        mother.id: signed_in.acting_for(mother.id),
    }
    for whose, who in callers.items():
        items = who.get("/prescriptions").json["items"]
        assert [item["id"] for item in items] == [str(prescriptions[whose])]
        for other, id_ in prescriptions.items():
            expected = 200 if other == whose else 404
            assert who.get(f"/prescriptions/{id_}").status_code == expected
    own = signed_in.acting_for(me.id)
    assert own.get("/patients/me").json["id"] == str(me.id)


def new_patient(clinic: SmallClinic) -> Any:
    row = add_patient(clinic.clinic, clinic.pharmacy, "Cameron", 3)
    add(row, care_team(row, clinic.physician))
    return row


def test_nobody_acts_for_a_stranger_and_nothing_tells_who_there_is(
    clinic: SmallClinic, robin: Caller, patient: Caller, caller: Sign
) -> None:
    strangers = (clinic.other_patient.id, uuid4())
    for who in (robin, patient):
        answers = [who.acting_for(id_).get("/prescriptions") for id_ in strangers]
        assert [code(answer) for answer in answers] == [(403, "not_delegated")] * 2
        bodies = [{**answer.json, "request_id": None} for answer in answers]
        assert bodies[0] == bodies[1]
    for kind, id_ in (
        (ActorKind.PRACTITIONER, clinic.physician.id),
        (ActorKind.STAFF, clinic.nurse.id),
        (ActorKind.PHARMACY, clinic.pharmacy.id),
    ):
        answer = caller(kind, id_).acting_for(clinic.patient.id).get("/me")
        assert code(answer) == (403, "not_delegated"), kind


def test_an_offer_that_was_not_accepted_opens_nothing(clinic: SmallClinic, caller: Sign) -> None:
    id_ = new_person()
    given = give(clinic.patient, id_, status="offered")
    delegate = caller(ActorKind.DELEGATE, id_)
    acting = delegate.acting_for(clinic.patient.id)
    assert code(acting.get("/prescriptions")) == (403, "not_delegated")
    [charge] = delegate.get("/me/patients").json["items"]
    assert (charge["status"], charge["birth_date"]) == ("offered", None)
    assert delegate.post(f"/delegations/{given.id}/accept").status_code == 200
    assert acting.get("/prescriptions").status_code == 200


def test_who_acts_for_others_alone_says_for_whom(robin: Caller) -> None:
    assert code(robin.get("/prescriptions")) == (409, "acting_for_missing")
    assert robin.get("/me").json["kind"] == "delegate"
    assert code(robin.acting_for("me").get("/prescriptions")) == (400, "malformed")


def test_a_made_up_token_learns_nothing_of_a_patient(
    clinic: SmallClinic, anonymous: Caller
) -> None:
    for id_ in (clinic.patient.id, uuid4()):
        answer = anonymous.acting_for(id_).get("/prescriptions")
        assert answer.status_code == 401


def test_access_of_tomorrow_or_until_yesterday_has_ended_or_not_begun(
    clinic: SmallClinic, caller: Sign
) -> None:
    day = timedelta(days=1)
    periods: list[dict[str, Any]] = [
        {"starts_on": today() + day},
        {"starts_on": today() - 3 * day, "ends_on": today() - day},
    ]
    for changes in periods:
        id_ = new_person()
        give(clinic.patient, id_, **changes)
        acting = caller(ActorKind.DELEGATE, id_).acting_for(clinic.patient.id)
        assert code(acting.get("/prescriptions")) == (403, "access_ended")


def test_the_patient_sees_who_looked_and_for_whom(
    clinic: SmallClinic, patient: Caller, acting: Caller
) -> None:
    acting.get("/prescriptions")
    [line] = [
        entry
        for entry in patient.get("/patients/me/access-log").json["items"]
        if entry["actor_kind"] == "delegate"
    ]
    assert (line["actor_name"], line["resource"]) == ("Robin Other", "prescription")
    assert line["on_behalf_of"] == str(clinic.patient.id)


def test_a_refused_item_of_a_strangers_prescription_is_not_found(
    clinic: SmallClinic, acting: Caller
) -> None:
    theirs = prescription(clinic, patient_id=clinic.other_patient.id)
    answer = ask(acting, theirs.id)
    assert answer.status_code == 422
    assert answer.json["items"][0]["problem"]["code"] == "prescription_not_found"
