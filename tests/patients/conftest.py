"""Callers for the tests of patients."""

from collections.abc import Callable

import pytest

from portal.core.actor import ActorKind
from tests.support.api import Caller
from tests.support.clinic import SmallClinic

Sign = Callable[..., Caller]


@pytest.fixture
def patient(clinic: SmallClinic, caller: Sign) -> Caller:
    return caller(ActorKind.PATIENT, clinic.patient.id, "Avery")


@pytest.fixture
def physician(clinic: SmallClinic, caller: Sign) -> Caller:
    return caller(ActorKind.PRACTITIONER, clinic.physician.id)


@pytest.fixture
def colleague(clinic: SmallClinic, caller: Sign) -> Caller:
    return caller(ActorKind.PRACTITIONER, clinic.colleague.id)


@pytest.fixture
def nurse(clinic: SmallClinic, caller: Sign) -> Caller:
    return caller(ActorKind.STAFF, clinic.nurse.id)
