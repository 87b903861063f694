"""Results for somebody whose record was corrected: laboratories go on writing what they know."""

from typing import Any

import pytest

from tests.patients.test_corrections import correct
from tests.results.messages import obr, obx, oru, pid
from tests.results.test_intake import cases, code_of, reports, take
from tests.support.api import Caller
from tests.support.clinic import SmallClinic

VALUE = obx("potassium", "4.2")


def send(number: int, *who: Any) -> None:
    """A result that nobody here ordered, under a number of its own."""
    asked = obr("", f"F{number}", "F")
    assert code_of(take(oru(f"M{number}", pid(*who), asked, VALUE))) == ["AA"]


def test_a_corrected_birth_date_ends_the_questions(clinic: SmallClinic, nurse: Caller) -> None:
    """What comes with the right one is filed, and what comes with the former one as well."""
    send(1, "MRN-0001", "Testpatient^Avery", "19800514")
    assert (len(cases()), len(reports())) == (1, 0)
    assert correct(nurse, clinic.patient.id, birth_date="1980-05-14").status_code == 200
    send(2, "MRN-0001", "Testpatient^Avery", "19800514")
    send(3, "MRN-0001", "Testpatient^Avery", "19800415")
    assert (len(cases()), len(reports())) == (1, 2)
    send(4, "MRN-0001", "Testpatient^Avery", "19790101")
    assert (len(cases()), len(reports())) == (2, 2)


@pytest.mark.parametrize("number", ["MRN-0001", "mrn-0001", "MRN-7777", " mrn-7777"])
def test_former_names_and_numbers_match(clinic: SmallClinic, nurse: Caller, number: str) -> None:
    changes = {"mrn": "MRN-7777", "given_name": "Ava", "family_name": ""}
    assert correct(nurse, clinic.patient.id, **changes).status_code == 200
    for one, name in enumerate(("Testpatient^Avery", "^Ava", "Ava"), 1):
        send(one, number, name, "19800415")
    assert [case.reason for case in cases()] == ["patient_mismatch"]  # Ava is no family name
    assert [report.patient_id for report in reports()] == [clinic.patient.id] * 2


def test_a_number_that_is_anothers_now_is_a_question(clinic: SmallClinic, nurse: Caller) -> None:
    assert correct(nurse, clinic.patient.id, mrn="MRN-7777").status_code == 200
    swapped = correct(nurse, clinic.other_patient.id, mrn="MRN-0001", confirmed=True)
    assert swapped.status_code == 200, swapped.text
    send(1, "MRN-0001", "Testpatient^Avery", "19800415")
    assert [case.reason for case in cases()] == ["patient_mismatch"]
    assert reports() == []
