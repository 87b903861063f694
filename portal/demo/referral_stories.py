"""Times that can be booked in the demo's clinic, and referrals at every step of their way."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from portal.appointments import service as appointments
from portal.appointments.service import OfferTimes
from portal.core.clock import local_day
from portal.demo import cast
from portal.demo.directory import CLINIC_ID
from portal.demo.front_desk import TAKES, FrontDesk
from portal.demo.settling import settle
from portal.demo.stories import Teller
from portal.directory import service as directory
from portal.referrals import service as referrals
from portal.referrals.service import Authorization, Outside, WriteNote
from portal.referrals.states import NoShowReason, NoteFollowUp, ReferralKind, Urgency

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
# When visits begin, where the clinic is.
BEGINS = (time(9), time(10, 30), time(14))
DAYS_AHEAD = 14
ORTHOPEDICS = Outside(
    "Dr. Helen Marsh", "Capital Bone and Joint", phone="518-555-0171", fax="518-555-0172"
)
GASTROENTEROLOGY = Outside("Dr. Omar Aziz", "Albany Digestive Care", phone="518-555-0173")
DERMATOLOGY = Outside("Dr. Lena Fischer", "Hudson Skin Clinic", phone="518-555-0174")
RHEUMATOLOGY = Outside("Dr. Victor Stone", "Mohawk Rheumatology", phone="518-555-0175")


def tell(teller: Teller) -> None:
    desk = FrontDesk(teller)
    _closed(desk)
    _reported(desk)
    _missed(desk)
    _ends_soon(desk)
    _asked(desk)
    _times(desk)
    referrals.warn_of_expiry(session=teller.session, now=teller.now, limit=100)
    settle(teller.session, teller.now)


def _times(desk: FrontDesk) -> None:
    """Two practitioners have times free; of the third's only one that came free was booked."""
    ahead = list(_starts(desk))
    okafor = desk.open_times(cast.OKAFOR, ahead)
    raman = desk.open_times(cast.RAMAN, ahead)
    [only] = desk.open_times(cast.CHEN, ahead[-1:])
    appointments.offer_times(
        session=desk.session,
        actor=desk.clerk,
        command=OfferTimes(desk.teller.records.patients["Samuel"], None, okafor[6:9]),
        now=desk.at(5 * HOUR),
    )
    desk.settle(5 * HOUR)
    desk.book_own("Grace", okafor[12], DAY)
    booked = desk.book_own("Mei-Ling", only, 2 * DAY)
    appointments.wish_earlier(
        session=desk.session,
        actor=desk.teller.records.patient("Mei-Ling"),
        appointment_id=booked,
        now=desk.at(2 * DAY),
    )
    desk.settle(2 * DAY)
    _scheduled(desk, raman[9])


def _starts(desk: FrontDesk) -> Iterator[datetime]:
    """When visits can begin from tomorrow on, for two weeks, while the clinic is open."""
    calendar = directory.calendar_of(desk.session, CLINIC_ID)
    today = local_day(desk.teller.now, cast.ZONE)
    for days in range(1, DAYS_AHEAD + 1):
        for begins in BEGINS:
            day = today + timedelta(days=days)
            starts = datetime.combine(day, begins, tzinfo=ZoneInfo(cast.ZONE))
            if calendar.is_open(starts) and calendar.is_open(starts + TAKES):
                yield starts


def _closed(desk: FrontDesk) -> None:
    """From the request to the note that was read."""
    referral = desk.refer(
        cast.LINDQVIST, "Olga", "Rheumatology", RHEUMATOLOGY, "Joints swollen again.", 90 * DAY
    )
    desk.accept(desk.clerk, referral, 88 * DAY)
    desk.arrange(referral, "Mohawk Rheumatology, Troy", 50 * DAY, 85 * DAY)
    desk.report(
        referral,
        WriteNote(
            "Lupus, mild flare. No organ involved.",
            "Go on with hydroxychloroquine; prednisone for three weeks, then stop.",
            NoteFollowUp.REFERRER,
            RHEUMATOLOGY.name,
        ),
        44 * DAY,
    )
    referrals.close_referral(
        session=desk.session,
        actor=desk.practitioner(cast.LINDQVIST),
        referral_id=referral,
        reason=None,
        last_seen_note=1,
        now=desk.at(43 * DAY),
    )
    desk.settle(43 * DAY)


def _reported(desk: FrontDesk) -> None:
    """The note came yesterday: who referred has it on the worklist."""
    referral = desk.refer(
        cast.OKAFOR, "Sofia", "Dermatology", DERMATOLOGY, "A mole that has changed.", 40 * DAY
    )
    desk.accept(desk.clerk, referral, 38 * DAY)
    desk.arrange(referral, "Hudson Skin Clinic, Albany", 5 * DAY, 35 * DAY)
    desk.report(
        referral,
        WriteNote(
            "Dermatoscopy: a harmless mole.",
            "A look at it in a year.",
            NoteFollowUp.SPECIALIST,
            DERMATOLOGY.name,
        ),
        DAY,
    )


def _missed(desk: FrontDesk) -> None:
    """She did not come: another appointment is to be arranged."""
    referral = desk.refer(
        cast.CHEN, "Mei-Ling", "Gastroenterology", GASTROENTEROLOGY, "Heartburn.", 30 * DAY
    )
    desk.accept(desk.clerk, referral, 28 * DAY)
    desk.arrange(referral, "Albany Digestive Care, 3rd floor", 3 * DAY, 20 * DAY)
    referrals.no_show(
        session=desk.session,
        actor=desk.clerk,
        referral_id=referral,
        reason=NoShowReason.TRANSPORT,
        now=desk.at(2 * DAY),
    )
    desk.settle(2 * DAY)


def _ends_soon(desk: FrontDesk) -> None:
    """Accepted, without an appointment yet, and the insurance has allowed it for nine days more."""
    last = local_day(desk.teller.now, cast.ZONE) + 9 * DAY
    referral = desk.refer(
        cast.CHEN,
        "James",
        "Orthopedics",
        ORTHOPEDICS,
        "Knee pain that does not get better with exercises.",
        8 * DAY,
        authorization=Authorization("PA-204417", valid_until=last, visits_allowed=2),
    )
    desk.accept(desk.clerk, referral, DAY)


def _asked(desk: FrontDesk) -> None:
    """What a specialist of ours has on the worklist: a new patient, and a colleague's question."""
    desk.refer(
        cast.OKAFOR,
        "Samuel",
        "Cardiology",
        cast.RAMAN,
        "Chest tightness when he runs. ECG at rest normal.",
        2 * HOUR,
        urgency=Urgency.URGENT,
    )
    desk.refer(
        cast.CHEN,
        "Tyler",
        "Cardiology",
        cast.RAMAN,
        "Palpitations at night, ECG normal. A Holter first, or do you want to see him?",
        4 * HOUR,
        kind=ReferralKind.CONSULTATION,
    )


def _scheduled(desk: FrontDesk, slot_id: UUID) -> None:
    """The specialist is one of ours, and the front desk booked one of her times."""
    referral = desk.refer(
        cast.OKAFOR,
        "Avery",
        "Cardiology",
        cast.RAMAN,
        "High blood pressure, and her father had a heart attack at 50.",
        6 * DAY,
    )
    desk.accept(desk.practitioner(cast.RAMAN), referral, 4 * DAY)
    desk.book_for(referral, slot_id, 3 * DAY)
