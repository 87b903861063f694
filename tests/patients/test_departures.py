"""Who leaves and what closes: what is open goes to others, or is a person's, and nothing stays."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import text

from portal.core.actor import OPERATOR, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.directory.cli import directory
from tests.messages.conftest import to_physician
from tests.patients.delegates import today
from tests.patients.endings import Life, broken, open_items
from tests.results.conftest import receive
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.work import drain
from workers import tasks
from workers.tasks import departures

Sign = Callable[..., Caller]
assert tasks.__all__


@pytest.fixture
def administrator(clinic: SmallClinic, caller: Sign) -> Caller:
    return caller(ActorKind.ADMINISTRATOR, clinic.nurse.id)


def leave(
    administrator: Caller, kind: str, id_: UUID, to: UUID | None = None, **changes: Any
) -> dict[str, Any]:
    body = {
        "kind": kind,
        "subject_id": str(id_),
        "successor_id": None if to is None else str(to),
        "reason": "Closes for good.",
        **changes,
    }
    made = administrator.post("/departures", body)
    assert made.status_code == 201, made.text
    drain()
    seen: dict[str, Any] = administrator.get(f"/departures/{made.json['id']}").json
    return seen


def left(seen: dict[str, Any]) -> set[tuple[str, str]]:
    return {(row["resource"], row["subject_id"]) for row in seen["left"]}


def one(query: str, **values: Any) -> Any:
    with transaction(OPERATOR) as session:
        return session.execute(text(query), values).scalar_one()


@pytest.fixture
def full(life: Life) -> dict[str, UUID]:
    """Something open of each kind, a result to review, and a thread with the physician."""
    made = life.open_everything()
    life.patient.post("/threads", to_physician(life.clinic))
    made["diagnostic_report"] = receive(life.clinic)
    drain()
    return made


@pytest.mark.parametrize("successor", [True, False], ids=["successor", "nobody"])
def test_a_practitioner_leaves(
    life: Life,
    full: dict[str, UUID],
    administrator: Caller,
    successor: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In batches of two, each an event of its own."""
    monkeypatch.setattr(departures, "BATCH", 2)
    clinic = life.clinic
    to = clinic.colleague.id if successor else None
    seen = leave(administrator, "practitioner", clinic.physician.id, to)
    assert seen["done_at"] is not None
    assert broken() == []
    assert life.physician.get("/worklist").status_code == 401
    owner = one("SELECT orderer_id FROM requisition WHERE id = :id", id=full["requisition"])
    if successor:
        assert owner == clinic.colleague.id
        assert left(seen) == {("referral", str(full["referral"]))}  # it was to who takes over
        slots = "SELECT count(*) FROM slot WHERE practitioner_id = :id AND withdrawn_at IS NULL"
        assert one(slots, id=clinic.colleague.id) > 0
    else:
        assert ("requisition", str(full["requisition"])) in left(seen)
        assert ("patient", str(clinic.patient.id)) in left(seen)
        assert open_items(full["requisition"]) == ["rerouting"]
    once = one("SELECT count(*) FROM work_item")
    with transaction(OPERATOR) as session:  # what is lost on the way comes again
        session.execute(
            text(
                "UPDATE outbox_event SET status = 'pending', due_at = now() "
                "WHERE kind = 'directory.departed'"
            )
        )
    drain()
    assert one("SELECT count(*) FROM work_item") == once
    assert broken() == []


def test_a_pharmacy_closes_and_its_patients_are_asked(
    life: Life, full: dict[str, UUID], administrator: Caller, caller: Sign
) -> None:
    clinic = life.clinic
    pharmacy = caller(ActorKind.PHARMACY, clinic.pharmacy.id)
    assert pharmacy.get("/pharmacy/orders").status_code == 200
    seen = leave(administrator, "pharmacy", clinic.pharmacy.id)
    assert pharmacy.get("/pharmacy/orders").status_code == 401
    assert left(seen) == {
        ("refill", str(full["refill"])),
        ("patient", str(clinic.patient.id)),
    }
    assert "rerouting" in open_items(full["refill"])
    assert life.patient.get("/patients/me").json["preferred_pharmacy_id"] is None
    told = one("SELECT count(*) FROM notification WHERE event = 'refill_pharmacy_closed'")
    assert told == 2
    assert broken() == []
    body = {"pharmacy_id": str(clinic.other_pharmacy.id)}
    assert life.patient.post(f"/refills/{full['refill']}/pharmacy", body).status_code == 200
    drain()
    assert "rerouting" not in open_items(full["refill"])


def test_a_pharmacy_takes_over_what_nobody_chose(
    life: Life, full: dict[str, UUID], administrator: Caller
) -> None:
    clinic = life.clinic
    seen = leave(administrator, "pharmacy", clinic.pharmacy.id, clinic.other_pharmacy.id)
    assert left(seen) == {("refill", str(full["refill"]))}
    filled = one("SELECT DISTINCT pharmacy_id FROM prescription WHERE status = 'active'")
    assert filled == clinic.other_pharmacy.id
    assert broken() == []


@pytest.mark.parametrize("successor", [True, False], ids=["successor", "nobody"])
def test_a_laboratory_closes(
    life: Life, full: dict[str, UUID], administrator: Caller, successor: bool
) -> None:
    clinic = life.clinic
    to = clinic.other_laboratory.id if successor else None
    collected = life.open_one("requisition")
    assert life.physician.post(f"/requisitions/{collected}/collected").status_code == 200
    drain()
    seen = leave(administrator, "laboratory", clinic.laboratory.id, to)
    at = one("SELECT laboratory_id FROM requisition WHERE id = :id", id=full["requisition"])
    assert (at == clinic.other_laboratory.id) is successor
    assert (("requisition", str(full["requisition"])) in left(seen)) is not successor
    assert ("requisition", str(collected)) in left(seen)
    assert open_items(collected) == ["rerouting"]
    assert broken() == []


def test_the_last_day_is_the_places(clinic: SmallClinic, administrator: Caller) -> None:
    seen = leave(
        administrator,
        "practitioner",
        clinic.physician.id,
        clinic.colleague.id,
        last_day=(today() + timedelta(days=3)).isoformat(),
    )
    assert seen["done_at"] is None
    assert one("SELECT active FROM practitioner WHERE id = :id", id=clinic.physician.id)
    again = {"kind": "practitioner", "subject_id": str(clinic.physician.id), "reason": "Twice."}
    refused = administrator.post("/departures", again)
    assert (refused.status_code, refused.json["code"]) == (409, "already_left")
    drain(until=utcnow() + timedelta(days=5))
    assert not one("SELECT active FROM practitioner WHERE id = :id", id=clinic.physician.id)


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"subject_id": "01a22fd3-0fbb-70ed-974b-1b4929bd8664"}, "/subject_id"),
        ({"successor_id": "01a22fd3-0fbb-70ed-974b-1b4929bd8664"}, "/successor_id"),
        ({"last_day": "2020-01-01"}, "/last_day"),
        ({"kind": "clinic"}, "/kind"),
    ],
)
def test_what_cannot_be(
    clinic: SmallClinic, administrator: Caller, changes: dict[str, Any], pointer: str
) -> None:
    body = {"kind": "pharmacy", "subject_id": str(clinic.pharmacy.id), "reason": "Closes."}
    refused = administrator.post("/departures", {**body, **changes})
    assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, pointer)


def test_a_radiology_takes_over_from_no_laboratory(
    clinic: SmallClinic, administrator: Caller, nurse: Caller
) -> None:
    body = {
        "kind": "laboratory",
        "subject_id": str(clinic.laboratory.id),
        "successor_id": str(clinic.radiology.id),
        "reason": "Closes.",
    }
    assert administrator.post("/departures", body).status_code == 422
    assert nurse.post("/departures", body).status_code == 403
    assert nurse.get("/departures").json["items"] == []


def test_the_operator_has_the_same_from_the_command_line(app: Flask, clinic: SmallClinic) -> None:
    run = app.test_cli_runner().invoke
    made = run(directory, ["depart", "pharmacy", str(clinic.pharmacy.id)])
    assert made.exit_code == 0, made.output
    drain()
    told = run(directory, ["departure", made.output.strip()])
    assert "done" in told.output
    again = run(directory, ["depart", "pharmacy", str(clinic.pharmacy.id)])
    assert again.exit_code == 1
