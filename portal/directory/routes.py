"""The HTTP calls of this slice."""

from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.idempotency import idempotent, once
from portal.core.paging import Page, aware_time, decode_key, page_by
from portal.core.permissions import requires
from portal.core.schemas import PageQuery
from portal.core.web import Blueprint, current_actor
from portal.directory import administration, arrangements, listings, service
from portal.directory.arrangements import ArrangeCoverage
from portal.directory.model import Pharmacy, Practitioner
from portal.directory.schemas import (
    ArrangeCoverageSchema,
    ClinicSchema,
    ClosureSchema,
    CoveragePage,
    CoverageQuery,
    CoverageSchema,
    EditPharmacySchema,
    PharmacyPage,
    PharmacyQuery,
    PharmacySchema,
    PoolList,
    PractitionerPage,
    PractitionerSchema,
    WriteClosureSchema,
    WritePharmacySchema,
)

blueprint = Blueprint("directory", __name__, "Pharmacies, clinics, practitioners, teams, coverage")


def _listed(page: Page[Any]) -> dict[str, Any]:
    return {"items": page.items, "next": page.next, "sources": []}


def _by_name(row: Pharmacy | Practitioner) -> tuple[object, ...]:
    return row.name, row.id


@blueprint.route("/pharmacies", methods=["GET"])
@requires("directory.read")
@blueprint.arguments(PharmacyQuery, location="query")
@blueprint.response(200, PharmacyPage)
def list_pharmacies(query: dict[str, Any]) -> dict[str, Any]:
    """Find a pharmacy

    By name, city or postal code, in the order of their names.
    """
    after = decode_key(query.pop("cursor"), str, UUID)
    with transaction(current_actor()) as session:
        rows = listings.pharmacies_like(session, after=after, **query)
    return _listed(page_by(rows, query["limit"], _by_name))


@blueprint.route("/pharmacies/<uuid:pharmacy_id>", methods=["GET"])
@requires("directory.read")
@blueprint.response(200, PharmacySchema)
def read_pharmacy(pharmacy_id: UUID) -> Pharmacy:
    """Read a pharmacy"""
    with transaction(current_actor()) as session:
        return service.get_pharmacy(session, pharmacy_id)


@blueprint.route("/pharmacies", methods=["POST"])
@requires("directory.write")
@idempotent()
@blueprint.arguments(WritePharmacySchema)
@blueprint.response(201, PharmacySchema)
def add_pharmacy(command: dict[str, Any]) -> Response:
    """Add a pharmacy"""
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        added = administration.add_pharmacy(session=session, actor=actor, command=command, now=now)
        return PharmacySchema().dump(added), 201

    return once(actor, use_case)


@blueprint.route("/pharmacies/<uuid:pharmacy_id>", methods=["PATCH"])
@requires("directory.write")
@blueprint.arguments(EditPharmacySchema(partial=True))
@blueprint.response(200, PharmacySchema)
def edit_pharmacy(command: dict[str, Any], pharmacy_id: UUID) -> Pharmacy:
    """Change a pharmacy

    `active: false` keeps it from being chosen; what it has already runs on.
    """
    actor = current_actor()
    with transaction(actor) as session:
        return administration.change_pharmacy(
            session=session, actor=actor, pharmacy_id=pharmacy_id, command=command, now=utcnow()
        )


@blueprint.route("/practitioners", methods=["GET"])
@requires("directory.read")
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, PractitionerPage)
def list_practitioners(query: dict[str, Any]) -> dict[str, Any]:
    """List the active practitioners"""
    after = decode_key(query["cursor"], str, UUID)
    with transaction(current_actor()) as session:
        rows = listings.practitioners(session, after=after, limit=query["limit"])
    return _listed(page_by(rows, query["limit"], _by_name))


@blueprint.route("/practitioners/<uuid:practitioner_id>", methods=["GET"])
@requires("directory.read")
@blueprint.response(200, PractitionerSchema)
def read_practitioner(practitioner_id: UUID) -> Practitioner:
    """Read a practitioner"""
    with transaction(current_actor()) as session:
        return service.get_practitioner(session, practitioner_id)


@blueprint.route("/clinics/<uuid:clinic_id>", methods=["GET"])
@requires("directory.read")
@blueprint.response(200, ClinicSchema)
def read_clinic(clinic_id: UUID) -> dict[str, Any]:
    """Read a clinic

    With its opening hours in its own time zone, and the days on which it is closed.
    """
    with transaction(current_actor()) as session:
        return listings.clinic_page(session, service.get_clinic(session, clinic_id))


@blueprint.route("/clinics/<uuid:clinic_id>/closures", methods=["POST"])
@requires("directory.write")
@idempotent()
@blueprint.arguments(WriteClosureSchema)
@blueprint.response(201, ClosureSchema)
def close_clinic(command: dict[str, Any], clinic_id: UUID) -> Response:
    """Close a clinic for a day

    Due times that are set from now on pass over it.
    """
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        closure = administration.close_clinic(
            session=session, actor=actor, clinic_id=clinic_id, command=command, now=now
        )
        return ClosureSchema().dump(closure), 201

    return once(actor, use_case)


@blueprint.route("/pools", methods=["GET"])
@requires("pool.read")
@blueprint.response(200, PoolList)
def list_pools() -> dict[str, Any]:
    """List the teams that share a worklist, with members and leads"""
    with transaction(current_actor()) as session:
        return _listed(Page(listings.pools(session), None))


@blueprint.route("/coverage", methods=["GET"])
@requires("coverage.read")
@blueprint.arguments(CoverageQuery, location="query")
@blueprint.response(200, CoveragePage)
def list_coverage(query: dict[str, Any]) -> dict[str, Any]:
    """List who covers for whom, now and later"""
    after = decode_key(query["cursor"], aware_time, UUID)
    with transaction(current_actor()) as session:
        rows = listings.coverage_list(
            session,
            practitioner_id=query["practitioner_id"],
            since=query["from_"] or utcnow(),
            after=after,
            limit=query["limit"],
        )
    return _listed(page_by(rows, query["limit"], lambda row: (row.starts_at, row.id)))


@blueprint.route("/coverage", methods=["POST"])
@requires("coverage.write")
@idempotent()
@blueprint.arguments(ArrangeCoverageSchema)
@blueprint.response(201, CoverageSchema)
def arrange_coverage(command: ArrangeCoverage) -> Response:
    """Arrange that somebody covers

    A practitioner arranges their own coverage, staff that of their clinic. Work items that are
    with who is away, and that nobody has claimed, move when the period begins and return when it
    ends. Who covers must not be away in the same period.
    """
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        coverage = arrangements.arrange_coverage(
            session=session, actor=actor, command=command, now=now
        )
        return CoverageSchema().dump(listings.coverage_row(session, coverage.id)), 201

    return once(actor, use_case)


@blueprint.route("/coverage/<uuid:coverage_id>/cancel", methods=["POST"])
@requires("coverage.write")
@blueprint.response(200, CoverageSchema)
def cancel_coverage(coverage_id: UUID) -> Any:
    """Call coverage off

    From now on the practitioner answers again. Cancelling twice changes nothing.
    """
    actor = current_actor()
    with transaction(actor) as session:
        arrangements.cancel_coverage(
            session=session, actor=actor, coverage_id=coverage_id, now=utcnow()
        )
        return listings.coverage_row(session, coverage_id)
