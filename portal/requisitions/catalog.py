"""The catalogue that Careloop ships: common laboratory tests and imaging procedures.

Codes are LOINC's, specimens SNOMED CT's, units UCUM's, modalities DICOM's. A clinic loads another
with `portal catalog load FILE.json`.
"""

from typing import Any

Specimen = tuple[str, str]
Component = tuple[str, str, str]

SERUM: Specimen = ("119364003", "Serum specimen")
PLASMA: Specimen = ("119361006", "Plasma specimen")
BLOOD: Specimen = ("119297000", "Blood specimen")
URINE: Specimen = ("122575003", "Urine specimen")
STOOL: Specimen = ("119339001", "Stool specimen")
THROAT: Specimen = ("258529004", "Throat swab")
TISSUE: Specimen = ("119376003", "Tissue specimen")

_FAST = "Eat and drink nothing but water for {} hours before. Take your medicines as usual."
_MORNING = "Come in the morning, before ten."
_MIDSTREAM = "Wash first, let the first urine pass, then fill the cup from the middle."

_GLUCOSE: Component = ("2345-7", "Glucose", "mg/dL")
_BUN: Component = ("3094-0", "Urea nitrogen", "mg/dL")
_CREATININE: Component = ("2160-0", "Creatinine", "mg/dL")
_CALCIUM: Component = ("17861-6", "Calcium", "mg/dL")
_SODIUM: Component = ("2951-2", "Sodium", "mmol/L")
_POTASSIUM: Component = ("2823-3", "Potassium", "mmol/L")
_CHLORIDE: Component = ("2075-0", "Chloride", "mmol/L")
_BICARBONATE: Component = ("2028-9", "Carbon dioxide, total", "mmol/L")
_PROTEIN: Component = ("2885-2", "Protein", "g/dL")
_ALBUMIN: Component = ("1751-7", "Albumin", "g/dL")
_BILIRUBIN: Component = ("1975-2", "Bilirubin, total", "mg/dL")
_ALP: Component = ("6768-6", "Alkaline phosphatase", "U/L")
_ALT: Component = ("1742-6", "Alanine aminotransferase", "U/L")
_AST: Component = ("1920-8", "Aspartate aminotransferase", "U/L")
_PHOSPHATE: Component = ("2777-1", "Phosphate", "mg/dL")
_ELECTROLYTES = (_SODIUM, _POTASSIUM, _CHLORIDE, _BICARBONATE)
_BASIC = (_GLUCOSE, _BUN, _CREATININE, _CALCIUM, *_ELECTROLYTES)
_COUNT: tuple[Component, ...] = (
    ("6690-2", "Leukocytes", "10*3/uL"),
    ("789-8", "Erythrocytes", "10*6/uL"),
    ("718-7", "Hemoglobin", "g/dL"),
    ("4544-3", "Hematocrit", "%"),
    ("787-2", "Erythrocyte mean volume", "fL"),
    ("785-6", "Erythrocyte mean hemoglobin", "pg"),
    ("786-4", "Erythrocyte mean hemoglobin concentration", "g/dL"),
    ("788-0", "Erythrocyte distribution width", "%"),
    ("777-3", "Platelets", "10*3/uL"),
)
_DIFFERENTIAL: tuple[Component, ...] = (
    ("770-8", "Neutrophils/100 leukocytes", "%"),
    ("736-9", "Lymphocytes/100 leukocytes", "%"),
    ("5905-5", "Monocytes/100 leukocytes", "%"),
    ("713-8", "Eosinophils/100 leukocytes", "%"),
    ("706-2", "Basophils/100 leukocytes", "%"),
)


def _test(
    code: str,
    name: str,
    specimen: Specimen,
    *components: Component,
    hours: int = 24,
    fasting: int | None = None,
    preparation: str | None = None,
) -> dict[str, Any]:
    if preparation is None and fasting is not None:
        preparation = _FAST.format(fasting)
    return {
        "code": code,
        "kind": "laboratory",
        "name": name,
        "specimen": {"code": specimen[0], "name": specimen[1]},
        "fasting_hours": fasting,
        "preparation": preparation,
        "turnaround_hours": hours,
        "components": [
            {"code": component[0], "name": component[1], "unit": component[2] or None}
            for component in components
        ],
    }


def _one(
    code: str, name: str, unit: str, specimen: Specimen = SERUM, **options: Any
) -> dict[str, Any]:
    """A test of a single analyte: it is its own component."""
    return _test(code, name, specimen, (code, name, unit), **options)


def _scan(
    code: str, name: str, modality: str, minutes: int, preparation: str | None = None
) -> dict[str, Any]:
    return {
        "code": code,
        "kind": "imaging",
        "name": name,
        "modality": modality,
        "duration_minutes": minutes,
        "preparation": preparation,
        "turnaround_hours": 48,
    }


_PANELS = [
    _test(
        *("24323-8", "Comprehensive metabolic panel", SERUM),
        *(*_BASIC, _PROTEIN, _ALBUMIN, _BILIRUBIN, _ALP, _ALT, _AST),
        fasting=8,
    ),
    _test("24320-4", "Basic metabolic panel", SERUM, *_BASIC, fasting=8),
    _test("24326-1", "Electrolytes panel", SERUM, *_ELECTROLYTES),
    _test(
        *("24362-6", "Renal function panel", SERUM),
        *(*_BASIC, _ALBUMIN, _PHOSPHATE),
    ),
    _test(
        *("24325-3", "Hepatic function panel", SERUM),
        *(_PROTEIN, _ALBUMIN, _BILIRUBIN, ("1968-7", "Bilirubin, direct", "mg/dL")),
        *(_ALP, _ALT, _AST),
    ),
    _test(
        *("24331-1", "Lipid panel", SERUM),
        ("2093-3", "Cholesterol", "mg/dL"),
        ("2571-8", "Triglyceride", "mg/dL"),
        ("2085-9", "Cholesterol in HDL", "mg/dL"),
        ("13457-7", "Cholesterol in LDL, calculated", "mg/dL"),
        fasting=12,
    ),
    _test("58410-2", "Complete blood count", BLOOD, *_COUNT),
    _test(
        *("57021-8", "Complete blood count with differential", BLOOD),
        *(*_COUNT, *_DIFFERENTIAL),
    ),
    _test(
        *("34528-0", "Prothrombin time and INR", PLASMA),
        ("5902-2", "Prothrombin time", "s"),
        ("6301-6", "INR", "{INR}"),
        preparation="Tell the laboratory if you take a blood thinner, and which.",
    ),
    _test(
        *("24356-8", "Urinalysis, complete", URINE),
        ("2756-5", "pH of urine", "[pH]"),
        ("2965-2", "Specific gravity of urine", "{ratio}"),
        ("20454-5", "Protein in urine", ""),
        ("25428-4", "Glucose in urine", ""),
        preparation=_MIDSTREAM,
    ),
]
_ANALYTES = [
    _one("4548-4", "Hemoglobin A1c", "%", BLOOD),
    _one("1558-6", "Fasting glucose", "mg/dL", fasting=8),
    _one("3016-3", "Thyrotropin (TSH)", "m[IU]/L"),
    _one("3024-7", "Thyroxine, free (T4)", "ng/dL"),
    _one("3051-0", "Triiodothyronine, free (T3)", "pg/mL"),
    _one("14979-9", "Activated partial thromboplastin time", "s", PLASMA),
    _one("3255-7", "Fibrinogen", "mg/dL", PLASMA),
    _one("48065-7", "D-dimer", "ng/mL{FEU}", PLASMA, hours=4),
    _one("1988-5", "C-reactive protein", "mg/L"),
    _one("4537-7", "Erythrocyte sedimentation rate", "mm/h", BLOOD),
    _one("2276-4", "Ferritin", "ng/mL"),
    _one("2498-4", "Iron", "ug/dL", preparation=_MORNING),
    _one("2132-9", "Vitamin B12", "pg/mL"),
    _one("2284-8", "Folate", "ng/mL"),
    _one("62292-8", "Vitamin D, 25-hydroxy", "ng/mL", hours=72),
    _one("2857-1", "Prostate specific antigen", "ng/mL"),
    _one("3084-1", "Uric acid", "mg/dL"),
    _one("19123-9", "Magnesium", "mg/dL"),
    _one("2823-3", "Potassium", "mmol/L", hours=4),
    _one("9318-7", "Albumin/creatinine ratio in urine", "mg/g", URINE, preparation=_MORNING),
    _one("3040-3", "Lipase", "U/L"),
    _one("2157-6", "Creatine kinase", "U/L"),
    _one("30934-4", "Natriuretic peptide B (BNP)", "pg/mL", PLASMA),
    _one("2143-6", "Cortisol", "ug/dL", preparation=_MORNING),
    _one("2986-8", "Testosterone", "ng/dL", preparation=_MORNING, hours=72),
    _one("2731-8", "Parathyrin, intact (PTH)", "pg/mL", hours=72),
]
_QUALITATIVE = [
    _one("2106-3", "Pregnancy test, urine", "", URINE, hours=4),
    _one("5196-1", "Hepatitis B surface antigen", "", hours=72),
    _one("16128-1", "Hepatitis C antibody", "", hours=72),
    _one("56888-1", "HIV 1 and 2 antigen and antibody", "", hours=72),
    _one("20507-0", "Syphilis screen (RPR)", "", hours=72),
    _one("882-1", "ABO and Rh blood group", "", BLOOD),
    _one(
        *("29771-3", "Occult blood in stool (FIT)", "", STOOL),
        hours=72,
        preparation="Use the kit at home and bring it within a day.",
    ),
    _one("630-4", "Urine culture", "", URINE, hours=96, preparation=_MIDSTREAM),
    _one("600-7", "Blood culture", "", BLOOD, hours=144),
    _one("626-2", "Throat culture", "", THROAT, hours=72),
    _one("625-4", "Stool culture", "", STOOL, hours=120),
    _one("11526-1", "Pathology study", "", TISSUE, hours=240),
]
_CONTRAST = (
    "Eat nothing for four hours before; drink water. Tell us if you have had a reaction to "
    "contrast, have kidney disease, or may be pregnant."
)
_NO_METAL = "Leave metal at home. Tell us of any implant, pacemaker or metal in your body."
_EMPTY = "Eat and drink nothing for six hours before."
_IMAGING = [
    _scan("24627-2", "CT Chest", "CT", 30, "Wear clothes without metal."),
    _scan("24628-0", "CT Chest with contrast", "CT", 45, _CONTRAST),
    _scan("24725-4", "CT Head", "CT", 30, "Take off jewelry and hearing aids."),
    _scan("36813-4", "CT Abdomen and pelvis with contrast", "CT", 45, _CONTRAST),
    _scan("24590-2", "MR Brain", "MR", 45, _NO_METAL),
    _scan("24558-9", "US Abdomen", "US", 30, _EMPTY),
    _scan("24869-0", "US Pelvis", "US", 30, "Drink a liter of water an hour before; don't void."),
    _scan("24601-7", "US Breast", "US", 30),
    _scan("42148-7", "US Heart (echocardiogram)", "US", 45),
    _scan("36643-5", "XR Chest, 2 views", "DX", 15, "Tell us if you may be pregnant."),
    _scan("24606-6", "MG Breast, screening", "MG", 20, "Use no deodorant or powder that day."),
    _scan("38269-7", "DXA Bone density", "BMD", 20, "Take no calcium for a day before."),
]
TESTS: list[dict[str, Any]] = [*_PANELS, *_ANALYTES, *_QUALITATIVE, *_IMAGING]
EXAMPLE: dict[str, Any] = {"tests": [TESTS[0], _IMAGING[0]]}
