"""What became of two records: a birth date that was wrong, and a patient who has died.

Both happened just now, so that the workers can be seen to follow: they tell pharmacies and
laboratories who have something open, and close what was open for who has died.
"""

from datetime import timedelta

from portal.core.clock import local_day
from portal.demo import cast, drugs
from portal.demo.lab_stories import CMP, AtWork
from portal.demo.stories import Teller
from portal.patients import correcting, deaths
from portal.patients.correcting import Correct
from portal.patients.death_model import DeathSource
from portal.patients.deaths import RecordDeath
from portal.patients.identity import IdentityField

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ASKED, CORRECTED, DIED = 2 * DAY, 2 * MINUTE, MINUTE
CORRECTED_PATIENT, DECEASED = "Olga", "Walter"


def tell(teller: Teller) -> None:
    _corrected(teller)
    _died(teller)


def _corrected(teller: Teller) -> None:
    """She asked for it, with her passport; part of a medicine is still owed to her."""
    [resident] = [one for one in cast.PATIENTS if one.given_name == CORRECTED_PATIENT]
    patient = teller.records.patient(CORRECTED_PATIENT)
    request = correcting.ask_for_correction(
        session=teller.session,
        actor=patient,
        fields=[IdentityField.BIRTH_DATE],
        text="I was born on 22 October, not on the 12th: I can bring my passport.",
        now=teller.now - ASKED,
    )
    correcting.correct_patient(
        session=teller.session,
        actor=teller.places.staff_member(cast.STAFF[2].name),
        patient_id=patient.id,
        command=Correct(
            {IdentityField.BIRTH_DATE.value: resident.birth_date},
            "The passport says so, seen at the front desk.",
            request_id=request.id,
        ),
        expected=None,
        now=teller.now - CORRECTED,
    )


def _died(teller: Teller) -> None:
    """His daughter called: a refill and an order were open."""
    teller.ask(DECEASED, drugs.DIGOXIN, 2 * HOUR)
    AtWork(teller).order(cast.LINDQVIST, DECEASED, CMP, 3 * DAY, bench=cast.MOHAWK)
    died_at = teller.now - DAY
    deaths.record_death(
        session=teller.session,
        actor=teller.places.practitioner(cast.LINDQVIST.name),
        patient_id=teller.records.patients[DECEASED],
        command=RecordDeath(
            local_day(died_at, cast.ZONE), DeathSource.FAMILY, "His daughter called this morning."
        ),
        now=teller.now - DIED,
    )
