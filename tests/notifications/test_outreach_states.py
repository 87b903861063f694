"""Every pair of statuses of letters and calls, for every kind of mover."""

from itertools import product

import pytest

from portal.core.actor import ActorKind
from portal.core.ids import new_id
from portal.core.states import IllegalTransition
from portal.notifications.outreach_model import Letter, PhoneCall
from portal.notifications.outreach_states import CALL, LETTER, CallStatus, LetterStatus
from tests.support.clinic import NOW, actor

# Written out a second time on purpose: status -> (next -> who).
LETTERS = {
    "queued": {"printed": "s", "cancelled": "sw"},
    "printed": {"returned": "s"},
}
CALLS = {"open": {"reached": "sp", "given_up": "sp", "cancelled": "spw"}}
MOVERS = {"s": ActorKind.STAFF, "p": ActorKind.PRACTITIONER, "w": ActorKind.WORKER}


@pytest.mark.parametrize(("before", "after"), list(product(LetterStatus, LetterStatus)), ids=str)
def test_every_pair_of_a_letters(before: LetterStatus, after: LetterStatus) -> None:
    movers = {MOVERS[mover] for mover in LETTERS.get(before, {}).get(after, "")}
    for kind in ActorKind:
        letter = Letter(id=new_id(), status=before)
        if kind in movers:
            letter.move_to(after, actor=actor(kind, new_id()), now=NOW)
            assert letter.status == after
            assert (letter.printed_at == NOW) == (after == LetterStatus.PRINTED)
            assert (letter.ended_at == NOW) == (after in LETTER.ends)
        else:
            with pytest.raises(IllegalTransition):
                letter.move_to(after, actor=actor(kind, new_id()), now=NOW)
            assert letter.status == before


@pytest.mark.parametrize(("before", "after"), list(product(CallStatus, CallStatus)), ids=str)
def test_every_pair_of_a_calls(before: CallStatus, after: CallStatus) -> None:
    movers = {MOVERS[mover] for mover in CALLS.get(before, {}).get(after, "")}
    for kind in ActorKind:
        call = PhoneCall(id=new_id(), status=before)
        if kind in movers:
            call.move_to(after, actor=actor(kind, new_id()), now=NOW)
            assert (call.status, call.ended_at) == (after, NOW)
        else:
            with pytest.raises(IllegalTransition):
                call.move_to(after, actor=actor(kind, new_id()), now=NOW)
            assert call.status == before


def test_the_ends() -> None:
    assert {status.value for status in LETTER.ends} == {"returned", "cancelled"}
    assert {status.value for status in CALL.ends} == {"reached", "given_up", "cancelled"}
