"""The demo's prescriptions: every standing that a prescription can have, on somebody's list."""

from dataclasses import dataclass

from portal.demo import drugs
from portal.demo.drugs import Drug


@dataclass(frozen=True, slots=True)
class Standing:
    """`filled` and `written` are days ago; without `written` it follows from the fills so far."""

    filled: int
    used: int
    authorized: int
    written: int | None = None


def ready(used: int = 1, left: int = 4, *, filled: int = 27) -> Standing:
    """Refills left, and the last fill is used up or nearly."""
    return Standing(filled, used, used + left)


def ready_90(used: int = 1, left: int = 2) -> Standing:
    return ready(used, left, filled=80)


def used_up(refills: int = 2, *, filled: int = 26) -> Standing:
    """No refills left: the prescriber is asked."""
    return Standing(filled, refills, refills)


def used_up_90(refills: int = 2) -> Standing:
    return used_up(refills, filled=78)


def too_soon(used: int = 1, left: int = 3, *, filled: int = 4) -> Standing:
    return Standing(filled, used, used + left)


def expired(days: int) -> Standing:
    """Written a year and so many days ago."""
    return Standing(filled=days + 60, used=2, authorized=5, written=366 + days)


# What each patient takes, in the order in which it was written.
LISTS: dict[str, tuple[tuple[Drug, Standing], ...]] = {
    "Avery": (
        (drugs.LISINOPRIL, ready()),
        (drugs.METFORMIN, used_up()),
        (drugs.ATORVASTATIN, too_soon(filled=20)),
        (drugs.HYDROCHLOROTHIAZIDE, ready_90()),
        (drugs.LEVOTHYROXINE, expired(20)),
    ),
    "Marcus": (
        (drugs.CLOPIDOGREL, ready(2, 3)),
        (drugs.FUROSEMIDE, ready()),
        (drugs.DIGOXIN, used_up()),
        (drugs.SIMVASTATIN, used_up(3)),
        (drugs.WARFARIN, too_soon()),
    ),
    "Sofia": (
        (drugs.SERTRALINE, ready()),
        (drugs.FERROUS_SULFATE, ready()),
        (drugs.ALBUTEROL, used_up()),
        (drugs.PREDNISONE, expired(160)),
    ),
    "James": (
        (drugs.ALLOPURINOL, ready()),
        (drugs.COLCHICINE, used_up()),
        (drugs.AMLODIPINE, ready(3, 2)),
        # Schedule IV: five refills are the law's limit, whatever was authorised.
        (drugs.ZOLPIDEM, Standing(filled=28, used=5, authorized=5, written=160)),
    ),
    "Mei-Ling": (
        (drugs.FLUOXETINE, ready()),
        (drugs.METHYLPHENIDATE, Standing(filled=25, used=0, authorized=0)),
        (drugs.ALBUTEROL, ready()),
    ),
    "Ahmed": (
        (drugs.LOSARTAN, ready()),
        (drugs.METFORMIN, used_up()),
        (drugs.SIMVASTATIN, ready()),
    ),
    "Grace": (
        (drugs.DONEPEZIL, ready()),
        (drugs.ALENDRONATE, used_up()),
        (drugs.AMLODIPINE, used_up(3)),
        (drugs.FUROSEMIDE, too_soon(filled=10)),
    ),
    "Tyler": (
        (drugs.FLUTICASONE_SALMETEROL, ready()),
        (drugs.ALBUTEROL, used_up(1)),
    ),
    "Olga": (
        (drugs.HYDROXYCHLOROQUINE, ready()),
        (drugs.METHOTREXATE, used_up()),
        (drugs.PREDNISONE, ready()),
        # Schedule IV, and written more than six months ago: it can't be filled any more.
        (drugs.DIAZEPAM, Standing(filled=90, used=2, authorized=5, written=200)),
    ),
    "Samuel": (
        (drugs.AMLODIPINE, ready()),
        (drugs.HYDROCHLOROTHIAZIDE, used_up_90()),
        # Schedule II can never be refilled.
        (drugs.OXYCODONE, Standing(filled=5, used=0, authorized=0)),
        (drugs.PREGABALIN, Standing(filled=29, used=1, authorized=4)),
    ),
    "Rosa": (
        (drugs.ANASTROZOLE, ready()),
        (drugs.LOSARTAN, used_up()),
        (drugs.CODEINE, Standing(filled=9, used=1, authorized=3)),
    ),
    "Walter": ((drugs.FUROSEMIDE, ready()),),
    "Lucia": ((drugs.ALBUTEROL, ready()),),
    "Daniel": ((drugs.FLUOXETINE, too_soon(filled=12)),),
}

# Prescriptions to which something happens: see stories.py, which names them by patient and drug.
IN_STORIES: dict[str, tuple[tuple[Drug, Standing], ...]] = {
    "Avery": ((drugs.AMLODIPINE, ready()), (drugs.FLUTICASONE_SALMETEROL, ready())),
    "Marcus": ((drugs.LOSARTAN, used_up()),),
    "Sofia": (
        (drugs.FLUTICASONE_SALMETEROL, ready()),
        (drugs.DIAZEPAM, ready(1, 1, filled=30)),
        (drugs.AMLODIPINE, ready()),
    ),
    "James": ((drugs.LISINOPRIL, ready()),),
    "Mei-Ling": ((drugs.SERTRALINE, used_up(filled=32)),),
    "Ahmed": ((drugs.ATORVASTATIN, used_up_90()), (drugs.WARFARIN, too_soon())),
    "Grace": (
        (drugs.LISINOPRIL, used_up(2, filled=29)),
        (drugs.DIGOXIN, ready()),
        (drugs.LEVOTHYROXINE, ready_90()),
    ),
    "Tyler": ((drugs.SERTRALINE, ready()),),
    "Olga": (
        (drugs.FERROUS_SULFATE, ready(filled=38)),
        (drugs.ATORVASTATIN, ready_90()),
    ),
    "Samuel": (
        (drugs.ALLOPURINOL, ready()),
        (drugs.ATORVASTATIN, ready(filled=95)),
    ),
    "Rosa": ((drugs.CLOPIDOGREL, used_up()), (drugs.LEVOTHYROXINE, ready_90())),
    "Walter": ((drugs.DIGOXIN, ready()),),
    "Lucia": (),
    "Daniel": (
        (drugs.LOSARTAN, ready(filled=30)),
        (drugs.METFORMIN, too_soon(filled=8)),
        (drugs.ATORVASTATIN, ready(filled=95)),
    ),
}
