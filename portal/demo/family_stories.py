"""A minor's visits: one that her mother sees, and one that stays with her."""

from datetime import timedelta
from decimal import Decimal

from portal.demo import cast
from portal.demo.stories import Teller
from portal.demo.visit_stories import VISIT_TAKES, AtTheClinic, pressure
from portal.visits.service import Measured, WantedInstruction, WriteSummary
from portal.visits.states import InstructionKind
from portal.visits.vital_rules import HEIGHT, PULSE, TEMPERATURE, WEIGHT

DAY = timedelta(days=1)
VACCINATION, TALK = 40 * DAY, 16 * DAY


def tell(teller: Teller) -> None:
    clinic = AtTheClinic(teller)
    _vaccination(clinic)
    _confidential(clinic)


def _vaccination(clinic: AtTheClinic) -> None:
    visit = clinic.hold(
        cast.CHEN,
        cast.DAUGHTER,
        "Yearly check and vaccination",
        VACCINATION,
        Measured(HEIGHT, "cm", Decimal(157)),
        Measured(WEIGHT, "kg", Decimal("46.2")),
        pressure(104, 64),
        Measured(PULSE, "/min", Decimal(78)),
        Measured(TEMPERATURE, "[degF]", Decimal("98.4")),
    )
    clinic.sum_up(
        cast.CHEN,
        visit,
        WriteSummary(
            reason="Yearly check and vaccination",
            found="Growing as she should. Vaccinated against influenza and HPV (second dose). "
            "A sore arm for a day or two is usual: call if there is a fever after that.",
            problem_ids=[],
            medicines=[],
            instructions=[
                WantedInstruction(
                    InstructionKind.OTHER,
                    "Bring the vaccination card along next time: we enter both doses.",
                ),
                WantedInstruction(InstructionKind.VISIT, "Come again in a year."),
            ],
        ),
        VACCINATION - VISIT_TAKES,
    )


def _confidential(clinic: AtTheClinic) -> None:
    visit = clinic.hold(
        cast.CHEN,
        cast.DAUGHTER,
        "A talk in confidence",
        TALK,
        confidential_reason="She asked that this stays between us.",
    )
    clinic.sum_up(
        cast.CHEN,
        visit,
        WriteSummary(
            reason="A talk in confidence",
            found="You sleep badly since the school year began. What we talked about stays here.",
            problem_ids=[],
            medicines=[],
            instructions=[
                WantedInstruction(InstructionKind.MESSAGE, "Write to me how it goes in two weeks.")
            ],
        ),
        TALK - VISIT_TAKES,
    )
