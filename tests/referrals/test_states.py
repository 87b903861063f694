"""Every pair of statuses against the design's table, for every kind of mover."""

from itertools import product

import pytest

from portal.core.actor import ActorKind
from portal.core.ids import new_id
from portal.core.states import IllegalTransition
from portal.referrals.model import Referral
from portal.referrals.note_model import ConsultNote
from portal.referrals.states import REFERRAL, NoteRelease, NoteReleaseRule, ReferralStatus
from tests.support.clinic import NOW, actor

# Written out a second time on purpose: status -> (next -> who). d practitioner, s staff,
# p patient, e who acts for them, w worker.
_OPEN = {"cancelled": "pedw", "expired": "w"}
DESIGN = {
    "draft": {"requested": "d", "cancelled": "dw", "expired": "w"},
    "requested": {
        "accepted": "ds",
        "declined": "ds",
        "needs_information": "ds",
        "report_received": "ds",
        **_OPEN,
    },
    "needs_information": {"requested": "d", "declined": "ds", **_OPEN},
    "declined": {"requested": "d", "closed": "d", **_OPEN},
    "accepted": {"scheduled": "pedsw", "attended": "dsw", "report_received": "ds", **_OPEN},
    "scheduled": {
        "scheduled": "pedsw",
        "accepted": "pedsw",
        "attended": "dsw",
        "no_show": "dsw",
        **_OPEN,
    },
    "no_show": {"scheduled": "pedsw", "closed": "d", **_OPEN},
    "attended": {"report_received": "ds", "closed": "d"},
    "report_received": {"closed": "d"},
}
LETTERS = {
    "p": ActorKind.PATIENT,
    "e": ActorKind.DELEGATE,
    "d": ActorKind.PRACTITIONER,
    "s": ActorKind.STAFF,
    "w": ActorKind.WORKER,
}


@pytest.mark.parametrize(("before", "after"), list(product(ReferralStatus, repeat=2)), ids=str)
def test_every_pair_for_every_mover(before: ReferralStatus, after: ReferralStatus) -> None:
    movers = {LETTERS[letter] for letter in DESIGN.get(before, {}).get(after, "")}
    for kind in ActorKind:
        row = Referral(id=new_id(), status=before, patient_id=new_id())
        mover = actor(kind, new_id())
        if kind in movers:
            step = row.move_to(after, actor=mover, now=NOW, expected_by=NOW, note="why")
            assert (step.from_status, step.to_status, step.note) == (before, after, "why")
            assert (row.status, row.status_at) == (after, NOW)
            assert (row.closed_at is not None) == (after in REFERRAL.ends)
            assert (row.expected_by is None) == (after in REFERRAL.ends)
        else:
            with pytest.raises(IllegalTransition):
                row.move_to(after, actor=mover, now=NOW, expected_by=NOW)
            assert row.status == before


def test_the_ends() -> None:
    assert {status.value for status in REFERRAL.ends} == {"closed", "cancelled", "expired"}


@pytest.mark.parametrize("before", list(NoteRelease), ids=str)
def test_a_note_is_released_once(before: NoteRelease) -> None:
    for kind in ActorKind:
        note = ConsultNote(id=new_id(), release_status=before)
        rule = NoteReleaseRule.BY_PRACTITIONER
        if before == NoteRelease.HELD and kind in (ActorKind.PRACTITIONER, ActorKind.WORKER):
            note.release(rule, actor=actor(kind, new_id()), now=NOW)
            assert (note.release_status, note.released_at) == ("released", NOW)
        else:
            with pytest.raises(IllegalTransition):
                note.release(rule, actor=actor(kind, new_id()), now=NOW)
