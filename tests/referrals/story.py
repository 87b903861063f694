"""Referrals on their way for tests that need events of them, and what a tick has to do."""

from collections.abc import Callable
from datetime import timedelta

from portal.core.clock import utcnow
from tests.appointments.conftest import in_days as at_ten
from tests.appointments.conftest import open_slots
from tests.referrals.conftest import body, change, done
from tests.support.api import Caller
from tests.support.clinic import SmallClinic


def leave_referral_events(
    clinic: SmallClinic,
    patient: Caller,
    physician: Caller,
    colleague: Caller,
    drained: Callable[[], object],
) -> str:
    """A referral whose patient takes none of the times offered first, then one, and calls it off;
    seen and reported all the same. `drained` has the workers follow on the way."""
    referral = str(done(physician.post("/referrals", body(clinic, clinic.colleague)))["id"])
    path = f"/referrals/{referral}"
    done(colleague.post(f"{path}/accept"))
    slots = [str(id_) for id_ in open_slots(colleague, at_ten(40), at_ten(41))]
    about = {"kind": "referral", "id": referral}
    held = {"about": about, "slot_ids": slots}
    refused = done(physician.post("/appointments/offers", held))
    done(patient.post(f"/appointments/offers/{refused['id']}/decline", {}))
    drained()
    offer = done(physician.post("/appointments/offers", {"about": about, "slot_ids": slots}))
    taken = {"slot_id": slots[0]}
    mine = done(patient.post(f"/appointments/offers/{offer['id']}/accept", taken))["id"]
    done(patient.post(f"/appointments/{mine}/cancel", {}))
    done(colleague.post(f"{path}/note", {"text": "Seen on the ward."}))
    return referral


def leave_a_draft(clinic: SmallClinic, physician: Caller) -> None:
    """One that nobody has sent in time."""
    draft = done(physician.post("/referrals", body(clinic, clinic.colleague, draft=True)))["id"]
    change(draft, expires_at=utcnow() - timedelta(minutes=1))
