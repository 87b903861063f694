"""The calls about referrals: writing and following them, and every step that people make."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.actor import PATIENT_SIDE, Actor, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.errors import FieldError, Invalid
from portal.core.idempotency import idempotent, once
from portal.core.json import json_response
from portal.core.paging import decode_cursor, page_by
from portal.core.permissions import requires
from portal.core.web import Blueprint, current_actor
from portal.patients.confidentiality import Confidential
from portal.patients.schemas import ConfidentialSchema
from portal.referrals import queries, service
from portal.referrals.errors import ReferralNotFound
from portal.referrals.queries import Wanted
from portal.referrals.schemas import (
    AcceptSchema,
    ArrangeSchema,
    AskSchema,
    AttendedSchema,
    AuthorizeSchema,
    CallOffSchema,
    CancelReferralSchema,
    CloseReferralSchema,
    DeclineSchema,
    InformationSchema,
    NoShowSchema,
    ReferralsQuery,
    ReferSchema,
    ReleaseNoteSchema,
    SendSchema,
    WriteNoteSchema,
)
from portal.referrals.service import Addressee, Arrange, Refer, WriteNote
from portal.referrals.states import REFERRAL
from portal.referrals.view_schemas import ReferralsPage, ReferralTimelineSchema
from portal.referrals.views import Parts, referral_view, timeline_view
from portal.worklist import service as worklist

blueprint = Blueprint("referrals", __name__, "Referring patients, asking colleagues, following it")


@blueprint.route("/referrals", methods=["POST"])
@requires("referral.write")
@idempotent(required=True)
@blueprint.arguments(ReferSchema)
@blueprint.response(201, ReferralTimelineSchema)
def refer(command: Refer) -> Response:
    """Refer a patient, or ask a colleague

    To a practitioner of ours (`to.specialist_id`) or to somebody elsewhere (`to.outside`), for whom
    the staff record what comes back. `draft` keeps it until it is sent. Send an `Idempotency-Key`:
    the same key and body give the same answer.
    """
    actor, now = current_actor(), utcnow()

    def use_case(session: Session) -> tuple[Any, int]:
        made = service.refer(session=session, actor=actor, command=command, now=now)
        return _timeline(session, actor, made.id), 201

    return once(actor, use_case)


@blueprint.route("/referrals", methods=["GET"])
@requires("referral.read")
@blueprint.arguments(ReferralsQuery, location="query")
@blueprint.response(200, ReferralsPage)
def list_referrals(query: dict[str, Any]) -> Response:
    """List referrals, newest first, each with where it stands and what is outstanding"""
    actor, now, after = current_actor(), utcnow(), decode_cursor(query["cursor"])
    wanted = _wanted(actor, query)
    with transaction(actor) as session:
        rows = queries.referrals(
            session,
            wanted,
            statuses=REFERRAL.listed(query["status"]),
            after=after,
            limit=query["limit"],
        )
        page = page_by(rows, query["limit"], lambda row: (row.created_at, row.id))
        shown = {wanted.patient_id} if wanted.patient_id else {r.patient_id for r in page.items}
        for patient_id in shown:
            audit.record(session, actor, "read", "referral", patient_id=patient_id, at=now)
    items = [referral_view(row, now) for row in page.items]
    return json_response({"items": items, "next": page.next, "sources": []})


def _wanted(actor: Actor, query: dict[str, Any]) -> Wanted:
    """Raises Invalid when the care team says neither whose, nor from or to whom."""
    if actor.kind in PATIENT_SIDE:
        return Wanted(patient_id=actor.subject_id)
    if not (query["patient_id"] or query["to"] or query["by"]):
        message = "Say whose list you want, or to=me, or by=me."
        raise Invalid(errors=[FieldError("#query/patient_id", message)])
    staff = actor.kind == ActorKind.STAFF
    to_me = actor.id if query["to"] else None
    return Wanted(
        patient_id=query["patient_id"],
        referrer_id=actor.id if query["by"] else None,
        specialist_id=None if staff else to_me,
        member_id=to_me if staff else None,
    )


@blueprint.route("/referrals/<uuid:referral_id>", methods=["GET"])
@requires("referral.read")
@blueprint.response(200, ReferralTimelineSchema)
def read_referral(referral_id: UUID) -> Response:
    """Follow a referral: every step, who has it now, what was written, and what comes next"""
    actor = current_actor()
    with transaction(actor) as session:
        view = _timeline(session, actor, referral_id)
    return json_response(view)


def _timeline(session: Session, actor: Actor, referral_id: UUID) -> dict[str, Any]:
    row = queries.referral(session, referral_id)
    if row is None:
        raise ReferralNotFound()
    audit.record(session, actor, "read", "referral", patient_id=row.patient_id, resource_id=row.id)
    parts = Parts(
        history=queries.history(session, row.id),
        messages=queries.messages(session, row.id),
        offers=queries.offers(session, row.id),
        notes=queries.notes(session, row.id),
        item=worklist.item_about(session, row.id),
    )
    for_care_team = actor.kind not in PATIENT_SIDE
    return timeline_view(row, parts, utcnow(), for_care_team=for_care_team)


def _step(referral_id: UUID, use_case: Callable[..., object], **arguments: Any) -> Response:
    """Make one step of a referral, at most once for each Idempotency-Key; it is the answer."""
    actor, now = current_actor(), utcnow()

    def step(session: Session) -> tuple[Any, int]:
        use_case(session=session, actor=actor, referral_id=referral_id, now=now, **arguments)
        session.flush()
        return _timeline(session, actor, referral_id), 200

    return once(actor, step)


@blueprint.route("/referrals/<uuid:referral_id>/send", methods=["POST"])
@requires("referral.write")
@idempotent()
@blueprint.arguments(SendSchema)
@blueprint.response(200, ReferralTimelineSchema)
def send_referral(body: dict[str, Any], referral_id: UUID) -> Response:
    """Send a draft, or what was declined, perhaps to somebody else"""
    return _step(referral_id, service.send_referral, to=body["to"] or Addressee())


@blueprint.route("/referrals/<uuid:referral_id>/cancel", methods=["POST"])
@requires("referral.cancel")
@idempotent()
@blueprint.arguments(CancelReferralSchema)
@blueprint.response(200, ReferralTimelineSchema)
def cancel_referral(body: dict[str, Any], referral_id: UUID) -> Response:
    """Call a referral off, as long as the patient was not seen"""
    return _step(referral_id, service.cancel_referral, **body)


@blueprint.route("/referrals/<uuid:referral_id>/confidential", methods=["POST"])
@requires("record.keep_confidential")
@idempotent()
@blueprint.arguments(ConfidentialSchema)
@blueprint.response(200, ReferralTimelineSchema)
def keep_referral_confidential(command: Confidential, referral_id: UUID) -> Response:
    """Keep a referral from everybody who acts for the patient, or open it to them again

    What was written about it, its appointments and their visits go with it.
    """
    return _step(referral_id, service.keep_confidential, command=command)


@blueprint.route("/referrals/<uuid:referral_id>/close", methods=["POST"])
@requires("referral.write")
@idempotent()
@blueprint.arguments(CloseReferralSchema)
@blueprint.response(200, ReferralTimelineSchema)
def close_referral(body: dict[str, Any], referral_id: UUID) -> Response:
    """Close the loop: the consult note was read

    Name the newest version that you have read. Without a note (it was declined, appointments were
    missed, it never came) a reason is needed.
    """
    return _step(referral_id, service.close_referral, **body)


@blueprint.route("/referrals/<uuid:referral_id>/information", methods=["POST"])
@requires("referral.write")
@idempotent()
@blueprint.arguments(InformationSchema)
@blueprint.response(200, ReferralTimelineSchema)
def give_information(body: dict[str, Any], referral_id: UUID) -> Response:
    """Give the specialist the information that they asked for"""
    return _step(referral_id, service.give_information, **body)


@blueprint.route("/referrals/<uuid:referral_id>/accept", methods=["POST"])
@requires("referral.decide")
@idempotent()
@blueprint.arguments(AcceptSchema)
@blueprint.response(200, ReferralTimelineSchema)
def accept_referral(_body: dict[str, Any], referral_id: UUID) -> Response:
    """Accept a referral, or a colleague's question

    For a specialist elsewhere the staff record it; so with the other answers.
    """
    return _step(referral_id, service.accept)


@blueprint.route("/referrals/<uuid:referral_id>/decline", methods=["POST"])
@requires("referral.decide")
@idempotent()
@blueprint.arguments(DeclineSchema)
@blueprint.response(200, ReferralTimelineSchema)
def decline_referral(body: dict[str, Any], referral_id: UUID) -> Response:
    """Decline a referral, with a reason; the note is for the referrer alone"""
    return _step(referral_id, service.decline, reason=body["reason_code"], note=body["note"])


@blueprint.route("/referrals/<uuid:referral_id>/ask", methods=["POST"])
@requires("referral.decide")
@idempotent()
@blueprint.arguments(AskSchema)
@blueprint.response(200, ReferralTimelineSchema)
def ask_referrer(body: dict[str, Any], referral_id: UUID) -> Response:
    """Ask the referrer for information before deciding"""
    return _step(referral_id, service.ask, **body)


@blueprint.route("/referrals/<uuid:referral_id>/answer", methods=["POST"])
@requires("referral.report")
@idempotent()
@blueprint.arguments(WriteNoteSchema)
@blueprint.response(200, ReferralTimelineSchema)
def answer_consultation(command: WriteNote, referral_id: UUID) -> Response:
    """Answer a colleague's question without a visit"""
    return _step(referral_id, service.answer, command=command)


@blueprint.route("/referrals/<uuid:referral_id>/note", methods=["POST"])
@requires("referral.report")
@idempotent()
@blueprint.arguments(WriteNoteSchema)
@blueprint.response(200, ReferralTimelineSchema)
def write_consult_note(command: WriteNote, referral_id: UUID) -> Response:
    """Write the consult note, or a further version of it

    The patient sees it at once unless it is held, and then when the hold ends.
    """
    return _step(referral_id, service.write_note, command=command)


@blueprint.route("/referrals/<uuid:referral_id>/note/release", methods=["POST"])
@requires("referral.release")
@idempotent()
@blueprint.arguments(ReleaseNoteSchema)
@blueprint.response(200, ReferralTimelineSchema)
def release_consult_note(_body: dict[str, Any], referral_id: UUID) -> Response:
    """Show a held consult note to the patient now"""
    return _step(referral_id, service.release_note)


@blueprint.route("/referrals/<uuid:referral_id>/appointment", methods=["POST"])
@requires("referral.arrange")
@idempotent()
@blueprint.arguments(ArrangeSchema)
@blueprint.response(200, ReferralTimelineSchema)
def schedule_referral(command: Arrange, referral_id: UUID) -> Response:
    """Record an appointment that was arranged elsewhere, or another one instead

    A time of ours is booked (`POST /slots/{id}/book`, about the referral) or offered; what comes
    last stands, and a time that was booked before is free again. Too many missed appointments leave
    this to the referrer.
    """
    return _step(referral_id, service.schedule, command=command)


@blueprint.route("/referrals/<uuid:referral_id>/appointment/cancel", methods=["POST"])
@requires("referral.arrange")
@idempotent()
@blueprint.arguments(CallOffSchema)
@blueprint.response(200, ReferralTimelineSchema)
def call_off_referral_appointment(body: dict[str, Any], referral_id: UUID) -> Response:
    """Call the appointment off: another is to be arranged"""
    return _step(referral_id, service.call_off, **body)


@blueprint.route("/referrals/<uuid:referral_id>/attended", methods=["POST"])
@requires("referral.arrange")
@idempotent()
@blueprint.arguments(AttendedSchema)
@blueprint.response(200, ReferralTimelineSchema)
def record_attendance(_body: dict[str, Any], referral_id: UUID) -> Response:
    """Say that the patient was seen"""
    return _step(referral_id, service.attended)


@blueprint.route("/referrals/<uuid:referral_id>/no-show", methods=["POST"])
@requires("referral.arrange")
@idempotent()
@blueprint.arguments(NoShowSchema)
@blueprint.response(200, ReferralTimelineSchema)
def record_no_show(body: dict[str, Any], referral_id: UUID) -> Response:
    """Say that the patient did not come"""
    return _step(referral_id, service.no_show, reason=body["reason_code"])


@blueprint.route("/referrals/<uuid:referral_id>/authorization", methods=["POST"])
@requires("referral.arrange")
@idempotent()
@blueprint.arguments(AuthorizeSchema)
@blueprint.response(200, ReferralTimelineSchema)
def authorize_referral(body: dict[str, Any], referral_id: UUID) -> Response:
    """Write down what the insurance has allowed"""
    return _step(referral_id, service.authorize, authorization=body["authorization"])
