"""The rows of clinics, teams, practitioners, staff and pharmacies."""

from collections.abc import Iterator

from portal.demo.people import CITIES, FAMILY, GIVEN_FEMALE, GIVEN_MALE, SPECIALTIES, STREETS
from portal.demo.seed.plan import Plan, Table, row_id
from portal.demo.seed.results import LABORATORY_NAME

ZONE = "America/New_York"
POOLS = ("nurses", "clinic_staff", "pharmacy_liaison")
NURSES_EACH = 3
STAFF_EACH = NURSES_EACH + 2
# Every tenth pharmacy mails and does nothing else; every third mails as well.
MAIL_ORDER_EVERY = 10
MAILS_EVERY = 3

COLUMNS = {
    "clinic": "id, name, time_zone, phone",
    "clinic_hours": "clinic_id, weekday, opens, closes",
    "pool": "id, clinic_id, kind, name",
    "practitioner": "id, clinic_id, pool_id, name, specialty, npi",
    "staff_member": "id, clinic_id, name, title",
    "pool_member": "pool_id, member_id, member_kind, lead",
    "pharmacy": "id, name, ncpdp_id, phone, line, city, state, postal_code, hours, time_zone, "
    "mail_order, mails",
    "laboratory": "id, kind, name, phone, line, city, state, postal_code, hours, time_zone, "
    "application, facility, transport",
}


def is_mail_order(pharmacy: int) -> bool:
    return pharmacy % MAIL_ORDER_EVERY == MAIL_ORDER_EVERY - 1


def pool_number(clinic: int, kind: str) -> int:
    return clinic * len(POOLS) + POOLS.index(kind)


def rows(plan: Plan) -> Iterator[tuple[str, list[str]]]:
    """Each table's lines for COPY, in an order that foreign keys allow."""
    clinics = range(plan.clinics)
    yield "clinic", [_clinic(plan, n) for n in clinics]
    yield "clinic_hours", [line for n in clinics for line in _hours(plan, n)]
    yield "pool", [line for n in clinics for line in _pools(plan, n)]
    yield "practitioner", [_practitioner(plan, n) for n in range(plan.practitioners)]
    staff = range(plan.clinics * STAFF_EACH)
    yield "staff_member", [_staff_member(plan, n) for n in staff]
    yield (
        "pool_member",
        [
            *(_membership(plan, n) for n in range(plan.practitioners)),
            *(_staff_membership(plan, n) for n in staff),
        ],
    )
    yield "pharmacy", [_pharmacy(plan, n) for n in range(plan.pharmacies)]
    yield "laboratory", [_laboratory(plan)]


def _line(*values: object) -> str:
    return "\t".join(map(str, values))


def _clinic(plan: Plan, n: int) -> str:
    id_ = row_id(plan.tail, Table.CLINIC, n)
    return _line(id_, f"{STREETS[n % len(STREETS)]} Street Clinic {n + 1}", ZONE, _phone(n))


def _hours(plan: Plan, n: int) -> list[str]:
    clinic = row_id(plan.tail, Table.CLINIC, n)
    return [_line(clinic, weekday, "08:00", "17:30") for weekday in range(5)]


def _pools(plan: Plan, n: int) -> list[str]:
    clinic = row_id(plan.tail, Table.CLINIC, n)
    return [
        _line(
            row_id(plan.tail, Table.POOL, pool_number(n, kind)),
            clinic,
            kind,
            f"{kind.replace('_', ' ').capitalize()} of clinic {n + 1}",
        )
        for kind in POOLS
    ]


def _practitioner(plan: Plan, n: int) -> str:
    clinic = plan.clinic_of(n)
    given = (GIVEN_FEMALE, GIVEN_MALE)[n % 2][n * 7 % 30]
    return _line(
        row_id(plan.tail, Table.PRACTITIONER, n),
        row_id(plan.tail, Table.CLINIC, clinic),
        row_id(plan.tail, Table.POOL, pool_number(clinic, "nurses")),
        f"Dr. {given} {FAMILY[n * 11 % len(FAMILY)]}",
        SPECIALTIES[n % len(SPECIALTIES)],
        r"\N",
    )


def _staff_member(plan: Plan, n: int) -> str:
    place = n % STAFF_EACH
    title = ("RN", "RN", "LPN", "Front desk", "Pharmacy liaison")[place]
    given = (GIVEN_MALE, GIVEN_FEMALE)[n % 2][n * 13 % 30]
    return _line(
        row_id(plan.tail, Table.STAFF_MEMBER, n),
        row_id(plan.tail, Table.CLINIC, n // STAFF_EACH),
        f"{given} {FAMILY[n * 17 % len(FAMILY)]}",
        title,
    )


def _membership(plan: Plan, n: int) -> str:
    pool = row_id(plan.tail, Table.POOL, pool_number(plan.clinic_of(n), "nurses"))
    return _line(pool, row_id(plan.tail, Table.PRACTITIONER, n), "practitioner", "f")


def _staff_membership(plan: Plan, n: int) -> str:
    clinic, place = divmod(n, STAFF_EACH)
    kind = "nurses" if place < NURSES_EACH else POOLS[place - NURSES_EACH + 1]
    pool = row_id(plan.tail, Table.POOL, pool_number(clinic, kind))
    lead = "t" if place in (0, NURSES_EACH, NURSES_EACH + 1) else "f"
    return _line(pool, row_id(plan.tail, Table.STAFF_MEMBER, n), "staff", lead)


def _pharmacy(plan: Plan, n: int) -> str:
    city, state, postal_code = CITIES[n % len(CITIES)]
    mail_order = is_mail_order(n)
    return _line(
        row_id(plan.tail, Table.PHARMACY, n),
        f"{'Mail' if mail_order else STREETS[n * 5 % len(STREETS)]} Pharmacy {n + 1}",
        r"\N",
        _phone(5000 + n),
        f"{n + 1} {STREETS[n % len(STREETS)]} Street",
        city,
        state,
        postal_code,
        "Mon-Sat 8:00-20:00",
        ZONE,
        "t" if mail_order else "f",
        "t" if mail_order or n % MAILS_EVERY == 0 else "f",
    )


def _laboratory(plan: Plan) -> str:
    city, state, postal_code = CITIES[0]
    return _line(
        row_id(plan.tail, Table.LABORATORY, 0),
        "laboratory",
        LABORATORY_NAME,
        _phone(9000),
        "1 Science Street",
        city,
        state,
        postal_code,
        "Mon-Fri 7:00-16:00",
        ZONE,
        f"SEED{plan.seed}",
        "SEEDLAB",
        "feed",
    )


def _phone(number: int) -> str:
    """From the numbers that are reserved for fiction."""
    return f"518-555-{100 + number % 100:04}"
