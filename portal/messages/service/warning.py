"""Red flags: what a patient wrote is looked through before it is sent."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.actor import Actor
from portal.core.ids import new_id
from portal.directory import service as directory
from portal.messages import composing_queries, rules
from portal.messages.composing_model import RedFlagWarning
from portal.messages.errors import RedFlagsFound
from portal.messages.red_flags import Flag, RedFlags, compiled, shipped
from portal.messages.service.moves import Flagged
from portal.messages.states import WarnedOf
from portal.patients import service as patients


@dataclass(frozen=True, slots=True)
class Guidance:
    """What was found in a text, and what the patient is to be shown."""

    version: int
    flags: tuple[Flag, ...]
    guidance: str
    phone: str

    def view(self) -> dict[str, Any]:
        return {
            "version": self.version,
            "flags": [{"code": flag.code, "label": flag.label} for flag in self.flags],
            "guidance": self.guidance if self.flags else None,
            "advice_line": {"phone": self.phone, "request": "/api/v1/advice-calls"},
        }


@lru_cache(maxsize=8)
def _compiled(document: bytes) -> RedFlags:
    return compiled(orjson.loads(document))


def red_flags_in_force(session: Session) -> RedFlags:
    """The newest set that was loaded, else the one that Careloop comes with."""
    content = composing_queries.latest_red_flags(session)
    return shipped() if content is None else _compiled(orjson.dumps(content))


def look_through(session: Session, actor: Actor, *texts: str) -> Guidance:
    """What is in a patient's texts, in the patient's language. Raises PatientUnknown."""
    in_force = red_flags_in_force(session)
    flags = in_force.found_in(*texts)
    clinic_id = patients.clinic_of(session, actor.subject_id)
    return Guidance(
        version=in_force.version,
        flags=flags,
        guidance=in_force.guidance_in(patients.language_of(session, actor.subject_id)),
        phone=directory.get_clinic(session, clinic_id).phone,
    )


def check(
    *, session: Session, actor: Actor, texts: tuple[str, ...], warned_of: WarnedOf, now: datetime
) -> Guidance:
    """What is in a patient's texts before they send them; that they were shown it is kept."""
    found = look_through(session, actor, *texts)
    if found.flags:
        _keep(session, actor, found.version, [f.code for f in found.flags], warned_of, now)
    return found


def acknowledged(
    session: Session, actor: Actor, acknowledged_version: int | None, *texts: str
) -> Flagged:
    """The red flags that a patient has acknowledged; nothing where there are none.

    Raises RedFlagsFound with the guidance where they have not, or by another version.
    """
    flags = red_flags_in_force(session).found_in(*texts)
    if not flags:
        return Flagged()
    found = look_through(session, actor, *texts)
    rules.check_acknowledged(acknowledged_version, found.version, flags, found.view())
    return Flagged(found.version, tuple(flag.code for flag in flags))


def keep_warning(
    *,
    session: Session,
    actor: Actor,
    found: RedFlagsFound,
    warned_of: WarnedOf,
    now: datetime,
) -> None:
    """Keep that a patient was shown the guidance which a problem carries."""
    extra: dict[str, Any] = found.extra
    codes = [flag["code"] for flag in extra["flags"]]
    _keep(session, actor, extra["version"], codes, warned_of, now)


def _keep(
    session: Session,
    actor: Actor,
    version: int,
    codes: list[str],
    warned_of: WarnedOf,
    now: datetime,
) -> UUID:
    patient_id = actor.subject_id
    warning = RedFlagWarning(
        id=new_id(),
        patient_id=patient_id,
        warned_of=warned_of,
        set_version=version,
        red_flags=codes,
        at=now,
    )
    session.add(warning)
    session.flush()
    audit.record(
        session,
        actor,
        "warn",
        "red_flags",
        patient_id=patient_id,
        resource_id=warning.id,
        at=now,
    )
    return warning.id
