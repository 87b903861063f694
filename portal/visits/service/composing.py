"""Putting a summary together: what was written, and what is known of the visit."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy.orm import Session

from portal.core.json import dumps
from portal.directory import service as directory
from portal.patients import service as patients
from portal.visits import chart_queries, rules
from portal.visits.chart_views import vital_view, with_bmi
from portal.visits.model import Visit


def compose(session: Session, visit: Visit, draft: Mapping[str, Any]) -> dict[str, Any]:
    """What a summary says, as JSON: whatever is changed elsewhere later, this stays."""
    facts = _facts(session, visit)
    ids = [str(id_) for id_ in draft["problem_ids"]]
    problems = {
        str(row.id): {
            "id": row.id,
            "code_system": row.code_system,
            "code": row.code,
            "text": row.text,
            "status": row.status,
        }
        for row in chart_queries.problems_by_id(session, ids)
    }
    content: dict[str, Any] = orjson.loads(dumps(rules.composed(draft, facts, problems)))
    return content


def _facts(session: Session, visit: Visit) -> dict[str, Any]:
    patient = patients.get_patient(session, visit.patient_id)
    practitioner = directory.get_practitioner(session, visit.practitioner_id)
    clinic = directory.get_clinic(session, visit.clinic_id)
    local = (visit.started_at or visit.starts_at).astimezone(ZoneInfo(clinic.time_zone))
    measured = chart_queries.vitals_of_visit(session, visit.id)
    return {
        "patient": {"name": patient.name, "birth_date": patient.birth_date},
        "practitioner": {"id": practitioner.id, "name": practitioner.name},
        "clinic": {"name": clinic.name, "phone": clinic.phone},
        "visit": {
            "kind": visit.kind,
            "held_on": local.date(),
            "local_time": f"{local:%H:%M}",
            "time_zone": clinic.time_zone,
        },
        "vitals": with_bmi([vital_view(row) for row in measured]),
    }
