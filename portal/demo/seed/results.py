"""The rows of one chunk of patients' results: panels over five years, all of them released, seen
and reviewed, as most results are."""

from collections import defaultdict
from datetime import timedelta
from random import Random

from portal.demo.seed.plan import Plan, Table, row_id

COLUMNS = {
    "diagnostic_report": "id, patient_id, laboratory_id, performer_name, responsible_id, "
    "placer_number, filler_number, code, code_system, name, category, status, abnormality, "
    "version_number, current_version_id, collected_at, reported_at, received_at, release_status, "
    "released_at, reviewed_at, reviewed_by, reviewed_version, communicated_at, seen_at",
    "report_version": "id, report_id, patient_id, number, status, abnormality, issued_at, "
    "received_at, digest, changes",
    "observation": "version_id, position, report_id, patient_id, code, code_system, name, sub_id, "
    "kind, number, comparator, value_text, unit, reference_low, reference_high, reference_text, "
    "flags, abnormality, status, observed_at",
}
# A panel's analytes: LOINC code, name, unit, and what is expected.
PANEL = ("24323-8", "Comprehensive metabolic 2000 panel")
ANALYTES = (
    ("2951-2", "Sodium", "mmol/L", 136.0, 145.0),
    ("2823-3", "Potassium", "mmol/L", 3.5, 5.1),
    ("2345-7", "Glucose", "mg/dL", 70.0, 99.0),
    ("2160-0", "Creatinine", "mg/dL", 0.6, 1.3),
    ("17861-6", "Calcium", "mg/dL", 8.6, 10.3),
)
EACH = len(ANALYTES)
YEARS_DAYS = 5 * 365
LABORATORY_NAME = "Seed Laboratory"


class Results:
    """Makes the lines of any patient's results, the same whoever makes them."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._tail = plan.tail
        self._laboratory = row_id(plan.tail, Table.LABORATORY, 0)

    def rows(self, chunk: int) -> dict[str, list[str]]:
        """Each table's lines for COPY, in an order that foreign keys allow."""
        lines: dict[str, list[str]] = defaultdict(list)
        rng = Random(f"{self._plan.seed}/{chunk}/results")
        for patient in self._plan.chunk(chunk):
            for place, report in enumerate(self._plan.reports_of(patient)):
                self._report(lines, rng, patient, report, place)
        return {table: lines[table] for table in COLUMNS}

    def _report(
        self, lines: dict[str, list[str]], rng: Random, patient: int, n: int, place: int
    ) -> None:
        plan, tail = self._plan, self._tail
        each = max(1, len(plan.reports_of(patient)))
        ago = YEARS_DAYS * place // each + int(rng.random() * 5) + 1
        at = f"{(plan.as_of - timedelta(days=ago)).isoformat()} 12:00+00"
        report, version = (
            row_id(tail, table, n) for table in (Table.DIAGNOSTIC_REPORT, Table.REPORT_VERSION)
        )
        whose = row_id(tail, Table.PATIENT, patient)
        by = row_id(tail, Table.PRACTITIONER, patient % plan.practitioners)
        found = [_observation(rng, analyte) for analyte in ANALYTES]
        worst = "abnormal" if any(one[1] != "normal" for one in found) else "normal"
        lines["diagnostic_report"].append(
            f"{report}\t{whose}\t{self._laboratory}\t{LABORATORY_NAME}\t{by}\t\tS{plan.seed}-{n}\t"
            f"{PANEL[0]}\tLN\t{PANEL[1]}\tCH\tfinal\t{worst}\t1\t{version}\t{at}\t{at}\t{at}\t"
            f"released\t{at}\t{at}\t{by}\t1\t{at}\t{at}"
        )
        lines["report_version"].append(
            f"{version}\t{report}\t{whose}\t1\tfinal\t{worst}\t{at}\t{at}\t\\\\x00\t[]"
        )
        for position, (analyte, (value, abnormality)) in enumerate(
            zip(ANALYTES, found, strict=True), 1
        ):
            code, name, unit, low, high = analyte
            flag = "{}" if abnormality == "normal" else "{H}"
            lines["observation"].append(
                f"{version}\t{position}\t{report}\t{whose}\t{code}\tLN\t{name}\t\tquantity\t"
                f"{value}\t\t{value}\t{unit}\t{low}\t{high}\t{low}-{high}\t{flag}\t{abnormality}\t"
                f"final\t{at}"
            )


def _observation(rng: Random, analyte: tuple[str, str, str, float, float]) -> tuple[float, str]:
    """A value, and how it compares with what is expected; one in ten is high."""
    _code, _name, _unit, low, high = analyte
    if rng.random() < 0.1:
        return round(high * (1.02 + rng.random() * 0.1), 1), "abnormal"
    return round(low + (high - low) * rng.random(), 1), "normal"
