"""The calls of the phone line. A birth date stands in no URL: the status is asked by headers."""

from datetime import date
from typing import Any

from flask import Response, request
from marshmallow import Schema, fields

from portal.core import limits
from portal.core.clock import utcnow
from portal.core.crypto import digest
from portal.core.dates import BIRTH, day_field
from portal.core.db import transaction
from portal.core.errors import FieldError, Malformed
from portal.core.json import json_response
from portal.core.limits import limiter
from portal.core.permissions import requires
from portal.core.schemas import Strict, text_field
from portal.core.web import Blueprint, current_actor, extension
from portal.refills import service
from portal.refills.schemas import DELIVERY
from portal.refills.service.phone import NO_MATCH, Holder, Label, Spoken
from portal.refills.service.renewal_requests import plain_number
from portal.refills.states import Delivery

blueprint = Blueprint("phone", __name__, "Refills by the number on the label, by phone")

NUMBER_HEADER = "X-Refill-Number"
BIRTH_DATE_HEADER = "X-Date-Of-Birth"


class PhoneRefillSchema(Strict):
    refill_number = text_field(40, metadata={"example": "BCDF2345GH"})
    date_of_birth = day_field(BIRTH, required=True)
    delivery = fields.String(load_default=Delivery.PICKUP.value, validate=DELIVERY)


class SpokenSchema(Schema):
    """What to say, as a code and in plain words."""

    code = fields.String(metadata={"example": "accepted"})
    say = fields.String(metadata={"example": "Your refill has been requested."})
    refill = fields.Dict(allow_none=True)


def _by_number() -> str:
    """Tries count for each number: nobody can go through birth dates."""
    body = request.get_json(silent=True) if request.is_json else None
    typed = body.get("refill_number") if isinstance(body, dict) else None
    number = typed if isinstance(typed, str) else request.headers.get(NUMBER_HEADER, "")
    return digest(plain_number(number)).hex()[:32]


def _identify(label: Label) -> Holder | None:
    with transaction(current_actor()) as session:
        return service.phone.identify(
            session=session,
            label=label,
            secret_key=extension("config").secret_key,
            now=utcnow(),
        )


def _answer(spoken: Spoken, status: int = 200) -> Response:
    view: dict[str, Any] = {"code": spoken.code, "say": spoken.say}
    if spoken.refill is not None:
        view["refill"] = spoken.refill
    return json_response(view, status)


@blueprint.route("/phone/refills", methods=["POST"])
@requires("phone.refill")
@limiter.limit(limits.ENUMERABLE, key_func=_by_number)
@blueprint.arguments(PhoneRefillSchema)
@blueprint.response(200, SpokenSchema)
def request_by_phone(body: dict[str, Any]) -> Response:
    """Ask for a refill by phone

    Always 200 with what to say. A wrong number, a wrong date of birth and a number that was tried
    too often get the same answer.
    """
    actor = current_actor()
    holder = _identify(Label(body["refill_number"], body["date_of_birth"]))
    if holder is None:
        return _answer(NO_MATCH)
    caller = service.phone.for_holder(actor, holder)
    with transaction(caller) as session:
        spoken = service.phone.request_by_phone(
            session=session,
            actor=caller,
            holder=holder,
            delivery=body["delivery"],
            now=utcnow(),
        )
    return _answer(spoken)


def _label_from_headers() -> Label:
    number = request.headers.get(NUMBER_HEADER, "")
    try:
        born = date.fromisoformat(request.headers.get(BIRTH_DATE_HEADER, ""))
    except ValueError:
        problem = FieldError(f"#header/{BIRTH_DATE_HEADER}", "A date like 1980-04-15.")
        raise Malformed(errors=[problem]) from None
    if not 0 < len(number) <= 40:
        problem = FieldError(f"#header/{NUMBER_HEADER}", "The number on the label.")
        raise Malformed(errors=[problem])
    return Label(number, born)


@blueprint.route("/phone/refills/status", methods=["GET"])
@requires("phone.refill")
@limiter.limit(limits.ENUMERABLE, key_func=_by_number)
@blueprint.response(200, SpokenSchema)
def status_by_phone() -> Response:
    """Ask where a refill stands, by phone

    With the headers `X-Refill-Number` and `X-Date-Of-Birth`, so that neither is in a URL.
    """
    actor = current_actor()
    holder = _identify(_label_from_headers())
    if holder is None:
        return _answer(NO_MATCH)
    with transaction(service.phone.for_holder(actor, holder)) as session:
        spoken = service.phone.status_by_phone(session=session, holder=holder)
    return _answer(spoken)
