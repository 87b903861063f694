"""The rows of one chunk of patients: their prescriptions, dispenses and open requests."""

from collections import defaultdict
from datetime import date, timedelta
from functools import cached_property
from random import Random

from portal.demo.drugs import CONTROLLED, ORDINARY, Drug
from portal.demo.people import CITIES, FAMILY, GIVEN_FEMALE, GIVEN_MALE, STREETS
from portal.demo.seed.directory import ZONE, is_mail_order, pool_number
from portal.demo.seed.plan import PRESCRIPTIONS_EACH, Plan, Table, label, row_id
from portal.demo.seed.standing import Standing, draw
from portal.prescriptions.ingredients import ingredients_of
from portal.prescriptions.rules import expires_on

NULL = r"\N"


COLUMNS = {
    "patient": "id, mrn, given_name, family_name, birth_date, sex, phone, line, city, state, "
    "postal_code, time_zone, clinic_id, preferred_pharmacy_id, created_at",
    "care_team_member": "patient_id, member_id, member_kind, role, started_on",
    "account": "id, kind, person_id, email, name, status, password_hash, created_at",
    "prescription": "id, refill_number, patient_id, prescriber_id, pharmacy_id, rxnorm_code, "
    "drug_name, ingredients, strength, form, directions, quantity, unit, days_supply, max_per_day, "
    "schedule, "
    "refills_authorized, refills_used, first_fill_used, status, status_reason, written_on, "
    "expires_on, last_filled_on, created_at",
    "dispense": "id, prescription_id, patient_id, pharmacy_id, quantity, days_supply, dispensed_at",
    "refill": "id, prescription_id, patient_id, prescriber_id, pharmacy_id, kind, channel, "
    "status, delivery, reserved, requested_at, status_at, expected_by, reason_code",
    "refill_history": "id, refill_id, patient_id, pharmacy_id, from_status, to_status, at, "
    "actor_kind, actor_id",
    "pharmacy_order": "id, pharmacy_id, refill_id, kind, created_at, acknowledged_at",
    "work_item": "id, kind, subject_id, patient_id, status, priority, responsible_id, "
    "assignee_id, pool_id, due_at, routed_at, created_at",
    "work_item_hop": "id, work_item_id, patient_id, at, assignee_id, pool_id, "
    "escalation_level, reason, actor_kind, actor_id",
}
_FIRST_DAY, _LAST_DAY = -800, 60
_NOBODY = "00000000-0000-0000-0000-000000000000"


def or_null(value: int | None) -> str:
    return NULL if value is None else str(value)


class Chunks:
    """Makes the lines of any chunk of a plan, the same whoever makes them and in which order."""

    def __init__(self, plan: Plan, password_hash: str = NULL) -> None:
        self._plan = plan
        self._tail = plan.tail
        self._first_label = plan.first_label
        self._password_hash = password_hash
        self._lines: dict[str, list[str]] = defaultdict(list)

    @cached_property
    def _days(self) -> dict[int, str]:
        return {n: self._day(n).isoformat() for n in range(_FIRST_DAY, _LAST_DAY)}

    @cached_property
    def _expiries(self) -> dict[tuple[bool, int], str]:
        return {
            (controlled, n): expires_on(4 if controlled else None, self._day(n)).isoformat()
            for controlled in (False, True)
            for n in range(_FIRST_DAY, 1)
        }

    @cached_property
    def _drug_columns(self) -> dict[str, str]:
        return {drug.rxnorm_code: _drug_columns(drug) for drug in (*ORDINARY, *CONTROLLED)}

    def _day(self, offset: int) -> date:
        return self._plan.as_of + timedelta(days=offset)

    def _at(self, days: int, hour: int = 12) -> str:
        return f"{self._days[days]} {hour:02}:00+00"

    def rows(self, chunk: int) -> dict[str, list[str]]:
        """Each table's lines for COPY, in an order that foreign keys allow."""
        self._lines = {table: [] for table in COLUMNS}
        rng = Random(f"{self._plan.seed}/{chunk}")
        for number in self._plan.chunk(chunk):
            self._patient(rng, number)
        return self._lines

    def _patient(self, rng: Random, n: int) -> None:
        plan, tail = self._plan, self._tail
        practitioner = n % plan.practitioners
        clinic = plan.clinic_of(practitioner)
        pharmacy = n % plan.pharmacies
        if is_mail_order(pharmacy) and rng.random() < 0.5:
            pharmacy = (pharmacy + 1) % plan.pharmacies
        patient = row_id(tail, Table.PATIENT, n)
        prescriber = row_id(tail, Table.PRACTITIONER, practitioner)
        female = rng.random() < 0.51
        given = (GIVEN_FEMALE if female else GIVEN_MALE)[int(rng.random() * 30)]
        family = FAMILY[int(rng.random() * len(FAMILY))]
        self._person(rng, n, patient, given, family, "female" if female else "male", pharmacy)
        self._lines["care_team_member"].append(
            f"{patient}\t{prescriber}\tpractitioner\tprimary\t{self._days[_FIRST_DAY]}"
        )
        if n < plan.accounts:
            self._account(n, patient, f"{given} {family}")
        known = (patient, prescriber, row_id(tail, Table.PHARMACY, pharmacy))
        mailed = is_mail_order(pharmacy)
        pool = row_id(tail, Table.POOL, pool_number(clinic, "nurses"))
        for k, standing in enumerate(draw(rng, PRESCRIPTIONS_EACH)):
            self._prescription(rng, n * PRESCRIPTIONS_EACH + k, known, standing, pool, mailed)

    def _person(
        self, rng: Random, n: int, id_: str, given: str, family: str, sex: str, pharmacy: int
    ) -> None:
        plan = self._plan
        city, state, postal_code = CITIES[int(rng.random() * len(CITIES))]
        street = STREETS[int(rng.random() * len(STREETS))]
        born = date(1930, 1, 1) + timedelta(days=int(rng.random() * 34_000))
        clinic = row_id(self._tail, Table.CLINIC, plan.clinic_of(n % plan.practitioners))
        preferred = row_id(self._tail, Table.PHARMACY, pharmacy)
        self._lines["patient"].append(
            f"{id_}\tS{plan.seed}-{n:07}\t{given}\t{family}\t{born.isoformat()}\t{sex}\t"
            f"518-555-{100 + n % 100:04}\t{int(1 + rng.random() * 900)} {street} Street\t{city}\t"
            f"{state}\t{postal_code}\t{ZONE}\t{clinic}\t{preferred}\t{self._at(_FIRST_DAY)}"
        )

    def _account(self, n: int, patient: str, name: str) -> None:
        self._lines["account"].append(
            f"{row_id(self._tail, Table.ACCOUNT, n)}\tpatient\t{patient}\t"
            f"patient{n}@seed{self._plan.seed}.example\t{name}\tactive\t{self._password_hash}\t"
            f"{self._at(_FIRST_DAY)}"
        )

    def _prescription(
        self,
        rng: Random,
        n: int,
        known: tuple[str, str, str],
        standing: Standing,
        pool: str,
        mailed: bool,
    ) -> None:
        patient, prescriber, pharmacy = known
        drug = standing.drug
        id_ = row_id(self._tail, Table.PRESCRIPTION, n)
        controlled = drug.schedule is not None and drug.schedule <= 4
        filled = NULL if standing.filled is None else self._days[standing.filled]
        first_fill = int(standing.filled is not None or standing.open_refill is not None)
        self._lines["prescription"].append(
            f"{id_}\t{label(self._first_label, n)}\t{patient}\t{prescriber}\t{pharmacy}\t"
            f"{self._drug_columns[drug.rxnorm_code]}\t{standing.authorized}\t{standing.used}\t"
            f"{first_fill}\t{standing.status}\t{standing.reason or NULL}\t"
            f"{self._days[standing.written]}\t{self._expiries[controlled, standing.written]}\t"
            f"{filled}\t{self._at(standing.written - 1)}"
        )
        if standing.filled is not None:
            self._lines["dispense"].append(
                f"{row_id(self._tail, Table.DISPENSE, n)}\t{id_}\t{patient}\t{pharmacy}\t"
                f"{drug.quantity}\t{or_null(drug.days_supply)}\t{self._at(standing.filled - 1, 17)}"
            )
        if standing.open_refill is not None:
            self._open_refill(n, id_, known, standing, pool, mailed)

    def _open_refill(
        self,
        n: int,
        prescription: str,
        known: tuple[str, str, str],
        standing: Standing,
        pool: str,
        mailed: bool,
    ) -> None:
        patient, prescriber, pharmacy = known
        status = str(standing.open_refill)
        waiting = status == "awaiting_prescriber"
        kind = "first_fill" if standing.filled is None else "renewal" if waiting else "refill"
        channel = "prescriber" if standing.filled is None else "portal"
        id_ = row_id(self._tail, Table.REFILL, n)
        asked, expected = self._at(-1, 10), self._at(2 + n % 10)
        reason = "out_of_stock" if status == "on_hold" else NULL
        self._lines["refill"].append(
            f"{id_}\t{prescription}\t{patient}\t{prescriber}\t{pharmacy}\t{kind}\t{channel}\t"
            f"{status}\t{'mail' if mailed else 'pickup'}\t{'f' if waiting else 't'}\t"
            f"{asked}\t{asked}\t{expected}\t{reason}"
        )
        history = [(NULL, status)] if waiting else [(NULL, "sending"), ("sending", status)]
        for step, (before, after) in enumerate(history):
            actor = f"pharmacy\t{pharmacy}" if step else f"patient\t{patient}"
            self._lines["refill_history"].append(
                f"{row_id(self._tail, Table.REFILL_HISTORY, 2 * n + step)}\t{id_}\t{patient}\t"
                f"{pharmacy}\t{before}\t{after}\t{self._at(-1, 10 + step)}\t{actor}"
            )
        if waiting:
            self._work_item(n, id_, known, pool, expected)
            return
        self._lines["pharmacy_order"].append(
            f"{row_id(self._tail, Table.PHARMACY_ORDER, n)}\t{pharmacy}\t{id_}\tfill\t{asked}\t"
            f"{self._at(-1, 11)}"
        )

    def _work_item(
        self, n: int, refill: str, known: tuple[str, str, str], pool: str, due: str
    ) -> None:
        patient, prescriber, _ = known
        id_ = row_id(self._tail, Table.WORK_ITEM, n)
        at = self._at(-1, 10)
        self._lines["work_item"].append(
            f"{id_}\trefill_decision\t{refill}\t{patient}\topen\troutine\t{prescriber}\t"
            f"{prescriber}\t{pool}\t{due}\t{at}\t{at}"
        )
        self._lines["work_item_hop"].append(
            f"{row_id(self._tail, Table.WORK_ITEM_HOP, n)}\t{id_}\t{patient}\t{at}\t"
            f"{prescriber}\t{pool}\t0\tresponsible\tworker\t{_NOBODY}"
        )


def _drug_columns(drug: Drug) -> str:
    ingredients = "{" + ",".join(f'"{one}"' for one in ingredients_of(drug.name)) + "}"
    return (
        f"{drug.rxnorm_code}\t{drug.name}\t{ingredients}\t{drug.strength}\t{drug.form}\t{drug.directions}\t"
        f"{drug.quantity}\t{drug.unit}\t{or_null(drug.days_supply)}\t{or_null(drug.max_per_day)}\t"
        f"{or_null(drug.schedule)}"
    )
