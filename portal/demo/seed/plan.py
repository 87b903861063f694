"""How much there is of what, and the ids: all a function of the seed and a row's number."""

from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from hashlib import blake2b
from math import ceil

CHUNK = 1_000
PRESCRIPTIONS_EACH = 10
# Where the ids' clock starts: 2020-01-01 in milliseconds. Ids of later rows are later.
_EPOCH_MS = 1_577_836_800_000
_LABEL_ALPHABET = "23456789BCDFGHJKLMNPQRSTVWXZ"
_LABELS = len(_LABEL_ALPHABET) ** 10
# Coprime to _LABELS, so that it walks over every label once, in no visible order.
_LABEL_STEP = 109_345_121_237_939


class Table(IntEnum):
    """The tables that are seeded; the number is a part of their rows' ids."""

    CLINIC = 1
    POOL = 2
    PRACTITIONER = 3
    STAFF_MEMBER = 4
    PHARMACY = 5
    PATIENT = 6
    ACCOUNT = 7
    PRESCRIPTION = 8
    DISPENSE = 9
    REFILL = 10
    REFILL_HISTORY = 11
    PHARMACY_ORDER = 12
    WORK_ITEM = 13
    WORK_ITEM_HOP = 14
    LABORATORY = 15
    DIAGNOSTIC_REPORT = 16
    REPORT_VERSION = 17


@dataclass(frozen=True, slots=True)
class Plan:
    """One seeding. `as_of` is the day by which everything is dated; `reports` are spread evenly."""

    patients: int
    seed: int
    as_of: date
    accounts: int = 0
    reports: int = 0

    @property
    def practitioners(self) -> int:
        return max(2, ceil(self.patients / 1_000))

    @property
    def clinics(self) -> int:
        return ceil(self.practitioners / 10)

    @property
    def pharmacies(self) -> int:
        return max(3, ceil(self.patients / 2_000))

    @property
    def chunks(self) -> int:
        return ceil(self.patients / CHUNK)

    def chunk(self, number: int) -> range:
        """The patients of one chunk."""
        return range(number * CHUNK, min(self.patients, (number + 1) * CHUNK))

    def clinic_of(self, practitioner: int) -> int:
        return practitioner % self.clinics

    def reports_of(self, patient: int) -> range:
        """The numbers of one patient's reports."""
        each, more = divmod(self.reports, self.patients)
        first = patient * each + min(patient, more)
        return range(first, first + each + (patient < more))

    @property
    def first_label(self) -> int:
        """Where this seed's refill numbers start."""
        return int.from_bytes(blake2b(f"label {self.seed}".encode(), digest_size=8).digest())

    @property
    def tail(self) -> str:
        """The end of every id of this seed."""
        digest = blake2b(f"careloop seed {self.seed}".encode(), digest_size=8).hexdigest()
        return f"8{digest[:3]}-{digest[3:15]}"


def row_id(tail: str, table: Table, number: int) -> str:
    """A UUIDv7 in form: its clock is the row's number, the rest says table and seed."""
    clock = _EPOCH_MS + number
    return f"{clock >> 16:08x}-{clock & 0xFFFF:04x}-7{table:03x}-{tail}"


_PAIRS = [a + b for a in _LABEL_ALPHABET for b in _LABEL_ALPHABET]


def label(offset: int, number: int) -> str:
    """The refill number of a prescription: ten characters, never the same twice in a seed."""
    rest = (offset + number * _LABEL_STEP) % _LABELS
    pairs = len(_PAIRS)
    rest, a = divmod(rest, pairs)
    rest, b = divmod(rest, pairs)
    rest, c = divmod(rest, pairs)
    e, d = divmod(rest, pairs)
    return _PAIRS[a] + _PAIRS[b] + _PAIRS[c] + _PAIRS[d] + _PAIRS[e]
