"""Every pair of statuses, tried by every kind of actor."""

from itertools import product
from uuid import uuid4

import pytest

from portal.attachments.model import Attachment
from portal.attachments.states import ATTACHMENT, AttachmentStatus
from portal.core.actor import ActorKind
from portal.core.states import IllegalTransition
from tests.support.clinic import NOW, actor

S, K = AttachmentStatus, ActorKind
ALLOWED = {
    (S.QUARANTINED, S.CLEAN, K.WORKER),
    (S.QUARANTINED, S.INFECTED, K.WORKER),
    (S.QUARANTINED, S.UNSCANNABLE, K.WORKER),
    (S.CLEAN, S.INFECTED, K.WORKER),
    (S.UNSCANNABLE, S.QUARANTINED, K.OPERATOR),
    (S.UNSCANNABLE, S.INFECTED, K.WORKER),
}


@pytest.mark.parametrize(("before", "after"), list(product(S, S)))
def test_each_pair_of_statuses(before: AttachmentStatus, after: AttachmentStatus) -> None:
    for kind in ActorKind:
        row = Attachment(status=before)
        mover = actor(kind, uuid4())
        if (before, after, kind) in ALLOWED:
            row.move_to(after, actor=mover, now=NOW)
            assert (row.status, row.status_at) == (after, NOW)
        else:
            with pytest.raises(IllegalTransition):
                row.move_to(after, actor=mover, now=NOW)
            assert row.status == before


def test_nothing_comes_back_from_infected() -> None:
    assert ATTACHMENT.ends == {S.INFECTED}
