"""Every pair of statuses against the design's table, for every kind of mover."""

from itertools import product

import pytest

from portal.core.actor import ActorKind
from portal.core.ids import new_id
from portal.core.states import IllegalTransition
from portal.requisitions.laboratory_model import LaboratoryMessage
from portal.requisitions.model import Requisition, StandingOrder
from portal.requisitions.states import (
    MESSAGE,
    REQUISITION,
    STANDING,
    UNCOLLECTED,
    UNRESULTED,
    MessageStatus,
    RequisitionStatus,
    StandingStatus,
)
from tests.support.clinic import NOW, actor

# Written out a second time on purpose: status -> (next -> who). d practitioner, s staff,
# p patient, e delegate, l laboratory, w worker.
_OPEN = {
    "collected": "dslw",
    "in_progress": "lw",
    "resulted": "lw",
    "rejected": "lw",
    "cancelled": "dw",
    "expired": "w",
}
DESIGN = {
    "draft": {"placed": "d", "cancelled": "dw", "expired": "w"},
    "placed": {"sent": "lw", "accepted": "lw", "scheduled": "pedslw", **_OPEN},
    "sent": {"placed": "pedsw", "accepted": "lw", "scheduled": "pedslw", **_OPEN},
    "accepted": {"placed": "pedsw", "scheduled": "pedslw", **_OPEN},
    "scheduled": {"accepted": "pedslw", **_OPEN},
    "collected": {"in_progress": "lw", "resulted": "lw", "rejected": "lw"},
    "in_progress": {"resulted": "lw", "rejected": "lw"},
}
LETTERS = {
    "p": ActorKind.PATIENT,
    "e": ActorKind.DELEGATE,
    "d": ActorKind.PRACTITIONER,
    "s": ActorKind.STAFF,
    "l": ActorKind.LABORATORY,
    "w": ActorKind.WORKER,
}


@pytest.mark.parametrize(
    ("before", "after"), list(product(RequisitionStatus, RequisitionStatus)), ids=str
)
def test_every_pair_for_every_mover(before: RequisitionStatus, after: RequisitionStatus) -> None:
    movers = {LETTERS[letter] for letter in DESIGN.get(before, {}).get(after, "")}
    for kind in ActorKind:
        row = Requisition(id=new_id(), status=before, patient_id=new_id(), laboratory_id=new_id())
        mover = actor(kind, new_id())
        if kind in movers:
            step = row.move_to(after, actor=mover, now=NOW, expected_by=NOW)
            assert (step.from_status, step.to_status) == (before, after)
            assert row.status == after
            assert (row.closed_at is not None) == (after in REQUISITION.ends)
            assert (row.expected_by is None) == (after in REQUISITION.ends)
        else:
            with pytest.raises(IllegalTransition):
                row.move_to(after, actor=mover, now=NOW, expected_by=NOW)
            assert row.status == before


def test_the_ends_and_what_lies_between() -> None:
    ends = {"resulted", "rejected", "cancelled", "expired"}
    assert {status.value for status in REQUISITION.ends} == ends
    drafts = {RequisitionStatus.DRAFT}
    assert UNCOLLECTED | UNRESULTED | REQUISITION.ends | drafts == set(RequisitionStatus)


@pytest.mark.parametrize(("before", "after"), list(product(MessageStatus, repeat=2)), ids=str)
def test_messages(before: MessageStatus, after: MessageStatus) -> None:
    allowed = {"accepted": "lw", "refused": "lw", "withdrawn": "dw"} if before == "queued" else {}
    movers = {LETTERS[letter] for letter in allowed.get(after, "")}
    for kind in ActorKind:
        row = LaboratoryMessage(id=new_id(), status=before)
        if kind in movers:
            row.move_to(after, actor=actor(kind, new_id()), now=NOW)
            assert (row.status, row.answered_at) == (after, NOW)
        else:
            with pytest.raises(IllegalTransition):
                row.move_to(after, actor=actor(kind, new_id()), now=NOW)
    assert {status.value for status in MESSAGE.ends} == {"accepted", "refused", "withdrawn"}


@pytest.mark.parametrize(("before", "after"), list(product(StandingStatus, repeat=2)), ids=str)
def test_standing_orders(before: StandingStatus, after: StandingStatus) -> None:
    allowed = {"completed": "dw", "cancelled": "dw"} if before == "active" else {}
    movers = {LETTERS[letter] for letter in allowed.get(after, "")}
    for kind in ActorKind:
        row = StandingOrder(id=new_id(), status=before)
        if kind in movers:
            row.move_to(after, actor=actor(kind, new_id()), now=NOW)
            assert (row.status, row.ended_at, row.next_on) == (after, NOW, None)
        else:
            with pytest.raises(IllegalTransition):
                row.move_to(after, actor=actor(kind, new_id()), now=NOW)
    assert {status.value for status in STANDING.ends} == {"completed", "cancelled"}
