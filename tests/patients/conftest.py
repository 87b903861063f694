"""What the tests of delegates share: somebody who acts for the first patient."""

from collections.abc import Callable
from uuid import UUID

import pytest

from portal.core.actor import ActorKind
from tests.patients.delegates import give, new_person
from tests.patients.endings import Life
from tests.refills.conftest import Make, refillable
from tests.support.api import Caller
from tests.support.clinic import SmallClinic

__all__ = ["refillable"]

Sign = Callable[..., Caller]


@pytest.fixture
def person(clinic: SmallClinic) -> UUID:
    """Somebody without a record, to whom the first patient gave everything."""
    id_ = new_person()
    give(clinic.patient, id_)
    return id_


@pytest.fixture
def robin(person: UUID, caller: Sign) -> Caller:
    """The same person, signed in."""
    return caller(ActorKind.DELEGATE, person, "Robin Other")


@pytest.fixture
def acting(clinic: SmallClinic, robin: Caller) -> Caller:
    """The same person, acting for the first patient."""
    return robin.acting_for(clinic.patient.id)


@pytest.fixture
def life(
    clinic: SmallClinic,
    patient: Caller,
    physician: Caller,
    colleague: Caller,
    nurse: Caller,
    refillable: Make,
) -> Life:
    return Life(clinic, patient, physician, colleague, nurse, refillable)
