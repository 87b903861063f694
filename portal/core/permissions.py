"""What each kind of actor may do: one table, deny by default.

Which *rows* an actor may see is decided by the database (rls.py); this says which *actions* exist
for whom. Every route declares one; a route without a declaration stops the start-up.
"""

from collections.abc import Callable, Mapping
from typing import ParamSpec, TypeVar

from flask import Flask

from portal.core.actor import NOBODY, PATIENT_SIDE, PEOPLE, AccessCategory, Actor, ActorKind
from portal.core.errors import (
    ActingForMissing,
    CategoryNotDelegated,
    Forbidden,
    PatientDeceased,
)

P = ParamSpec("P")
R = TypeVar("R")

PATIENT = ActorKind.PATIENT
PRACTITIONER = ActorKind.PRACTITIONER
STAFF = ActorKind.STAFF
ADMINISTRATOR = ActorKind.ADMINISTRATOR
PHARMACY = ActorKind.PHARMACY
PHONE = ActorKind.PHONE
LABORATORY = ActorKind.LABORATORY

CARE_TEAM = frozenset({PRACTITIONER, STAFF})

PERMISSIONS: Mapping[str, frozenset[ActorKind]] = {
    # accounts
    "account.read_own": PEOPLE,
    "account.change_own": PEOPLE,
    "session.manage_own": PEOPLE,
    "account.administer": frozenset({ADMINISTRATOR}),
    # directory
    "directory.read": PEOPLE,
    "directory.write": frozenset({ADMINISTRATOR}),
    "departure.read": frozenset({STAFF, ADMINISTRATOR}),
    "pool.read": CARE_TEAM | {ADMINISTRATOR},
    "coverage.read": CARE_TEAM | {ADMINISTRATOR},
    "coverage.write": CARE_TEAM | {ADMINISTRATOR},
    # patients
    "patient.read_own": frozenset({PATIENT}),
    "patient.change_own": frozenset({PATIENT}),
    "patient.read": CARE_TEAM,
    "patient.register": frozenset({STAFF}),
    "patient.invite": CARE_TEAM,
    "patient.break_glass": CARE_TEAM,
    "patient.correct": frozenset({STAFF}),
    "patient.ask_correction": frozenset({PATIENT}),
    "patient.merge": frozenset({STAFF}),
    "patient.record_death": CARE_TEAM,
    "audit.read_own": frozenset({PATIENT}),
    "record.keep_confidential": frozenset({PRACTITIONER}),
    # delegates
    "delegation.read_own": frozenset({PATIENT}),
    "delegation.grant": frozenset({PATIENT}),
    "delegation.revoke": frozenset({PATIENT, STAFF}),
    "delegation.answer": PATIENT_SIDE,
    "delegation.read": CARE_TEAM,
    "delegation.record_parent": frozenset({STAFF}),
    "parental_access.configure": frozenset({ADMINISTRATOR}),
    "access_after_death.configure": frozenset({ADMINISTRATOR}),
    # prescriptions
    "prescription.read": PATIENT_SIDE | CARE_TEAM,
    "prescription.write": frozenset({PRACTITIONER}),
    "prescription.override": CARE_TEAM,
    # refills
    "refill.request": PATIENT_SIDE,
    "refill.read": PATIENT_SIDE | CARE_TEAM,
    "refill.cancel": PATIENT_SIDE | {PRACTITIONER},
    "refill.change_pharmacy": PATIENT_SIDE,
    "refill.decide": frozenset({PRACTITIONER}),
    "refill.liaise": frozenset({STAFF}),
    # pharmacies and the phone line
    "pharmacy.orders": frozenset({PHARMACY}),
    "pharmacy.report": frozenset({PHARMACY}),
    "pharmacy.webhook": frozenset({PHARMACY}),
    "phone.refill": frozenset({PHONE}),
    # appointments
    "slot.open": CARE_TEAM,
    "slot.read": PATIENT_SIDE | CARE_TEAM,
    "appointment.read": PATIENT_SIDE | CARE_TEAM,
    "appointment.book": PATIENT_SIDE | CARE_TEAM,
    "appointment.offer": CARE_TEAM,
    "appointment.answer": PATIENT_SIDE,
    "appointment.settle": CARE_TEAM,
    # requisitions
    "requisition.write": frozenset({PRACTITIONER}),
    "requisition.read": PATIENT_SIDE | CARE_TEAM,
    "requisition.cancel": frozenset({PRACTITIONER}),
    "requisition.choose_laboratory": PATIENT_SIDE | CARE_TEAM,
    "requisition.collect": CARE_TEAM,
    "catalog.read": PEOPLE | {LABORATORY},
    "imaging.book": PATIENT_SIDE | CARE_TEAM,
    "imaging.offer": frozenset({LABORATORY}),
    "laboratory.orders": frozenset({LABORATORY}),
    # results
    "laboratory.report": frozenset({LABORATORY}),
    "result.read": PATIENT_SIDE | CARE_TEAM,
    "result.review": frozenset({PRACTITIONER}),
    "result.release": frozenset({PRACTITIONER}),
    "result.acknowledge": frozenset({PRACTITIONER}),
    "result.communicate": CARE_TEAM,
    "reconciliation.work": frozenset({STAFF}),
    # messages and the advice line
    "message.read": PATIENT_SIDE | CARE_TEAM,
    "message.write": PATIENT_SIDE | CARE_TEAM,
    "message.ask": PATIENT_SIDE,
    "message.write_many": CARE_TEAM,
    "message.quick_reply": CARE_TEAM,
    "advice.request": PATIENT_SIDE,
    "advice.read": PATIENT_SIDE | CARE_TEAM,
    "advice.record": CARE_TEAM,
    # visits
    "visit.read": PATIENT_SIDE | CARE_TEAM,
    "visit.write": CARE_TEAM,
    "visit.void": frozenset({PRACTITIONER}),
    "visit.summarize": CARE_TEAM,
    "visit.release": frozenset({PRACTITIONER}),
    "visit.follow": PATIENT_SIDE | CARE_TEAM,
    "vitals.read": PATIENT_SIDE | CARE_TEAM,
    "vitals.record": CARE_TEAM,
    "vitals.record_own": frozenset({PATIENT}),
    "vitals.withdraw": frozenset({PATIENT}) | CARE_TEAM,
    "problem.read": PATIENT_SIDE | CARE_TEAM,
    "problem.write": frozenset({PRACTITIONER}),
    # referrals
    "referral.write": frozenset({PRACTITIONER}),
    "referral.read": PATIENT_SIDE | CARE_TEAM,
    "referral.cancel": PATIENT_SIDE | {PRACTITIONER},
    "referral.decide": CARE_TEAM,
    "referral.arrange": CARE_TEAM,
    "referral.report": CARE_TEAM,
    "referral.release": frozenset({PRACTITIONER}),
    # letters and calls
    "letter.work": frozenset({STAFF}),
    "call.work": CARE_TEAM,
    # attachments
    "attachment.upload": PATIENT_SIDE | CARE_TEAM,
    "attachment.read": PATIENT_SIDE | CARE_TEAM,
    # worklist and notifications
    "worklist.read": CARE_TEAM,
    "worklist.work": CARE_TEAM,
    "notification.read": PEOPLE,
    "notification.preferences": PEOPLE,
}

C = AccessCategory
# What delegates may do for a patient, and in which categories: one of them is enough. Which rows
# each gives is decided by the database. Whatever else the table above allows them is their own.
DELEGATED: Mapping[str, frozenset[AccessCategory]] = {
    "prescription.read": frozenset({C.MEDICINES}),
    "refill.request": frozenset({C.MEDICINES}),
    "refill.read": frozenset({C.MEDICINES}),
    "refill.cancel": frozenset({C.MEDICINES}),
    "refill.change_pharmacy": frozenset({C.MEDICINES}),
    "requisition.read": frozenset({C.RESULTS, C.APPOINTMENTS}),  # imaging is booked on one
    "requisition.choose_laboratory": frozenset({C.RESULTS}),
    "imaging.book": frozenset({C.APPOINTMENTS}),
    "result.read": frozenset({C.RESULTS}),
    "message.read": frozenset({C.MESSAGES}),
    "message.write": frozenset({C.MESSAGES}),
    "message.ask": frozenset({C.MESSAGES}),
    "advice.request": frozenset({C.MESSAGES}),
    "advice.read": frozenset({C.MESSAGES}),
    "attachment.upload": frozenset({C.MESSAGES}),
    "attachment.read": frozenset({C.MESSAGES}),
    "slot.read": frozenset({C.APPOINTMENTS}),
    "appointment.read": frozenset({C.APPOINTMENTS}),
    "appointment.book": frozenset({C.APPOINTMENTS}),
    "appointment.answer": frozenset({C.APPOINTMENTS}),
    "referral.read": frozenset({C.APPOINTMENTS, C.VISITS}),  # its consult note is of a visit
    "referral.cancel": frozenset({C.APPOINTMENTS}),
    "visit.read": frozenset({C.VISITS}),
    "visit.follow": frozenset({C.VISITS}),
    "vitals.read": frozenset({C.VISITS}),
    "problem.read": frozenset({C.VISITS}),
}

ANYONE = "public"
# How permissions to look at something end: what is left to those who act for somebody who has died.
READING = ".read"


class UndeclaredRoute(RuntimeError):
    """A route that says neither who may call it nor that anybody may."""


def permits(kind: ActorKind, permission: str) -> bool:
    return kind in PERMISSIONS.get(permission, frozenset())


def check_permission(actor: Actor, permission: str) -> None:
    """Raises Forbidden; for delegates also ActingForMissing, CategoryNotDelegated, and
    PatientDeceased for anything but reading."""
    if not permits(actor.kind, permission):
        raise Forbidden()
    if actor.kind is ActorKind.DELEGATE and permission in DELEGATED:
        if actor.on_behalf_of == NOBODY:
            raise ActingForMissing()
        if not DELEGATED[permission] & actor.categories:
            raise CategoryNotDelegated()
        if actor.read_only and not permission.endswith(READING):
            raise PatientDeceased()


def requires(permission: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Declare the permission of a route; checked before its body and before its arguments."""
    if permission not in PERMISSIONS:
        raise UndeclaredRoute(f"no such permission: {permission}")
    return _declare(permission)


def public(view: Callable[P, R]) -> Callable[P, R]:
    """Declare that anybody may call this route."""
    return _declare(ANYONE)(view)


def _declare(permission: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    def declare(view: Callable[P, R]) -> Callable[P, R]:
        view.__portal_permission__ = permission  # type: ignore[attr-defined]
        return view

    return declare


def declared(view: object) -> str | None:
    return getattr(view, "__portal_permission__", None)


def verify_routes(app: Flask) -> None:
    """Raises UndeclaredRoute naming the first view without a declared permission."""
    for rule in app.url_map.iter_rules():
        if declared(app.view_functions[rule.endpoint]) is None:
            raise UndeclaredRoute(f"{rule.rule} ({rule.endpoint}) declares no permission")
