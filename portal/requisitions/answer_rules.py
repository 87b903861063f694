"""What a laboratory's answer to an order means: pure decisions (HL7 v2.5.1, 2.9 and 4.4)."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from portal.requisitions.orl import OrderAnswer, OrderResponse
from portal.requisitions.states import MessageKind, RejectionReason, RequisitionStatus

S = RequisitionStatus

# A system that is not ready is asked so often; then the order counts as refused.
MOST_REJECTIONS = 12
FIRST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=5)
_AGAIN = frozenset({"AR", "CR"})
# ORC-1 (HL7 table 0119): unable to accept, cancelled by the filler, unable to cancel.
_UNABLE, _CALLED_OFF = "UA", frozenset({"OC", "CA"})
_NOT_WITHDRAWN, _NOT_CHANGED = "UC", "UX"
_REFUSALS = {_NOT_WITHDRAWN: MessageKind.CANCEL, _NOT_CHANGED: MessageKind.UPDATE}

_REVISION_REFUSED = frozenset({*_REFUSALS, _UNABLE})


class Fate(StrEnum):
    """What becomes of a message."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    AGAIN = "again"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`status` is where the order goes; None leaves it where it is. A cancellation that is refused
    moves nothing, nor do corrected data (`about` says what was): somebody has to call the
    laboratory."""

    fate: Fate
    status: RequisitionStatus | None = None
    filler_number: str = ""
    reason_code: RejectionReason | None = None
    reason: str = ""
    about: MessageKind = MessageKind.NEW


def judge(
    kind: MessageKind, response: OrderResponse, placer_number: str, rejections: int
) -> Verdict:
    """What the answer to a message means. `rejections` counts those of this message before."""
    reason = "; ".join(response.texts)
    if response.code in _AGAIN and rejections + 1 < MOST_REJECTIONS:
        return Verdict(Fate.AGAIN, reason=reason)
    if kind != MessageKind.NEW:
        return judge_revision(kind, response, placer_number)
    order = _order(response, placer_number)
    if order is not None and order.control == _UNABLE:
        return _unable(order, reason)
    if not response.accepted:
        return Verdict(
            Fate.REFUSED,
            S.REJECTED,
            reason_code=RejectionReason.MESSAGE_REFUSED,
            reason=reason,
        )
    if response.commits:
        return Verdict(Fate.ACCEPTED, S.SENT)
    return _accepted(order)


def asks_again(response: OrderResponse, rejections: int) -> bool:
    """Whether a message that was committed is to be sent again: what its laboratory says of no
    order in particular. `rejections` counts those of this message before."""
    undecided = not any(one.control for one in response.orders)
    return undecided and response.code in _AGAIN and rejections + 1 < MOST_REJECTIONS


def judge_revision(kind: MessageKind, response: OrderResponse, placer_number: str) -> Verdict:
    """What the last answer to a cancellation, or to a patient's corrected data, means."""
    order, reason = _order(response, placer_number), "; ".join(response.texts)
    refused = not response.accepted or (order is not None and order.control in _REVISION_REFUSED)
    said = order.reason if order is not None and order.reason else reason
    return Verdict(Fate.REFUSED if refused else Fate.ACCEPTED, reason=said, about=kind)


def judge_later(response: OrderResponse, placer_number: str) -> Verdict:
    """What an answer means that came after the message was committed (CA)."""
    order = _order(response, placer_number)
    reason = "; ".join(response.texts)
    if order is not None:
        return _said(order, reason)
    if response.commits:
        return Verdict(Fate.ACCEPTED)
    if response.accepted:
        return Verdict(Fate.ACCEPTED, S.ACCEPTED)
    return Verdict(
        Fate.REFUSED, S.REJECTED, reason_code=RejectionReason.MESSAGE_REFUSED, reason=reason
    )


def _said(order: OrderAnswer, reason: str) -> Verdict:
    if order.control == _UNABLE:
        return _unable(order, reason)
    if (refused := _REFUSALS.get(order.control)) is not None:
        return Verdict(Fate.REFUSED, reason=order.reason or reason, about=refused)
    if order.control in _CALLED_OFF:
        return Verdict(
            Fate.ACCEPTED,
            S.REJECTED,
            reason_code=RejectionReason.CANCELLED_BY_LABORATORY,
            reason=order.reason or reason,
        )
    return _accepted(order) if order.control in ("OK", "NA", "SC") else Verdict(Fate.ACCEPTED)


def _accepted(order: OrderAnswer | None) -> Verdict:
    filler_number = order.filler_number if order else ""
    return Verdict(Fate.ACCEPTED, S.ACCEPTED, filler_number=filler_number)


def _unable(order: OrderAnswer, reason: str) -> Verdict:
    return Verdict(
        Fate.ACCEPTED,
        S.REJECTED,
        reason_code=RejectionReason.OTHER,
        reason=order.reason or reason,
    )


def _order(response: OrderResponse, placer_number: str) -> OrderAnswer | None:
    """What is said of this order; an answer about one order need not name it."""
    for order in response.orders:
        if order.placer_number == placer_number:
            return order
    if len(response.orders) == 1 and not response.orders[0].placer_number:
        return response.orders[0]
    return None


def wait_before(failures: int, share: float) -> timedelta:
    """The pause before the next try: exponential and capped, with jitter by `share` (0 to 1)."""
    most = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(failures - 1, 20))
    return timedelta(seconds=most.total_seconds() * (0.5 + share / 2))
