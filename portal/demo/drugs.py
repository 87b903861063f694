"""The medicines of the demo and the scale data, coded in RxNorm (NLM, public domain)."""

from dataclasses import dataclass
from decimal import Decimal

from portal.prescriptions.supply import lasts


@dataclass(frozen=True, slots=True)
class Drug:
    """`quantity` in `unit` (UCUM) lasts `days_supply` days, or is taken as needed, at most
    `max_per_day` in the same unit; `schedule` is the DEA's, if any."""

    rxnorm_code: str
    name: str
    strength: str
    form: str
    directions: str
    quantity: int = 30
    days_supply: int | None = 30
    unit: str = "{tbl}"
    schedule: int | None = None
    max_per_day: int | None = None

    @property
    def lasts(self) -> int:
        """For how many days; of what is taken as needed, the fewest."""
        most = None if self.max_per_day is None else Decimal(self.max_per_day)
        return lasts(Decimal(self.quantity), days_supply=self.days_supply, max_per_day=most)


_DAILY = "Take one tablet by mouth every day."
_CAPSULE = "Take one capsule by mouth every day."
_TWICE = "Take one tablet by mouth twice a day."
_NIGHT = "Take one tablet by mouth at bedtime."
_PAIN = "Take one tablet by mouth every 6 hours if needed for pain, at most four a day."
_INHALER = "Inhale two puffs every 4 to 6 hours if needed for wheezing, at most twelve a day."

LISINOPRIL = Drug("314076", "Lisinopril", "10 mg", "tablet", _DAILY)
AMLODIPINE = Drug("197361", "Amlodipine", "5 mg", "tablet", _DAILY)
HYDROCHLOROTHIAZIDE = Drug("310798", "Hydrochlorothiazide", "25 mg", "tablet", _DAILY, 90, 90)
LOSARTAN = Drug("979485", "Losartan potassium", "25 mg", "tablet", _DAILY)
FUROSEMIDE = Drug("313988", "Furosemide", "40 mg", "tablet", _DAILY)
DIGOXIN = Drug("197604", "Digoxin", "0.125 mg", "tablet", _DAILY)
SIMVASTATIN = Drug("312961", "Simvastatin", "20 mg", "tablet", _NIGHT)
ATORVASTATIN = Drug("259255", "Atorvastatin", "80 mg", "tablet", _NIGHT, 90, 90)
CLOPIDOGREL = Drug("309362", "Clopidogrel", "75 mg", "tablet", _DAILY)
WARFARIN = Drug("855332", "Warfarin sodium", "5 mg", "tablet", _DAILY)
METFORMIN = Drug(
    "860975", "Metformin hydrochloride ER", "500 mg", "extended-release tablet", _TWICE, 60
)
LEVOTHYROXINE = Drug("966222", "Levothyroxine sodium", "0.075 mg", "tablet", _DAILY, 90, 90)
SERTRALINE = Drug("312938", "Sertraline", "100 mg", "tablet", _DAILY)
FLUOXETINE = Drug("310385", "Fluoxetine", "20 mg", "capsule", _CAPSULE, unit="{cap}")
DONEPEZIL = Drug("997223", "Donepezil hydrochloride", "10 mg", "tablet", _NIGHT)
ALLOPURINOL = Drug("197319", "Allopurinol", "100 mg", "tablet", _DAILY)
COLCHICINE = Drug("197541", "Colchicine", "0.6 mg", "tablet", _TWICE, 60)
PREDNISONE = Drug("312617", "Prednisone", "5 mg", "tablet", _DAILY)
METHOTREXATE = Drug(
    "105585", "Methotrexate", "2.5 mg", "tablet", "Take six tablets by mouth once a week.", 24, 28
)
HYDROXYCHLOROQUINE = Drug("979092", "Hydroxychloroquine sulfate", "200 mg", "tablet", _TWICE, 60)
ANASTROZOLE = Drug("199224", "Anastrozole", "1 mg", "tablet", _DAILY)
ALENDRONATE = Drug("904419", "Alendronic acid", "10 mg", "tablet", _DAILY)
FERROUS_SULFATE = Drug("310325", "Ferrous sulfate", "325 mg", "tablet", _DAILY)
ALBUTEROL = Drug(
    "2123111",
    "Albuterol",
    "0.09 mg/actuation",
    "metered dose inhaler",
    _INHALER,
    200,
    None,
    unit="{actuat}",
    max_per_day=12,
)
FLUTICASONE_SALMETEROL = Drug(
    "896209",
    "Fluticasone propionate and salmeterol",
    "0.25 mg/0.05 mg per actuation",
    "dry powder inhaler",
    "Inhale one puff twice a day. Rinse your mouth afterwards.",
    1,
    30,
    unit="{inhaler}",
)
OXYCODONE = Drug(
    "1049683", "Oxycodone hydrochloride", "10 mg", "tablet", _PAIN, 28, None, schedule=2,
    max_per_day=4,
)  # fmt: skip
METHYLPHENIDATE = Drug(
    "1091392", "Methylphenidate hydrochloride", "20 mg", "tablet", _TWICE, 60, schedule=2
)
CODEINE = Drug(
    "993781", "Acetaminophen and codeine", "300 mg/30 mg", "tablet", _PAIN, 40, None, schedule=3,
    max_per_day=4,
)  # fmt: skip
DIAZEPAM = Drug("197591", "Diazepam", "5 mg", "tablet", _NIGHT, schedule=4)
ZOLPIDEM = Drug("854873", "Zolpidem tartrate", "10 mg", "tablet", _NIGHT, schedule=4)
PREGABALIN = Drug(
    "483438", "Pregabalin", "100 mg", "capsule", "Take one capsule by mouth twice a day.", 60, 30,
    unit="{cap}", schedule=5,
)  # fmt: skip

ORDINARY = (
    LISINOPRIL,
    AMLODIPINE,
    HYDROCHLOROTHIAZIDE,
    LOSARTAN,
    FUROSEMIDE,
    SIMVASTATIN,
    ATORVASTATIN,
    CLOPIDOGREL,
    WARFARIN,
    METFORMIN,
    LEVOTHYROXINE,
    SERTRALINE,
    FLUOXETINE,
    DONEPEZIL,
    ALLOPURINOL,
    PREDNISONE,
    HYDROXYCHLOROQUINE,
    ANASTROZOLE,
    FERROUS_SULFATE,
    ALBUTEROL,
    FLUTICASONE_SALMETEROL,
)
CONTROLLED = (OXYCODONE, METHYLPHENIDATE, CODEINE, DIAZEPAM, ZOLPIDEM, PREGABALIN)
