"""Ordering tests: all of an order, or nothing of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import Actor
from portal.core.clock import local_day
from portal.core.errors import FieldError
from portal.core.ids import new_id
from portal.directory.model import Laboratory
from portal.patients import confidentiality
from portal.patients import service as patients
from portal.patients.confidentiality import Confidential
from portal.patients.errors import PatientUnknown
from portal.patients.model import Patient
from portal.requisitions import queries, rules
from portal.requisitions.errors import LaboratoryUnusable, OrderUnusable
from portal.requisitions.model import CatalogTest, Requisition, RequisitionHistory, StandingOrder
from portal.requisitions.service import moves
from portal.requisitions.states import (
    RequisitionKind,
    RequisitionPriority,
    RequisitionStatus,
    StandingStatus,
)

S = RequisitionStatus
FURTHEST_AHEAD = timedelta(days=731)


@dataclass(frozen=True, slots=True)
class OrderedTest:
    """One test of an order; what it doesn't say is the order's, or the catalogue's."""

    code: str
    not_before: date | None = None
    note: str | None = None
    specimen_code: str | None = None
    specimen_name: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """So many times, so many days apart."""

    count: int
    interval_days: int


@dataclass(frozen=True, slots=True)
class OrderTests:
    """What a practitioner orders for a patient, at one place. `diagnoses` are {code, text} of
    ICD-10-CM. With a reason it is kept from delegates from the beginning."""

    patient_id: UUID
    tests: Sequence[OrderedTest]
    priority: RequisitionPriority
    diagnoses: Sequence[Mapping[str, str]]
    laboratory_id: UUID | None = None
    fasting: bool | None = None
    note: str | None = None
    not_before: date | None = None
    draft: bool = False
    standing: Standing | None = None
    confidential_reason: str | None = None


def order_tests(
    *, session: Session, actor: Actor, command: OrderTests, now: datetime
) -> list[Requisition]:
    """Order tests, or keep them as drafts: a requisition each, with one group number.

    Raises LaboratoryUnusable and OrderUnusable naming every member that can't be used.
    """
    patient = _patient(session, command.patient_id)
    place = _place(session, command.laboratory_id or patient.preferred_laboratory_id)
    catalog = queries.tests(session, {test.code for test in command.tests})
    today = local_day(now, patient.time_zone)
    problems = list(_problems(command, catalog, place, today))
    if problems:
        raise OrderUnusable(problems[0].message, errors=problems)
    numbers = queries.placer_numbers(session, len(command.tests))
    made = [
        _new(command, test, catalog[test.code], place, patient, actor, now, number, numbers[0])
        for test, number in zip(command.tests, numbers, strict=True)
    ]
    for requisition in made:
        if command.standing:
            _make_standing(session, requisition, command.standing, today, now)
        session.add(requisition)
        session.flush()
        began(session, requisition, actor, now)
    if command.confidential_reason is not None:
        confidentiality.mark(
            session=session,
            actor=actor,
            rows=made,
            resource="requisition",
            command=Confidential(True, command.confidential_reason),
            now=now,
        )
    session.flush()
    return made


def _patient(session: Session, patient_id: UUID) -> Patient:
    try:
        patient = patients.get_patient(session, patient_id)
    except PatientUnknown:
        raise OrderUnusable(
            errors=[FieldError("/patient_id", "There is no patient of yours with this id.")]
        ) from None
    if patient.merged_into_id is not None:
        raise OrderUnusable(
            errors=[FieldError("/patient_id", "This record was merged into another: use that.")]
        )
    return patient


def _place(session: Session, laboratory_id: UUID | None) -> Laboratory:
    if laboratory_id is None:
        message = "The patient has not chosen a place: give one of GET /laboratories."
        raise LaboratoryUnusable(message, errors=[FieldError("/laboratory_id", message)])
    return usable_place(session, laboratory_id)


def usable_place(session: Session, laboratory_id: UUID) -> Laboratory:
    """A laboratory that takes orders. Raises LaboratoryUnusable."""
    place = queries.laboratory(session, laboratory_id)
    if place is None or not place.active:
        message = "There is no such place that takes orders: choose one of GET /laboratories."
        raise LaboratoryUnusable(message, errors=[FieldError("/laboratory_id", message)])
    return place


def _problems(
    command: OrderTests, catalog: Mapping[str, CatalogTest], place: Laboratory, today: date
) -> Sequence[FieldError]:
    found: list[FieldError] = []
    seen: set[str] = set()
    for number, ordered in enumerate(command.tests):
        pointer = f"/tests/{number}"
        if (message := _unusable(ordered.code, catalog, place, seen)) is not None:
            found.append(FieldError(f"{pointer}/code", message))
        seen.add(ordered.code)
        found += _misdated(f"{pointer}/not_before", ordered.not_before, today)
    return found + _misdated("/not_before", command.not_before, today)


def _unusable(
    code: str, catalog: Mapping[str, CatalogTest], place: Laboratory, seen: set[str]
) -> str | None:
    test = catalog.get(code)
    if test is None or not test.active:
        return "There is no such test to order: look with GET /catalog/tests?q=."
    if code in seen:
        return "This test is in the order already."
    if place.kind != rules.KIND_OF_PLACE[RequisitionKind(test.kind)]:
        wanted = rules.KIND_OF_PLACE[RequisitionKind(test.kind)].value
        return f"{place.name} doesn't do {test.kind}: give the laboratory_id of a {wanted}."
    return None


def _misdated(pointer: str, day: date | None, today: date) -> list[FieldError]:
    if day is None or today <= day <= today + FURTHEST_AHEAD:
        return []
    return [FieldError(pointer, "A day from today on, within two years.")]


def _new(
    command: OrderTests,
    ordered: OrderedTest,
    test: CatalogTest,
    place: Laboratory,
    patient: Patient,
    actor: Actor,
    now: datetime,
    placer_number: str,
    group_number: str,
) -> Requisition:
    not_before = ordered.not_before or command.not_before
    fasting = bool(test.fasting_hours) if command.fasting is None else command.fasting
    begins = rules.starts_at(not_before, now, patient.time_zone)
    interval = command.standing.interval_days if command.standing else None
    clocks = rules.clocks(command.priority, begins, interval)
    draft_until = now + rules.DRAFT_KEPT_FOR
    return Requisition(
        id=new_id(),
        placer_number=placer_number,
        group_number=group_number,
        patient_id=patient.id,
        orderer_id=actor.id,
        laboratory_id=place.id,
        kind=test.kind,
        test_code=test.code,
        test_name=test.name,
        status=S.DRAFT if command.draft else S.PLACED,
        draft=command.draft,
        confidential=False,
        priority=command.priority,
        diagnoses=[dict(one) for one in command.diagnoses],
        specimen_code=ordered.specimen_code or test.specimen_code,
        specimen_name=ordered.specimen_name if ordered.specimen_code else test.specimen_name,
        fasting=fasting,
        note=ordered.note or command.note,
        not_before=not_before,
        ordered_at=now,
        status_at=now,
        collect_by=clocks.collect_by,
        expires_at=draft_until if command.draft else clocks.expires_at,
        expected_by=draft_until if command.draft else clocks.collect_by,
    )


def _make_standing(
    session: Session, requisition: Requisition, standing: Standing, today: date, now: datetime
) -> None:
    """A draft's standing order stands still until the draft is placed."""
    order = StandingOrder(
        id=new_id(),
        patient_id=requisition.patient_id,
        orderer_id=requisition.orderer_id,
        status=StandingStatus.ACTIVE,
        ordered_count=standing.count,
        interval_days=standing.interval_days,
        made=1,
        next_on=None if requisition.draft else _next_on(requisition, standing.interval_days, today),
        created_at=now,
    )
    session.add(order)
    session.flush()
    requisition.standing_order_id = order.id


def _next_on(requisition: Requisition, interval_days: int, today: date) -> date:
    return (requisition.not_before or today) + timedelta(days=interval_days)


def began(session: Session, requisition: Requisition, actor: Actor, now: datetime) -> None:
    """The first step of a new requisition."""
    step = RequisitionHistory.of(requisition, None, actor=actor, now=now)
    moves.remember(session, requisition, step, actor=actor, action="create", now=now)
