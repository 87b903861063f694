"""Who there is in the demo: the clinic's people, its patients, and the pharmacies nearby."""

from dataclasses import dataclass
from datetime import date

CLINIC = "Riverside Family Medicine"
ZONE = "America/New_York"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the clinic. `job` is a specialty, or a title."""

    name: str
    job: str
    pool: str = "nurses"
    lead: bool = False
    active: bool = True


@dataclass(frozen=True, slots=True)
class Shop:
    name: str
    phone: str
    line: str
    city: str
    postal_code: str
    hours: str
    ncpdp_id: str
    mail_order: bool = False
    mails: bool = False


@dataclass(frozen=True, slots=True)
class Resident:
    """A patient, with the primary practitioner and the preferred pharmacy by name."""

    given_name: str
    family_name: str
    birth_date: date
    sex: str
    phone: str
    line: str | None
    city: str | None
    postal_code: str | None
    primary: str
    pharmacy: str
    language: str = "en"
    time_zone: str = ZONE
    state: str = "NY"
    # Stays so old, whenever the demo is loaded; the birthday stays as well.
    age: int | None = None
    # The birth date that was written down first: see record_stories.py.
    registered_as: date | None = None
    has_account: bool = True


OKAFOR = Person("Dr. Ines Okafor", "Family medicine")
LINDQVIST = Person("Dr. Erik Lindqvist", "Internal medicine")
RAMAN = Person("Dr. Priya Raman", "Cardiology")
CHEN = Person("Julia Chen, NP", "Family medicine")
# Retired last month; nobody covers, so that what still reaches him goes to the nurses.
WHITMAN = Person("Dr. Harold Whitman", "Family medicine", active=False)
PRACTITIONERS = (OKAFOR, LINDQVIST, RAMAN, CHEN, WHITMAN)

STAFF = (
    Person("Nora Bell", "Registered nurse", "nurses", lead=True),
    Person("Diego Ramos", "Licensed practical nurse", "nurses"),
    Person("Maya Goldberg", "Front desk", "clinic_staff", lead=True),
    Person("Lee Park", "Pharmacy liaison", "pharmacy_liaison", lead=True),
)
ADMINISTRATOR = "Ruth Abara"
POOLS = {
    "nurses": "Riverside nurses",
    "clinic_staff": "Riverside front desk",
    "pharmacy_liaison": "Riverside pharmacy liaison",
}

CORNER = Shop(
    "Corner Pharmacy",
    "518-555-0142",
    "1 Lark Street",
    "Albany",
    "12210",
    "Mon-Fri 8:00-20:00, Sat 9:00-18:00",
    "3399001",
    mails=True,
)
HARBOR = Shop(
    "Harbor Drugs",
    "518-555-0117",
    "48 Quay Street",
    "Albany",
    "12207",
    "Every day 9:00-21:00",
    "3399002",
)
EVERGREEN = Shop(
    "Evergreen Mail Order Pharmacy",
    "800-555-0190",
    "700 Depot Road",
    "Syracuse",
    "13211",
    "Mon-Fri 8:00-18:00",
    "3399003",
    mail_order=True,
    mails=True,
)
PHARMACIES = (CORNER, HARBOR, EVERGREEN)
PHONE_LINE = "Riverside refill line"


@dataclass(frozen=True, slots=True)
class Bench:
    """A laboratory or radiology department. `pushed`: it gets its orders over MLLP."""

    name: str
    kind: str
    clia: str | None
    phone: str
    line: str
    city: str
    postal_code: str
    hours: str
    application: str
    facility: str
    pushed: bool = False


CAPITAL = Bench(
    "Capital Region Laboratory",
    "laboratory",
    "33D0999901",
    "518-555-0155",
    "20 Science Park",
    "Albany",
    "12205",
    "Mon-Fri 6:30-17:00, Sat 7:00-12:00",
    "CAPLIS",
    "CAPLAB",
    pushed=True,
)
MOHAWK = Bench(
    "Mohawk Valley Diagnostics",
    "laboratory",
    "33D0999902",
    "518-555-0156",
    "5 Canal Street",
    "Schenectady",
    "12305",
    "Mon-Fri 7:00-16:00",
    "MOHAWK",
    "MVD",
)
IMAGING = Bench(
    "Riverside Imaging",
    "radiology",
    None,
    "518-555-0157",
    "14 Hospital Drive",
    "Albany",
    "12208",
    "Mon-Fri 7:00-19:00, Sat 8:00-13:00",
    "RADRIS",
    "RIVERIMG",
)
LABORATORIES = (CAPITAL, MOHAWK, IMAGING)

# The mail-order pharmacy's patient comes last: scripts that take the first prescription they find
# and ask for pickup then find one that can be picked up.
PATIENTS = (
    Resident("Avery", "Thompson", date(1980, 4, 15), "female", "518-555-0101",
             "12 Willow Street", "Albany", "12203", OKAFOR.name, CORNER.name),
    Resident("Marcus", "Bell", date(1955, 2, 3), "male", "518-555-0102",
             "230 Madison Avenue", "Albany", "12202", RAMAN.name, HARBOR.name),
    Resident("Sofia", "Alvarez", date(1992, 9, 27), "female", "518-555-0103",
             "8 Myrtle Avenue", "Albany", "12202", OKAFOR.name, CORNER.name, "es"),
    Resident("James", "O'Connor", date(1968, 6, 11), "male", "518-555-0104",
             "91 Hackett Boulevard", "Albany", "12208", CHEN.name, HARBOR.name),
    Resident("Mei-Ling", "Wong", date(1997, 12, 1), "female", "518-555-0105",
             "415 New Scotland Avenue", "Albany", "12208", CHEN.name, CORNER.name),
    Resident("Ahmed", "Haddad", date(1963, 3, 19), "male", "518-555-0106",
             "27 Delaware Avenue", "Delmar", "12054", WHITMAN.name, HARBOR.name),
    Resident("Grace", "Nakamura", date(1944, 7, 30), "female", "518-555-0107",
             "3 Elm Court", "Troy", "12180", LINDQVIST.name, CORNER.name),
    # Has no mailing address on file yet.
    Resident("Tyler", "Jackson", date(2007, 5, 8), "male", "518-555-0108",
             None, None, None, CHEN.name, HARBOR.name),
    Resident("Olga", "Petrova", date(1971, 10, 22), "female", "518-555-0109",
             "140 Fifth Avenue", "Troy", "12180", LINDQVIST.name, CORNER.name,
             registered_as=date(1971, 10, 12)),
    Resident("Samuel", "Adeyemi", date(1985, 1, 14), "male", "518-555-0110",
             "66 Western Avenue", "Albany", "12203", OKAFOR.name, HARBOR.name),
    Resident("Rosa", "Castillo", date(1959, 8, 5), "female", "518-555-0111",
             "19 Clinton Street", "Schenectady", "12305", RAMAN.name, CORNER.name, "es"),
    # Has died: see record_stories.py.
    Resident("Walter", "Novak", date(1938, 9, 2), "male", "518-555-0114",
             "5 River Road", "Troy", "12180", LINDQVIST.name, CORNER.name, has_account=False),
    # A minor, whose mother acts for her: see delegates.py.
    Resident("Lucia", "Reyes", date(2013, 3, 9), "female", "518-555-0113",
             "77 Orchard Avenue", "Albany", "12203", CHEN.name, CORNER.name, age=13),
    Resident("Daniel", "Kowalski", date(1976, 11, 18), "male", "312-555-0112",
             "501 Lakeview Drive", "Chicago", "60614", LINDQVIST.name, EVERGREEN.name,
             time_zone="America/Chicago", state="IL"),
)  # fmt: skip


# Has no record of her own at the clinic, and acts for her daughter.
MOTHER = "Elena Reyes"
DAUGHTER = "Lucia"


def born_on(resident: Resident, today: date) -> date:
    """A patient's birth date, as of the day on which the demo is loaded."""
    birth = resident.birth_date
    if resident.age is None:
        return birth
    before_birthday = (today.month, today.day) < (birth.month, birth.day)
    return birth.replace(year=today.year - resident.age - before_birthday)


def e_mail(name: str) -> str:
    """`Dr. Ines Okafor` -> ines.okafor@careloop.example"""
    plain = name.removeprefix("Dr. ").removesuffix(", NP").replace("'", "").lower()
    return f"{plain.replace(' ', '.')}@careloop.example"


def password(name: str) -> str:
    """`Dr. Ines Okafor` -> ines at riverside"""
    return f"{name.removeprefix('Dr. ').split()[0].lower()} at riverside"
